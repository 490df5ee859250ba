"""What is computed on inputs and on foreign features: kernels of infinitely wide networks,
transferability, and the linear programmes of collapsible data.

    OMP_NUM_THREADS=1 python benchmarks/systems.py

CPU seconds of one thread, the least of two; memory is the most that is allocated beside the inputs.
The peers are the kernels' formulas on whole arrays in NumPy, and scikit-learn's PCA and
discriminants on the same features; their results are compared.
"""

from __future__ import annotations

import os
import tracemalloc

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import rows
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from lopsided import measure, predict

TIMES = 2


def whole_kernels(x: np.ndarray, hidden: int) -> tuple[np.ndarray, np.ndarray]:
    """Return both kernels of ReLU networks, (n, n) arrays throughout."""
    K = 2 * x @ x.T / x.shape[1]
    T = K
    for _ in range(hidden):
        lengths = np.sqrt(np.diag(K))
        size = np.outer(lengths, lengths)
        angle = np.arccos(np.clip(K / size, -1, 1))
        K = size * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi
        T = K + T * (np.pi - angle) / np.pi
    return K, T


def kernels(n: int, d: int, hidden: int) -> rows.Row:
    x = np.random.default_rng(0).standard_normal((n, d))
    for ours, theirs in zip(
        (predict.nngp(x, hidden), predict.ntk(x, hidden)), whole_kernels(x, hidden), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    ours, theirs, floor = rows.least(
        lambda: (predict.nngp(x, hidden), predict.ntk(x, hidden)),
        lambda: whole_kernels(x, hidden),
        lambda: [np.arccos(np.ones(n * n // 2)) for _ in range(2 * hidden)],
        times=TIMES,
    )
    return rows.Row(
        f"NNGP kernel and NTK, n = {n:,}, d = {d}, {hidden} ReLU layers",
        "s",
        ours,
        10,
        rows.Figure("both formulas in one go on whole arrays", theirs),
        rows.Figure("an arc cosine a pair, layer and kernel", floor),
    )


def transfer(n: int, d: int, k: int) -> rows.Row:
    random = np.random.default_rng(0)
    y = np.arange(n) % k
    x = 2 * random.standard_normal((k, d), dtype=np.float32)[y]
    x += random.standard_normal((n, d), dtype=np.float32)

    def peer() -> float:
        z = PCA(64, svd_solver="covariance_eigh").fit_transform(x)
        fitted = LinearDiscriminantAnalysis(solver="eigen").fit(z, y)
        return float(fitted.predict_proba(z)[np.arange(n), y].mean())

    def floor() -> None:
        scatter = np.zeros((d, d))
        for start in range(0, n, 4096):
            block = x[start : start + 4096].astype(np.float64)
            scatter += block.T @ block

    tracemalloc.start()
    found = measure.transferability(x, y)
    memory = tracemalloc.get_traced_memory()[1] / 2**30
    tracemalloc.stop()
    assert found.shrinkage == 0
    np.testing.assert_allclose(found.ncc, peer(), rtol=1e-4)
    ours, theirs, least = rows.least(
        lambda: measure.transferability(x, y), peer, floor, times=TIMES
    )
    return rows.Row(
        f"transferability, n = {n:,}, d = {d:,}, k = {k}, {memory:.2g} GiB beside the features",
        "s",
        ours,
        30,
        rows.Figure("scikit-learn's PCA and discriminants in float32, one score", theirs),
        rows.Figure("the scatter in float64", least),
    )


def programmes(n: int, d: int, k: int) -> rows.Row:
    x = np.random.default_rng(0).standard_normal((n, d))
    (ours,) = rows.least(lambda: measure.collapsible(x, np.arange(n) % k), times=TIMES)
    return rows.Row(
        f"collapsible data, {n} samples in {d} dimensions, k = {k}",
        "s",
        ours,
        10,
        rows.Figure("no tool tells", None),
        rows.Figure("not measured", None),
    )


def main() -> None:
    lines = [kernels(5000, 784, 5), transfer(50_000, 2048, 100), programmes(200, 64, 10)]
    rows.save("systems", lines, {"environment": rows.environment("scikit-learn")})
    for line in lines:
        print(line)


if __name__ == "__main__":
    main()
