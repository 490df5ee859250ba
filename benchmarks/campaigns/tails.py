"""Real tails at every ridge: all counts nearly distinct, from almost no ridge to almost no optimum.

    OMP_NUM_THREADS=1 python benchmarks/campaigns/tails.py [LVIS counts, one line] --out
    benchmarks/records/campaigns/tails.json

Twelve ridges a tail, from 1e-6 to .999 of the largest that has an optimum other than zero, each
solved anew. Wrong is whatever does not end OPTIMAL with a relative duality gap of at most 1e-8. The
record is written after every tail.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from campaign import write

from lopsided import Counts, Problem, solve

SHARES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.03, 0.1, 0.3, 0.5, 0.8, 0.95, 0.999)
TOLERANCE = 1e-8


def tails(lvis: Path | None) -> dict[str, Counts]:
    """Return counts by name."""
    found = {
        "exponential, k = 100, R = 5000": Counts.exponential(100, 5000, 5000),
        "exponential, k = 300, R = 5000": Counts.exponential(300, 50_000, 5000),
        "the extremes of Places-LT, exponential: k = 365, 4,980 to 5": Counts.exponential(
            365, 4980, 996
        ),
    }
    if lvis is not None:
        found["LVIS, k = 1,203"] = Counts(np.loadtxt(lvis, delimiter=",", dtype=np.int64))
    return found


def solved(counts: Counts, share: float) -> dict[str, float | str]:
    """Return what came of one ridge."""
    problem = Problem(counts, ridge=1.0)
    problem = problem.at(share * solve.largest_ridge(problem))
    began = time.process_time()
    found = solve.minimize(problem, tolerance=TOLERANCE)
    return {
        "share of the largest ridge": share,
        "status": found.status.name,
        "relative gap": float(found.certificate.relative_gap),
        "seconds": round(time.process_time() - began, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lvis", type=Path, nargs="?", help="counts of LVIS, separated by commas")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    rows: dict[str, list[dict[str, float | str]]] = {}
    for name, counts in tails(given.lvis).items():
        rows[name] = [solved(counts, share) for share in SHARES]
        wrong = [
            {"tail": tail, **row}
            for tail, done in rows.items()
            for row in done
            if row["status"] != "OPTIMAL" or row["relative gap"] > TOLERANCE
        ]
        write(given.out, "real tails at ridges up to the largest", {"tails": rows, "wrong": wrong})


if __name__ == "__main__":
    main()
