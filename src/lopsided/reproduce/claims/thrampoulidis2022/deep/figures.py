"""Figures of one deep run at its end: what was predicted beside what was measured."""

from __future__ import annotations

from typing import Literal

from lopsided import predict
from lopsided.counts import Counts
from lopsided.geometry import Geometry
from lopsided.gram import Gram
from lopsided.plot.gram import gram as heat_map
from lopsided.plot.gram import strongest
from lopsided.plot.measured import class_norms
from lopsided.report.blocks import Figure, Row, drawn

Part = Literal["classifiers", "embeddings"]
#: Part of a geometry -> what it is.
TITLES: dict[Part, str] = {"classifiers": "classifiers", "embeddings": "class means"}


def norms(predicted: Geometry, measured: Geometry, counts: Counts, name: str) -> Row:
    """Return the predicted and the measured norm of each class."""
    laws = {predicted.source.name: predicted, "ETF": predict.etf(counts.k)}

    def panel(part: Part) -> Figure:
        lines = {law: _gram(geometry, part) for law, geometry in laws.items()}
        return drawn(
            lambda ax: class_norms(_gram(measured, part), lines, counts, ax),
            f"Norms of the {TITLES[part]}, {name}",
            TITLES[part].capitalize(),
        )

    caption = (
        "Norm of each class, scaled to a mean square of 1: lines are predicted from the class"
        f" counts alone, dots are the trained network. Classes have {_runs(counts)} samples."
    )
    return Row([panel(part) for part in TITLES], caption)


def cosines(part: Part, predicted: Geometry, measured: Geometry, counts: Counts, name: str) -> Row:
    """Return the predicted and the measured cosines of all pairs of classes beside each other, in
    one scale of colours.
    """
    grams = {"predicted": _gram(predicted, part), "measured": _gram(measured, part)}
    # Never below 0.3, lest the colours make much of small angles.
    limit = max(0.3, strongest(*grams.values(), counts=counts))
    title = TITLES[part]

    def panel(kind: str, gram: Gram) -> Figure:
        return drawn(
            lambda ax: heat_map(gram, ax, counts=counts, limit=limit),
            f"Cosines of the {title}, {kind}, {name}",
            f"{title.capitalize()}, {kind}",
            (3.6, 3.6),
        )

    caption = (
        f"Cosines of the angles between the {title} of all pairs of classes, largest classes first."
    )
    return Row([panel(kind, gram) for kind, gram in grams.items()], caption)


def _gram(geometry: Geometry, part: Part) -> Gram:
    return geometry.classifiers if part == "classifiers" else geometry.embeddings


def _runs(counts: Counts) -> str:
    """Return the counts in words: the two of a step, or the first, then the last."""
    distinct = counts.distinct[::-1].tolist()
    return (
        " or ".join(map(str, distinct))
        if len(distinct) <= 2
        else f"{distinct[0]:,} to {distinct[-1]:,}"
    )
