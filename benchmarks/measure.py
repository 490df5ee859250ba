"""Measuring features: time a sample and peak memory against a peer's published algorithm and the
floor of bare products and reads.

    OMP_NUM_THREADS=1 python benchmarks/measure.py

Case A is 50,000 samples of 512 dimensions in 10 classes, case B 20,000 of 2,048 in 1,000; float32
features in batches of 1,024. Every route gives NC1, NC2, NC3 and CDNV. The peer's algorithm is that
of rhubarbwu/neural-collapse, written here plainly: a pass for the means, a pass for the (d, d)
covariance in float32, a pseudo-inverse, and all pairs of classes. The floor is what no route
can do without: reading the features in float64 and the matrix products. Times are CPU time, the
best of three in one run.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import scipy
import torch
from scipy.linalg.blas import dsyrk

import lopsided
from lopsided.measure import Collapse, Means, Moments, SecondPass, watch
from lopsided.reproduce.network.models import build

CASES = {"A": (50_000, 512, 10), "B": (20_000, 2048, 1000)}
BATCH = 1024
NAMES = (
    "nc1",
    "classifier_equinorm",
    "embedding_equinorm",
    "classifier_equiangularity",
    "embedding_equiangularity",
    "nc3",
    "cdnv",
)


def sample(n: int, d: int, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(n) % k)
    means = rng.standard_normal((k, d), dtype=np.float32)
    return (
        means[labels] + rng.standard_normal((n, d), dtype=np.float32),
        labels,
        rng.standard_normal((k, d)),
    )


def batches(features: np.ndarray, labels: np.ndarray):
    for start in range(0, len(labels), BATCH):
        yield features[start : start + BATCH], labels[start : start + BATCH]


def figures(collapse: Collapse) -> list[float]:
    return [getattr(collapse, name) for name in NAMES]


def one_pass(features, labels, weight) -> list[float]:
    moments = Moments(*weight.shape)
    for x, y in batches(features, labels):
        moments.update(x, y)
    return figures(Collapse.of(moments, weight))


def two_passes(features, labels, weight) -> list[float]:
    first = Means(*weight.shape)
    for x, y in batches(features, labels):
        first.update(x, y)
    second = SecondPass(first)
    for x, y in batches(features, labels):
        second.update(x, y)
    return figures(Collapse.of(second.moments(), weight))


def peer(features, labels, weight) -> list[float]:
    """The peer's algorithm: float32 torch, a pass for means and a pass for covariance and
    variances.
    """
    k, d = weight.shape
    W = torch.tensor(weight, dtype=torch.float32)
    sums, counts = torch.zeros(k, d), torch.zeros(k)
    for x, y in batches(features, labels):
        y = torch.from_numpy(y)
        sums.index_add_(0, y, torch.from_numpy(x))
        counts += torch.bincount(y, minlength=k)
    means = sums / counts[:, None]
    covariance, variances = torch.zeros(d, d), torch.zeros(k)
    for x, y in batches(features, labels):
        y = torch.from_numpy(y)
        deviations = torch.from_numpy(x) - means[y]
        covariance += deviations.T @ deviations
        variances.index_add_(0, y, deviations.square().sum(dim=1))
    covariance /= len(labels)
    centred = means - means.mean(dim=0)
    between = centred.T @ centred / k
    nc1 = torch.trace(covariance @ torch.linalg.pinv(between, hermitian=True)) / k
    result = [nc1]
    off = ~torch.eye(k, dtype=torch.bool)
    for vectors in (W, centred):
        norms = vectors.norm(dim=1)
        result.append(norms.std(correction=0) / norms.mean())
    for vectors in (W, centred):
        unit = vectors / vectors.norm(dim=1, keepdim=True)
        result.append(((unit @ unit.T) + 1 / (k - 1)).abs()[off].mean())
    result.append(torch.linalg.norm(W / W.norm() - centred / centred.norm()))
    pairs = torch.stack([(means - means[c]).square().sum(dim=1) for c in range(k)])
    variances /= counts
    result.append(((variances[:, None] + variances) / (2 * pairs))[off].mean())
    return [float(value) for value in result]


def floor(passes: int) -> Callable:
    """Bare reads and products of one pass or two."""

    def run(features, labels, weight) -> None:
        k, d = weight.shape
        basis = np.random.default_rng(0).standard_normal((d, min(k - 1, d)))
        inner = np.zeros((d, d) if passes == 1 else (1, 1), order="F")
        means = np.random.default_rng(1).standard_normal((k, d))
        for x, _ in batches(features, labels):
            block = x.astype(np.float64)
            if passes == 1:
                inner = dsyrk(1.0, block.T, 1.0, inner, overwrite_c=1)
        if passes == 2:
            for x, _ in batches(features, labels):
                x.astype(np.float64) @ basis
        means @ means.T
        weight @ weight.T

    return run


def best(function: Callable, *arguments, repeats: int = 3) -> tuple[float, object]:
    times = []
    for _ in range(repeats):
        start = time.process_time()
        result = function(*arguments)
        times.append(time.process_time() - start)
    return min(times), result


def watching(model: str, width: int, n: int) -> dict[str, float]:
    """Share of a training run's time that `watch` takes, at one measurement an epoch, each way to
    keep the scatter.
    """
    network = build(model, (1, 28, 28), 10, width, depth=6, bias=False, seed=0)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    images, labels = torch.randn(n, 1, 28, 28), torch.arange(n) % 10
    result: dict[str, float] = {}
    for scatter in ("none", "pooled", "replay"):
        with watch(network, network.head, scatter=scatter) as watcher:
            shares = []
            for _ in range(3):
                spent, start = 0.0, time.process_time()
                for x, y in zip(images.split(128), labels.split(128), strict=True):
                    loss = torch.nn.functional.cross_entropy(network(x), y)
                    optimiser.zero_grad()
                    loss.backward()
                    optimiser.step()
                    begin = time.process_time()
                    watcher.labels(y)
                    spent += time.process_time() - begin
                begin = time.process_time()
                watcher.epoch()
                spent += time.process_time() - begin
                training = time.process_time() - start - spent
                shares.append((spent / training, training / n * 1e6))
        share, us = min(shares[1:])
        result |= {
            f"{scatter}: share of training time": share,
            f"{scatter}: training, us a sample": us,
        }
    return result


def main() -> None:
    torch.set_num_threads(1)
    record: dict[str, object] = {
        "versions": {
            "lopsided": lopsided.__version__,
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "cores": os.cpu_count(),
        "threads": 1,
        "processor": platform.machine(),
    }
    for case, (n, d, k) in CASES.items():
        arguments = sample(n, d, k)
        rows: dict[str, dict[str, float]] = {}
        routes = {
            "two passes": two_passes,
            "one pass": one_pass,
            "peer": peer,
            "floor, two passes": floor(2),
            "floor, one pass": floor(1),
        }
        answers = {}
        for name, route in routes.items():
            seconds, answers[name] = best(route, *arguments)
            rows[name] = {"us a sample": seconds / n * 1e6}
            print(f"{case} {name}: {seconds / n * 1e6:.2f} us a sample", flush=True)
        for name in ("two passes", "one pass"):
            tracemalloc.start()
            # A new thread has no working memory from before, which would not be counted.
            with ThreadPoolExecutor(1) as pool:
                pool.submit(routes[name], *arguments).result()
            rows[name]["peak MiB"] = tracemalloc.get_traced_memory()[1] / 2**20
            tracemalloc.stop()
            rows[name]["over floor"] = (
                rows[name]["us a sample"] / rows[f"floor, {name}"]["us a sample"]
            )
            rows[name]["times faster than peer"] = (
                rows["peer"]["us a sample"] / rows[name]["us a sample"]
            )
            print(f"{case} {name}: {rows[name]}", flush=True)
        worst = np.max(np.abs(np.array(answers["two passes"]) / np.array(answers["one pass"]) - 1))
        record[case] = {
            "n": n,
            "d": d,
            "k": k,
            "routes": rows,
            "largest relative difference of the two routes": float(worst),
        }
        print(
            case,
            "routes differ by",
            worst,
            "peer by",
            np.abs(np.array(answers["two passes"]) / np.array(answers["peer"]) - 1),
        )
    record["watch"] = {
        "MLP 6 x 512": watching("mlp", 512, 25_600),
        "ResNet-18 of width 16": watching("resnet18", 16, 1280),
    }
    print(record["watch"])
    path = Path(__file__).parent / "records" / "measure.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
