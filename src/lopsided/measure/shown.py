"""Shown: figures of a measurement in tables and as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lopsided.counts import Counts
from lopsided.files import printable
from lopsided.geometry import Geometry, Source
from lopsided.gram import Gram
from lopsided.measure.metrics import METRICS
from lopsided.measure.metrics.anchors import fits
from lopsided.plain import plain
from lopsided.split import Split

if TYPE_CHECKING:
    from rich.table import Table

    from lopsided.measure.collapse import Collapse

#: Columns of the table for the anchors of the metrics.
ANCHORS = ("collapse", "random", "ETF")
#: Of more classes the (k, k) matrices of a split take longer than the measurement.
SPLIT = 1000
#: What is shown as zero.
ROUNDING = 1e-12


def table(collapse: Collapse, predictions: Mapping[str, Geometry]) -> Table:
    """Return the metrics of a measurement beside those of predicted geometries; see
    `Collapse.table`.
    """
    from rich.box import SIMPLE_HEAD  # slow to import, and draws one of Python's random numbers
    from rich.table import Table
    from rich.text import Text

    predictions = collapse.comparable(predictions)
    if "ETF" not in predictions and collapse.k < collapse.every <= collapse.d + 1:
        # Some classes of a simplex are none by themselves.
        simplex = Gram.simplex(collapse.every)
        etf = Geometry(simplex, simplex, simplex, Source("ETF"))
        predictions = collapse.comparable({"ETF": etf}) | predictions
    columns = [*(name for name in ANCHORS if name not in predictions), *predictions]
    title = (
        f"{collapse.moments.n:,} samples, {collapse.k:,} classes, {collapse.moments.d:,} dimensions"
    )
    decided = 0 if collapse.decisions is None else int(collapse.decisions.counts.sum())
    if 0 < decided < collapse.moments.n:
        title += f"; answers of {decided:,} of the samples"
    shown = Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False
    )
    shown.add_column("metric")
    for header in ("measured", *columns):
        shown.add_column(
            Text(printable(header)), justify="right", no_wrap=True
        )  # words may wrap, a number must not be cut
    for name, value in collapse.metrics()[0].items():
        cells = (_expected(collapse, name, column, predictions.get(column)) for column in columns)
        shown.add_row(METRICS[name].title, cell(value), *map(cell, cells))
    return shown


def _expected(collapse: Collapse, name: str, column: str, prediction: Geometry | None) -> Any:
    """Return what a metric is in a predicted geometry, or else at the anchor of the same
    name.
    """
    if column == "ETF" and not fits(collapse.every, collapse.d):
        prediction = None  # which no network of so few dimensions can be: how near it can come
    value = (
        None if prediction is None else METRICS[name].of_prediction(prediction, collapse.minorities)
    )
    anchor = METRICS[name].anchors.get(column)
    if column == "ETF" and collapse.every > collapse.k:
        anchor = None
    if value is None and anchor is not None:
        counts = collapse.moments.counts
        if "decisions" in METRICS[name].needs and collapse.answered is not None:
            counts = collapse.answered.counts  # a head answers the classes left out, too
        value = anchor(counts, collapse.moments.d) if callable(anchor) else anchor
    return value


def cell(value: Any) -> str:
    """Write a figure, or the smallest and largest of an array, for a table; nothing for what is not
    known.
    """
    if value is None:
        return ""
    if np.ndim(value) == 0:
        if not np.isfinite(value):
            return ""
        if isinstance(value, int | np.integer):
            return f"{value:,}"
        return f"{value:.3g}" if abs(value) > ROUNDING else "0"
    known = np.asarray(value)[np.isfinite(value)]
    if not known.size:
        return ""
    low, high = (cell(end) for end in (known.min(), known.max()))
    return low if low == high else f"{low} … {high}"


def splits_dict(splits: Mapping[str, Split]) -> dict[str, Any]:
    """Return splits as plain data for JSON; numbers that are not defined become `None`."""
    return {
        name: {"visible": plain(found.visible)}
        | {
            part: plain(getattr(found, part)._asdict())
            for part in ("classifiers", "embeddings", "logits")
        }
        for name, found in splits.items()
    }


#: Said of a split where no two classes have equal counts.
ALONE = "no two classes have equal counts, so that nothing tells the law from single classes"


def splits_table(splits: Mapping[str, Split], counts: Counts) -> tuple[list[str], list[list[str]]]:
    """Return headers and rows of a table of splits: for each prediction and part the distance and
    its two parts, which are nothing where no two classes have equal counts.
    """
    told = 3 if counts.groups.m < counts.k else 1
    rows = []
    for name, found in splits.items():
        parts = {
            "classifiers": found.classifiers,
            "visible class means": found.embeddings,
            "logits": found.logits,
        }
        rows += [[f"{name}, {title}", *map(cell, part[:told])] for title, part in parts.items()]
    return ["distance to", "whole", "of the law", "of single classes"][: 1 + told], rows
