"""What a report shows of deep-network runs: a table and curves over all of them, then each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lopsided.report.blocks import Block, Figure, Fold, Row, Table, Text, drawn
from lopsided.reproduce.claims.thrampoulidis2022.deep_run import details
from lopsided.reproduce.claims.thrampoulidis2022.kinds import heading, kind, lettered
from lopsided.reproduce.figures.lines import several
from lopsided.reproduce.record import Record

#: More kinds of runs than this are not told apart in one figure.
_CURVES = 12
_PARTS = ("classifiers", "class means", "logits")


def show(records: Sequence[Record]) -> list[Block]:
    """Return the report of these runs."""
    if len(records) == 1:
        return details(records[0])
    ordered = sorted(records, key=lambda record: (kind(record), record.configuration["seed"]))
    kinds = {
        name: [record for record in ordered if kind(record) == name] for name in map(kind, ordered)
    }
    return [
        overview(kinds),
        *curves(kinds),
        *(
            Fold(heading(record), [Text(record.verdict.sentence), *details(record)[1:]])
            for record in ordered
        ),
    ]


def overview(kinds: Mapping[str, Sequence[Record]]) -> Table:
    """Return one row a kind of run: its distances at the end, with their spread over the seeds."""
    rows: list[list[str]] = []
    for name, records in kinds.items():
        last = [record.numbers["history"][-1] for record in records]
        cells = [
            f"{spread([row['distances'][law][i] for row in last])}"
            for i in (0, 1)
            for law in ("SELI", "ETF")
        ]
        logits, nc1 = (
            spread([row["distances"]["SELI"][2] for row in last]),
            np.mean([row["nc1"] for row in last]),
        )
        held = sum(record.verdict.holds for record in records)
        rows.append(
            [lettered(len(rows), name), *cells, logits, f"{nc1:.2g}", f"{held} of {len(records)}"]
        )
    columns = [
        "run",
        *(f"{part} to {law}" for part in _PARTS[:2] for law in ("SELI", "ETF")),
        "logits",
        "NC1",
        "holds",
    ]
    return Table(
        "Distances at the end of each kind of run, mean ± standard deviation over its seeds; a run"
        " holds by its own prediction.",
        columns,
        rows,
    )


def spread(values: Sequence[float]) -> str:
    """Return mean and, of several values, standard deviation."""
    return f"{np.mean(values):.2f}" + (
        f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    )


def curves(kinds: Mapping[str, Sequence[Record]]) -> list[Row]:
    """Return the distance to SELI against epoch, one colour a kind of run and one line a seed.

    Of more kinds than can be told apart those with a falling rate are drawn, whose ends are free of
    the noise of a constant one.
    """
    lettering = {
        lettered(place, "").removesuffix(": "): records
        for place, records in enumerate(kinds.values())
    }
    drawn_kinds = lettering
    if len(kinds) > _CURVES:
        drawn_kinds = {
            letter: records
            for letter, records in lettering.items()
            if records[0].configuration["schedule"] == "published"
        }
    if not 0 < len(drawn_kinds) <= _CURVES:
        return []

    def panel(i: int) -> Figure:
        lines = {
            letter: ([row["epoch"] for row in records[0].numbers["history"]], _columns(records, i))
            for letter, records in drawn_kinds.items()
        }
        label = f"Distance of the {_PARTS[i]} to SELI, all runs"
        return drawn(
            lambda ax: several(lines, ax, x="epoch", label="distance to SELI"),
            label,
            _PARTS[i].capitalize(),
            (4.6, 4.2),
        )

    which = "all runs" if len(drawn_kinds) == len(kinds) else "runs whose rate falls"
    caption = (
        f"Distance to SELI against epoch, {which}; a colour is a kind of run, lettered as in the"
        " table, a line a seed."
    )
    return [Row([panel(0), panel(1)], caption)]


def _columns(records: Sequence[Record], i: int) -> list[list[float]]:
    """Return the (t, seeds) distances to SELI of runs observed at the same epochs."""
    each = [
        [row["distances"]["SELI"][i] for row in record.numbers["history"]] for record in records
    ]
    return [list(row) for row in zip(*each, strict=True)]
