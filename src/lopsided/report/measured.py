"""The page of a measurement: verdict, drawings, metrics beside predictions, and the classes that
say most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lopsided.arrays import Ints
from lopsided.counts import Counts
from lopsided.diagnosis import Diagnosis
from lopsided.geometry import Geometry
from lopsided.measure.collapse import Collapse
from lopsided.measure.metrics import METRICS
from lopsided.measure.ood import Outside
from lopsided.measure.shown import ALONE, SPLIT, cell, splits_table
from lopsided.measure.verdict.angles import angles
from lopsided.measure.verdict.points import points
from lopsided.report import explorer
from lopsided.report.blocks import Block, Fold, Items, Play, Table, Text
from lopsided.report.diagnosed import diagnosed
from lopsided.report.page import Page, Section, Verbatim

#: Up to so many classes each has a row; beyond, the page shows those that say most.
ROWS = 60
#: Of more classes, so many of the largest and as many of the smallest have a row, and so many that
#: fail or merge in each way.
ENDS, WORST = 16, 8
_FOOTER = (
    "Distances are between Gram matrices scaled to norm 1, from 0 to 2; class means are centred by"
    " their unweighted mean."
)
_PER_CLASS = {
    "classifier_norms": "classifier norm",
    "embedding_norms": "class-mean norm",
    "alignment": "alignment",
    "spreads": "spread",
    "error_rates": "errors",
    "smallest_margins": "smallest margin",
}


def measured(
    collapse: Collapse,
    predictions: Mapping[str, Geometry],
    figures: Sequence[Block],
    title: str,
    diagnosis: Diagnosis | None = None,
    outside: Outside | None = None,
) -> Page:
    """Return the page of a measurement.

    Args:
        collapse: the measurement, with a head.
        predictions: geometries to compare with, by name.
        figures: drawn by the caller.
        title: what was measured.
        diagnosis: what ails the network; it takes the place of the verdict, which is a part of it.
        outside: how samples of another distribution are told apart.

    Raises:
        Undefined: if the measurement has no head.
        ValueError: if a prediction is for another number of classes.
    """
    predictions = collapse.comparable(predictions)
    facts = (
        f"{collapse.moments.n:,} samples, {collapse.k:,} classes, {collapse.moments.d:,} dimensions"
    )
    lead = collapse.verdict(predictions)
    if diagnosis is not None:
        lead = next(iter(diagnosis.sections.values()))
    intro = [Text(facts, "facts"), Text(Verbatim(lead), "lead")]
    sections = [
        *([] if diagnosis is None else diagnosed(diagnosis)),
        Section("figures", "", figures),
        *_explorer(collapse, title),
        Section("metrics", "Metrics", _metrics(collapse, predictions)),
        *_splits(collapse, predictions),
        *([] if outside is None else _outside(outside, collapse.counts)),
        Section("classes", "Classes, from the largest", _classes(collapse)),
    ]
    return Page(title, intro, sections, _FOOTER)


def _explorer(collapse: Collapse, title: str) -> list[Section]:
    """Return the measured geometry beside predictions to play with, where a page can draw it."""
    every = collapse.trained or collapse.counts  # of some of them alone theory predicts another
    if every.k > min(collapse.k, explorer.MOST_CLASSES):
        return []
    counts = Counts(collapse.counts.values, [str(name) for name in collapse.names])
    play = Play(explorer.component(counts, {title: collapse.geometry}))
    return [Section("explorer", "Beside what theory predicts", [play])]


def _metrics(collapse: Collapse, predictions: Mapping[str, Geometry]) -> list[Block]:
    values, undefined = collapse.metrics()
    rows = []
    for name, value in values.items():
        if np.ndim(value) == 0:
            others = (
                METRICS[name].of_prediction(other, collapse.minorities)
                for other in predictions.values()
            )
            rows.append([METRICS[name].title, cell(value), *map(cell, others)])
    blocks: list[Block] = [Table("", ["metric", "measured", *map(Verbatim, predictions)], rows)]
    if undefined:
        reasons = [f"{METRICS[name].title}: {reason}" for name, reason in undefined.items()]
        blocks.append(Fold("What could not be measured, and why", [Items(reasons)]))
    return blocks


def _splits(collapse: Collapse, predictions: Mapping[str, Geometry]) -> list[Section]:
    splits = collapse.splits(predictions) if collapse.k <= SPLIT else {}
    if not splits:
        return []
    visible = next(iter(splits.values())).visible
    headers, rows = splits_table(splits, collapse.counts)
    said = (
        "whole² = law² + single classes²: the misfit to the law, and what makes classes of equal"
        " count differ."
        if len(headers) > 2
        else f"{ALONE[0].upper()}{ALONE[1:]}."
    )
    if np.isfinite(visible):
        said += (
            f" The head sees {visible:.0%} of the energy of the class means; only that part is"
            " compared."
        )
    rows = [[Verbatim(name), *numbers] for name, *numbers in rows]
    return [Section("law", "Why it is not the law", [Text(said), Table("", headers, rows)])]


def _outside(outside: Outside, counts: Counts) -> list[Section]:
    headers, rows = outside.table(counts)
    rows = [[*cells, Verbatim(most)] for *cells, most in rows]  # the name of a class
    blocks: list[Block] = [Text(outside.sentence()), Table("", headers, rows)]
    return [Section("ood", "Samples of another distribution", blocks)]


def _classes(collapse: Collapse) -> list[Block]:
    shown = shown_classes(collapse)
    columns = [
        "class",
        *(["training samples"] if collapse.counts_given else []),
        "measured",
        *_PER_CLASS.values(),
    ]
    left_out = (
        f"{len(shown)} of {collapse.k:,}: the largest, the smallest, those that err most, have the"
        " smallest margins or the widest spread, and those whose classifiers or means merge."
        if collapse.k > len(shown)
        else ""
    )
    return [Table(left_out, columns, _rows(collapse, shown))]


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
        near = angles(collapse.weight, collapse.mean_classifier)
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
    names = [Verbatim(name) for name in collapse.names[shown]]
    numbers = [
        *([collapse.counts.values] if collapse.counts_given else []),
        collapse.moments.counts,
    ]

    counted = [[f"{count:,}" for count in counts[shown]] for counts in numbers]
    empty = [""] * len(shown)
    cells = [columns.get(name, empty) for name in _PER_CLASS]
    return [list(row) for row in zip(names, *counted, *cells, strict=True)]
