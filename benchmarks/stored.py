"""`lopsided measure` on 1.5 GB of stored features: 12 shards `npz`, 750,000 samples of 512
dimensions in 10 classes, float32, with a head.

    python benchmarks/stored.py

Each route is a fresh process; they take turns, and the least CPU time of three counts, user and
system, of the process and those it starts. The files are in the page cache, and their checksums
are known, as on every measurement but the first. The peer is the formula of
rhubarbwu/neural-collapse on the same mapped arrays; the floor reads them twice and multiplies each
sample once, in float32.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import rows
from command import cpu_seconds

SHARDS, N, D, K = 12, 62_500, 512, 10
TIMES = 3

#: What the other routes share: the mapped arrays.
READ = f"""
import glob, struct, sys, zipfile
import numpy as np
def mapped(path):
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("features.npy").header_offset
    with open(path, "rb") as file:
        file.seek(start + 26)
        name, extra = struct.unpack("<HH", file.read(4))
        file.seek(start + 30 + name + extra)
        np.lib.format.read_magic(file)
        shape, _, kind = np.lib.format.read_array_header_1_0(file)
        return np.memmap(path, kind, "r", file.tell(), shape), np.load(path)["labels"]
shards = [mapped(path) for path in sorted(glob.glob(sys.argv[1] + "/*.npz"))]
K, D = {K}, {D}
"""
PEER = (
    READ
    + """
import torch
torch.set_num_threads(1)
sums, counts = torch.zeros(K, D), torch.zeros(K)
for x, y in shards:
    for i in range(0, len(x), 1024):
        part = torch.from_numpy(y[i:i + 1024])
        sums.index_add_(0, part, torch.from_numpy(np.array(x[i:i + 1024])))
        counts += torch.bincount(part, minlength=K)
means = sums / counts[:, None]
covariance = torch.zeros(D, D)
for x, y in shards:
    for i in range(0, len(x), 1024):
        apart = torch.from_numpy(np.array(x[i:i + 1024])) - means[torch.from_numpy(y[i:i + 1024])]
        covariance += apart.T @ apart
centred = means - means.mean(dim=0)
between = centred.T @ centred / K
print(torch.trace(covariance / counts.sum() @ torch.linalg.pinv(between, hermitian=True)) / K)
"""
)
FLOOR = (
    READ
    + """
matrix = np.ones((D, K), np.float32)
for turn in range(2):
    for x, y in shards:
        for i in range(0, len(x), 1024):
            x[i:i + 1024].sum() if turn == 0 else x[i:i + 1024] @ matrix
"""
)


def make(folder: Path) -> None:
    """Write the shards, one at a time."""
    random = np.random.default_rng(0)
    means = random.standard_normal((K, D), dtype=np.float32)
    for shard in range(SHARDS):
        labels = np.sort(random.integers(0, K, N)) if shard % 2 else random.integers(0, K, N)
        features = random.standard_normal((N, D), dtype=np.float32)
        features += means[labels]
        np.savez(folder / f"{shard:02}.npz", features=features, labels=labels, weight=means)


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        environment = {
            name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
        } | {"OMP_NUM_THREADS": "1", "PYTHONPYCACHEPREFIX": place}
        folder = Path(place) / "shards"
        folder.mkdir()
        make(folder)
        measure = ("-m", "lopsided.cli", "measure", str(folder))
        routes = {
            "measure": (*measure, "--json"),
            "two processes": (*measure, "--json", "--processes", "2"),
            "report": (*measure, "--json", "--report", str(Path(place) / "page.html")),
            "peer": ("-c", PEER, str(folder)),
            "floor": ("-c", FLOOR, str(folder)),
        }
        took = dict.fromkeys(routes, float("inf"))
        for turn in range(TIMES + 1):
            for name, words in routes.items():
                spent = cpu_seconds(words, environment)
                took[name] = min(took[name], spent) if turn else took[name]
    peer = rows.Figure("rhubarbwu's formula, NC1 alone", took["peer"])
    floor = rows.Figure("two reads and a product", took["floor"])
    size = f"{SHARDS * N * D * 4 / 1e9:.1f} GB"
    lines = [
        rows.Row(
            f"`lopsided measure` of {size}",
            "s",
            took["measure"],
            1.5,
            peer,
            floor,
            "two passes of what case A of `measure.py` takes, and most of a second of imports",
        ),
        rows.Row(
            "the same with `--report`",
            "s",
            took["report"],
            2.5,
            peer,
            floor,
            "seven pictures, which matplotlib draws in a quarter of a second each",
        ),
        rows.Row(
            "the same with `--processes 2`, of both",
            "× the CPU of one",
            took["two processes"] / took["measure"],
            1.2,
            rows.Figure("one process", 1.0),
            rows.Figure("one process", 1.0),
            "each process imports the library, and sends its sums",
        ),
    ]
    rows.save("stored", lines, {"cpu seconds": took, "environment": rows.environment("torch")})
    print(took)


if __name__ == "__main__":
    sys.exit(main())
