"""What a report shows of runs beside all laws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lopsided.report.blocks import Block, Figure, Fold, Table, drawn
from lopsided.reproduce.claim import Run
from lopsided.reproduce.claims.thrampoulidis2022.deep.kinds import PARTS, lettered
from lopsided.reproduce.claims.thrampoulidis2022.which_law.numbers import (
    LAWS,
    Fit,
    Numbers,
    Settings,
)
from lopsided.reproduce.spread import spread


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return one row a kind of run, mean and spread over its seeds."""
    most = max((run.numbers.runs for run in runs), key=len)
    kinds: dict[str, list[dict[str, Fit]]] = {}
    for fitted in sorted(most, key=lambda fitted: fitted.kind):
        kinds.setdefault(fitted.kind, []).append(fitted.laws)
    laws = [
        table(kinds, i, part, "laws", "Law part of the distance") for i, part in enumerate(PARTS)
    ]
    raw = [table(kinds, i, part, "distances", "Distance") for i, part in enumerate(PARTS)]
    return [misfits(list(kinds.values())), *laws, Fold("Raw distances", raw)]


def table(
    kinds: Mapping[str, Sequence[Mapping[str, Fit]]], i: int, part: str, field: str, what: str
) -> Table:
    """Return one row a kind of run, of the part at place i in a field of a `Fit`."""

    def cell(members: Sequence[Mapping[str, Fit]], law: str) -> str:
        return spread([getattr(m[law], field)[i] for m in members if law in m], 3)

    return Table(
        f"{what} of the {part}, mean ± standard deviation over the seeds (their number in"
        " brackets).",
        ["run", *LAWS],
        [
            [
                lettered(place, f"{title} ({len(members)})"),
                *(cell(members, law) for law in LAWS),
            ]
            for place, (title, members) in enumerate(kinds.items())
        ],
    )


def misfits(kinds: Sequence[Sequence[Mapping[str, Fit]]]) -> Figure:
    """Return the root mean square of the three law parts, a row a kind of run and a mark a law."""
    from lopsided.reproduce.figures.lines import by_row

    def size(members: Sequence[Mapping[str, Fit]], law: str) -> float:
        return float(np.mean([fits[law].size if law in fits else np.nan for fits in members]))

    series = {law: [size(members, law) for members in kinds] for law in LAWS}
    rows = [lettered(place, "").removesuffix(": ") for place in range(len(kinds))]
    return drawn(
        lambda ax: by_row(
            rows, series, ax, label="law part of the distance, root mean square of the three"
        ),
        "Law part of the distance of every kind of run to every law",
        "Root mean square of the law parts of the distances of classifiers, visible class means and"
        " logits to each law, mean over the seeds; the letters are those of the tables.",
        (6.2, 0.9 + 0.24 * len(rows)),
    )
