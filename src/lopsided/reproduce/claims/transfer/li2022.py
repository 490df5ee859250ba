"""Networks that have collapsed less on their source transfer better, and the layer that has
collapsed most on the target is the one to build on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import ClassVar

import numpy as np

from lopsided.papers import cite
from lopsided.report.blocks import Block, Row, Table, drawn
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.claims.transfer.hub import (
    SOURCES,
    Member,
    Numbers,
    hubs,
    ready,
)
from lopsided.reproduce.claims.transfer.hub import Settings as Hub
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict


@dataclass(frozen=True)
class Settings(Hub):
    """The networks of a hub, of which pairs differ in their steps alone."""

    compared: ClassVar[tuple[str, ...]] = ("steps",)


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train and try every hub."""
    return Outcome(*hubs(settings, context))


def _alike(numbers: Numbers) -> Iterator[tuple[Member, Member]]:
    """Yield pairs of networks that differ in their training alone."""
    for one, other in combinations(numbers.members, 2):
        if (one.seed, one.source, one.width) == (other.seed, other.source, other.width):
            yield one, other


def _share(pairs: Sequence[tuple[Member, Member]], *, target: bool = False) -> float:
    """Return in how many pairs the network with the larger NC1 of the source, or the smaller of the
    target, transfers better.
    """
    right = []
    for one, other in pairs:
        nc1 = [each.layers[-1].nc1 if target else each.source_nc1 for each in (one, other)]
        better = one.accuracy > other.accuracy
        right.append(((nc1[0] > nc1[1]) == better) != target)
    return float(np.mean(right)) if right else float("nan")


def _chosen(member: Member) -> int:
    return int(np.argmin([layer.nc1 for layer in member.layers]))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when both parts do in every hub: the share of pairs is above a half, and the layer with
    the least NC1 on the target has the better probe.
    """
    pairs, seeds = list(_alike(numbers)), range(settings.seeds)
    shares = [_share([pair for pair in pairs if pair[0].seed == seed]) for seed in seeds]
    gains = [
        np.mean(
            [
                one.layers[_chosen(one)].accuracy - one.accuracy
                for one in numbers.members
                if one.seed == seed
            ]
        )
        for seed in seeds
    ]
    by_source = ", ".join(
        f"{_share([pair for pair in pairs if pair[0].source == name]):.0%} of {name}"
        for name in SOURCES
    )
    best = np.mean(
        [
            _chosen(one) == int(np.argmax([layer.accuracy for layer in one.layers]))
            for one in numbers.members
        ]
    )
    return Verdict(
        bool(min(shares) > 0.5 and min(gains) > 0),
        f"Of {len(pairs)} pairs of networks that differ in their training alone, the one with less"
        f" collapse on its source transfers better in {_share(pairs):.0%} ({by_source}; by hub"
        f" {min(shares):.0%} to {max(shares):.0%}), the one with more collapse on the target in"
        f" {_share(pairs, target=True):.0%}. A probe of the layer with the least NC1 on the target"
        f" gains {np.mean(gains):+.1%} over the last layer ({min(gains):+.1%} to"
        f" {max(gains):+.1%} by hub), and is the best layer's in {best:.0%} of the networks.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return NC1 on source and target against accuracy, and the layers."""
    from lopsided.reproduce.figures.points import scattered

    members = runs[-1].numbers.members
    widths = sorted({one.width for one in members})
    figures = []
    for name in SOURCES:
        groups = {
            f"width {width}": (
                [one.source_nc1 for one in members if (one.source, one.width) == (name, width)],
                [one.accuracy for one in members if (one.source, one.width) == (name, width)],
            )
            for width in widths
        }
        figures.append(
            drawn(
                partial(
                    scattered,
                    groups,
                    x="NC1 on the source",
                    label="accuracy of the probe",
                    log=True,
                ),
                f"Collapse on {name} and accuracy on the digits",
                f"trained on {name}",
            )
        )
    rows = [
        [
            f"{one.source}, width {one.width}, {one.steps:,} steps",
            f"{one.source_nc1:.3g}",
            *(f"{layer.nc1:.3g}: {layer.accuracy:.3f}" for layer in one.layers),
        ]
        for one in members
        if one.seed == 0
    ]
    columns = ["network", "source NC1", *(f"layer {i + 1}" for i in range(len(rows[0]) - 2))]
    return [
        Row(figures, "Each point a network of any hub; the last layer."),
        Table("The first hub: NC1 on the target and accuracy of a probe.", columns, rows),
    ]


LI2022 = Claim(
    name="li2022",
    title="Less collapse on the source, better transfer",
    statement=(
        "Of networks trained on one source, those that have collapsed less on it transfer better;"
        " and of the layers of a network, the one with the least NC1 on the target."
    ),
    source=cite("li2022"),
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
    ready=ready,
)
