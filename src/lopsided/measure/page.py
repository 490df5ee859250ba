"""The page of a measurement: one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lopsided import __version__
from lopsided.arrays import Ints
from lopsided.geometry import Geometry
from lopsided.measure.collapse import SPLIT, Collapse, cell, splits_table
from lopsided.measure.metrics import METRICS
from lopsided.measure.network_geometry import comparable
from lopsided.measure.verdict.angles import angles
from lopsided.measure.verdict.points import points
from lopsided.needs import need

#: Up to so many classes each has a row; beyond, the page shows those that say most.
ROWS = 60
#: Of more classes, so many of the largest and as many of the smallest have a row, and so many that
#: fail or
#: merge in each way.
ENDS, WORST = 16, 8


def write(
    path: str | Path,
    collapse: Collapse,
    predictions: Mapping[str, Geometry],
    figures: Sequence[tuple[str, str]],
    title: str,
) -> None:
    """Write the page.

    Args:
        path: of the HTML file.
        collapse: the measurement, with a head.
        predictions: geometries to compare with, by name.
        figures: captions and SVG elements, drawn by the caller; everything else on the page is
            escaped.
        title: what was measured; what cannot be printed in it is replaced by a sign that says so.

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
    shown, predictions = shown_classes(collapse), comparable(predictions, collapse.k)
    splits = collapse.splits(predictions) if collapse.k <= SPLIT else {}
    text = environment.get_template("page.html.j2").render(
        title="".join(sign if sign.isprintable() else "\ufffd" for sign in title),
        collapse=collapse,
        verdict=collapse.verdict(predictions),
        predictions=list(predictions),
        metrics=_metrics(collapse, predictions),
        splits=splits_table(splits) if splits else None,
        visible=next(iter(splits.values())).visible if splits else None,
        columns=(
            "class",
            *(["training samples"] if collapse.counts_given else []),
            "measured",
            *_PER_CLASS.values(),
        ),
        classes=_rows(collapse, shown),
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


def _metrics(
    collapse: Collapse, predictions: Mapping[str, Geometry]
) -> list[tuple[str, list[str]]]:
    rows = []
    for name, value in collapse.metrics()[0].items():
        if np.ndim(value) == 0:
            others = (
                METRICS[name].of_prediction(other, collapse.counts.minorities)
                for other in predictions.values()
            )
            rows.append((METRICS[name].title, [cell(value), *map(cell, others)]))
    return rows


def shown_classes(collapse: Collapse) -> Ints:
    """Return the classes that have a row, from the largest to the smallest.

    Of many, the largest and the smallest, those that err most, have the smallest margins or the
    widest scatter, and those whose classifiers or means merge.
    """
    order = np.argsort(-collapse.counts.values, kind="stable")
    if len(order) <= ROWS:
        return order
    values = collapse.metrics()[0]
    chosen = [order[:ENDS], order[-ENDS:]]
    if "error_rates" in values:
        worst = np.argsort(-np.nan_to_num(values["error_rates"]), kind="stable")[:WORST]
        chosen += [
            worst[values["error_rates"][worst] > 0],
            np.argsort(values["smallest_margins"], kind="stable")[:WORST],
        ]
    chosen.append(np.argsort(-values["spreads"], kind="stable")[:WORST])
    if collapse.weight is not None:
        near = angles(collapse.weight, collapse.counts.minorities)
        closest = [] if near.merging is None else near.merging[:2]
        chosen += [np.array(closest, np.int64), near.members[:WORST]]
    chosen += [together[:WORST] for together in points(collapse.moments).merged[:1]]
    picked = np.zeros(len(order), bool)
    picked[np.concatenate(chosen)] = True
    return order[picked[order]]


def _rows(collapse: Collapse, shown: Ints) -> list[list[str]]:
    values = collapse.metrics()[0]
    spreads = np.where(
        collapse.moments.counts > 1, values["spreads"], np.nan
    )  # of one sample none is known
    columns = {
        name: [cell(value) for value in values[name][shown]]
        for name in _PER_CLASS
        if name in values
    }
    columns["spreads"] = [cell(value) for value in spreads[shown]]
    if collapse.decisions is not None:  # a share of few samples says more digits than it has
        errors, samples = collapse.decisions.errors[shown], collapse.decisions.counts[shown]
        columns["error_rates"] = [f"{e:,} of {n:,}" for e, n in zip(errors, samples, strict=True)]
    names = [f"{label}" for label in collapse.classes[shown]]
    numbers = [
        *([collapse.counts.values] if collapse.counts_given else []),
        collapse.moments.counts,
    ]

    counted = [[f"{count:,}" for count in counts[shown]] for counts in numbers]
    empty = [""] * len(shown)
    cells = [columns.get(name, empty) for name in _PER_CLASS]
    return [list(row) for row in zip(names, *counted, *cells, strict=True)]
