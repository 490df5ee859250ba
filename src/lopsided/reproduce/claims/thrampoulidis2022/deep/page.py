"""What a report shows of deep-network runs: a table and curves over all of them; of one, all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from lopsided.counts import Counts
from lopsided.report import explorer
from lopsided.report.blocks import Block, Figure, Fold, Play, Row, Table, drawn
from lopsided.reproduce.claims.thrampoulidis2022.deep.kinds import (
    PARTS,
    DeepRun,
    heading,
    kind,
    lettered,
)
from lopsided.reproduce.claims.thrampoulidis2022.deep.run import details
from lopsided.reproduce.figures.lines import several
from lopsided.reproduce.spread import spread

#: More kinds of runs than this are not told apart in one figure.
_CURVES = 12


def show(runs: Sequence[DeepRun]) -> list[Block]:
    """Return the report of these runs."""
    if len(runs) == 1:
        return [*details(runs[0]), *play(runs)]
    ordered = sorted(runs, key=lambda run: (kind(run), run.settings.seed))
    kinds = {name: [run for run in ordered if kind(run) == name] for name in map(kind, ordered)}
    return [
        overview(kinds),
        *curves(kinds),
        *play(ordered),
    ]


def play(runs: Sequence[DeepRun]) -> list[Block]:
    """Return the networks beside what theory predicts, to play with; of several runs those on the
    class counts that most of them have.
    """
    (counts, _), *_ = Counter(run.numbers.counts for run in runs).most_common()
    if len(counts) > explorer.MOST_CLASSES:
        return []
    alike = [run for run in runs if run.numbers.counts == counts]
    networks = {heading(run): run.numbers.geometry.geometry(Counts(counts)) for run in alike}
    which = "" if len(alike) == len(runs) else f", {len(alike)} of {len(runs)} runs"
    return [
        Fold(
            f"Beside what theory predicts, to play with{which}",
            [Play(explorer.component(Counts(counts), networks))],
        )
    ]


def overview(kinds: Mapping[str, Sequence[DeepRun]]) -> Table:
    """Return one row a kind of run: its distances at the end, with their spread over the seeds."""
    rows: list[list[str]] = []
    for name, runs in kinds.items():
        last = [run.numbers.history[-1] for run in runs]
        pairs = [(row.distances.seli, row.distances.etf) for row in last]
        cells = [spread([pair[law][i] for pair in pairs]) for i in (0, 1) for law in (0, 1)]
        logits = spread([row.distances.seli.logits for row in last])
        nc1 = np.mean([row.nc1 for row in last])
        held = sum(run.verdict.holds for run in runs)
        rows.append(
            [lettered(len(rows), name), *cells, logits, f"{nc1:.2g}", f"{held} of {len(runs)}"]
        )
    columns = [
        "run",
        *(f"{part} to {law}" for part in PARTS[:2] for law in ("SELI", "ETF")),
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


def curves(kinds: Mapping[str, Sequence[DeepRun]]) -> list[Row]:
    """Return the distance to SELI against epoch, one colour a kind of run and one line a seed.

    Of more kinds than can be told apart those with a falling rate are drawn, whose ends are free of
    the noise of a constant one.
    """
    lettering = {
        lettered(place, "").removesuffix(": "): runs for place, runs in enumerate(kinds.values())
    }
    drawn_kinds = lettering
    if len(kinds) > _CURVES:
        drawn_kinds = {
            letter: runs
            for letter, runs in lettering.items()
            if runs[0].settings.schedule == "published"
        }
    if not 0 < len(drawn_kinds) <= _CURVES:
        return []

    def panel(i: int) -> Figure:
        lines = {
            letter: ([row.epoch for row in runs[0].numbers.history], _columns(runs, i))
            for letter, runs in drawn_kinds.items()
        }
        label = f"Distance of the {PARTS[i]} to SELI, all runs"
        return drawn(
            lambda ax: several(lines, ax, x="epoch", label="distance to SELI"),
            label,
            PARTS[i].capitalize(),
            (4.6, 4.2),
        )

    which = "all runs" if len(drawn_kinds) == len(kinds) else "runs whose rate falls"
    caption = (
        f"Distance to SELI against epoch, {which}; a colour is a kind of run, lettered as in the"
        " table, a line a seed."
    )
    return [Row([panel(0), panel(1)], caption)]


def _columns(runs: Sequence[DeepRun], i: int) -> list[list[float]]:
    """Return the (t, seeds) distances to SELI of runs observed at the same epochs."""
    each = [[row.distances.seli[i] for row in run.numbers.history] for run in runs]
    return [list(row) for row in zip(*each, strict=True)]
