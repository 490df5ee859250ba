"""Predicting SELI: time against the dense route, against the number of distinct counts, and for a
million classes.

    OMP_NUM_THREADS=1 python benchmarks/predict.py

The dense route is what the definition says and what is done today: the SVD of the k x n matrix of
simplex-encoded labels, and the two Grams from its factors. Times are CPU seconds of one thread, the
best of three in one run.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import scipy

import lopsided
from lopsided import Counts, predict


def seconds(run: Callable[[], object], times: int = 3) -> float:
    taken = []
    for _ in range(times):
        began = time.process_time()
        run()
        taken.append(time.process_time() - began)
    return min(taken)


def everything(counts: Counts) -> tuple[np.ndarray, ...]:
    """Norms and spectra of classifiers and embeddings."""
    seli = predict.seli(counts)
    grams = (seli.classifiers, seli.embeddings)
    return tuple(gram.norms() for gram in grams) + tuple(gram.spectrum() for gram in grams)


def with_cosines(counts: Counts) -> tuple[np.ndarray, ...]:
    seli = predict.seli(counts)
    return (*everything(counts), seli.classifiers.cosines(), seli.embeddings.cosines())


def dense(counts: Counts) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(counts.k), counts.values)
    encoded = (np.arange(counts.k)[:, None] == labels) - 1 / counts.k
    left, values, right = np.linalg.svd(encoded, full_matrices=False)
    first = np.cumsum(counts.values) - counts.values
    means = right[:, first].T * np.sqrt(values)
    return left * values @ left.T, means @ means.T


def main() -> None:
    tail = Counts.exponential(100, 1570, 20)
    labels = {"k": tail.k, "n": tail.n, "distinct": tail.groups.m}
    against = {
        "case": labels,
        "numpy.linalg.svd": seconds(lambda: dense(tail), 1),
        "lopsided": seconds(lambda: with_cosines(tail)),
    }
    ours, theirs = predict.seli(tail).classifiers.matrix(), dense(tail)[0]
    against["ratio"] = against["numpy.linalg.svd"] / against["lopsided"]
    against["largest difference"] = float(np.abs(ours - theirs).max() / np.abs(theirs).max())

    growth = []
    for m in (250, 1000, 4000, 16_000, 64_000):
        counts = Counts(np.random.default_rng(0).choice(10**9, m, replace=False) + 1)
        growth.append(
            {
                "distinct": m,
                "norms": seconds(lambda c=counts: predict.seli(c)),
                "norms and spectrum": seconds(lambda c=counts: everything(c)),
            }
        )
    slope = np.polyfit(
        *np.log([[row["distinct"], row["norms and spectrum"]] for row in growth[1:]]).T, 1
    )[0]

    zipf = Counts.zipf(1_000_000, largest=10**9)
    million = {"case": repr(zipf), "seconds": seconds(lambda: everything(zipf), 1)}
    million["peak memory of the process, MiB"] = (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    )
    record = {
        "against": against,
        "growth": growth,
        "exponent of the growth of norms and spectrum": float(slope),
        "zipf": million,
        "long tail k=1000, everything, seconds": seconds(
            lambda: with_cosines(Counts.exponential(1000, 5000, 100))
        ),
        "STEP k=10**6, geometry and three cosines, seconds": seconds(
            lambda: predict.seli(Counts.step(10**6, 5, 10)).classifiers.cosine(
                [0, 0, 10**6 - 2], [1, 10**6 - 1, 10**6 - 1]
            ),
            20,
        ),
        "environment": {
            "versions": {
                "lopsided": lopsided.__version__,
                "numpy": np.__version__,
                "scipy": scipy.__version__,
            },
            "python": platform.python_version(),
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "threads": os.environ["OMP_NUM_THREADS"],
        },
    }
    path = Path(__file__).parent / "records" / "predict.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
