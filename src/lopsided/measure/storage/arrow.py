"""Columns of Arrow files and streams, as Hugging Face datasets keep them, and of Parquet files.

A column of features holds lists of equal length, best of a fixed size. What lies uncompressed in an
Arrow file is read like any other array, as soon as pyarrow has told where; Parquet has to be
decoded.
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.files import Stamp, UnfitError, opened, reading, require_file
from lopsided.measure.storage.columns import Column, column_of, plain
from lopsided.measure.storage.messages import batches_of
from lopsided.measure.storage.rows import Layout, Stored, fill
from lopsided.memory import require_memory
from lopsided.needs import need

_EXTRA = "'lopsided[arrow]'"


@dataclass(frozen=True)
class Runs(Stored):
    """An array whose rows lie in runs, one a record batch.

    Attributes:
        starts: the first row of each run.
        offsets: where in the file each run starts.
    """

    starts: tuple[int, ...] = ()
    offsets: tuple[int, ...] = ()

    def told(self) -> tuple[Any, ...]:
        """Return the first row too."""
        return *super().told(), self.take(0, min(self.shape[0], 1)).tobytes()

    def take(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Read some rows."""
        taken = np.empty((stop - start, *self.shape[1:]), self.layout.dtype)
        ends = (*self.starts[1:], self.shape[0])
        with reading(self.path), opened(self.path, self.stamp) as file:
            row = start
            while row < stop:
                run = bisect_right(self.starts, row) - 1
                end = min(stop, ends[run])
                into = self.offsets[run] + (row - self.starts[run]) * self.layout.row
                fill(taken[row - start : end - start], file, into)
                row = end
        return taken

    def verify(self) -> None:
        """Arrow states no sum."""


@dataclass(frozen=True)
class Groups(Stored):
    """A column of a Parquet file, whose row groups are decoded when first used.

    Attributes:
        name: of the column.
        starts: the first row of each row group, and the number of rows.
    """

    name: str = ""
    starts: tuple[int, ...] = (0,)

    def take(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Decode the row groups and return some rows."""
        parts = [
            decoded(self, group)[max(start - first, 0) : stop - first]
            for group, (first, end) in enumerate(pairwise(self.starts))
            if first < end and first < stop and end > start
        ]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate([np.empty((0, *self.shape[1:]), self.layout.dtype), *parts])

    def verify(self) -> None:
        """Sums of pages, where a file has some, are compared when it is decoded."""


def arrow(path: Path, wanted: Sequence[str]) -> tuple[list[str], dict[str, Stored]]:
    """Open an Arrow file or stream."""
    library, stamp = need("pyarrow", _EXTRA), require_file(path)
    with opened(path, stamp), library.memory_map(str(path)) as mapped:
        whole = mapped.read_buffer(stamp.size)
        schema, batches = batches_of(library, whole)
        _require_once(schema.names, wanted)
        found: dict[str, list[Column]] = {name: [] for name in {*schema.names} & {*wanted}}
        for batch in batches:
            for name, seen in found.items():
                start = sum(column.n for column in seen)
                seen.append(column_of(library, batch.column(name), name, start))
        arrays = {
            name: _runs(path, stamp, name, columns or [_none(library, schema, name)], whole.address)
            for name, columns in found.items()
        }
    return list(schema.names), arrays


def _require_once(names: Sequence[str], wanted: Sequence[str]) -> None:
    """Refuse two columns of one name, of which either could be meant."""
    for name in wanted:
        if names.count(name) > 1:
            raise UnfitError(f"holds {name} twice")


def _none(library: Any, schema: Any, name: str) -> Column:
    """Return a column without rows."""
    return column_of(library, library.array([], plain(library, schema.field(name).type)), name, 0)


def _runs(path: Path, stamp: Stamp, name: str, columns: Sequence[Column], base: int) -> Stored:
    """Return an array of the columns of all record batches, at their addresses from a base."""
    layout = _layout(name, columns)
    runs = Runs(path, stamp, layout, 0)
    starts = [0, *accumulate(column.n for column in columns)]
    full = [(start, c.address - base) for start, c in zip(starts, columns, strict=False) if c.n]
    for (_, offset), column in zip(full, (c for c in columns if c.n), strict=True):
        if offset < 0 or offset + column.n * layout.row > stamp.size:
            raise UnfitError(f"is damaged or truncated ({name} reaches beyond its end)")
    return replace(runs, starts=tuple(s for s, _ in full), offsets=tuple(o for _, o in full))


def _layout(name: str, columns: Sequence[Column]) -> Layout:
    kinds = {(c.shape, c.dtype) for c in columns if c.n} or {(columns[0].shape, columns[0].dtype)}
    if len(kinds) > 1:
        raise UnfitError(f"holds {name} of different lengths: {sorted(s for s, _ in kinds)}")
    ((shape, dtype),) = kinds
    return Layout((sum(c.n for c in columns), *shape), dtype)


def parquet(path: Path, wanted: Sequence[str]) -> tuple[list[str], dict[str, Stored]]:
    """Open a Parquet file."""
    library, files = need("pyarrow", _EXTRA), need("pyarrow.parquet", _EXTRA)
    stamp, arrays = require_file(path), dict[str, Stored]()
    with opened(path, stamp) as source, files.ParquetFile(source) as file:
        told, names = file.metadata, list(file.schema_arrow.names)
        _require_once(names, wanted)
        groups = [told.row_group(i).num_rows for i in range(told.num_row_groups)]
        for name in {*names} & {*wanted}:
            # The first row tells how long the lists are.
            some = next(file.iter_batches(1, columns=[name], use_threads=False), None)
            column = (
                _none(library, file.schema_arrow, name)
                if some is None
                else column_of(library, some.column(0), name, 0)
            )
            layout = Layout((told.num_rows, *column.shape), column.dtype)
            arrays[name] = Groups(path, stamp, layout, 0, name, tuple(accumulate([0, *groups])))
    return names, arrays


@functools.lru_cache(maxsize=2)  # the features and the labels of the row group at work
def decoded(array: Groups, group: int) -> npt.NDArray[Any]:
    """Return a row group of a column."""
    library, n = need("pyarrow.parquet", _EXTRA), array.starts[group + 1] - array.starts[group]
    layout = replace(array.layout, shape=(n, *array.shape[1:]))
    require_memory(
        layout.nbytes,
        f"row group {group} of {array.path}",
        "write row groups of fewer rows, 65,536 say",
    )
    with (
        reading(array.path),
        opened(array.path, array.stamp) as source,
        library.ParquetFile(source, page_checksum_verification=True) as file,
    ):
        table = file.read_row_group(group, columns=[array.name], use_threads=False)
        arrow, chunks = need("pyarrow", _EXTRA), table.column(0)
        whole = chunks.cast(plain(arrow, chunks.type)).combine_chunks()
        column = column_of(arrow, whole, array.name, array.starts[group])
        if (column.n, *column.shape) != layout.shape or column.dtype != layout.dtype:
            raise UnfitError(
                f"holds {array.name} of shape {(column.n, *column.shape)} in row group {group},"
                f" expected {layout.shape}"
            )
        return column.numbers.reshape(layout.shape)
