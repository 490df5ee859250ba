"""Does the 90 % interval of `steer.prescribe` contain the gain that comes?

    OMP_NUM_THREADS=1 python benchmarks/campaigns/intervals.py --trials 200 [--data-dir DATA] --out
    benchmarks/records/campaigns/intervals.json

A trial draws class counts, classes and a linear head of plain cross-entropy. The classes are
normal, each with a width of its own, or with a data directory images of Fashion-MNIST, as 40
principal components or behind 100 random rectified units. Held-out samples are in the proportions
of training, m of the rarest class, which loses its own where m = 0. The gain that comes is counted
on balanced samples that nothing was fitted to. Wrong is a number of classes and of samples where
fewer than nine of ten intervals contain it, beyond a chance of one in a thousand.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from campaign import write
from scipy.optimize import minimize

from lopsided.reproduce.data import load
from lopsided.steer import prescribe

CLASSES, RAREST = (2, 3, 5, 10), (0, 1, 2, 5)
#: Most held-out samples of a class, and test samples of each of normal ones.
MOST, TEST = 2000, 3000


def head_of(x: Any, y: Any, k: int, ridge: float) -> tuple[Any, Any]:
    """Return weight and bias of a linear head of cross-entropy with a ridge."""
    n, d = x.shape

    def value(packed: Any) -> tuple[float, Any]:
        weight, bias = packed[: k * d].reshape(k, d), packed[k * d :]
        z = x @ weight.T + bias
        z -= z.max(axis=1, keepdims=True)
        z -= np.log(np.exp(z).sum(axis=1, keepdims=True))
        off = np.exp(z)
        off[np.arange(n), y] -= 1
        slope = np.concatenate([(off.T @ x / n + ridge * weight).ravel(), off.sum(axis=0) / n])
        return float(-z[np.arange(n), y].mean() + ridge / 2 * np.sum(weight**2)), slope

    packed = minimize(
        value, np.zeros(k * (d + 1)), jac=True, method="L-BFGS-B", options={"maxiter": 200}
    ).x
    return packed[: k * d].reshape(k, d), packed[k * d :]


def normal(k: int, rng: np.random.Generator) -> Callable[..., Any]:
    """Return what draws samples of normal classes, and balanced ones to test on."""
    d, apart = int(rng.choice([5, 10, 30])), float(rng.choice([1.0, 1.5, 2.0, 3.0]))
    means = 2 * apart * rng.normal(size=(k, d)) / np.sqrt(d)
    widths = np.exp(0.3 * rng.normal(size=k))

    def drawn(counts: Any) -> tuple[Any, Any]:
        y = np.repeat(np.arange(k), counts)
        return means[y] + widths[y, None] * rng.normal(size=(len(y), d)), y

    return lambda train, held: (drawn(train), drawn(held), drawn(np.full(k, TEST)))


def images(data: Any, k: int, rng: np.random.Generator) -> Callable[..., Any]:
    """Return what draws images of k classes, and test images of them."""
    (x, y), (test_x, test_y) = data
    classes, wide = rng.choice(10, k, replace=False), bool(rng.integers(2))
    mixed = rng.normal(size=(x.shape[1], 100)) / np.sqrt(x.shape[1])
    pools = [rng.permutation(np.flatnonzero(y == c)) for c in classes]

    def features(parts: list[Any]) -> tuple[Any, Any]:
        found = np.concatenate(parts)
        labels = np.repeat(np.arange(k), [len(part) for part in parts])
        return np.maximum(found @ mixed, 0) if wide else found, labels

    def drawn(train: Any, held: Any) -> tuple[Any, Any, Any]:
        ends = train + held
        return (
            features([x[pool[:n]] for pool, n in zip(pools, train, strict=True)]),
            features([x[p[n:end]] for p, n, end in zip(pools, train, ends, strict=True)]),
            features([test_x[test_y == c] for c in classes]),
        )

    return drawn


def components(folder: Path) -> Any:
    """Return 40 principal components of the training images with their labels, and of the test
    images.
    """
    data = load("fashion-mnist", folder)
    train, test = (
        part.pixels.reshape(len(part.labels), -1) / 255 for part in (data.train, data.test)
    )
    center = train.mean(axis=0)
    axes = np.linalg.svd(np.cov((train[:10_000] - center).T))[0][:, :40]
    return (
        ((train - center) @ axes, data.train.labels),
        ((test - center) @ axes, data.test.labels),
    )


def trial(source: Any, k: int, m: int, seed: int) -> tuple[float, ...]:
    """Return the gain that came, the interval and the gain that were promised, and whether the head
    was prescribed.
    """
    rng = np.random.default_rng([seed, k, m])
    largest, ratio = int(rng.choice([200, 500])), float(rng.choice([10.0, 30.0, 100.0]))
    train = np.maximum(np.round(largest * ratio ** (-np.arange(k) / (k - 1))), 2).astype(np.int64)
    rng.shuffle(train)
    held = np.minimum(np.round(train * (m / train.min() or 0.2)), MOST).astype(np.int64)
    held[train.argmin()] = m
    draw = normal(k, rng) if source is None else images(source, k, rng)
    (x, y), held_out, (test_x, test_y) = draw(train, held)
    weight, bias = head_of(x, y, k, float(rng.choice([1e-4, 1e-3, 1e-2])))
    found = prescribe((weight, bias), (x, y), held_out, counts=train)

    def balanced(scores: Any) -> float:
        right = scores.argmax(axis=1) == test_y
        return float(np.mean([right[test_y == c].mean() for c in range(k)]))

    came = balanced(found.corrected.scores(test_x)) - balanced(test_x @ weight.T + bias)
    assert found.interval is not None
    assert found.gain is not None
    return came, *found.interval, found.gain, found.remedy != "nothing"


def row(name: str, source: Any, k: int, m: int, trials: int) -> dict[str, Any]:
    """Return what came of all trials of a number of classes and of samples of the rarest."""
    came, low, high, gain, prescribed = np.array(
        [trial(source, k, m, seed) for seed in range(trials)]
    ).T
    there = prescribed > 0
    return {
        "samples": name,
        "classes": k,
        "held-out samples of the rarest class": m,
        "trials": trials,
        "contained": float(np.mean((low <= came) & (came <= high))),
        "half width": float(np.mean(high - low) / 2),
        "prescribed": float(prescribed.mean()),
        "promised where prescribed": float(gain[there].mean()),
        "came where prescribed": float(came[there].mean()),
        "worse by more than a point where prescribed": float(np.mean(came[there] < -0.01)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    sources = {"normal": None}
    if given.data_dir is not None:
        sources["Fashion-MNIST"] = components(given.data_dir)
    rows: list[dict[str, Any]] = []
    least = 0.9 - 3.1 * np.sqrt(0.09 / given.trials)
    for name, source in sources.items():
        for k in CLASSES:
            for m in RAREST if k > 2 else RAREST[1:]:  # all of one class measure nothing
                rows.append(row(name, source, k, m, given.trials))
                wrong = [each for each in rows if each["contained"] < least]
                write(given.out, "90 % intervals of prescriptions", {"rows": rows, "wrong": wrong})


if __name__ == "__main__":
    main()
