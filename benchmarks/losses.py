"""Losses: time of a forward and backward pass against `torch.nn.functional.cross_entropy`, 1,024
samples of 1,000 classes and 4,096 of 50,000, float32.

    OMP_NUM_THREADS=1 python benchmarks/losses.py

CPU time of one thread, the least of several. Loss and framework take turns, so that a busy machine
slows both alike; the floor is one exponential and one array written. glibc hands arrays of 4 MB
back to the system and has to fetch them again, which costs about as much as the arithmetic and
comes and goes; so the smaller case is measured twice, with the system's settings and with an
allocator told to keep its memory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial

os.environ.setdefault("OMP_NUM_THREADS", "1")

import rows
import torch
from torch.nn import functional

from lopsided import Adjustment, Counts, steer

#: n, k -> rounds.
CASES = {"small": (1024, 1000, 100), "large": (4096, 50_000, 4)}
KEEPING = {"MALLOC_TRIM_THRESHOLD_": "1000000000", "MALLOC_MMAP_THRESHOLD_": "1000000000"}


def losses(counts: Counts) -> dict[str, torch.nn.Module]:
    adjustments = {
        "plain": Adjustment(),
        "weighted": Adjustment.weighted(counts),
        "logit-adjusted": Adjustment.logit_adjusted(counts),
        "cdt": Adjustment.cdt(counts, 0.3),
        "vs": Adjustment.vs(counts, 0.2, 1.0),
        "ldam": Adjustment.ldam(counts),
    }
    made: dict[str, torch.nn.Module] = {
        name: steer.AdjustedCrossEntropy(adjustment) for name, adjustment in adjustments.items()
    }
    return made | {"focal": steer.Focal(2.0)}


def table(case: str) -> dict[str, dict[str, float]]:
    """Return ms of each loss, of the framework's plain one, of VS by its operations, and of the
    floor.
    """
    torch.set_num_threads(1)
    torch.manual_seed(0)
    n, k, rounds = CASES[case]
    logits, labels = torch.randn(n, k, requires_grad=True), torch.randint(0, k, (n,))
    larger = (30 * logits.detach()).requires_grad_()  # as LDAM multiplies its logits
    counts = Counts.exponential(k, 5000, 100)
    found = {}

    def both(loss, z):
        z.grad = None
        loss(z, labels).backward()

    vs = Adjustment.vs(counts, 0.2, 1.0)
    scale, shift = (torch.tensor(part, dtype=torch.float32) for part in (vs.scale, vs.shift))

    def naive_vs(z, y):
        return functional.cross_entropy(z * scale + shift, y)

    for name, loss in losses(counts).items():
        if case == "large" and name not in ("plain", "vs"):
            continue
        z = larger if name == "ldam" else logits
        mine, plain, naive, floor = rows.least(
            partial(both, loss, logits),
            partial(both, functional.cross_entropy, z),
            partial(both, naive_vs, logits),
            lambda: torch.exp(logits.detach()),
            times=rounds,
        )
        found[name] = {"ms": 1e3 * mine, "plain ms": 1e3 * plain, "floor ms": 1e3 * floor}
        if name == "vs":
            found[name]["naive ms"] = 1e3 * naive
    return found


def measured(case: str, settings: dict[str, str]) -> dict[str, dict[str, float]]:
    """Return the table that a process of its own measures under settings of the allocator."""
    done = subprocess.run(
        [sys.executable, __file__, case],
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    for name, row in found.items():
        print(case, name, {key: round(value, 3) for key, value in row.items()}, flush=True)
    return found


def row(case: str, name: str, of: dict[str, float], target: float, allocator: str) -> rows.Row:
    n, k, _ = CASES[case]
    plain = of["plain ms"]
    peer = (
        rows.Figure("VS by the framework's operations", of["naive ms"] / plain)
        if "naive ms" in of
        else rows.Figure("the framework's plain loss", 1.0)
    )
    return rows.Row(
        f"{name} loss, forward and backward, {n:,} × {k:,}{allocator}",
        "× PyTorch's plain cross-entropy",
        of["ms"] / plain,
        target,
        peer,
        rows.Figure("one exponential, written", of["floor ms"] / plain),
        "exponential and passes over a block in the cache are what is left; the framework's loss"
        " gains from an allocator that keeps memory, ours makes one array and does not",
    )


def main() -> None:
    tables = {
        "losses": measured("small", {}),
        "losses, allocator keeps memory": measured("small", KEEPING),
        "losses, 50,000 classes": measured("large", {}),
    }
    lines = [
        row(case, name.upper() if name == "vs" else name, tables[key][name], target, told)
        for key, case, target, told in (
            ("losses", "small", 0.45, ""),
            ("losses, allocator keeps memory", "small", 1.1, ", allocator keeps memory"),
            ("losses, 50,000 classes", "large", 0.75, ""),
        )
        for name in ("plain", "vs")
    ]
    sizes = {case: {"n": n, "k": k} for case, (n, k, _) in CASES.items()}
    rows.save("losses", lines, {**tables, "cases": sizes, "environment": rows.environment("torch")})


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(table(sys.argv[1])))
    else:
        main()
