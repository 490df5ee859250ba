"""The solver where problems are large or the rank falls: full rank, rank below k - 1, a path, soft
targets, and the real long tail of LVIS.

    OMP_NUM_THREADS=1 python benchmarks/regimes.py [COUNTS_OF_LVIS.txt]

CPU seconds of one thread, the least of several for short cases. The floor is one certificate of the
answer: its singular values and two products of matrices. The peer, cvxpy with SCS, takes two
minutes at k = 100 and is run by `solve.py`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import rows

from lopsided import Counts, Problem, Targets, solve

NO_PEER = rows.Figure("no peer run (cvxpy in the table of the README)", None)


def distinct(k: int) -> Counts:
    """All counts distinct, R = 100, n_min = k."""
    return Counts(np.unique(np.floor(k * np.geomspace(1, 100, k)).astype(int))[::-1].copy())


def certificate(k: int, m: int) -> Callable[[], object]:
    matrix = np.random.default_rng(0).standard_normal((k, m))

    def run() -> None:
        np.linalg.svd(matrix, compute_uv=False)
        matrix @ matrix.T @ matrix

    return run


class Cases:
    """Rows so far, and what else is told of each answer."""

    def __init__(self) -> None:
        self.rows: list[rows.Row] = []
        self.told: dict[str, object] = {}

    def add(
        self,
        work: str,
        target: float,
        call: Callable[[], list[solve.Solution]],
        shape: tuple[int, int],
        times: int,
    ) -> None:
        """Measure a row."""
        answers: list[solve.Solution] = []
        best = np.inf
        for _ in range(times):
            began = time.process_time()
            answers = call()
            best = min(best, time.process_time() - began)
        (floor,) = rows.least(certificate(*shape), times=3)
        gap = max(answer.certificate.relative_gap for answer in answers)
        stops = sorted({answer.status.name for answer in answers})
        self.told[work] = {"seconds": best, "relative gap": gap, "status": stops}
        print(work, self.told[work], flush=True)
        self.rows.append(
            rows.Row(
                f"{work}, gap {gap:.0e}",
                "s",
                best,
                target,
                NO_PEER,
                rows.Figure(f"certificates: {len(answers)}", floor * len(answers)),
                "each step of Newton's method takes the products of its linear system",
            )
        )


def main(lvis: Path | None) -> None:
    cases = Cases()
    for k, target, times, tolerance in (
        (100, 0.015, 7, 1e-9),
        (300, 0.15, 5, 1e-9),
        (1000, 2.5, 2, 1e-6),
    ):
        problem = Problem(distinct(k), ridge=1e-2 * np.sqrt(k))
        cases.add(
            f"UFM optimum, all counts distinct, k = {k:,}",
            target,
            lambda p=problem, t=tolerance: [solve.minimize(p, tolerance=t)],
            (k, k),
            times,
        )
    for k, target, times in ((100, 0.25, 4), (300, 2.5, 2)):
        top = solve.largest_ridge(Problem(distinct(k), ridge=1.0))
        problem = Problem(distinct(k), ridge=0.5 * top)
        cases.add(
            f"the same at half the largest ridge, rank below k - 1, k = {k}",
            target,
            lambda p=problem: [solve.minimize(p, tolerance=1e-8)],
            (k, k),
            times,
        )
    problem = Problem(distinct(300), ridge=1.0)
    ridges = np.geomspace(1e-3, 0.9, 12)[::-1] * np.sqrt(300)
    cases.add(
        "path of 12 ridges, k = 300",
        1.0,
        lambda: list(solve.path(problem, ridges, tolerance=1e-8)),
        (300, 300),
        2,
    )
    rng = np.random.default_rng(0)
    soft = Problem(
        Targets.contexts(rng.dirichlet(np.full(100, 0.1), 200).T, rng.integers(1, 50, 200)),
        ridge=1.0,
    )
    cases.add(
        "soft targets, V = 100, m = 200, ridge 1",
        0.6,
        lambda: [solve.minimize(soft, tolerance=1e-6)],
        (100, 200),
        3,
    )
    if lvis is not None:
        counts = Counts(np.loadtxt(lvis, delimiter=",", dtype=np.int64))
        for ridge in (1e-3, 1.0):
            problem = Problem(counts, ridge=ridge)
            cases.add(
                f"LVIS, all {counts.k:,} classes, ridge {ridge:g}",
                10.0,
                lambda p=problem: [solve.minimize(p, tolerance=1e-8)],
                (counts.groups.m, counts.groups.m),
                1,
            )
    rows.save("regimes", cases.rows, {"answers": cases.told, "environment": rows.environment()})


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
