"""Blocks: the samples of batches, as many at once as serve the cache, and their class means.

Far from zero, a block is summed in differences from a sample of each class, since a sum there has
lost the digits by which classes differ.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from lopsided.arrays import Floats, Ints

#: Rows of any real type, one a sample, and the labels.
Batch = tuple[npt.NDArray[Any], Ints]
#: Samples worked on at once, and numbers at most: many for the matrix product, few for the cache.
BLOCK, NUMBERS = 1024, 2**21
#: Numbers that stay in a core's cache, half a megabyte.
CACHED = 2**16
#: Samples by which a block is judged, and how many times their range away it counts as far from
#: zero.
JUDGED, FAR = 16, 64


def by_class(x: Floats, taken: Floats, y: Ints) -> tuple[Ints, Ints, Ints, Floats | None, Floats]:
    """Return the classes in a block, and their means in two parts; subtract the first part from the
    samples.

    Args:
        x: (b, d) samples, overwritten by their differences from the start of their class.
        taken: (b, d) to work in.
        y: (b,) their classes.

    Returns:
        The c classes that are present, the number (b,) among them of each sample, their counts
        (c,), and start and rest (c, d) of their means; the start is zero, and `None`, near zero.
    """
    present, index, added = np.unique(y, return_inverse=True, return_counts=True)
    start = None
    if _far_from_zero(x):
        start = x[np.unique(index, return_index=True)[1]]
        x -= np.take(start, index, axis=0, out=taken, mode="clip")
    member = csr_array(
        (np.ones(len(y)), index, np.arange(len(y) + 1)), shape=(len(y), len(present))
    )
    rest = np.asarray(member.T @ x)
    rest /= added[:, None]
    return present, index, added, start, rest


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


def blocks(batches: Iterable[Batch], d: int, size: int) -> Iterator[tuple[Floats, Floats, Ints]]:
    """Yield the rows of checked batches in float64, `size` at once, as much memory to work in, and
    their labels.

    The arrays serve all blocks in turn. Small batches are put together, large ones cut.
    """
    memory = _workspace(size, d)
    x, taken = memory[:, :size]
    filled, labels = 0, list[Ints]()
    for rows, y in batches:
        start = 0
        while start < len(y):
            stop = min(start + size - filled, len(y))
            np.copyto(x[filled : filled + stop - start], rows[start:stop])
            labels.append(y[start:stop].copy())
            filled, start = filled + stop - start, stop
            if filled == size:
                yield x, taken, np.concatenate(labels)
                filled, labels = 0, []
    if filled:
        yield x[:filled], taken[:filled], np.concatenate(labels)
    _kept.memory = memory


def _workspace(rows: int, d: int) -> Floats:
    """Return an uninitialised array of at least two times `rows` by d.

    The last one given back is taken: to get fresh pages from the system costs more time than the
    arithmetic on them.
    """
    kept: Floats | None = _kept.__dict__.pop("memory", None)
    return (
        np.empty((2, rows, d))
        if kept is None or kept.shape[1] < rows or kept.shape[2] != d
        else kept
    )


_kept = threading.local()
