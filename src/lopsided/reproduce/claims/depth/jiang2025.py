"""Layers of a residual network: how alike they are, how collapsed, and what the last head reads in
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from lopsided.measure import Moments, layer_cosines
from lopsided.measure.metrics import nc1
from lopsided.papers import cite
from lopsided.report.blocks import Block, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Positive, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds


@dataclass(frozen=True)
class Settings(Checked):
    """The network and its data.

    Attributes:
        samples: of each digit.
        width: of the residual stream.
        blocks: on it.
        steps: of Adam, full batch.
        rate: of Adam.
        decay: on all parameters.
        seeds: number of repetitions.
    """

    samples: Annotated[int, Bounds(least=2, most=170)] = 60
    width: Annotated[int, Bounds(least=2, most=4096)] = 48
    blocks: Annotated[int, Bounds(least=1, most=100)] = 6
    steps: Whole = 300
    rate: Positive = 3e-3
    decay: Positive = 5e-4
    seeds: Annotated[int, Bounds(least=1, most=100)] = 2


@dataclass(frozen=True)
class Layers:
    """A trained network, from the stream before the first block to that behind the last.

    Attributes:
        cosines: to the last, mean over samples.
        nc1: of each.
        read: share of the samples that the last head classifies as labelled.
    """

    cosines: tuple[float, ...]
    nc1: tuple[float, ...]
    read: tuple[float, ...]


@dataclass(frozen=True)
class Numbers:
    """The networks, one a seed."""

    networks: tuple[Layers, ...]


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train one network a seed, and compare its layers."""
    from lopsided.reproduce.data.digits import all_digits
    from lopsided.reproduce.network.small import Fit, residual

    x, y = all_digits()
    chosen = np.concatenate([np.flatnonzero(y == c)[: settings.samples] for c in range(10)])
    x, y, networks = x[chosen], y[chosen], []
    for seed in range(settings.seeds):
        context.advance(seed / settings.seeds, f"seed {seed}")
        fit = Fit(settings.steps, settings.rate, seed, "adam", decay=settings.decay)
        features, _, answers = residual(x, y, settings.width, settings.blocks, fit)
        collapse = []
        for h in features:
            moments = Moments(10, h.shape[1])
            moments.update(h, y)
            collapse.append(nc1(moments))
        cosines = layer_cosines(features)[-1]
        read = (answers == y).mean(axis=1)
        networks.append(Layers(tuple(cosines.tolist()), tuple(collapse), tuple(read.tolist())))
    return Outcome(Numbers(tuple(networks)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when every block is nearer to the last than the one before it and more collapsed, and
    what the last head reads does not fall.
    """
    nearer = all(np.all(np.diff(one.cosines) > 0) for one in numbers.networks)
    collapses = all(np.all(np.diff(one.nc1) < 0) for one in numbers.networks)
    read = all(np.all(np.diff(one.read) >= -0.01) for one in numbers.networks)
    cosines, found, right = (
        np.mean([getattr(one, part) for one in numbers.networks], axis=0)
        for part in ("cosines", "nc1", "read")
    )
    return Verdict(
        nearer and collapses and read,
        f"Behind {settings.blocks} blocks the cosine to the last layer is"
        f" {', '.join(f'{v:.2f}' for v in cosines)}, {'always' if nearer else 'not always'} rising;"
        f" NC1 goes from {found[0]:.3f} to {found[-1]:.3f},"
        f" {'falling with every block' if collapses else 'not falling with every block'}. The last"
        f" head reads {right[0]:.1%} of the samples rightly before the first block and"
        f" {right[-1]:.1%} behind the last ({settings.seeds} seeds).",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return cosines and NC1 against blocks."""
    from lopsided.reproduce.figures.lines import several

    networks = runs[-1].numbers.networks
    places = range(len(networks[0].cosines))
    at = [i + 1 for i in places]

    def lines(part: str, name: str) -> dict[str, tuple[list[int], list[list[float]]]]:
        return {name: (at, [[getattr(one, part)[i] for one in networks] for i in places])}

    left = drawn(
        lambda ax: several(
            lines("cosines", "to the last layer"), ax, x="1 + blocks before", label="cosine"
        ),
        "Cosine of each layer to the last",
    )
    right = drawn(
        lambda ax: several(lines("nc1", "NC1"), ax, x="1 + blocks before", label="NC1"),
        "NC1 of each layer",
    )
    rows = [
        [
            str(i),
            *(
                f"{np.mean([getattr(one, part)[i] for one in networks]):.3f}"
                for part in ("cosines", "nc1", "read")
            ),
        ]
        for i in places
    ]
    return [
        Row([left, right], "A residual perceptron on the digits, every seed a line."),
        Table("Means of the seeds.", ["blocks", "cosine", "NC1", "read rightly"], rows),
    ]


JIANG2025 = Claim(
    name="jiang2025",
    title="Layers of residual networks grow alike",
    statement=(
        "Layers of residual networks are the more alike the nearer they are, so that the last head"
        " reads earlier layers too."
    ),
    source=cite("jiang2025"),
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
