"""Losses: time of a forward and backward pass against `torch.nn.functional.cross_entropy`, 1,024 samples of 1,000 classes, float32.

    export MALLOC_TRIM_THRESHOLD_=1000000000 MALLOC_MMAP_THRESHOLD_=1000000000
    OMP_NUM_THREADS=1 python benchmarks/losses.py

Without those two settings glibc hands every array of 4 MB back to the system, and fetching it again costs more than the arithmetic.
CPU time of one thread. Loss and framework take turns, so that a busy machine slows both alike; the ratio is that of the medians.
LDAM multiplies logits by 30, which makes exponentials underflow and slower: its baseline is the framework on logits times 30.
"""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch.nn import functional

import lopsided
from lopsided import Adjustment, Counts, steer

N, K, ROUNDS = 1024, 1000, 300
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
    pairs = np.array([(cpu_ms(loss, logits, labels), cpu_ms(functional.cross_entropy, baseline, labels)) for _ in range(ROUNDS)])
    mine, framework = np.median(pairs[ROUNDS // 10 :], axis=0)
    return {"ms": round(mine, 3), "framework ms": round(framework, 3), "ratio": round(mine / framework, 3)}


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    logits, labels = torch.randn(N, K, requires_grad=True), torch.randint(0, K, (N,))
    larger = (30 * logits.detach()).requires_grad_()
    losses = {name: steer.AdjustedCrossEntropy(adjustment) for name, adjustment in ADJUSTMENTS.items()}
    table = {name: compare(loss, logits, labels, larger if name == "ldam" else logits) for name, loss in losses.items()}
    compiled = torch.compile(losses["cdt-ldt, designed"], fullgraph=True)
    compiled(logits, labels).backward()
    table["cdt-ldt, designed, compiled"] = compare(compiled, logits, labels, logits)
    table["focal"] = compare(steer.Focal(2.0), logits, labels, logits)
    record = {
        "n": N,
        "k": K,
        "losses": table,
        "versions": {"lopsided": lopsided.__version__, "torch": torch.__version__, "python": platform.python_version()},
        "cores": os.cpu_count(),
        "threads": 1,
        "allocator keeps memory": "MALLOC_TRIM_THRESHOLD_" in os.environ,
        "processor": platform.machine(),
    }
    Path(__file__).with_name("records").mkdir(exist_ok=True)
    Path(__file__).with_name("records").joinpath("losses.json").write_text(json.dumps(record, indent=1) + "\n")
    for name, row in table.items():
        print(f"{name:28s} {row['ms']:6.2f} ms, framework {row['framework ms']:6.2f} ms, ratio {row['ratio']:.2f}")


if __name__ == "__main__":
    main()
