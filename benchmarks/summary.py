"""The measured figures of the README and of pages in docs, from the committed records.

python benchmarks/summary.py        write all
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from far import far

HERE = Path(__file__).parent
ROOT = HERE.parent
#: Scripts whose records have rows of the page, in its order.
NAMES = ("predict", "regimes", "measure", "pairs", "systems", "losses", "command", "stored")


def few() -> str:
    """Return the figures of the README as Markdown."""
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
            (
                f"`eigh` of the k x k matrix takes {1e3 * against['numpy.linalg.eigh']:.1f} ms, the"
                f" SVD of the label matrix {1e3 * against['numpy.linalg.svd']:,.0f} ms"
            ),
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
            f"{name.upper()} loss of {record['cases']['small']['n']:,} samples of"
            f" {record['cases']['small']['k']:,} classes, forward and backward"
        ),
        f"{row['ms']:.1f} ms",
        (
            f"{row['ms'] / row['plain ms']:.2g} times PyTorch's plain cross-entropy,"
            f" {kept['ms'] / kept['plain ms']:.2g} times where the allocator keeps its memory"
        ),
    )


def every() -> str:
    """Return all rows of the records as Markdown, and why targets are missed."""
    lines = [
        "| work | reached | target | peer | floor |",
        "|---|---|---|---|---|",
    ]
    missed, loads = [], []
    for name in NAMES:
        path = HERE / "records" / f"{name}.json"
        record = json.loads(path.read_text()) if path.exists() else {}
        rows = [row for row in record.get("rows", []) if "work" in row]
        if rows:
            loads.append(f"{name} {_load(record):.1f}{_rates(record)}")
        for row in rows:
            met = row["reached"] <= row["target"]
            told = _number(row["reached"])
            lines.append(
                f"| {row['work']} | {told if met else f'**{told}**'} {row['unit']} |"
                f" {_number(row['target'])} | {_beside(row['peer'], row['reached'])} |"
                f" {_beside(row['floor'], row['reached'])} |"
            )
            if not met:
                missed.append(f"* {row['work']}: {row['why']}")
    head = (
        "Load average of the two cores at the end of measuring, and GF/s of products in float64 and"
        f" float32: {'; '.join(loads)}. Targets were set where these are 46 and 92.\n\n"
    )
    table = "\n".join(lines) + "\n"
    return head + table + ("\nMissed, in bold:\n\n" + "\n".join(missed) + "\n" if missed else "")


def _load(record: dict[str, Any]) -> float:
    return float(record.get("environment", record)["load average"])


def _rates(record: dict[str, Any]) -> str:
    rates = record.get("environment", record).get("GF/s")
    return f", {rates['float64']:.0f} and {rates['float32']:.0f}" if rates else ""


def _number(value: float) -> str:
    return f"{value:.2g}" if value < 100 else f"{value:,.0f}"


def _beside(figure: dict[str, Any], reached: float) -> str:
    if figure["value"] is None:
        return str(figure["name"])
    return f"{figure['name']}: {_number(figure['value'])} ({figure['value'] / reached:.2g} times)"


#: Part of a page, between marks of its name -> what writes it.
PARTS = {"figures": few, "rows": every, "far": far}


def written(text: str) -> str:
    """Return a page with its parts in their places."""
    for name, write in PARTS.items():
        start, end = f"<!-- {name} start -->\n", f"<!-- {name} end -->\n"
        if start in text:
            before, rest = text.split(start)
            text = before + start + write() + end + rest.split(end)[1]
    return text


if __name__ == "__main__":
    for page in ("README.md", "docs/benchmarks.md", "docs/guides/cluster.md"):
        path = ROOT / page
        path.write_text(written(path.read_text()))
