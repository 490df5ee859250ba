"""Layers of a residual network: how alike they are, how collapsed, and what the last head reads in
them; trained at the last layer alone, and at all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from lopsided.measure import Moments, layer_cosines
from lopsided.measure.metrics import nc1
from lopsided.papers import cite
from lopsided.report.blocks import Block, Figure, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Digits, Positive, Seeds, Whole
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
        blocks: on it; of one alone the cosines would have nothing to rise to but the last.
        steps: of Adam, full batch.
        rate: of Adam.
        decay: on all parameters.
        seeds: number of repetitions.
    """

    samples: Digits = 60
    width: Annotated[int, Bounds(least=2, most=4096)] = 48
    blocks: Annotated[int, Bounds(least=2, most=100)] = 6
    steps: Whole = 300
    rate: Positive = 3e-3
    decay: Positive = 5e-4
    seeds: Seeds = 2


@dataclass(frozen=True)
class Layers:
    """A trained network, from the stream before the first block to that behind the last.

    Attributes:
        cosines: to the last, mean over samples.
        nc1: of each.
        read: share of held-out samples that the last head classifies as labelled.
    """

    cosines: tuple[float, ...]
    nc1: tuple[float, ...]
    read: tuple[float, ...]


@dataclass(frozen=True)
class Numbers:
    """The networks, one a seed.

    Attributes:
        networks: of which the loss is at the last layer.
        aligned: of which it is at every layer, by weights that rise linearly to the last.
    """

    networks: tuple[Layers, ...]
    aligned: tuple[Layers, ...]


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train two networks a seed, and compare the layers of each."""
    from lopsided.reproduce.data.digits import all_digits
    from lopsided.reproduce.network.small import Fit, residual

    x, y = all_digits()
    chosen = np.concatenate([np.flatnonzero(y == c)[: settings.samples] for c in range(10)])
    others = np.delete(np.arange(len(y)), chosen)
    places = np.arange(1.0, settings.blocks + 2)
    networks: dict[bool, list[Layers]] = {False: [], True: []}
    for seed in range(settings.seeds):
        fit = Fit(settings.steps, settings.rate, seed, "adam", decay=settings.decay)
        for aligned, found in networks.items():
            told = f"seed {seed}, {'all layers' if aligned else 'the last layer'}"
            context.advance((seed + aligned / 2) / settings.seeds, told)
            exits = places / places.sum() if aligned else None
            size = settings.width, settings.blocks
            network = residual(x[chosen], y[chosen], *size, fit, exits)
            features = network.layers(x[chosen])
            collapse = []
            for h in features:
                moments = Moments(10, h.shape[1])
                moments.update(h, y[chosen])
                collapse.append(nc1(moments))
            cosines = layer_cosines(features)[-1]
            read = (network.answers(x[others]) == y[others]).mean(axis=1)
            found.append(Layers(tuple(cosines.tolist()), tuple(collapse), tuple(read.tolist())))
    return Outcome(Numbers(*(tuple(found) for found in networks.values())))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when every block is nearer to the last than the one before it and more collapsed, what
    the last head reads does not fall, and training at all layers makes these nearer.
    """
    nearer = all(np.all(np.diff(one.cosines) > 0) for one in numbers.networks)
    collapses = all(np.all(np.diff(one.nc1) < 0) for one in numbers.networks)
    read = all(np.all(np.diff(one.read) >= -0.01) for one in numbers.networks)
    pairs = zip(numbers.networks, numbers.aligned, strict=True)
    helps = all(np.mean(two.cosines) > np.mean(one.cosines) for one, two in pairs)
    cosines, found, right = (
        np.mean([getattr(one, part) for one in numbers.networks], axis=0)
        for part in ("cosines", "nc1", "read")
    )
    alike, early = (
        np.mean([getattr(one, part) for one in numbers.aligned], axis=0)
        for part in ("cosines", "read")
    )
    return Verdict(
        nearer and collapses and read and helps,
        f"Behind {settings.blocks} blocks the cosine to the last layer is"
        f" {', '.join(f'{v:.2f}' for v in cosines)}, {'always' if nearer else 'not always'} rising;"
        f" NC1 goes from {found[0]:.3f} to {found[-1]:.3f},"
        f" {'falling with every block' if collapses else 'not falling with every block'}. The last"
        f" head reads {right[0]:.1%} of held-out samples rightly before the first block,"
        f" {right[1]:.1%} behind it and {right[-1]:.1%} behind the last ({settings.seeds} seeds)."
        f" Trained at all layers it reads {early[0]:.1%}, {early[1]:.1%} and {early[-1]:.1%}, and"
        f" the cosines are {', '.join(f'{v:.2f}' for v in alike)}.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return cosines, NC1 and what is read against blocks."""
    from lopsided.reproduce.figures.lines import several

    numbers = runs[-1].numbers
    kinds = {"at the last layer": numbers.networks, "at all layers": numbers.aligned}
    places = range(len(numbers.networks[0].cosines))
    at = [i + 1 for i in places]

    def picture(part: str, label: str, title: str) -> Figure:
        lines = {
            name: (at, [[getattr(one, part)[i] for one in networks] for i in places])
            for name, networks in kinds.items()
        }
        return drawn(lambda ax: several(lines, ax, x="1 + blocks before", label=label), title)

    figures = [
        picture("cosines", "cosine to the last layer", "Cosine of each layer to the last"),
        picture("nc1", "NC1", "NC1 of each layer"),
        picture("read", "held-out samples read rightly", "What the last head reads in each layer"),
    ]
    rows = [
        [
            str(i),
            *(
                f"{np.mean([getattr(one, part)[i] for one in networks]):.3f}"
                for networks in kinds.values()
                for part in ("cosines", "nc1", "read")
            ),
        ]
        for i in places
    ]
    parts = ["cosine", "NC1", "read rightly"]
    columns = ["blocks", *parts, *(f"{part}, all layers" for part in parts)]
    return [
        Row(figures, "A residual perceptron on the digits; where its loss is, every seed a line."),
        Table("Means of the seeds.", columns, rows),
    ]


JIANG2025 = Claim(
    name="jiang2025",
    title="Layers of residual networks grow alike",
    statement=(
        "Layers of residual networks are the more alike the nearer they are, so that the last head"
        " reads earlier layers too; a loss at every layer makes them more so."
    ),
    source=cite("jiang2025"),
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
