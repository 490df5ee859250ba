"""Arrays in files, whose rows are read when they are taken.

They are read and not memory-mapped: a file that is cut short under a map ends the process without a
word.
"""

from __future__ import annotations

import functools
import math
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lopsided.files import Stamp, UnfitError, opened, reading
from lopsided.memory import require_memory

#: Bytes read at once.
CHUNK = 2**20


@dataclass(frozen=True)
class Layout:
    """An array's shape and type, and how it lies in its file.

    Attributes:
        shape: of the array.
        dtype: of its numbers as they are in the file.
        fortran: whether columns lie together instead of rows.
        bfloat16: whether numbers are the upper halves of float32.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool = False
    bfloat16: bool = False

    @property
    def row(self) -> int:
        """Bytes of a row."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of the array."""
        return math.prod(self.shape) * self.dtype.itemsize


class Sum(NamedTuple):
    """The CRC-32 of all bytes of a file from a start up to the end of an array."""

    start: int
    crc: int


@dataclass(frozen=True)
class Stored:
    """An array in a file.

    Attributes:
        path: of the file.
        stamp: of the file when it was opened.
        layout: of the array.
        offset: of the array's first byte.
    """

    path: Path
    stamp: Stamp
    layout: Layout
    offset: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self.layout.shape

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: workers may stand in another folder or on another machine, so
        the path is absolute, and the stamp what it is there.
        """
        there = {"path": self.path.absolute(), "stamp": self.stamp.elsewhere()}
        return self.__dict__ | there

    def told(self) -> tuple[Any, ...]:
        """Return what tells the array from others, on whatever machine it is read, at no cost."""
        return self.path.name, self.stamp.size, self.shape

    def take(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Return some rows.

        Raises:
            ValueError: if the file is damaged or has changed since it was opened.
            MemoryError: if the array has to be unpacked and takes more than half of this machine's
                memory.
        """
        raise NotImplementedError

    def verify(self) -> None:
        """Compare the sum that the file states, if it states one.

        Raises:
            ValueError: if it is another, or the file has changed since it was opened.
            MemoryError: as `take`.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Rows(Stored):
    """An array that lies in its file as it is in memory.

    Attributes:
        sum: that the file states of it, if it does.
    """

    sum: Sum | None = None

    def told(self) -> tuple[Any, ...]:
        """Return the first row and the sum too."""
        return *super().told(), self.sum, self.take(0, min(self.shape[0], 1)).tobytes()

    def take(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Read some rows."""
        n, *rest = self.shape
        size = self.layout.dtype.itemsize
        with reading(self.path), opened(self.path, self.stamp) as file:
            if self.layout.fortran and rest:
                columns = np.empty((math.prod(rest), stop - start), self.layout.dtype)
                for j, column in enumerate(columns):
                    fill(column, file, self.offset + (j * n + start) * size)
                taken = columns.reshape(*rest[::-1], stop - start).T
            else:
                taken = np.empty((stop - start, *rest), self.layout.dtype)
                fill(taken, file, self.offset + start * self.layout.row)
        return (taken.astype(np.uint32) << 16).view(np.float32) if self.layout.bfloat16 else taken

    def verify(self) -> None:
        """Read all that the sum is of, the first time."""
        if self.sum is not None:
            _fits(self, self.sum)


@dataclass(frozen=True)
class Packed(Stored):
    """An array in a compressed member of a zip file, unpacked when first used, which also compares
    the member's sum.

    Attributes:
        member: name of the member, in which the offset counts.
    """

    member: str

    def take(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Unpack the array and return some rows."""
        return unpacked(self)[start:stop]

    def verify(self) -> None:
        """Unpack the array."""
        unpacked(self)


@functools.cache  # a process reads a file for its sum once, however often it reads the rows
def _fits(array: Rows, told: Sum) -> None:
    with reading(array.path), opened(array.path, array.stamp) as file:
        file.seek(told.start)
        left, crc = array.offset + array.layout.nbytes - told.start, 0
        while left and (content := file.read(min(left, CHUNK))):
            left, crc = left - len(content), zlib.crc32(content, crc)
        if crc != told.crc:
            raise UnfitError(
                "is damaged: its numbers do not fit the checksum (CRC-32) in the file; copy or"
                " write it again"
            )


def read_all(array: Stored) -> npt.NDArray[Any]:
    """Return all of an array, its sum verified.

    Raises:
        ValueError: if the file is damaged or has changed since it was opened.
        MemoryError: if the array takes more than half of this machine's memory.
    """
    require_room(array)
    array.verify()
    return array.take(0, array.shape[0])


@functools.lru_cache(maxsize=2)  # the features and the labels of the shard at work
def unpacked(array: Packed) -> npt.NDArray[Any]:
    """Return all of a compressed array."""
    require_room(array)
    layout = array.layout
    whole = np.empty(layout.shape, layout.dtype, "F" if layout.fortran else "C")
    with (
        reading(array.path),
        opened(array.path, array.stamp) as file,
        zipfile.ZipFile(file) as archive,
        archive.open(array.member) as member,
    ):
        member.read(array.offset)
        fill(whole.T if layout.fortran else whole, member)
        if member.read(1):  # which also brings the reader to the end, where it compares the sum
            raise UnfitError(f"holds more of {array.member} than its header says")
    return whole


def require_room(array: Stored, entry: int = 0) -> None:
    """Refuse an array that takes too much memory, at so many bytes an entry where that is more than
    in its file.

    Raises:
        MemoryError: if that is more than half of what there is.
    """
    require_memory(
        max(array.layout.nbytes, entry * math.prod(array.shape)),
        f"an array of shape {array.shape} in {array.path}",
        "store it in parts, as a folder of shards",
    )


def fill(array: npt.NDArray[Any], file: IO[bytes], offset: int | None = None) -> None:
    """Read the bytes of a contiguous array, from an offset in the file or on from where it is.

    Raises:
        UnfitError: if the file ends before.
    """
    if offset is not None:
        file.seek(offset)
    if not array.size:
        return
    content = array.reshape(-1).view(np.uint8)
    for start in range(0, len(content), CHUNK):
        part = content[start : start + CHUNK]
        if file.readinto(part) != len(part):  # type: ignore[attr-defined]
            raise UnfitError("ends before its arrays do")
