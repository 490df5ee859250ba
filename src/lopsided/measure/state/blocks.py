"""Blocks: the samples of batches, as many at once as serve the cache, and their class means.

Far from zero, a block is summed in differences from a sample of each class, since a sum there has
lost the digits by which classes differ. Features of single precision or less may be left in single
precision where they are many; that is right only of differences from the mean of their class.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from lopsided.arrays import Floats, Ints

#: Rows of any real type, one a sample, and the labels.
Batch = tuple[npt.NDArray[Any], Ints]
#: Numbers in single or double precision.
Array = npt.NDArray[np.floating]
#: Samples worked on at once, and numbers at most: many for the matrix product, few for the cache.
BLOCK, NUMBERS = 1024, 2**21
#: Numbers that stay in a core's cache, half a megabyte.
CACHED = 2**16
#: Fewer numbers cost nothing in double precision.
FEW = 2**16
#: Samples by which a block is judged, and how many times their range away it counts as far from
#: zero.
JUDGED, FAR = 16, 64


class Block(NamedTuple):
    """Samples worked on at once.

    Attributes:
        rows: (b, d) in single or double precision; they may be the caller's.
        free: (b, d) memory of their type, which may be theirs if it is not the caller's.
        taken: (b, d) more memory of their type.
        labels: (b,) classes.
        narrow: whether they came in single precision or less.
    """

    rows: Array
    free: Array
    taken: Array
    labels: Ints
    narrow: bool

    @property
    def single(self) -> bool:
        """Whether they are to be worked on in single precision."""
        return self.rows.dtype == np.float32

    def doubled(self) -> Block:
        """Return the block in double precision."""
        rows = self.rows.astype(np.float64)
        return Block(rows, rows, np.empty_like(rows), self.labels, self.narrow)


def narrow(array: npt.NDArray[Any]) -> bool:
    """Return whether numbers are of single precision or less."""
    return array.dtype in (np.float32, np.float16)


def seen_in_sums(x: npt.NDArray[Any]) -> bool:
    """Return whether a batch is one block of single precision or less, whose sums tell if a number
    of it is not finite.
    """
    return narrow(x) and x.size >= FEW and len(x) <= block_size(x.shape[1])


def by_class(
    x: Floats, taken: Floats, y: Ints, k: int
) -> tuple[Ints, Ints, Ints, Floats | None, Floats]:
    """Return the classes in a block, and their means in two parts; subtract the first part from the
    samples.

    Args:
        x: (b, d) samples, overwritten by their differences from the start of their class.
        taken: (b, d) to work in.
        y: (b,) their classes.
        k: number of all classes.

    Returns:
        The c classes that are present, the number (b,) among them of each sample, their counts
        (c,), and start and rest (c, d) of their means; the start is zero, and `None`, near zero.

    Raises:
        FloatingPointError: if a number is not finite, or sums leave float64.
    """
    present, index, added = _present(y, k)
    start = None
    with np.errstate(over="ignore", invalid="ignore"):
        if _far_from_zero(x):
            start = x[np.unique(index, return_index=True)[1]]
            x -= np.take(start, index, axis=0, out=taken, mode="clip")
        member = csr_array(
            (np.ones(len(y)), index, np.arange(len(y) + 1)), shape=(len(y), len(present))
        )
        rest = np.asarray(member.T @ x)
        if not np.isfinite(rest.sum()):
            raise FloatingPointError(
                "features are so large that their sums leave float64; multiply all features by one"
                " constant first, which changes no ratio"
            )
    rest /= added[:, None]
    return present, index, added, start, rest


def _present(labels: Ints, k: int) -> tuple[Ints, Ints, Ints]:
    """Return the classes in a block (c,), the number of each sample's among them (b,), and their
    counts (c,).
    """
    if k > BLOCK:  # a look at all of them takes longer than sorting
        present, index, added = np.unique(labels, return_inverse=True, return_counts=True)
        return present, index, added
    counts = np.bincount(labels, minlength=k)
    present = np.flatnonzero(counts)
    return present, (np.cumsum(counts > 0) - 1)[labels], counts[present]


def _far_from_zero(x: Floats) -> bool:
    """Return whether sums of these samples lose digits that their differences have; few samples are
    always summed carefully.
    """
    some = x[:: max(len(x) // JUDGED, 1)]
    reach, extent = np.abs(some).max(axis=0), np.ptp(some, axis=0)
    return len(x) <= JUDGED or bool(((reach > FAR * extent) & (extent > 0)).any())


def left_over(a: Any, b: Any, total: Any) -> Any:
    """Return what rounding took off the sum of two numbers (Knuth 1969)."""
    second = total - a
    return (a - (total - second)) + (b - second)


def block_size(d: int) -> int:
    """Return the samples of d dimensions to work on at once."""
    return max(min(BLOCK, NUMBERS // d), 1)


def blocks(batches: Iterable[Batch], d: int, size: int, *, single: bool = False) -> Iterator[Block]:
    """Yield the rows of batches, at most `size` at once.

    The memory to work in serves all blocks in turn. Small batches are put together, large ones cut.

    Args:
        batches: of checked shapes.
        d: columns.
        size: rows of a block.
        single: whether many narrow numbers may be left in single precision.
    """
    memory = _workspace(size, d)
    wide = memory.reshape(-1)[: 2 * size * d].reshape(2, size, d)
    slim = memory.reshape(-1).view(np.float32)[: 2 * size * d].reshape(2, size, d)
    space: Array = wide
    filled, labels = 0, list[Ints]()
    for rows, y in batches:
        wanted = slim if single and narrow(rows) else wide
        if filled and wanted is not space:
            yield _gathered(space[:, :filled], labels)
            filled, labels = 0, []
        space, start = wanted, 0
        while start < len(y):
            stop = min(start + size - filled, len(y))
            part = rows[start:stop]
            if not filled and 2 * len(part) >= size and _usable(part, space):
                free, taken = space[:, : len(part)]
                yield Block(part, free, taken, y[start:stop], True)
                start = stop
                continue
            rest = space[1, filled : filled + len(part)]
            _copy(part, space[0, filled : filled + len(part)], rest)
            labels.append(y[start:stop].copy())
            filled, start = filled + len(part), stop
            if filled == size:
                yield _gathered(space, labels)
                filled, labels = 0, []
    if filled:
        yield _gathered(space[:, :filled], labels)
    _kept.memory = memory


def _usable(rows: npt.NDArray[Any], space: Array) -> bool:
    """Return whether rows may be worked on where they are, in single precision."""
    fit = rows.dtype == space.dtype == np.float32
    return fit and rows.size >= FEW and rows.flags.c_contiguous


def _gathered(space: Array, labels: list[Ints]) -> Block:
    """Return a block of the samples in the first half of the memory."""
    small = space.dtype == np.float32
    block = Block(space[0], space[0], space[1], np.concatenate(labels), bool(small))
    return block.doubled() if small and space[0].size < FEW else block


def _copy(rows: npt.NDArray[Any], out: Array, free: Array) -> None:
    """Copy numbers of any type; the memory of `free` is as large as that of `out`.

    Half precision becomes single by its bits, four times faster than NumPy does it: the exponent
    moves to its place and its bias is corrected by a multiplication, which minds numbers below the
    normal ones. Infinity and NaN would become numbers, and are left to NumPy.
    """
    if rows.dtype == np.float16:
        single = free.reshape(-1).view(np.float32)[: rows.size].reshape(rows.shape)
        bits = single.view(np.int32)
        np.copyto(bits, rows.view(np.int16))
        bits <<= 13
        bits &= _SIGN_AND_NUMBER
        single *= _BIAS
        if max(single.max(initial=0), -single.min(initial=0)) < _BEYOND_HALF:
            rows = single
    np.copyto(out, rows)


#: Bits of half precision in single, the copies of the sign left out; what the exponents differ by;
#: what infinity becomes.
_SIGN_AND_NUMBER, _BIAS, _BEYOND_HALF = np.int32(-0x70000001), np.float32(2.0**112), 65536.0


def _workspace(rows: int, d: int) -> npt.NDArray[np.float64]:
    """Return an uninitialised array of at least two times `rows` by d.

    The last one given back is taken: to get fresh pages from the system costs more time than the
    arithmetic on them.
    """
    kept: npt.NDArray[np.float64] | None = _kept.__dict__.pop("memory", None)
    return (
        np.empty((2, rows, d))
        if kept is None or kept.shape[1] < rows or kept.shape[2] != d
        else kept
    )


_kept = threading.local()
