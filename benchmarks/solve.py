"""Speed and exactness of `lopsided.solve` beside cvxpy, in one process.

Run as `python benchmarks/solve.py`; writes benchmarks/records/solve.json. Times are the least of a
few repetitions for short cases, in wall and in CPU seconds of this process: on a busy machine only
the latter compare with a quiet one.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cvxpy as cp
import numpy as np

from lopsided import Counts, solve

RECORD = Path(__file__).parent / "records" / "solve.json"


def timed(call: Callable[[], Any], times: int = 1) -> tuple[Any, float, float]:
    wall = cpu = np.inf
    for _ in range(times):
        begin, used = time.perf_counter(), time.process_time()
        result = call()
        wall, cpu = min(wall, time.perf_counter() - begin), min(cpu, time.process_time() - used)
    return result, wall, cpu


def distinct(k: int) -> Counts:
    """All counts distinct, R = 100, n_min = k."""
    return Counts(np.unique(np.floor(k * np.geomspace(1, 100, k)).astype(int))[::-1].copy())


def conic(problem: solve.Problem) -> float:
    """The same k x k problem by cvxpy with SCS, its default for it."""
    n, k = problem.counts.values.astype(float), problem.k
    X = cp.Variable((k, k))
    loss = n @ (cp.log_sum_exp(X, axis=0) - cp.diag(X))
    return float(
        cp.Problem(cp.Minimize(loss + problem.ridge * cp.normNuc(X @ np.diag(np.sqrt(n))))).solve(
            solver=cp.SCS
        )
    )


def case(
    name: str, problem: solve.Problem, tolerance: float, *, times: int = 1, peer: bool = False
) -> dict[str, Any]:
    solution, wall, cpu = timed(lambda: solve.minimize(problem, tolerance=tolerance), times)
    row = {
        "case": name,
        "ridge": problem.ridge,
        "seconds": wall,
        "cpu_seconds": cpu,
        "relative_gap": solution.certificate.relative_gap,
    }
    if peer:
        value, wall, cpu = timed(lambda: conic(problem))
        row |= {
            "cvxpy_seconds": wall,
            "cvxpy_cpu_seconds": cpu,
            "cvxpy_above_dual": value / solution.certificate.dual - 1,
        }
        row["cpu_ratio"] = cpu / row["cpu_seconds"]
    print(row, flush=True)
    return row


def main() -> None:
    step = Counts.step(10, 1, 100)
    rows = [
        case("k=10, R=100", solve.Problem(step, ridge=1e-3), 1e-10, times=20, peer=True),
        case(
            "k=10^6, STEP R=100",
            solve.Problem(Counts.step(10**6, 5, 100), ridge=1e-2),
            1e-10,
            times=5,
        ),
        case(
            "k=50, all distinct",
            solve.Problem(distinct(50), ridge=1e-2 * np.sqrt(50)),
            1e-9,
            times=3,
            peer=True,
        ),
        case(
            "k=100, all distinct",
            solve.Problem(distinct(100), ridge=1e-2 * np.sqrt(100)),
            1e-9,
            times=5,
            peer=True,
        ),
        case("k=300, all distinct", solve.Problem(distinct(300), ridge=1e-2 * np.sqrt(300)), 1e-9),
    ]
    top = solve.largest_ridge(solve.Problem(step, ridge=1.0))
    path, wall, cpu = timed(
        lambda: solve.path(
            solve.Problem(step, ridge=1.0), np.geomspace(top, 1e-8 * top, 50), tolerance=1e-6
        ),
        3,
    )
    worst = max(s.certificate.relative_gap for s in path)
    rows.append(
        {
            "case": "path of 50 ridges, k=10, R=100",
            "seconds": wall,
            "cpu_seconds": cpu,
            "relative_gap": worst,
        }
    )
    rows.append(
        case(
            "k=1000, all distinct", solve.Problem(distinct(1000), ridge=1e-2 * np.sqrt(1000)), 1e-6
        )
    )
    record = {
        "rows": rows,
        "threads": os.environ["OMP_NUM_THREADS"],
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "machine": platform.machine(),
        "memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "versions": {name: version(name) for name in ("lopsided", "numpy", "scipy", "cvxpy", "scs")}
        | {"python": platform.python_version()},
    }
    RECORD.parent.mkdir(exist_ok=True)
    RECORD.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
