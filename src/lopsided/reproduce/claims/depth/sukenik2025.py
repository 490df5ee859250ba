"""Residual networks of more and more blocks, perceptrons or transformers: whether the deeper ones
end nearer to collapse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np

from lopsided import predict
from lopsided.arrays import Floats, Ints
from lopsided.measure import Collapse, Moments
from lopsided.papers import cite
from lopsided.report.blocks import Block, Figure, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Digits, Positive, Seeds, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds

#: Metrics of a network, by what they are called in the table.
_METRICS = {
    "ratio": "scatter ratio",
    "means": "class means to the ETF",
    "nc3": "NC3",
    "logits": "logits to free features",
}
#: What the blocks are called.
_BLOCKS = {"residual": "residual blocks", "transformer": "transformer blocks"}


@dataclass(frozen=True)
class Settings(Checked):
    """The networks and their data.

    Attributes:
        network: what a block is: a perceptron, or attention over the rows of an image and then one.
        samples: of each digit.
        width: of the residual stream, for the transformer a multiple of 4.
        blocks: on it, one network each.
        steps: of Adam, full batch.
        rate: of Adam.
        decay: ridge on all parameters.
        seeds: number of repetitions.
    """

    compared: ClassVar[tuple[str, ...]] = ("blocks",)

    network: Literal["residual", "transformer"] = "residual"
    samples: Digits = 60
    width: Annotated[int, Bounds(least=2, most=4096)] = 48
    blocks: tuple[Annotated[int, Bounds(least=1, most=100)], ...] = (1, 2, 4, 8, 16)
    steps: Whole = 1000
    rate: Positive = 1e-3
    decay: Positive = 5e-4
    seeds: Seeds = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.network == "transformer" and self.width % 4:
            raise ValueError(
                f"the width of a transformer must be a multiple of 4, got {self.width}"
            )


@dataclass(frozen=True)
class Deep:
    """A trained network, at what its head sees.

    Attributes:
        blocks: of it.
        seed: of it.
        ratio: variance within classes over that between them.
        means: distance of the class means' Gram to the simplex ETF.
        nc3: distance of classifiers and class means.
        logits: distance of the samples' logits, centred over classes, to those of
            `predict.balanced` at the ridge that fits best, as a share of their size.
        ridge: that one.
        loss: mean cross-entropy.
    """

    blocks: int
    seed: int
    ratio: float
    means: float
    nc3: float
    logits: float
    ridge: float
    loss: float


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
    from lopsided.reproduce.network.small import Fit, residual, transformer

    build = residual if settings.network == "residual" else transformer

    x, y = all_digits()
    chosen = np.concatenate([np.flatnonzero(y == c)[: settings.samples] for c in range(10)])
    x, y, networks = x[chosen], y[chosen], []
    cases = [(blocks, seed) for blocks in settings.blocks for seed in range(settings.seeds)]
    for i, (blocks, seed) in enumerate(cases):
        context.advance(i / len(cases), f"{blocks} blocks, seed {seed}")
        fit = Fit(settings.steps, settings.rate, seed, "adam", decay=settings.decay)
        network = build(x, y, settings.width, blocks, fit)
        features = network.layers(x)[-1]
        moments = Moments(10, settings.width, "none")
        moments.update(features, y)
        seen = Collapse.of(moments, network.weight)
        near = seen.scatter_ratio, seen.embedding_etf_distance, seen.nc3
        networks.append(Deep(blocks, seed, *near, *_free(features @ network.weight.T, y)))
    return Outcome(Numbers(tuple(networks)))


def _free(z: Floats, y: Ints) -> tuple[float, float, float]:
    """Return how far logits are from the optimum of free features at the ridge that fits best, as a
    share of their size, this ridge, and the mean loss.
    """
    counts = np.bincount(y)
    k, n = len(counts), int(counts[0])
    z = z - z.mean(axis=1, keepdims=True)
    own = z[np.arange(len(y)), y]
    # The optimum is alpha (I - 11'/k), zero from a ridge on: alpha by least squares says the ridge.
    alpha = max(float(own.mean() * k / (k - 1)), 0.0)
    ridge = k * n**0.5 / (np.exp(alpha) + k - 1)
    law = predict.balanced(counts, ridge).logits.matrix()[y]
    loss = np.log(np.exp(z).sum(axis=1)) - own
    return float(np.linalg.norm(z - law) / np.linalg.norm(z)), float(ridge), float(loss.mean())


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when variability and class means are nearer to collapse with every depth, by the mean
    over seeds, and the deepest nearer than the shallowest in all four respects.
    """
    found = {name: numbers.mean(part) for part, name in _METRICS.items()}
    falls = [bool(np.all(np.diff(values) < 0)) for values in found.values()]
    ends = all(values[-1] < values[0] for values in found.values())
    told = "; ".join(
        f"{name} {', '.join(f'{v:.3f}' for v in values)}" for name, values in found.items()
    )
    steady = [name for name, fall in zip(found, falls, strict=True) if fall]
    depths = ", ".join(map(str, sorted(settings.blocks)))
    ridges = ", ".join(f"{ridge:.2g}" for ridge in numbers.mean("ridge"))
    return Verdict(
        ends and all(falls[:2]),
        f"With {depths} {_BLOCKS[settings.network]}, means of {settings.seeds} seeds: {told}."
        f" {'Steadily falling: ' + ', '.join(steady) if steady else 'None falls steadily'}. The"
        f" ridges that fit are {ridges}.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return the distances against depth, a figure and a table a run."""
    tables = [_table(run) for run in runs]
    row = Row([_picture(run) for run in runs], "Networks on the digits, every seed a line.")
    return [row, *tables]


def _picture(run: Run[Settings, Numbers]) -> Figure:
    from lopsided.reproduce.figures.lines import several

    networks = run.numbers.networks
    depths = sorted({one.blocks for one in networks})
    lines = {
        name: (depths, [[getattr(o, part) for o in networks if o.blocks == b] for b in depths])
        for part, name in _METRICS.items()
    }
    kind = _BLOCKS[run.settings.network]
    return drawn(
        lambda ax: several(lines, ax, x=kind, label="distance from collapse", log=True),
        f"Distance from collapse by the number of {kind}",
    )


def _table(run: Run[Settings, Numbers]) -> Table:
    numbers = run.numbers
    depths = sorted({one.blocks for one in numbers.networks})
    parts = [*_METRICS, "ridge", "loss"]
    rows = [
        [str(depth), *(f"{numbers.mean(part)[i]:.4f}" for part in parts)]
        for i, depth in enumerate(depths)
    ]
    kind = _BLOCKS[run.settings.network]
    return Table(
        f"Means of the seeds, {kind}.", ["blocks", *_METRICS.values(), "ridge", "loss"], rows
    )


SUKENIK2025 = Claim(
    name="sukenik2025",
    title="Deeper residual networks and transformers are nearer to collapse",
    statement=(
        "Optima of deep regularized residual networks and transformers are nearly collapsed, the"
        " nearer the deeper they are."
    ),
    source=cite("sukenik2025"),
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
