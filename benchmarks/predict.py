"""Predicting SELI: time against the dense routes, against the number of distinct counts, and for
millions of classes.

    OMP_NUM_THREADS=1 python benchmarks/predict.py

The dense route of the definition is the SVD of the k x n matrix of simplex-encoded labels, and the
two Grams from its factors; the fairest one is the eigenvectors of the k x k matrix C N C. Times are
CPU seconds of one thread, the least of several in one run, routes in turn.
"""

from __future__ import annotations

import os
import resource

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import rows

from lopsided import Counts, predict

NO_DENSE = rows.Figure("a dense matrix does not fit in memory", None)


def seconds(run, times: int = 3) -> float:
    return rows.least(run, times=times)[0]


def everything(counts: Counts, cosines: bool = False) -> list[np.ndarray]:
    """Norms and spectra of classifiers and embeddings, and if asked all cosines."""
    seli = predict.seli(counts)
    grams = (seli.classifiers, seli.embeddings)
    found = [part for gram in grams for part in (gram.norms(), gram.spectrum())]
    return found + [gram.cosines() for gram in grams] if cosines else found


def by_eigenvectors(counts: Counts) -> list[np.ndarray]:
    """The same from the eigenvectors of C N C."""
    n, k = counts.values.astype(float), counts.k
    centring = np.eye(k) - 1 / k
    values, vectors = np.linalg.eigh((centring * n) @ centring)
    values = np.maximum(values, 0)
    values[0], roots = 0, np.sqrt(values)
    inverse = np.divide(1, roots, where=roots > 0, out=np.zeros(k))
    found = []
    for spectrum in (roots, inverse):
        gram = (vectors * spectrum) @ vectors.T
        norms = np.sqrt(np.diag(gram))
        found += [norms, spectrum, gram / np.outer(norms, norms)]
    return found


def written(k: int) -> None:
    """Two k x k arrays written and divided twice."""
    norms = np.ones(k)
    for _ in range(2):
        array = np.ones((k, k))
        array /= norms[:, None]
        array /= norms


def dense(counts: Counts) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(counts.k), counts.values)
    encoded = (np.arange(counts.k)[:, None] == labels) - 1 / counts.k
    left, values, right = np.linalg.svd(encoded, full_matrices=False)
    first = np.cumsum(counts.values) - counts.values
    means = right[:, first].T * np.sqrt(values)
    return left * values @ left.T, means @ means.T


def main() -> None:
    tail = Counts.exponential(100, 1570, 20)
    ours, eigh, floor = rows.least(
        lambda: everything(tail, cosines=True),
        lambda: by_eigenvectors(tail),
        lambda: written(tail.k),
        times=200,
    )
    against = {
        "case": {"k": tail.k, "n": tail.n, "distinct": tail.groups.m},
        "numpy.linalg.svd": seconds(lambda: dense(tail), 1),
        "numpy.linalg.eigh": eigh,
        "lopsided": ours,
    }
    mine, theirs = predict.seli(tail).classifiers.matrix(), dense(tail)[0]
    against["largest difference"] = float(np.abs(mine - theirs).max() / np.abs(theirs).max())
    growth = []
    for m in (250, 1000, 4000, 16_000, 64_000):
        counts = Counts(np.random.default_rng(0).choice(10**9, m, replace=False) + 1)
        growth.append(
            {"distinct": m, "norms and spectrum": seconds(lambda c=counts: everything(c))}
        )
    slope = np.polyfit(
        *np.log([[row["distinct"], row["norms and spectrum"]] for row in growth[1:]]).T, 1
    )[0]
    zipf = Counts.zipf(1_000_000, largest=10**9)
    million, read = rows.least(
        lambda: everything(zipf), lambda: [np.sqrt(zipf.values) for _ in range(4)], times=3
    )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    larger = Counts.zipf(10_000_000, largest=10**9)
    millions, reads = rows.least(
        lambda: everything(larger), lambda: [np.sqrt(larger.values) for _ in range(4)], times=2
    )
    why = "the roots of the secular equation, four or five rounds for each of some 63,000 gaps"
    lines = [
        rows.Row(
            f"SELI with all cosines, k = {tail.k}",
            "ms",
            1e3 * ours,
            0.5,
            rows.Figure("`eigh` of the k × k matrix", 1e3 * eigh),
            rows.Figure("two k × k arrays written", 1e3 * floor),
            "some hundred calls of NumPy, of a few µs each",
        ),
        rows.Row(
            "SELI of 10⁶ Zipf classes, norms and spectrum",
            "s",
            million,
            0.6,
            NO_DENSE,
            rows.Figure("four arrays of a root a class", read),
            why,
        ),
        rows.Row(
            "SELI of 10⁷ Zipf classes, norms and spectrum",
            "s",
            millions,
            1.5,
            NO_DENSE,
            rows.Figure("four arrays of a root a class", reads),
            f"{why}; the rest are arrays of 10⁷ numbers",
        ),
    ]
    record = {
        "against": against,
        "growth": growth,
        "exponent of the growth of norms and spectrum": float(slope),
        "zipf": {
            "case": repr(zipf),
            "seconds": million,
            "peak memory of the process, MiB": memory,
        },
        "environment": rows.environment(),
    }
    rows.save("predict", lines, record)
    print(lines)


if __name__ == "__main__":
    main()
