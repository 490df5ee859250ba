"""Write the table of the claim contest into contest.md, and what `lopsided steer` quotes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lopsided.reproduce import CLAIMS, Record
from lopsided.reproduce.claims.contest.numbers import BASE, ENDS, Numbers
from lopsided.reproduce.claims.contest.page import shape_cells

HERE = Path(__file__).parent
RESULTS = HERE.parents[1] / "results"
PAGES = HERE / "contest.md", HERE.parents[1] / "src" / "lopsided" / "cli" / "fared.py"


def records() -> list[Numbers]:
    """Return the numbers of all records, the longest tails first."""
    claim = CLAIMS["contest"]
    runs = [claim.read(Record.load(path)) for path in RESULTS.glob("contest-*.json")]
    found: list[Numbers] = [
        run.numbers for run in sorted(runs, key=lambda r: (-r.settings.ratio, r.name))
    ]
    return found


def gaps(found: list[Numbers]) -> dict[str, np.ndarray]:
    """Return by how many points each member is ahead of `BASE`, a row a record that has it, a
    column a seed; the best in the mean first.
    """
    names = dict.fromkeys(name for one in found for name in one.entries if name != BASE)
    table = {
        name: 100 * np.stack([one.gaps(name) for one in found if name in one.entries])
        for name in names
    }
    return dict(sorted(table.items(), key=lambda item: -item[1].mean()))


def kind(name: str, found: list[Numbers]) -> str:
    """Return what a member is."""
    return next(one.entries[name].kind for one in found if name in one.entries)


def diverged(name: str, found: list[Numbers]) -> bool:
    """Whether a member diverged at the rate that was best for it, in every run of some record."""
    return any(one.diverged(name) for one in found if name in one.entries)


def markdown() -> str:
    """Return the table of all members."""
    found = records()
    titles = [f"{one.title}, {one.counts[0]} to {one.counts[-1]}" for one in found]
    head = ["member", "of", "mean", "seeds ahead", *titles]
    rows = [head, ["---"] * len(head)]
    for name, table in gaps(found).items():
        if diverged(name, found):
            rows.append([name, kind(name, found), "diverges", "", *["" for _ in found]])
            continue
        told = [f"{row.mean():+.1f} ± {row.std(ddof=1):.1f}" for row in table]
        cells = [told.pop(0) if name in one.entries else "" for one in found]
        ahead = f"{(table > 0).sum()} of {table.size}"
        rows.append([name, kind(name, found), f"{table.mean():+.1f}", ahead, *cells])
    base = [100 * one.balanced(BASE) for one in found]
    told = [f"{each.mean():.1f} ± {each.std(ddof=1):.1f}" for each in base]
    rows.append([f"*{BASE}*", "rule", "*itself, in %*", "", *told])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def details() -> str:
    """Return accuracies of many, medium and few classes and the geometry, in the mean over all
    records.
    """
    found = records()
    columns = ["many", "medium", "few", "as trained", "‖w‖² ratio", "to SELI", "to ETF"]
    head = ["member", *columns, "to its own law", "NC1"]
    rows = [head, ["---"] * len(head)]
    for name in [BASE, *gaps(found)]:
        if diverged(name, found):
            continue
        there = [one for one in found if name in one.entries]
        tables = [100 * one.table(name) for one in there]
        parts = [slice(None, ENDS), slice(ENDS, -ENDS), slice(-ENDS, None)]
        told = [np.mean([table[:, part].mean() for table in tables]) for part in parts]
        told.append(np.mean([100 * one.as_trained(name).mean() for one in there]))
        shapes = [shape for one in there for shape in one.entries[name].shapes]
        rows.append([name, *(f"{value:.1f}" for value in told), *shape_cells(shapes)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def module() -> str:
    """Return the lines of the module that `lopsided steer` quotes."""
    found = records()
    lines = [f"TAILS, SEEDS = {len(found)}, {len(found[0].balanced(BASE))}\n"]
    lines += ["AHEAD: dict[str, float] = {\n"]
    for name, table in gaps(found).items():
        if kind(name, found) in ("loss", "design") and not diverged(name, found):
            lines.append(f'    "{name}": {table.mean():.1f},\n')
    return "".join([*lines, "}\n"])


#: Between its start and its end a part of the page, or of the module, is written by the records.
PARTS = {
    ("<!-- table start -->\n", "<!-- table end -->\n"): markdown,
    ("<!-- details start -->\n", "<!-- details end -->\n"): details,
    ("# table start\n", "# table end\n"): module,
}


def written(text: str) -> str:
    """Return a page, or the module, with what the records say in its places."""
    for (start, end), told in PARTS.items():
        if start in text:
            before, rest = text.split(start)
            text = before + start + told() + end + rest.split(end)[1]
    return text


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(written(page.read_text()))
