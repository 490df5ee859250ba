"""Prototypes in every batch draw the class means of supervised contrastive learning to their frame.

A batch-norm perceptron on an imbalanced set of digits; the prototypes are a simplex ETF.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from lopsided import predict
from lopsided.counts import Counts
from lopsided.gram import Gram
from lopsided.papers import cite
from lopsided.report.blocks import Block, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Digits, Positive, Ratio, Seeds, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds


@dataclass(frozen=True)
class Settings(Checked):
    """The network and its data.

    Attributes:
        largest: samples of the largest class.
        ratio: R of the exponential counts.
        copies: of each prototype in a batch, one network each; 0 for none.
        temperature: of the loss.
        steps: of Adam.
        rate: of Adam.
        batch: samples of a step.
        seeds: number of repetitions.
    """

    compared: ClassVar[tuple[str, ...]] = ("copies",)

    largest: Digits = 100
    ratio: Ratio = 20.0
    copies: tuple[Annotated[int, Bounds(least=0, most=10**6)], ...] = (0, 1, 8, 64)
    temperature: Positive = 0.5
    steps: Whole = 400
    rate: Positive = 3e-3
    batch: Annotated[int, Bounds(least=2, most=10**4)] = 64
    seeds: Seeds = 2


@dataclass(frozen=True)
class Trained:
    """Networks with so many copies: the distance of the Gram of their class means to the ETF, one a
    seed.
    """

    copies: int
    etf: tuple[float, ...]


@dataclass(frozen=True)
class Numbers:
    """All networks, by the number of copies."""

    rows: tuple[Trained, ...]


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train one network a number of copies and seed."""
    from lopsided.reproduce.data.digits import all_digits
    from lopsided.reproduce.network.small import Fit, prototypes
    from lopsided.steer import SupervisedContrastive

    x, y = all_digits()
    counts = Counts.exponential(10, settings.largest, settings.ratio)
    chosen = np.concatenate([np.flatnonzero(y == c)[:n] for c, n in enumerate(counts.values)])
    x, y, d, law = x[chosen], y[chosen], 32, predict.etf(10)
    frame, _ = law.vectors(d)
    frame = frame / np.linalg.norm(frame, axis=1, keepdims=True)

    def train(copies: int, seed: int) -> float:
        loss = (
            SupervisedContrastive(settings.temperature, frame, copies)
            if copies
            else SupervisedContrastive(settings.temperature)
        )
        fit = Fit(settings.steps, settings.rate, seed, "adam", batch=settings.batch)
        features = prototypes(x, y, (64, 64, 64, d), loss, fit)
        means = np.stack([features[y == c].mean(axis=0) for c in range(10)])
        return Gram.of_vectors(means).distance(law.embeddings)

    rows = []
    for i, copies in enumerate(sorted(settings.copies)):
        context.advance(i / len(settings.copies), f"{copies} copies")
        found = tuple(train(copies, seed) for seed in range(settings.seeds))
        rows.append(Trained(copies, found))
    return Outcome(Numbers(tuple(rows)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when more copies bring the class means nearer to the prototypes' frame."""
    means = [float(np.mean(row.etf)) for row in numbers.rows]
    copies = [row.copies for row in numbers.rows]
    nearer = bool(np.all(np.diff(means) < 0))
    shown = ", ".join(f"{mean:.3f} ({c})" for mean, c in zip(means, copies, strict=True))
    return Verdict(
        nearer and means[-1] < means[0] / 2,
        f"The Gram of the class means is {shown} from that of the prototypes (copies of each in a"
        f" batch; means of {settings.seeds} seeds):"
        f" {'the nearer the more of them' if nearer else 'not always nearer with more of them'}.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return the distance against the number of copies."""
    from lopsided.reproduce.figures.lines import several

    rows = runs[-1].numbers.rows
    line = {"class means": ([row.copies + 1 for row in rows], [list(row.etf) for row in rows])}
    figure = drawn(
        lambda ax: several(line, ax, x="1 + copies of each prototype", label="distance to the ETF"),
        "Distance of the class means to the prototypes' frame",
    )
    seeds = [f"seed {i}" for i in range(len(rows[0].etf))]
    table = [[str(row.copies), *(f"{value:.3f}" for value in row.etf)] for row in rows]
    return [
        Row([figure], "Supervised contrastive learning on imbalanced digits, every seed a line."),
        Table("Distances.", ["copies", *seeds], table),
    ]


GILL2023 = Claim(
    name="gill2023",
    title="Prototypes in the batch",
    statement=(
        "Fixed prototypes in every batch of supervised contrastive learning steer the class means"
        " to their geometry, the more so the more copies there are."
    ),
    source=cite("gill2023"),
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
