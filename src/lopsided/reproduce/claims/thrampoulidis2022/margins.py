"""Margins and logits are the same at every imbalance, in the limit of a vanishing ridge, however
unlike classifiers and class means become.

Twice: the limit itself by the singular value decomposition of the label matrix, which knows of no
law, and certified optima on the way to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np

from lopsided import predict, solve
from lopsided.arrays import Floats
from lopsided.counts import Counts
from lopsided.problem import Problem
from lopsided.report.blocks import Block, Table
from lopsided.reproduce.choices import Checked, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds
from lopsided.singular import svd


@dataclass(frozen=True)
class Settings(Checked):
    """The imbalances and ridges that are looked at.

    Attributes:
        k: number of classes, half of them minorities of one sample.
        ratios: R of the STEP profiles.
        ridges: towards zero, from below 1, where minorities of one sample merge.
    """

    k: Annotated[int, Bounds(least=4, most=1000, multiple=2)] = 10
    ratios: tuple[Whole, ...] = (1, 5, 10, 100)
    ridges: tuple[Annotated[float, Bounds(above=0, below=1)], ...] = (0.1, 1e-3, 1e-6, 1e-9)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.ratios) < 2 or len(self.ridges) < 2:
            raise ValueError(
                "margins are compared over at least 2 ratios and followed over 2 ridges"
            )


@dataclass(frozen=True)
class Row:
    """One imbalance.

    Attributes:
        ratio: R.
        limit: largest difference of the limit's margins from 1, that of balanced classes.
        norms: squared norm of a majority classifier over that of a minority one, in the limit.
        uneven: over the ridges, the largest margin over the least, less 1.
        logits: over the ridges, distance of the logits to those of balanced classes.
    """

    ratio: int
    limit: float
    norms: float
    uneven: tuple[float, ...]
    logits: tuple[float, ...]


@dataclass(frozen=True)
class Numbers:
    """The imbalances."""

    rows: tuple[Row, ...]


def limit(counts: Counts) -> tuple[Floats, Floats]:
    """Return classifiers (k, k - 1) and class logits (k, k) of the factors of the label matrix."""
    root = np.sqrt(counts.values)
    left, values, right = svd((np.eye(counts.k) - 1 / counts.k) * root)
    kept = np.sqrt(values[: counts.k - 1])
    W, M = left[:, : counts.k - 1] * kept, (right[: counts.k - 1] / root).T * kept
    return W, W @ M.T


def margins(logits: Floats) -> Floats:
    """Return by how much the logit of each class exceeds each other, (k, k - 1)."""
    k = len(logits)
    apart = logits.diagonal()[None, :] - logits
    return np.asarray(apart.T[~np.eye(k, dtype=bool)].reshape(k, k - 1))


def _row(settings: Settings, ratio: int) -> Row:
    counts, simplex = Counts.step(settings.k, 1, ratio), predict.etf(settings.k)
    W, logits = limit(counts)
    squares = np.sum(W**2, axis=1)
    uneven, apart = [], []
    for ridge in settings.ridges:
        found = solve.minimize(Problem(counts, ridge=ridge)).geometry
        every = margins(found.logits.matrix())
        uneven.append(float(every.max() / every.min()) - 1)
        apart.append(found.distance(simplex).logits)
    off = float(np.abs(margins(logits) - 1).max())
    return Row(ratio, off, float(squares[0] / squares[-1]), tuple(uneven), tuple(apart))


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Decompose and solve at every ratio."""
    rows = []
    for i, ratio in enumerate(settings.ratios):
        context.advance(i / len(settings.ratios), f"R = {ratio}")
        rows.append(context.remember(f"ratio-{ratio}", Row, partial(_row, settings, ratio)))
    return Outcome(Numbers(tuple(rows)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when the limit's margins are all 1 at every ratio, and those of optima become equal as
    the ridge vanishes.
    """
    rows = numbers.rows
    order = np.argsort(settings.ridges)[::-1]
    falling = all(
        bool(np.all(np.diff(np.asarray(values)[order]) <= 1e-9))
        for row in rows
        for values in (row.uneven, row.logits)
    )
    off = max(row.limit for row in rows)
    uneven = max(row.uneven[order[-1]] for row in rows)
    apart = max(row.logits[order[-1]] for row in rows)
    even = off < 1e-9
    return Verdict(
        even and falling,
        f"In the limit all margins of all classes are {'' if even else 'not '}1 at R ="
        f" {', '.join(str(row.ratio) for row in rows)} (to {off:.0e}), while majority classifiers"
        f" have up to {max(row.norms for row in rows):.2f} times the squared norm of minority ones."
        f" At a finite ridge margins do depend on R; they"
        f" {'become' if falling else 'do not become'} equal as it vanishes, slowly: at"
        f" {min(settings.ridges):g} the largest exceeds the least by up to {uneven:.0%}, and logits"
        f" are up to {apart:.3f} from those of balanced classes.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return margins and logits at every imbalance."""
    run = runs[-1]
    rows = [
        [
            f"{row.ratio}",
            f"{row.limit:.0e}",
            f"{row.norms:.3f}",
            *(f"{value:.0%}" for value in row.uneven),
            *(f"{value:.3f}" for value in row.logits),
        ]
        for row in run.numbers.rows
    ]
    ridges = [f"{ridge:g}" for ridge in run.settings.ridges]
    return [
        Table(
            "How far margins of the limit are from 1, the ratio of its squared norms of"
            " classifiers, and for optima on the way the excess of the largest margin over the"
            " least and the distance of the logits to those of balanced classes.",
            [
                "R",
                "limit",
                "norm ratio",
                *(f"margins, λ = {ridge}" for ridge in ridges),
                *(f"logits, λ = {ridge}" for ridge in ridges),
            ],
            rows,
        )
    ]


MARGINS = Claim(
    name="margins",
    title="Margins and logits do not depend on the imbalance",
    statement=(
        "As the ridge vanishes every class has the same margin over every other and the logits are"
        " those of balanced classes, at every imbalance, though classifiers and class means are"
        " not."
    ),
    source="Thrampoulidis et al. 2022; margins at a finite ridge: derived here",
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
