"""The README's table of measured figures, from the committed records.

python benchmarks/summary.py        write it into README.md
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
START, END = "<!-- figures start -->\n", "<!-- figures end -->\n"


def table() -> str:
    """Return the rows as Markdown."""
    predict, solve, measure, losses = (
        json.loads((HERE / "records" / f"{name}.json").read_text())
        for name in ("predict", "solve", "measure", "losses")
    )
    against, solved = predict["against"], {row["case"]: row for row in solve["rows"]}
    rows = [
        (
            "SELI of a million Zipf classes: all norms, the whole spectrum",
            (
                f"{predict['zipf']['seconds']:.1f} s,"
                f" {predict['zipf']['peak memory of the process, MiB']:.0f} MiB"
            ),
            (
                f"grows like m^{predict['exponent of the growth of norms and spectrum']:.2f} in the"
                " distinct counts"
            ),
        ),
        (
            f"SELI with all cosines, k = {against['case']['k']}, n = {against['case']['n']:,}",
            f"{1e3 * against['lopsided']:.1f} ms",
            f"{against['ratio']:.0f} times faster than the SVD of the label matrix",
        ),
        *(_solved(solved[case]) for case in ("k=10, R=100", "k=100, all distinct")),
        *(_measured(name, measure[name]) for name in ("A", "B")),
        _loss("vs", losses),
    ]
    lines = [
        "| work | CPU time | beside |",
        "|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


def _solved(row: dict[str, Any]) -> tuple[str, str, str]:
    above = row["cvxpy_above_dual"]
    arrived = (
        f"{row['cpu_ratio']:.0f} times faster than cvxpy, whose answer is {above:.0e} (relative)"
        " above our lower bound"
    )
    return (
        f"optimum of the UFM, {row['case']}, relative gap {row['relative_gap']:.0e}",
        f"{1e3 * row['cpu_seconds']:.0f} ms",
        (
            arrived
            if above < 1e-2
            else (
                "cvxpy does not converge within its default iterations"
                f" ({row['cvxpy_cpu_seconds']:.2g} s)"
            )
        ),
    )


def _measured(name: str, case: dict[str, Any]) -> tuple[str, str, str]:
    route = case["routes"]["two passes"]
    return (
        f"NC1-NC3 and CDNV, n = {case['n']:,}, d = {case['d']:,}, k = {case['k']:,}, two passes",
        f"{route['us a sample']:.1f} µs a sample",
        (
            f"{route['times faster than peer']:.1f} times faster than the usual d x d"
            f" pseudo-inverse, {route['over floor']:.1f} times its bare products and reads"
        ),
    )


def _loss(name: str, record: dict[str, Any]) -> tuple[str, str, str]:
    row, kept = record["losses"][name], record["losses, allocator keeps memory"][name]
    return (
        (
            f"{name.upper()} loss of {record['n']:,} samples of {record['k']:,} classes, forward"
            " and backward"
        ),
        f"{row['ms']:.1f} ms",
        (
            f"{row['ratio']:.1f} times PyTorch's plain cross-entropy, {kept['ratio']:.1f} times"
            " where the allocator keeps its memory"
        ),
    )


def written(text: str) -> str:
    """Return the README with the table in its place."""
    before, rest = text.split(START)
    return before + START + table() + END + rest.split(END)[1]


if __name__ == "__main__":
    README.write_text(written(README.read_text()))
