"""A hundred thousand updates of a stream: memory does not grow, and the sums are those of one batch
of all samples.

    OMP_NUM_THREADS=1 python benchmarks/campaigns/stream.py --cases 100000 --seed 0 --out
    benchmarks/records/campaigns/stream.json

Batches of one to sixty-four samples go into a `Stream`, with logits, and through a network that is
watched, epoch by epoch. The resident memory is read after a tenth of the updates, when all that is
kept has been allocated, and at the end. Wrong is: more than `GROWTH` between the two, or counts,
means or spreads that are off.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from campaign import random_cases

from lopsided import Counts
from lopsided.measure import Stream, watch

K, D, LARGEST = 10, 16, 64
#: Mebibytes that the allocator may add by itself, and the steps of an epoch that is watched.
GROWTH, EPOCH = 8.0, 500


def memory() -> float:
    """Return the mebibytes that this process holds now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def batch(rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return features and labels of a batch."""
    labels = rng.integers(0, K, int(rng.integers(1, LARGEST + 1)))
    return torch.from_numpy(
        rng.standard_normal((len(labels), D)) + labels[:, None]
    ), torch.from_numpy(labels)


def grown(name: str, cases: int, step: Callable[[int], None]) -> dict[str, Any]:
    """Take so many steps and return how memory went."""
    early, began = 0.0, time.process_time()
    for case in range(cases):
        step(case)
        if case + 1 == max(cases // 10, 1):
            early = memory()
        if (case + 1) % max(cases // 10, 1) == 0:
            print(f"{name}: {case + 1:,} of {cases:,}, {memory():.1f} MiB", flush=True)
    microseconds = (time.process_time() - began) / cases * 1e6
    return {
        "updates": cases,
        "MiB early": round(early, 1),
        "MiB late": round(memory(), 1),
        "us an update": round(microseconds, 1),
    }


def streamed(cases: int, seed: int) -> tuple[dict[str, Any], list[str]]:
    """Update a stream, and compare with plain sums."""
    rng, stream, head = (
        np.random.default_rng(seed),
        Stream(K, D),
        torch.eye(K, D, dtype=torch.float64),
    )
    counts, sums, squares = np.zeros(K, np.int64), np.zeros((K, D)), np.zeros(K)

    def step(case: int) -> None:
        features, labels = batch(rng)
        stream.update(features, labels, features @ head.T)
        x, y = features.numpy(), labels.numpy()
        counts[:] += np.bincount(y, minlength=K)
        np.add.at(sums, y, x)
        squares[:] += np.bincount(y, weights=np.vecdot(x, x), minlength=K)

    figures = grown("stream", cases, step)
    means = sums / counts[:, None]
    wrong = []
    if not np.array_equal(stream.moments.counts, counts) or not np.array_equal(
        stream.decisions.counts, counts
    ):
        wrong.append("the counts are others")
    off = {
        "means": np.abs(stream.moments.means - means).max() / np.abs(means).max(),
        "spreads": (
            np.abs(stream.moments.spread - (squares - counts * np.vecdot(means, means))) / squares
        ).max(),
    }
    wrong += [
        f"the {name} are off by {value:.1e}" for name, value in off.items() if not value < 1e-10
    ]
    return {
        **figures,
        "relative errors": {name: float(f"{value:.1e}") for name, value in off.items()},
    }, wrong


def watched(cases: int, seed: int) -> tuple[dict[str, Any], list[str]]:
    """Watch the forward passes of a network, an epoch after the other, without training it."""
    rng, wrong = np.random.default_rng(seed), list[str]()
    network = torch.nn.Sequential(
        torch.nn.Linear(D, D), torch.nn.ReLU(), torch.nn.Linear(D, K)
    ).double()
    with watch(network, network[2], Counts([1] * K)) as watching:

        def step(case: int) -> None:
            features, labels = batch(rng)
            network(features)
            watching.labels(labels)
            if case % EPOCH == EPOCH - 1 and not np.isfinite(watching.epoch().nc1):
                wrong.append(f"no NC1 after {case + 1:,} steps")

        figures = grown("watch", cases, step)
    return figures, wrong


def run(cases: int, seed: int) -> dict[str, Any]:
    """Make so many updates of each, and return what came of them."""
    found: dict[str, Any] = {"k": K, "d": D}
    problems = []
    for name, work in (("stream", streamed), ("watch", watched)):
        found[name], off = work(cases, seed)
        if found[name]["MiB late"] - found[name]["MiB early"] > GROWTH:
            off.append("memory grew")
        problems += [f"{name}: {problem}" for problem in off]
    for problem in problems:
        print(problem, file=sys.stderr)
    return {**found, "wrong": problems}


if __name__ == "__main__":
    random_cases(__doc__, "updates of a stream and of a watch without growth", run, 100_000)
