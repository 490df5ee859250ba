"""A measurement too large for one process: synthetic features of 50,000 classes, made as they are
read, on two Dask workers of 8 GiB each.

    OMP_NUM_THREADS=1 python benchmarks/cluster.py [SAMPLES]

A sample is its class's mean plus noise, so counts, means, scatter, NC1 and CDNV have known values,
beside which the record puts what was measured; three classes are summed plainly besides. From the
costs of a sample, a state and a byte it computes what 1e9 samples would take.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import resource
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import dask
import distributed
import numpy as np
from made import BLOCK, NOISE, D, K, features_of, labels_of, means, store
from safetensors.numpy import save_file

import lopsided
from lopsided.measure import open_store, stored
from lopsided.measure.storage import plan

#: What Dask's workers are started with, lest each block of memory is fetched anew from the system.
MALLOC = {"MALLOC_TRIM_THRESHOLD_": 2**29, "MALLOC_MMAP_THRESHOLD_": 2**25}


def usage(dask_worker) -> dict[str, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "cpu": used.ru_utime + used.ru_stime,
        "system": used.ru_stime,
        "peak": used.ru_maxrss / 2**20,
        "sent": dask_worker.transfer_outgoing_bytes_total,
    }


def total(client, name: str) -> float:
    return sum(each[name] for each in client.run(usage).values())


def truth(n: int, found) -> dict[str, dict[str, float]]:
    """What is measured beside what is known of it."""
    whole, rest = divmod(n, BLOCK)
    y = np.concatenate([labels_of(block) for block in range(whole + (rest > 0))])[:n]
    counts, moments, M = np.bincount(y, minlength=K), found.moments, means().astype(float)
    apart = (np.square(moments.means - M).sum(axis=1) * counts).sum() / NOISE**2
    freedom = (n - K) * D
    centered = M - M.mean(axis=0)
    between = centered.T @ centered + NOISE**2 * (1 - 1 / K) * (1 / counts).sum() * np.eye(D)
    one, other = np.random.default_rng(3).integers(0, K, (2, 10**6))
    one, other = one[one != other], other[one != other]
    distance = np.concatenate(
        [
            np.square(M[a] - M[b]).sum(axis=1)
            for a, b in zip(np.array_split(one, 100), np.array_split(other, 100), strict=True)
        ]
    ) + NOISE**2 * D * (1 / counts[one] + 1 / counts[other])
    variance = NOISE**2 * D * (1 - (1 / counts[one] + 1 / counts[other]) / 2)
    plain = {}
    for c in (K - 1, K - 2, K - 3):
        at = np.flatnonzero(y == c)
        x = np.stack([features_of(i // BLOCK)[i % BLOCK] for i in at]).astype(float)
        plain[c] = [
            float(np.abs(moments.means[c] - x.mean(axis=0)).max()),
            float(abs(moments.spread[c] / np.square(x - x.mean(axis=0)).sum() - 1)),
        ]
    return {
        "classes whose count is wrong": int((moments.counts != counts).sum()),
        "smallest and largest count": [int(counts.min()), int(counts.max())],
        "means: standard deviations from chi-square": float((apart - K * D) / np.sqrt(2 * K * D)),
        "scatter: standard deviations from chi-square": float(
            (moments.spread.sum() / NOISE**2 - freedom) / np.sqrt(2 * freedom)
        ),
        "nc1": [found.nc1, float(NOISE**2 * (1 - K / n) * np.trace(np.linalg.inv(between)))],
        "cdnv": [found.cdnv, float((variance / distance).mean())],
        "three classes summed plainly: error of the mean, relative error of the spread": plain,
    }


def unit_costs() -> dict[str, float]:
    """CPU of making a sample, of reading a gigabyte, and of merging two states."""
    features_of(0)  # makes the means
    start = time.process_time()
    for block in range(100):
        features_of(block), labels_of(block)
    made = (time.process_time() - start) / (100 * BLOCK)
    with tempfile.TemporaryDirectory() as folder:
        rows = 2**28 // (4 * D)
        part = {"features": np.zeros((rows, D), np.float32), "labels": np.zeros(rows, np.int64)}
        save_file(part, Path(folder) / "x.safetensors")
        opened = open_store(Path(folder) / "x.safetensors")
        start = time.process_time()
        for span in opened.spans():
            for _ in opened.batches(span):
                pass
        read = (time.process_time() - start) * 2**30 / 2**28
    one = lopsided.measure.Means(K, D)
    one.counts += 100
    start = time.process_time()
    plan.merged(one, one)
    return {"made": 1e6 * made, "read": read, "merge": time.process_time() - start}


def far(n: int, costs: dict[str, float]) -> dict[str, float]:
    """What n samples would take: bytes read, core-hours, bytes sent."""
    tasks = -(-n // max(plan.ROWS, plan.A_CLASS * K))
    gigabytes = n * D * 4 / 1e9
    seconds = n * (costs["first pass, us"] + costs["second pass, us"]) / 1e6
    seconds += 2 * gigabytes / 1.073741824 * costs["read, s/GiB"] + tasks * costs["merge, s"]
    return {
        "samples": n,
        "float32 features, TB": gigabytes / 1e3,
        "read in two passes, TB": 2 * gigabytes / 1e3,
        "core-hours": seconds / 3600,
        "tasks of the first pass": tasks,
        "states sent at most, GB": tasks * 16 * K * D / 1e9,
        "means on the shared disk, GB": 16 * K * D / 1e9,
    }


def main() -> None:
    n = int(float(sys.argv[1])) if len(sys.argv) > 1 else 10**7
    dask.config.set({"distributed.nanny.pre-spawn-environ": MALLOC | {"OMP_NUM_THREADS": 1}})
    unit, started, rows, between = unit_costs(), time.time(), 0, {}
    with (
        distributed.LocalCluster(
            2, threads_per_worker=1, memory_limit="8GiB", dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        before = total(client, "cpu")

        def progress(done: int) -> None:
            nonlocal rows
            rows += done
            print(f"{rows:,} rows, {time.time() - started:.0f} s", file=sys.stderr, flush=True)
            if rows == n:
                between["cpu"] = total(client, "cpu")

        found = stored(store(n), engine=client, progress=progress)
        wall, after = time.time() - started, total(client, "cpu")
        workers = list(client.run(usage).values())
    first, second = between["cpu"] - before, after - between["cpu"]
    costs = {
        "making a sample, us": unit["made"],
        "first pass, us": 1e6 * first / n - unit["made"],
        "second pass, us": 1e6 * second / n - unit["made"],
        "read, s/GiB": unit["read"],
        "merge, s": unit["merge"],
    }
    record = {
        "samples": n,
        "dimensions": D,
        "classes": K,
        "workers": [
            {
                "peak memory, GiB": each["peak"],
                "CPU, s": each["cpu"],
                "of it system, s": each["system"],
            }
            for each in workers
        ],
        "sent between workers, GB": sum(each["sent"] for each in workers) / 1e9,
        "tasks": [
            len(plan.tasks(store(n), max(plan.ROWS, plan.A_CLASS * K))),
            len(plan.tasks(store(n), plan.ROWS)),
        ],
        "ranges of classes": len(plan.ranges(K, D)),
        "wall, s, on two shared cores": wall,
        "CPU of the workers, s": [first, second],
        "measured and known": truth(n, found),
        "costs": costs,
        "computed": far(10**9, costs),
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "distributed": distributed.__version__,
            "lopsided": lopsided.__version__,
        },
    }
    path = Path(__file__).parent / "records" / "cluster.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    print(path.read_text())


if __name__ == "__main__":
    # Workers import what they run from this file, by its name.
    importlib.import_module("cluster").main()
