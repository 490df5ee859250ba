"""The page of a measurement: one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lopsided import __version__
from lopsided.geometry import Geometry
from lopsided.measure.collapse import Collapse, cell
from lopsided.measure.metrics import METRICS
from lopsided.measure.needs import need

#: Up to so many classes each has a row; beyond, the page shows the largest and the smallest.
ROWS = 60


def write(
    path: str | Path, collapse: Collapse, predictions: Mapping[str, Geometry], figures: Sequence[tuple[str, str]], title: str
) -> None:
    """Write the page.

    Args:
        path: of the HTML file.
        collapse: the measurement, with a head.
        predictions: geometries to compare with, by name.
        figures: captions and SVG elements, drawn by the caller; everything else on the page is escaped.
        title: what was measured.

    Raises:
        ImportError: if jinja2 is not installed.
        OSError: if the file cannot be written.
    """
    jinja2 = need("jinja2", "'lopsided[report]'")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lopsided.measure", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    safe = need("markupsafe", "'lopsided[report]'").Markup
    text = environment.get_template("page.html.j2").render(
        title=title,
        collapse=collapse,
        verdict=collapse.verdict(predictions),
        predictions=list(predictions),
        metrics=_metrics(collapse, predictions),
        columns=("class", "training samples", "measured", *_PER_CLASS.values()),
        classes=_classes(collapse),
        figures=[(caption, safe(svg)) for caption, svg in figures],
        undefined=[(METRICS[name].title, reason) for name, reason in collapse.metrics()[1].items()],
        version=__version__,
    )
    Path(path).write_text(text, encoding="utf-8")


_PER_CLASS = {
    "classifier_norms": "classifier norm",
    "embedding_norms": "class-mean norm",
    "alignment": "alignment",
    "spreads": "spread",
    "error_rates": "errors",
    "smallest_margins": "smallest margin",
}


def _metrics(collapse: Collapse, predictions: Mapping[str, Geometry]) -> list[tuple[str, list[str]]]:
    rows = []
    for name, value in collapse.metrics()[0].items():
        if np.ndim(value) == 0:
            others = (METRICS[name].of_prediction(other, collapse.counts.minorities) for other in predictions.values())
            rows.append((METRICS[name].title, [cell(value), *map(cell, others)]))
    return rows


def _classes(collapse: Collapse) -> list[list[str]]:
    values = collapse.metrics()[0]
    order = np.argsort(-collapse.counts.values, kind="stable")
    if len(order) > ROWS:
        order = np.concatenate([order[: ROWS // 2], order[-ROWS // 2 :]])

    def row(c: Any) -> list[str]:
        figures = [cell(values[name][c]) if name in values else "" for name in _PER_CLASS]
        return [f"{collapse.classes[c]}", f"{collapse.counts[c]:,}", f"{collapse.moments.counts[c]:,}", *figures]

    return [row(c) for c in order]
