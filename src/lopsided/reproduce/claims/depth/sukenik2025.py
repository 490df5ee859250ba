"""Residual networks of more and more blocks: whether the deeper ones end nearer to collapse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from lopsided.measure import Collapse, Moments
from lopsided.papers import cite
from lopsided.report.blocks import Block, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Positive, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds

#: Metrics of a network, by what they are called in the table.
_METRICS = {"ratio": "scatter ratio", "means": "class means to the ETF", "nc3": "NC3"}


@dataclass(frozen=True)
class Settings(Checked):
    """The networks and their data.

    Attributes:
        samples: of each digit.
        width: of the residual stream.
        blocks: on it, one network each.
        steps: of Adam, full batch.
        rate: of Adam.
        decay: ridge on all parameters.
        seeds: number of repetitions.
    """

    samples: Annotated[int, Bounds(least=2, most=170)] = 60
    width: Annotated[int, Bounds(least=2, most=4096)] = 48
    blocks: tuple[Annotated[int, Bounds(least=1, most=100)], ...] = (1, 2, 4, 8, 16)
    steps: Whole = 500
    rate: Positive = 3e-3
    decay: Positive = 5e-4
    seeds: Annotated[int, Bounds(least=1, most=100)] = 2


@dataclass(frozen=True)
class Deep:
    """A trained network, at what its head sees.

    Attributes:
        blocks: of it.
        seed: of it.
        ratio: variance within classes over that between them.
        means: distance of the class means' Gram to the simplex ETF.
        nc3: distance of classifiers and class means.
    """

    blocks: int
    seed: int
    ratio: float
    means: float
    nc3: float


@dataclass(frozen=True)
class Numbers:
    """All networks."""

    networks: tuple[Deep, ...]

    def mean(self, part: str) -> list[float]:
        """Return the means over seeds, from few blocks to many."""
        return [
            float(np.mean([getattr(one, part) for one in self.networks if one.blocks == blocks]))
            for blocks in sorted({one.blocks for one in self.networks})
        ]


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train one network a depth and seed."""
    from lopsided.reproduce.data.digits import all_digits
    from lopsided.reproduce.network.small import Fit, residual

    x, y = all_digits()
    chosen = np.concatenate([np.flatnonzero(y == c)[: settings.samples] for c in range(10)])
    x, y, networks = x[chosen], y[chosen], []
    cases = [(blocks, seed) for blocks in settings.blocks for seed in range(settings.seeds)]
    for i, (blocks, seed) in enumerate(cases):
        context.advance(i / len(cases), f"{blocks} blocks, seed {seed}")
        fit = Fit(settings.steps, settings.rate, seed, "adam", decay=settings.decay)
        features, weight, _ = residual(x, y, settings.width, blocks, fit)
        moments = Moments(10, settings.width, "none")
        moments.update(features[-1], y)
        seen = Collapse.of(moments, weight)
        networks.append(
            Deep(blocks, seed, seen.scatter_ratio, seen.embedding_etf_distance, seen.nc3)
        )
    return Outcome(Numbers(tuple(networks)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when variability and class means are nearer to collapse with every depth, by the mean
    over seeds, and the deepest nearer than the shallowest in all three respects.
    """
    found = {name: numbers.mean(part) for part, name in _METRICS.items()}
    falls = [bool(np.all(np.diff(values) < 0)) for values in found.values()]
    ends = all(values[-1] < values[0] for values in found.values())
    told = "; ".join(
        f"{name} {', '.join(f'{v:.3f}' for v in values)}" for name, values in found.items()
    )
    steady = [name for name, fall in zip(found, falls, strict=True) if fall]
    depths = ", ".join(map(str, sorted(settings.blocks)))
    return Verdict(
        ends and all(falls[:2]),
        f"With {depths} blocks, means of {settings.seeds} seeds: {told}."
        f" {'Steadily falling: ' + ', '.join(steady) if steady else 'None falls steadily'}.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return the three distances against depth."""
    from lopsided.reproduce.figures.lines import several

    numbers = runs[-1].numbers
    depths = sorted({one.blocks for one in numbers.networks})
    lines = {
        name: (
            depths,
            [[getattr(o, part) for o in numbers.networks if o.blocks == b] for b in depths],
        )
        for part, name in _METRICS.items()
    }
    figure = drawn(
        lambda ax: several(lines, ax, x="blocks", label="distance from collapse", log=True),
        "Distance from collapse by the number of blocks",
    )
    rows = [
        [str(depth), *(f"{numbers.mean(part)[i]:.4f}" for part in _METRICS)]
        for i, depth in enumerate(depths)
    ]
    return [
        Row([figure], "Residual perceptrons on the digits, every seed a line."),
        Table("Means of the seeds.", ["blocks", *_METRICS.values()], rows),
    ]


SUKENIK2025 = Claim(
    name="sukenik2025",
    title="Deeper residual networks are nearer to collapse",
    statement=(
        "Optima of deep regularized residual networks are nearly collapsed, the nearer the deeper"
        " they are."
    ),
    source=cite("sukenik2025"),
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
