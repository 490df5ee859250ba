"""Norms and angles of SELI against the imbalance: what grows, what collapses, and what never does.

Computed twice: by the closed form for any counts, and by the singular value decomposition of the
label matrix itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from lopsided import predict
from lopsided.counts import Counts
from lopsided.gram import Gram
from lopsided.report.blocks import Block, Figure, Row, Table, drawn
from lopsided.reproduce.choices import Checked, WholeRatio
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds
from lopsided.shape import Contrast, contrast
from lopsided.singular import svd

#: Columns of the table -> the field of a `Contrast`.
_COSINES = {"majority": "majority", "minority": "minority", "cross": "across"}
#: Ratios from which on norms and angles are judged to be at their limits.
_FAR = 1e9
#: Ratios that the table shows.
_SHOWN = (1, 10, 100, 1000, 1e6, 1e12)


@dataclass(frozen=True)
class Settings(Checked):
    """The imbalances that are looked at.

    Attributes:
        k: number of classes, half of them minorities.
        ratios: the ratios, whole numbers; by default log-spaced from 1 to the largest.
        points: number of ratios, where they are not given.
        largest: the largest ratio, where they are not given.
        seen: ratios up to which the label matrix is decomposed as well; at least the smallest.
    """

    k: Annotated[int, Bounds(least=4, most=10**4, multiple=2)] = 10
    ratios: tuple[WholeRatio, ...] = ()
    points: Annotated[int, Bounds(least=2, most=10**4)] = 37
    largest: WholeRatio = 1e12
    seen: Annotated[float, Bounds(least=0, most=1e15)] = 1e4

    def __post_init__(self) -> None:
        super().__post_init__()
        ratios = self.all_ratios()
        if len(ratios) < 2:
            raise ValueError("norms are followed over at least 2 different ratios")
        if ratios[0] > self.seen:
            raise ValueError(
                f"seen must be at least the smallest ratio, {ratios[0]:g}, for the verdict compares"
                f" the closed form with a decomposed label matrix, got {self.seen:g}"
            )

    def all_ratios(self) -> list[float]:
        """Return the ratios, rising."""
        given = self.ratios or np.geomspace(1, self.largest, self.points).round()
        return [float(ratio) for ratio in np.unique(given)]


@dataclass(frozen=True)
class Point:
    """SELI at one ratio.

    Attributes:
        ratio: R.
        classifiers: norms and angles of the classifiers.
        embeddings: of the class means.
        error: distance of closed form and decomposed label matrix, where it was decomposed.
    """

    ratio: float
    classifiers: Contrast
    embeddings: Contrast
    error: float | None = None


@dataclass(frozen=True)
class Numbers:
    """SELI over the ratios, rising."""

    rows: tuple[Point, ...]


def decomposed(counts: Counts) -> tuple[Gram, Gram]:
    """Return the Grams of classifiers and class means from the SVD of the (k, n) label matrix, its
    equal columns merged.
    """
    root = np.sqrt(counts.values)
    left, values, right = svd((np.eye(counts.k) - 1 / counts.k) * root)
    kept = slice(0, counts.k - 1)
    return Gram.of_vectors(left[:, kept] * np.sqrt(values[kept])), Gram.of_vectors(
        (right[kept] / root).T * np.sqrt(values[kept])
    )


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Evaluate the closed form over the ratios."""
    rows, ratios = [], settings.all_ratios()
    halves = np.arange(settings.k // 2, settings.k)
    for i, ratio in enumerate(ratios):
        context.advance(i / len(ratios), f"R = {ratio:g}")
        counts = Counts.step(settings.k, 1, ratio)
        seli = predict.seli(counts)
        parts = seli.classifiers, seli.embeddings
        error = None
        if ratio <= settings.seen:
            pairs = zip(parts, decomposed(counts), strict=True)
            error = max(a.distance(b) for a, b in pairs)
        rows.append(Point(ratio, contrast(parts[0], halves), contrast(parts[1], halves), error))
    return Outcome(Numbers(tuple(rows)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when norms and angles move monotonically to their limits and no finite ratio collapses
    anything.
    """
    rows, k = numbers.rows, settings.k
    ratios = np.array([row.classifiers.norm_ratio for row in rows])
    minority = np.array([row.classifiers.minority for row in rows])
    means = np.array([row.embeddings.minority for row in rows])
    limit, floor = 1 + np.sqrt(2) * (k - 2), -2 / (k - 2)
    error = max(row.error or 0.0 for row in rows)
    growing = np.all(np.diff(ratios) > 0) and np.all(np.diff(minority) > 0) and ratios[-1] < limit
    uncollapsed = minority[-1] < 1 and np.all(np.diff(means) <= 0)
    arrived = abs(means[-1] - floor) < 1e-3 and limit - ratios[-1] < 0.01 * limit
    holds = growing and uncollapsed and error < 1e-6 and (arrived or rows[-1].ratio < _FAR)
    first = next((row.ratio for row in rows if row.classifiers.minority > 0.99), None)
    if first is None:
        reached = f"their cosine is {minority[-1]:.3f} at the largest R"
    elif first == rows[0].ratio:  # of smaller ones nothing is known
        reached = f"their cosine is above .99 from the smallest R, {first:.0e}, on"
    else:
        reached = f"their cosine passes .99 only at R = {first:.0e}"
    return Verdict(
        bool(holds),
        f"The squared norms of majority over minority classifiers grow to {ratios[-1]:.2f} (limit"
        f" {limit:.2f}). Minority classifiers turn towards each other but never coincide:"
        f" {reached}. Minority class means turn apart, to a cosine of {means[-1]:.4f} (limit"
        f" {floor:.4f}): embeddings never collapse. Closed form and SVD agree to {error:.0e}.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return norms and angles against the ratio."""
    from lopsided.reproduce.figures.lines import against_ratio

    settings, rows = runs[-1].settings, runs[-1].numbers.rows
    ratios = [row.ratio for row in rows]
    parts = {
        "classifiers": [row.classifiers for row in rows],
        "class means": [row.embeddings for row in rows],
    }

    def angles(title: str) -> Figure:
        series = {
            name: [getattr(found, field) for found in parts[title]]
            for name, field in _COSINES.items()
        }
        return drawn(
            lambda ax: against_ratio(ratios, series, ax, label="cosine"),
            f"Cosines of the {title} against the ratio R",
            title.capitalize(),
        )

    norms = {title: [one.norm_ratio for one in found] for title, found in parts.items()}
    figure = drawn(
        lambda ax: against_ratio(ratios, norms, ax),
        "Squared norms, majority over minority",
        "Squared norms, majority / minority",
    )
    table = [
        [
            f"{row.ratio:g}",
            *(f"{x:.4f}" for part in (row.classifiers, row.embeddings) for x in part),
        ]
        for row in rows
        if row.ratio in (settings.ratios or _SHOWN)
    ]
    columns = [
        f"{vector} {what}"
        for vector in ("w", "μ")
        for what in ("norm² ratio", *(f"cos {pair}" for pair in _COSINES))
    ]
    return [
        Row(
            [figure, *map(angles, parts)],
            "SELI against the imbalance ratio R: squared norms of majority over minority classes,"
            " and the cosines between two majority classes, two minority classes, and one of each.",
        ),
        Table("Some of the numbers; w are classifiers, μ class means.", ["R", *columns], table),
    ]


NORMS = Claim(
    name="norms",
    title="Norms and angles against the imbalance",
    statement=(
        "With imbalance the majority classifiers grow longer and the minority classifiers turn"
        " towards each other, but they coincide only asymptotically; class means do the opposite,"
        " and never collapse."
    ),
    source=("Thrampoulidis et al. 2022, its closed forms for STEP imbalance"),
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
