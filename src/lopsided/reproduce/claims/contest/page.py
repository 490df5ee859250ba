"""The pages of the claim contest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lopsided.report.blocks import Block, Table, drawn
from lopsided.reproduce.claim import Run
from lopsided.reproduce.claims.contest.numbers import BASE, ENDS, Numbers, Shape
from lopsided.reproduce.claims.contest.settings import Settings

COLUMNS = [
    "member",
    "of",
    "rate",
    "balanced accuracy",
    "ahead of CE + logit adjustment",
    "many",
    "medium",
    "few",
    "as trained",
    "‖w‖² ratio",
    "to SELI",
    "to ETF",
    "to its own law",
    "NC1",
]


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return a figure of all members, and a table of them for each data set and ratio."""
    from lopsided.reproduce.figures.losses import ahead

    titles = _titles(runs)
    found = {title: run.numbers for title, run in zip(titles, runs, strict=True)}
    names = {name: None for each in found.values() for name in each.entries if name != BASE}
    points = {
        name: {
            title: 100 * each.gaps(name) for title, each in found.items() if name in each.entries
        }
        for name in names
        if not any(each.diverged(name) for each in found.values() if name in each.entries)
    }
    figure = drawn(
        lambda ax: ahead(points, ax, x=f"points of balanced accuracy ahead of {BASE}"),
        f"Balanced accuracy of {len(points)} members ahead of {BASE}",
        "Each mark is a member on one long tail, with the spread over seeds; the best in the mean"
        " first. What diverges is in the tables alone.",
        size=(6.4, 1.6 + 0.17 * len(points)),
    )
    return [figure, *map(_table, runs, titles)]


def _titles(runs: Sequence[Run[Settings, Numbers]]) -> list[str]:
    """Name runs by their data; those of the same data by the hash of their record too."""
    told = [
        f"{n.title}, {n.counts[0]} to {n.counts[-1]} samples" for n in (run.numbers for run in runs)
    ]
    return [
        title if told.count(title) == 1 else f"{title}, {run.name.rpartition('-')[2]}"
        for title, run in zip(told, runs, strict=True)
    ]


def _table(run: Run[Settings, Numbers], title: str) -> Table:
    numbers, settings = run.numbers, run.settings
    rows = []
    for name in sorted(numbers.entries, key=lambda each: -numbers.balanced(each).mean()):
        entry, table = numbers.entries[name], 100 * numbers.table(name)
        parts = table[:, :ENDS], table[:, ENDS:-ENDS], table[:, -ENDS:]
        rows.append(
            [
                name,
                entry.kind,
                f"{entry.rate:g}",
                spread(100 * numbers.balanced(name)),
                spread(100 * numbers.gaps(name), sign="+"),
                *(f"{part.mean():.1f}" for part in parts),
                f"{100 * numbers.as_trained(name).mean():.1f}",
                *shape_cells(entry.shapes),
            ]
        )
    return Table(
        f"{title} a class, {settings.seeds} seeds, points, mean ± standard deviation;"
        " differences are of the same seed.",
        COLUMNS,
        rows,
    )


def spread(values: np.typing.NDArray[np.float64], sign: str = "") -> str:
    """Return a mean and, of several values, a standard deviation."""
    told = f"{values.mean():{sign}.1f}"
    return f"{told} ± {values.std(ddof=1):.1f}" if len(values) > 1 else told


def shape_cells(shapes: Sequence[Shape]) -> list[str]:
    """Return the geometry in the mean over networks, as the last columns have it."""
    cells = []
    for name in ("ratio", "seli", "etf", "own", "nc1"):
        values = [value for one in shapes if (value := getattr(one, name)) is not None]
        cells.append(f"{np.mean(values):.2f}" if values else "–")
    return cells
