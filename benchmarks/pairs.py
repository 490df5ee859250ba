"""All pairs of many classes in 64 dimensions: CDNV, GNC2 and both equiangularities, and the
verdict.

    OMP_NUM_THREADS=1 python benchmarks/pairs.py

Samples are collapsed (noise .05 about class means). The peer is the loop over classes of
rhubarbwu/neural-collapse, for CDNV alone, where its (k, k) arrays fit. The floor of the metrics is
two float32 products of the pairs above the diagonal, that of the verdict one of all pairs and one
of those above the diagonal in float64. Times are CPU time, the least of three in one run at 10,000
classes and one run at 50,000.
"""

from __future__ import annotations

import os
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from rows import Figure, Row, environment, least, save

from lopsided.measure import Collapse, Means, Moments, SecondPass

D = 64
#: Classes -> seconds wanted for the metrics and for the verdict.
TARGETS = {10_000: (0.5, 0.5), 50_000: (10, 10)}
FOUR = ("cdnv", "gnc2", "classifier_equiangularity", "embedding_equiangularity")
_BUSY = "other work shared the processor's units: compare with the floor"
_METRICS = f"each pair takes a logarithm and a division beside the products; {_BUSY}"
_VERDICT = f"products in float64, since distances of merged class means need its digits; {_BUSY}"


def collapsed(k: int) -> tuple[np.ndarray, Moments]:
    """Return class means in float32, and the moments of two samples a class."""
    rng, labels = np.random.default_rng(0), np.repeat(np.arange(k), 2)
    means = rng.standard_normal((k, D), dtype=np.float32)
    features = means[labels] + 0.05 * rng.standard_normal((2 * k, D), dtype=np.float32)
    first = Means(k, D)
    first.update(features, labels)
    second = SecondPass(first)
    second.update(features, labels)
    return means, second.moments()


def product(matrix: np.ndarray, *, half: bool) -> None:
    """Multiply all rows with all, or with those from their own block on."""
    for start in range(0, len(matrix), 512):
        matrix[start : start + 512] @ matrix[start if half else 0 :].T


def loop(means: np.ndarray) -> float:
    """CDNV by a loop over classes, in float32."""
    rows, variances = torch.from_numpy(means), torch.rand(len(means))
    apart = torch.empty(len(rows), len(rows))
    for c in range(len(rows)):
        torch.sum((rows - rows[c]).square(), dim=1, out=apart[c])
    cdnv = (variances[:, None] + variances) / (2 * apart)
    return float(cdnv[~torch.eye(len(rows), dtype=torch.bool)].mean())


def rows(k: int) -> tuple[list[Row], float]:
    """Time both, and return the most memory that either takes, in MiB."""
    means, moments = collapsed(k)
    weight = np.random.default_rng(1).standard_normal((k, D))

    def metrics() -> None:
        collapse = Collapse.of(moments, weight)
        for name in FOUR:
            getattr(collapse, name)

    def verdict() -> None:
        Collapse.of(moments, weight).verdict()

    def singles() -> None:
        product(means, half=True)
        product(means, half=True)

    def doubles() -> None:
        product(weight, half=False)
        product(weight, half=True)

    few = k <= 10_000
    calls = [metrics, verdict, singles, doubles] + ([lambda: loop(means)] if few else [])
    taken, told, single, double, *plain = least(*calls, times=3 if few else 1)
    tracemalloc.start()
    # A new thread has no working memory from before, which would not be counted.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(metrics).result()
        pool.submit(verdict).result()
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    size = f"k = {k:,}, d = {D}, {peak:.0f} MiB"
    peer = Figure("the peer's loop, CDNV alone", plain[0] if few else None)
    wanted = TARGETS[k]
    return [
        Row(
            f"CDNV, GNC2 and two equiangularities of all pairs, {size}",
            "s",
            taken,
            wanted[0],
            peer,
            Figure("two float32 products", single),
            _METRICS,
        ),
        Row(
            f"the verdict of all pairs, {size}",
            "s",
            told,
            wanted[1],
            Figure("no tool gives one", None),
            Figure("float64 products", double),
            _VERDICT,
        ),
    ], peak


def main() -> None:
    torch.set_num_threads(1)
    found = {k: rows(k) for k in TARGETS}
    peaks = {f"peak MiB, k = {k:,}": peak for k, (_, peak) in found.items()}
    every = [row for some, _ in found.values() for row in some]
    save("pairs", every, {"environment": environment("torch"), **peaks})
    print(*every, peaks, sep="\n")


if __name__ == "__main__":
    main()
