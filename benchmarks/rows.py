"""What the benchmarks share: a row of the page of benchmarks, least times of routes that take
turns, and what a record says of its machine.

A script puts its rows under "rows" in its record; `summary.py` makes docs/benchmarks.md of the
rows of all records.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

RECORDS = Path(__file__).with_name("records")


@dataclass(frozen=True)
class Figure:
    """What another route takes, in the unit of its row.

    Args:
        name: of the route.
        value: None where it does not arrive, or cannot be run.
    """

    name: str
    value: float | None


@dataclass(frozen=True)
class Row:
    """One piece of work: what it took, what it was to take, and what others take in the same
    process.

    Args:
        work: what is done, of what size.
        unit: of all the numbers, such as "ms" or "µs a sample".
        reached: least of several.
        target: at most so much was wanted.
        peer: the fairest other way to do the same.
        floor: what no way can do without.
        why: where the target is missed, what the time goes into.
    """

    work: str
    unit: str
    reached: float
    target: float
    peer: Figure
    floor: Figure
    why: str = ""


def least(*routes: Callable[[], object], times: int = 5) -> list[float]:
    """Return the least CPU seconds of each route; they take turns, so that a busy machine slows all
    alike.
    """
    best = [float("inf")] * len(routes)
    for _ in range(times):
        for i, route in enumerate(routes):
            began = time.process_time()
            route()
            best[i] = min(best[i], time.process_time() - began)
    return best


def rates() -> dict[str, float]:
    """Return how many GF/s a product of (1000, 1000) matrices takes, in double and in single
    precision.
    """
    found = {}
    for kind in ("float64", "float32"):
        matrix = np.ones((1000, 1000), kind)
        (seconds,) = least(lambda m=matrix: m @ m, times=3)
        found[kind] = 2 / seconds
    return found


def environment(*libraries: str) -> dict[str, Any]:
    """Return versions and machine, how fast it is and how busy."""
    return {
        "GF/s": rates(),
        "versions": {name: version(name) for name in ("lopsided", "numpy", "scipy", *libraries)},
        "python": platform.python_version(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "load average": os.getloadavg()[0],
    }


def save(name: str, rows: list[Row], rest: Mapping[str, Any]) -> None:
    """Write records/NAME.json."""
    record = {"rows": [asdict(row) for row in rows], **rest}
    RECORDS.joinpath(f"{name}.json").write_text(
        json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    )
