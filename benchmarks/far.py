"""What the record of the cluster says of larger measurements, as part of docs/guides/cluster.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RECORD = Path(__file__).parent / "records" / "cluster.json"


def far() -> str:
    """Return the figures of the record as Markdown."""
    record: dict[str, Any] = json.loads(RECORD.read_text())
    known, costs, large = (record[name] for name in ("measured and known", "costs", "computed"))
    n, k, d = (record[name] for name in ("samples", "classes", "dimensions"))
    first, second = record["CPU of the workers, s"]
    peak = max(worker["peak memory, GiB"] for worker in record["workers"])
    plain = known["three classes summed plainly: error of the mean, relative error of the spread"]
    mean, spread = (max(pair[i] for pair in plain.values()) for i in (0, 1))
    rows = [
        ("classes whose count is wrong", f"{known['classes whose count is wrong']}", "0"),
        (
            "means, in standard deviations of what their noise would be",
            f"{known['means: standard deviations from chi-square']:.2f}",
            "within 3",
        ),
        (
            "scatter within classes, likewise",
            f"{known['scatter: standard deviations from chi-square']:.2f}",
            "within 3",
        ),
        ("NC1", f"{known['nc1'][0]:.6f}", f"{known['nc1'][1]:.6f}"),
        ("CDNV", f"{known['cdnv'][0]:.5f}", f"{known['cdnv'][1]:.5f}"),
        ("three classes summed plainly: largest error of a mean", f"{mean:.1e}", "0"),
        ("... of a spread, relative", f"{spread:.1e}", "0"),
    ]
    least, most = known["smallest and largest count"]
    made = 2 * n * costs["making a sample, us"] / 1e6
    taken = [
        (
            "float32 features",
            (
                f"{large['float32 features, TB']:.1f} TB, {large['read in two passes, TB']:.1f} TB"
                " read"
            ),
        ),
        ("CPU", f"{large['core-hours']:.1f} core-hours"),
        (
            "tasks of the first pass",
            f"{large['tasks of the first pass']:,}; no more workers are of use in it",
        ),
        ("sent between workers", f"at most {large['states sent at most, GB']:.0f} GB"),
        ("means on the shared disk", f"{large['means on the shared disk, GB']:.1f} GB"),
    ]
    return f"""{n:,} samples of {d} dimensions in {k:,} classes, the largest with
{most:,} samples and the smallest with {least:,}, were measured without decisions on two Dask
workers of one machine whose two cores others used too, one thread and at most 8 GiB each. Samples
are made as they are read, a class's mean plus noise, so what should come out is known
(`benchmarks/cluster.py`; NC1 and CDNV up to the chance in the noise):

| figure | measured | known |
|---|---|---|
{_table(rows)}

A worker took at most {peak:.1f} GiB; both took {first:.0f} s of CPU for the first pass and
{second:.0f} s for the second, of which making the samples took {made:.0f} s;
{record["sent between workers, GB"]:.2f} GB went between them.

From these costs ({costs["first pass, us"]:.1f} and {costs["second pass, us"]:.1f} µs a sample in
the two passes, {costs["read, s/GiB"]:.2f} s to read a GiB of `safetensors` that is in memory,
{costs["merge, s"]:.1f} s to merge two states), **{large["samples"]:,} samples** of as many
dimensions and classes would take, computed and not measured:

| what | how much |
|---|---|
{_table(taken)}

Disks will be slower than memory: at 1 GB/s for all workers together the reading alone takes
{large["read in two passes, TB"] / 3.6:.1f} hours. Decisions would add k (d + r) multiplications a
sample, here {k * 2 * d / 1e6:.0f} million, and are left out where no head is given.
"""


def _table(rows: list[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
