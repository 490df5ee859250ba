"""Write the tables of the claim prescription into prescribe.md."""

from __future__ import annotations

from pathlib import Path

from lopsided.report.blocks import Table
from lopsided.reproduce import CLAIMS, Record

HERE = Path(__file__).parent
PAGE, RESULTS = HERE / "prescribe.md", HERE.parents[1] / "results"
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
    return "\n".join(parts)


def written(text: str) -> str:
    """Return the page with the tables in their place."""
    before, rest = text.split(START)
    return before + START + tables() + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
