"""The part of a page that tells a diagnosis: its words, and held-out samples class by class."""

from __future__ import annotations

import numpy as np

from lopsided.arrays import Ints
from lopsided.counts import Counts
from lopsided.diagnosis import Diagnosis
from lopsided.diagnosis.answers import named
from lopsided.measure.state.decisions import Decisions
from lopsided.report.blocks import Block, Table, Text
from lopsided.report.page import Section, Verbatim
from lopsided.steer.prescribe.sentences import in_shell

#: Up to so many classes each has a row; of more, so many that err most, that are answered most and
#: least beside how often they come, and that are confused most.
ROWS, WORST = 60, 15
#: Confused pairs that have a row.
PAIRS = 20


def diagnosed(diagnosis: Diagnosis) -> list[Section]:
    """Return the sections of a diagnosis, without its first, which leads the page. A command writes
    that, so the head it prescribes is named by its command.
    """
    rest = list(diagnosis.sections.items())[1:]
    sections = [
        Section(title.split()[0].lower(), title, [Text(Verbatim(in_shell(text)))])
        for title, text in rest
    ]
    if diagnosis.held_out is None:
        return sections
    blocks = [_classes(diagnosis.held_out, diagnosis.counts)]
    if diagnosis.held_out.confusions.pairs()[2].size:
        blocks.append(_pairs(diagnosis.held_out, diagnosis.counts))
    return [*sections, Section("held-out", "Held-out samples, class by class", blocks)]


def worst_classes(decisions: Decisions) -> Ints:
    """Return the classes that have a row, from the one that errs most."""
    n, k = decisions.counts, decisions.k
    rates = np.divide(decisions.errors, n, out=np.full(k, -1.0), where=n > 0)
    # Of two that err alike the one with more samples is known better.
    order = np.lexsort((-n, -rates))
    if k <= ROWS:
        return order
    extra = decisions.answered - n
    labels, others, _ = decisions.confusions.pairs()
    picked = np.zeros(k, bool)
    for chosen in (
        order[:WORST],
        np.argsort(-extra, kind="stable")[:WORST],
        np.argsort(extra, kind="stable")[:WORST],
        labels[: WORST // 2],
        others[: WORST // 2],
    ):
        picked[chosen] = True
    return order[picked[order]]


def _classes(decisions: Decisions, counts: Counts | None) -> Block:
    names, shown, n = named(decisions.k, counts), worst_classes(decisions), decisions.counts
    caption = (
        f"{len(shown)} of {decisions.k:,}: those that err most, are answered most or least beside"
        " how often they come, or are confused most."
        if len(shown) < decisions.k
        else ""
    )
    trained = [] if counts is None else ["training samples"]
    columns = ["class", *trained, "held-out samples", "errors", "answered", "smallest margin"]
    rows = []
    for c in shown.tolist():
        margin = decisions.smallest_margin[c]
        rows.append(
            [
                Verbatim(names[c]),
                *([] if counts is None else [f"{counts[c]:,}"]),
                f"{n[c]:,}",
                f"{decisions.errors[c]:,} of {n[c]:,}" if n[c] else "",
                f"{decisions.answered[c]:,}",
                f"{margin:.3g}" if np.isfinite(margin) else "",
            ]
        )
    return Table(caption, columns, rows)


def _pairs(decisions: Decisions, counts: Counts | None) -> Block:
    names, (labels, others, numbers) = named(decisions.k, counts), decisions.confusions.pairs()
    rows = [
        [Verbatim(names[a]), Verbatim(names[b]), f"{number:,} of {decisions.counts[a]:,}"]
        for a, b, number in list(zip(labels, others, numbers, strict=True))[:PAIRS]
    ]
    missed = decisions.confusions.missed
    # Where pairs gave way to others, those that are held are not all there were.
    of, least = (
        ("", f" Counts can be too low by {missed:,}.") if missed else (f"of {len(labels):,} ", "")
    )
    caption = f"The most frequent {of}pairs of class and wrong answer.{least}"
    return Table(caption, ["class", "taken for", "samples"], rows)
