"""Write the table of the claim contest into contest.md, and what `lopsided steer` quotes of it."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np

from lopsided.reproduce import CLAIMS, Record
from lopsided.reproduce.claim import Run
from lopsided.reproduce.claims.contest.numbers import BASE, ENDS, Numbers
from lopsided.reproduce.claims.contest.page import shape_cells
from lopsided.reproduce.claims.contest.settings import Settings

HERE = Path(__file__).parent
RESULTS = HERE.parents[1] / "results"
PAGES = HERE / "contest.md", HERE.parents[1] / "src" / "lopsided" / "cli" / "fared.py"


def runs() -> list[Run[Settings, Numbers]]:
    """Return what all records hold, the longest tails first."""
    claim = CLAIMS["contest"]
    found = [claim.read(Record.load(path)) for path in RESULTS.glob("contest-*.json")]
    return sorted(found, key=lambda run: (-run.settings.ratio, run.name))


def records() -> list[Numbers]:
    """Return the numbers of all records, the longest tails first."""
    return [run.numbers for run in runs()]


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


def chosen() -> dict[str, list[int]]:
    """Return on how many tails each member that is trained took the smallest, a middle and the
    largest of the rates; rules act on the networks of plain cross-entropy.
    """
    table: dict[str, list[int]] = {}
    for run in runs():
        for name, entry in run.numbers.entries.items():
            if not name.startswith("cross-entropy, ") and not run.numbers.diverged(name):
                rates = run.settings.rates
                which = (entry.rate > min(rates)) + (entry.rate == max(rates))
                table.setdefault(name, [0, 0, 0])[which] += 1
    return table


def edges() -> str:
    """Return which members took a rate at an end of the grid, in two sentences."""
    table = chosen()
    total = sum(map(sum, table.values()))
    words = []
    for end, which in (("largest", 2), ("smallest", 0)):
        most = {n: row[which] for n, row in table.items() if row[which] > sum(row) / 2}
        ranked = sorted(most, key=lambda name: -most[name])
        told = "; ".join(f"{name} ({most[name]})" for name in ranked)
        number = sum(row[which] for row in table.values())
        words.append(
            f"In {number} of {total} choices the rate is the {end} of the three, on more than half"
            f" of the tails that of {told}."
        )
    return "".join(
        f"{line}\n" for line in textwrap.wrap(" ".join(words), 140, break_on_hyphens=False)
    )


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
    head = ["member", *columns, "to its own law", "NC1", "rates taken"]
    rows, rates = [head, ["---"] * len(head)], chosen()
    for name in [BASE, *gaps(found)]:
        if diverged(name, found):
            continue
        there = [one for one in found if name in one.entries]
        tables = [100 * one.table(name) for one in there]
        parts = [slice(None, ENDS), slice(ENDS, -ENDS), slice(-ENDS, None)]
        told = [np.mean([table[:, part].mean() for table in tables]) for part in parts]
        told.append(np.mean([100 * one.as_trained(name).mean() for one in there]))
        shapes = [shape for one in there for shape in one.entries[name].shapes]
        taken = ", ".join(map(str, rates[name])) if name in rates else "–"
        rows.append([name, *(f"{value:.1f}" for value in told), *shape_cells(shapes), taken])
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
    ("<!-- edges start -->\n", "<!-- edges end -->\n"): edges,
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
