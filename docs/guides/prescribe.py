"""Write the tables of the claim prescription into prescribe.md."""

from __future__ import annotations

import json
from pathlib import Path

from lopsided.report.blocks import Table
from lopsided.reproduce import CLAIMS, Record

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAGE, RESULTS = HERE / "prescribe.md", ROOT / "results"
INTERVALS = ROOT / "benchmarks" / "records" / "campaigns" / "intervals.json"
RAREST = "held-out samples of the rarest class"
START, END = "<!-- tables start -->\n", "<!-- tables end -->\n"


def tables() -> str:
    """Return the verdict and the tables of the record as Markdown."""
    claim = CLAIMS["prescription"]
    (path,) = RESULTS.glob("prescription-*.json")
    run = claim.read(Record.load(path))
    parts = [f"{run.verdict.sentence}\n"]
    for block in claim.show([run]):
        if isinstance(block, Table):
            lines = [block.columns, ["---"] * len(block.columns), *block.rows]
            parts.append(f"{block.caption}\n")
            parts.append("".join(f"| {' | '.join(line)} |\n" for line in lines))
    return "\n".join([*parts, intervals()])


def intervals() -> str:
    """Return how often the interval contains the gain that comes, and what comes of what was
    promised, for few classes and many.
    """
    rows = json.loads(INTERVALS.read_text())["rows"]
    rarest = sorted({row[RAREST] for row in rows})
    found = {
        (row["samples"], row["classes"], row[RAREST]): (
            f"{row['contained']:.0%}, {100 * row['promised where prescribed']:.1f} →"
            f" {100 * row['came where prescribed']:.1f}"
        )
        for row in rows
    }
    hurt = max(row["worse by more than a point where prescribed"] for row in rows)
    lines = [
        ["samples", "classes", *(f"m = {m}" for m in rarest)],
        ["---"] * (2 + len(rarest)),
        *(
            [name, str(k), *(found.get((name, k, m), "–") for m in rarest)]
            for name, k in dict.fromkeys((name, k) for name, k, _ in found)
        ),
    ]
    return (
        "How many 90% intervals contain the gain that came, and the mean gain in points that was"
        " promised and that came where a head was prescribed: linear heads of cross-entropy on"
        f" normal samples and on images, {rows[0]['trials']} trials each, by"
        " `benchmarks/campaigns/intervals.py`; m held-out samples of the rarest class. In no cell"
        f" do more than {hurt:.1%} of the prescribed heads lose more than a point.\n\n"
        + "".join(f"| {' | '.join(line)} |\n" for line in lines)
    )


def written(text: str) -> str:
    """Return the page with the tables in their place."""
    before, rest = text.split(START)
    return before + START + tables() + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
