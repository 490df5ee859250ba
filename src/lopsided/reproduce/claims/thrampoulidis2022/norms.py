"""Norms and angles of SELI against the imbalance: what grows, what collapses, and what never does.

Computed twice: by the closed form for any counts, and by the singular value decomposition of the
label matrix itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from lopsided import predict
from lopsided.arrays import svd
from lopsided.counts import Counts
from lopsided.gram import Gram
from lopsided.report.blocks import Block, Figure, Row, Table, drawn
from lopsided.reproduce.choices import Bounds, Checked, Ratio
from lopsided.reproduce.claim import Claim, Outcome
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Record, Verdict
from lopsided.shape import contrast

_PAIRS = ("majority", "minority", "cross")


@dataclass(frozen=True)
class Settings(Checked):
    """The imbalances that are looked at.

    Attributes:
        k: number of classes, half of them minorities.
        points: number of ratios, log-spaced.
        largest: the largest ratio.
        seen: ratios up to which the label matrix is decomposed as well.
    """

    k: Annotated[int, Bounds(least=4, most=10**4)] = 10
    points: Annotated[int, Bounds(least=2, most=10**4)] = 37
    largest: Ratio = 1e12
    seen: Annotated[float, Bounds(least=0, most=1e15)] = 1e4


def describe(vectors: Gram) -> dict[str, float]:
    """Return the squared-norm ratio of majority to minority, and the cosines within and between the
    two.
    """
    found = contrast(vectors, np.arange(vectors.k // 2, vectors.k))
    return {
        "ratio": found.norm_ratio,
        **dict(zip(_PAIRS, (found.majority, found.minority, found.across), strict=True)),
    }


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


def compute(settings: Settings, context: Context) -> Outcome:
    """Evaluate the closed form over the ratios."""
    rows = []
    for i, ratio in enumerate(
        np.unique(np.geomspace(1, settings.largest, settings.points).round())
    ):
        context.advance(i / settings.points, f"R = {ratio:g}")
        counts = Counts.step(settings.k, 1, float(ratio))
        seli = predict.seli(counts)
        row = {
            "R": float(ratio),
            "classifiers": describe(seli.classifiers),
            "embeddings": describe(seli.embeddings),
        }
        if ratio <= settings.seen:
            pairs = zip((seli.classifiers, seli.embeddings), decomposed(counts), strict=True)
            row["error"] = max(a.distance(b) for a, b in pairs)
        rows.append(row)
    return Outcome({"rows": rows})


def judge(configuration: dict[str, Any], numbers: dict[str, Any]) -> Verdict:
    """Hold when norms and angles move monotonically to their limits and no finite ratio collapses
    anything.
    """
    rows, k = numbers["rows"], configuration["k"]
    ratios = np.array([row["classifiers"]["ratio"] for row in rows])
    minority = np.array([row["classifiers"]["minority"] for row in rows])
    means = np.array([row["embeddings"]["minority"] for row in rows])
    limit, floor = 1 + np.sqrt(2) * (k - 2), -2 / (k - 2)
    error = max(row.get("error", 0.0) for row in rows)
    growing = bool(
        np.all(np.diff(ratios) > 0) and np.all(np.diff(minority) > 0) and ratios[-1] < limit
    )
    uncollapsed = bool(
        minority[-1] < 1 and np.all(np.diff(means) <= 0) and abs(means[-1] - floor) < 1e-3
    )
    holds = growing and uncollapsed and bool(error < 1e-6 and limit - ratios[-1] < 0.01 * limit)
    first = next((row["R"] for row in rows if row["classifiers"]["minority"] > 0.99), None)
    reached = (
        f"their cosine passes .99 only at R = {first:.0e}"
        if first
        else f"their cosine is {minority[-1]:.3f} at the largest R"
    )
    return Verdict(
        holds,
        f"The squared norms of majority over minority classifiers grow to {ratios[-1]:.2f} (limit"
        f" {limit:.2f}). Minority classifiers turn towards each other but never coincide:"
        f" {reached}. Minority class means turn apart, to a cosine of {means[-1]:.4f} (limit"
        f" {floor:.4f}): embeddings never collapse. Closed form and SVD agree to {error:.0e}.",
    )


def show(records: Sequence[Record]) -> list[Block]:
    """Return norms and angles against the ratio."""
    from lopsided.reproduce.figures.lines import against_ratio

    rows = records[-1].numbers["rows"]
    ratios = [row["R"] for row in rows]

    def angles(part: str, title: str) -> Figure:
        series = {name: [row[part][name] for row in rows] for name in _PAIRS}
        return drawn(
            lambda ax: against_ratio(ratios, series, ax, label="cosine"),
            f"Cosines of the {title} against the ratio R",
            title,
        )

    norms = {
        name: [row[part]["ratio"] for row in rows]
        for part, name in (("classifiers", "classifiers"), ("embeddings", "class means"))
    }
    figure = drawn(
        lambda ax: against_ratio(ratios, norms, ax),
        "Squared norms, majority over minority",
        "Squared norms, majority / minority",
    )
    wanted = [row for row in rows if row["R"] in (1, 10, 100, 1000, 1e6, 1e12)]
    table = [
        [
            f"{row['R']:g}",
            *(
                f"{row[part][what]:.4f}"
                for part in ("classifiers", "embeddings")
                for what in ("ratio", *_PAIRS)
            ),
        ]
        for row in wanted
    ]
    columns = [
        "R",
        *(
            f"{vector} {what}"
            for vector in ("w", "μ")
            for what in ("norm² ratio", *(f"cos {pair}" for pair in _PAIRS))
        ),
    ]
    return [
        Row(
            [figure, angles("classifiers", "Classifiers"), angles("embeddings", "Class means")],
            "SELI against the imbalance ratio R: squared norms of majority over minority classes,"
            " and the cosines between two majority classes, two minority classes, and one of each.",
        ),
        Table("Some of the numbers; w are classifiers, μ class means.", columns, table),
    ]


NORMS = Claim(
    name="norms",
    title="Norms and angles against the imbalance",
    statement=(
        "With imbalance the majority classifiers grow longer and the minority classifiers turn"
        " towards each other, but they coincide only asymptotically; class means do the opposite,"
        " and never collapse."
    ),
    source=(
        "Thrampoulidis et al. 2022, Lemma 4.1 and Figures 2 and 3 (closed forms for STEP imbalance)"
    ),
    settings=Settings,
    compute=compute,
    judge=judge,
    show=show,
)
