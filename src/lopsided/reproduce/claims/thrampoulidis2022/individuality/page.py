"""What a report shows of individuality: parts, averages, courses and kinship."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lopsided.report.blocks import Block, Fold, Row, Table, drawn
from lopsided.reproduce.claim import Run
from lopsided.reproduce.claims.thrampoulidis2022.individuality.numbers import (
    Average,
    Course,
    Kinship,
    Numbers,
    Part,
    Settings,
)
from lopsided.reproduce.figures.lines import against_epochs
from lopsided.reproduce.spread import spread


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return the report of the run with most networks."""
    numbers = max((run.numbers for run in runs), key=lambda found: len(found.parts))
    return [
        *(averaged(average) for average in numbers.averages),
        *(course(each) for each in numbers.courses),
        *(kin for name, each in numbers.kinship.items() for kin in related(name, each)),
        hidden(numbers.parts),
        Fold("The parts of every kind of run", [parts(numbers.parts)]),
    ]


def averaged(average: Average) -> Table:
    """Return how far averages of aligned runs are from the law, beside what is expected."""
    rows = [
        [name, *(f"{value:.3f}" for value in values), *told]
        for part, curve in average.curves.items()
        for name, values, told in (
            (part, curve.distances, (f"{curve.law:.3f}", f"{curve.individual:.3f}")),
            ("expected", curve.expected(), (f"{curve.across:.3f}, from pairs", "")),
        )
    ]
    several = range(1, len(average.curves["logits"].distances) + 1)
    note = "" if average.equals else " No two counts are equal: only pairs of runs tell the law."
    return Table(
        f"Distance to the law of m runs, aligned by count and averaged; {average.kind}. Expected is"
        f" √(law² + individual²/m).{note}",
        ["", *(f"m = {m}" for m in several), "law", "individual"],
        rows,
    )


def course(found: Course) -> Row:
    """Return law parts and hidden share against epoch."""
    laws = {
        "classifiers": found.classifiers,
        "class means": found.embeddings,
        "logits": found.logits,
    }
    panels = [
        drawn(
            lambda ax: against_epochs(found.epochs, laws, ax),
            f"Law parts against epoch, {found.kind}",
            "Law part",
        ),
        drawn(
            lambda ax: against_epochs(found.epochs, {"class means": found.hidden}, ax),
            f"Share of the class means that the head does not see, against epoch, {found.kind}",
            "Hidden",
        ),
    ]
    return Row(panels, f"{found.kind}, means over the runs.")


def related(name: str, kin: Kinship) -> list[Block]:
    """Return the correlations of individual parts between networks, and with the images."""
    table = np.full((len(kin.units),) * 2, "", object)
    for pair in kin.pairs:
        table[pair.second, pair.first] = f"{pair.correlation:.2f} ({pair.p:.2g})"
    for i, unit in enumerate(kin.units):
        table[i, i] = "–" if unit.within is None else f"{unit.within:.2f}"

    def cell(found: tuple[float, ...]) -> str:
        return f"{found[0]:.2f} ({found[1]:.2g})" if found else "–"

    rows = [
        [f"{i + 1}: {unit.name} ({unit.runs})", *table[i], cell(unit.images), cell(unit.confusion)]
        for i, unit in enumerate(kin.units)
    ]
    columns = ["network on data (runs)", *(str(i + 1) for i in range(len(rows)))]
    return [
        Table(
            f"Correlation of the individual parts of the {name}, in brackets the share of"
            " relabellings of the classes that reach it; on the diagonal the mean over pairs of"
            " runs; at last with the cosines of the class means of the images, and with the"
            " confusions of a linear classifier.",
            [*columns, "images", "confusions"],
            rows,
        )
    ]


def hidden(found: Sequence[Part]) -> Table:
    """Return the share of the class means that the head does not see, by data, ratio and decay."""
    kept = [part for part in found if part.fitted]
    keys = sorted({(part.title, part.ratio, part.weight_decay) for part in kept})
    rows = []
    for key in keys:
        shares = [p.split.hidden for p in kept if (p.title, p.ratio, p.weight_decay) == key]
        title, ratio, decay = key
        rows.append([title, f"{ratio:g}", f"{decay:g}", str(len(shares)), spread(shares)])
    return Table(
        "Share of the energy of the class means that the head does not see, runs that fit every"
        " class.",
        ["data", "R", "weight decay", "runs", "hidden"],
        rows,
    )


def parts(found: Sequence[Part]) -> Table:
    """Return law and individual part of every kind of run, mean and spread over its runs."""
    kinds: dict[str, list[Part]] = {}
    for part in found:
        kinds.setdefault(part.kind, []).append(part)
    rows = [
        [
            f"{name} ({len(members)})",
            *(
                spread([getattr(getattr(p.split, field), what) for p in members])
                for field in ("classifiers", "embeddings", "logits")
                for what in ("law", "individual")
            ),
            spread([p.split.hidden for p in members]),
            f"{sum(p.fitted for p in members)} of {len(members)}",
        ]
        for name, members in sorted(kinds.items())
    ]
    names = [
        f"{part}, {what}"
        for part in ("classifiers", "class means", "logits")
        for what in ("law", "single classes")
    ]
    return Table(
        "Parts of the distance to the prediction, mean ± standard deviation over the runs.",
        ["run", *names, "hidden", "fitted"],
        rows,
    )
