"""Losses: time of a forward and backward pass against `torch.nn.functional.cross_entropy`, 1,024
samples of 1,000 classes, float32.

    OMP_NUM_THREADS=1 python benchmarks/losses.py

CPU time of one thread. Loss and framework take turns, so that a busy machine slows both alike; the
ratio is that of the medians. glibc hands arrays of 4 MB back to the system and has to fetch them
again, which costs about as much as the arithmetic and comes and goes; so everything is measured
twice, with the system's settings and with an allocator told to keep its memory.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch.nn import functional

import lopsided
from lopsided import Adjustment, Counts, steer

N, K, ROUNDS = 1024, 1000, 300
KEEPING = {"MALLOC_TRIM_THRESHOLD_": "1000000000", "MALLOC_MMAP_THRESHOLD_": "1000000000"}
COUNTS = Counts.exponential(K, 5000, 100)
ADJUSTMENTS = {
    "plain": Adjustment(),
    "weighted": Adjustment.weighted(COUNTS),
    "logit-adjusted": Adjustment.logit_adjusted(COUNTS),
    "cdt": Adjustment.cdt(COUNTS, 0.3),
    "ldt": Adjustment.ldt(COUNTS, 0.3),
    "vs": Adjustment.vs(COUNTS, 0.2, 1.0),
    "cdt-ldt, designed": steer.design(COUNTS, "etf-embeddings").adjustment,
    "ldam": Adjustment.ldam(COUNTS),
}


def cpu_ms(loss, logits, labels) -> float:
    logits.grad = None
    start = time.process_time()
    loss(logits, labels).backward()
    return 1e3 * (time.process_time() - start)


def compare(loss, logits, labels, baseline) -> dict[str, float]:
    pairs = np.array(
        [
            (cpu_ms(loss, logits, labels), cpu_ms(functional.cross_entropy, baseline, labels))
            for _ in range(ROUNDS)
        ]
    )
    mine, framework = np.median(pairs[ROUNDS // 10 :], axis=0)
    return {
        "ms": round(mine, 3),
        "framework ms": round(framework, 3),
        "ratio": round(mine / framework, 3),
    }


def table() -> dict[str, dict[str, float]]:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    logits, labels = torch.randn(N, K, requires_grad=True), torch.randint(0, K, (N,))
    larger = (30 * logits.detach()).requires_grad_()  # as LDAM multiplies its logits
    losses = {
        name: steer.AdjustedCrossEntropy(adjustment) for name, adjustment in ADJUSTMENTS.items()
    }
    rows = {
        name: compare(loss, logits, labels, larger if name == "ldam" else logits)
        for name, loss in losses.items()
    }
    compiled = torch.compile(losses["cdt-ldt, designed"], fullgraph=True)
    compiled(logits, labels).backward()
    rows["cdt-ldt, designed, compiled"] = compare(compiled, logits, labels, logits)
    rows["focal"] = compare(steer.Focal(2.0), logits, labels, logits)
    return rows


def measured(settings: dict[str, str]) -> dict[str, dict[str, float]]:
    """Return the table that a process of its own measures under settings of the allocator."""
    done = subprocess.run(
        [sys.executable, __file__, "--table"],
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    rows = json.loads(done.stdout)
    for name, row in rows.items():
        print(
            f"{name:28s} {row['ms']:6.2f} ms, framework {row['framework ms']:6.2f} ms, ratio"
            f" {row['ratio']:.2f}",
            flush=True,
        )
    return rows


def main() -> None:
    record = {
        "n": N,
        "k": K,
        "losses": measured({}),
        "losses, allocator keeps memory": measured(KEEPING),
        "versions": {
            "lopsided": lopsided.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "cores": os.cpu_count(),
        "threads": 1,
        "processor": platform.machine(),
    }
    Path(__file__).with_name("records").mkdir(exist_ok=True)
    Path(__file__).with_name("records").joinpath("losses.json").write_text(
        json.dumps(record, indent=1) + "\n"
    )


if __name__ == "__main__":
    if sys.argv[1:] == ["--table"]:
        print(json.dumps(table()))
    else:
        main()
