"""All pairs of classes, each once, in tiles and group by group, without a (k, k) array.

A metric of many pairs is swept in float32, twice as fast, and summed in float64. Where the digits
of single precision would show in the result it is swept again in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, Ints
from lopsided.gram import Gram
from lopsided.measure.metrics.undefined import Undefined

Array = npt.NDArray[np.floating]

_TILE = 512
#: From so many groups on the sweep is worth its rounding.
MANY = 2048

#: What is done to a tile of cosines, in place: yields the arrays whose sums are wanted.
Terms = Callable[[Array], Iterator[Array]]


def tiles(left: Array, right: Array) -> Iterator[tuple[slice, slice, Array]]:
    """Yield the upper triangle of left @ right.T in square tiles, each in the same memory, with
    their rows and columns.
    """
    m = len(left)
    memory = np.empty((min(_TILE, m), min(_TILE, m)), left.dtype)
    for top in range(0, m, _TILE):
        rows = slice(top, min(top + _TILE, m))
        for start in range(top, m, _TILE):
            columns = slice(start, min(start + _TILE, m))
            shape = (rows.stop - top, columns.stop - start)
            # A corner of the square would not be contiguous.
            tile = memory.reshape(-1)[: shape[0] * shape[1]].reshape(shape)
            yield rows, columns, np.matmul(left[rows], right[columns].T, out=tile)


def directions(gram: Gram) -> tuple[Floats, Floats]:
    """Return the two factors of the cosines between the vectors of groups.

    Raises:
        Undefined: if a vector is zero and so has no angle; the class is named.
    """
    lengths = np.sqrt(gram.diagonal)
    if not lengths.all():
        zero = int(gram.groups.first[int(np.argmin(lengths))])
        raise Undefined("the vector of class {} is zero and has no angle to others", zero)
    left = gram.left / lengths[:, None]
    return left, left if gram.right is gram.left else gram.right / lengths[:, None]


def means(gram: Gram, terms: Terms, *, single: bool = True) -> Floats:
    """Return the means over all pairs of distinct classes of what `terms` makes of their cosines.

    Args:
        gram: of the vectors.
        terms: of a tile of cosines, where that of a class with itself, which is left out, is 0.
        single: whether many groups may be swept in float32.

    Raises:
        Undefined: if a vector is zero; the class is named.
    """
    left: Array
    right: Array
    left, right = directions(gram)
    if single and len(left) >= MANY:
        left, right = left.astype(np.float32), right.astype(np.float32)
    sizes = gram.groups.sizes.astype(np.float64)
    total: Floats = np.zeros(0)
    alone = np.flatnonzero(sizes == 1)
    for rows, columns, tile in tiles(left, right):
        _own(tile, rows, columns, alone, 0.0)
        sums = np.array([_sum(values, rows, columns, sizes) for values in terms(tile)])
        total = sums if not len(total) else total + sums
    return np.asarray(total / (gram.k * (gram.k - 1)))


def mean_cosine(gram: Gram) -> float:
    """Return the mean cosine over all pairs of distinct classes; no pair is looked at.

    Raises:
        Undefined: if a vector is zero; the class is named.
    """
    left, right = directions(gram)
    sizes = gram.groups.sizes.astype(np.float64)
    all_pairs = (sizes @ left) @ (sizes @ right)
    own = sizes @ np.einsum("iq,iq->i", left, right)
    return float((all_pairs - own) / (gram.k * (gram.k - 1)))


def largest_cosine(gram: Gram) -> float:
    """Return the largest cosine between the vectors of distinct classes.

    Raises:
        Undefined: if a vector is zero; the class is named.
    """
    alone = np.flatnonzero(gram.groups.sizes == 1)
    largest = -1.0
    for rows, columns, tile in tiles(*directions(gram)):
        _own(tile, rows, columns, alone, -1.0)
        largest = max(largest, float(tile.max()))
    return largest


def _own(tile: Array, rows: slice, columns: slice, alone: Ints, value: float) -> None:
    """Write a value over the cosines of the only classes of their groups with themselves."""
    if rows == columns:
        here = alone[(alone >= rows.start) & (alone < rows.stop)] - rows.start
        tile[here, here] = value


def _sum(values: Array, rows: slice, columns: slice, sizes: Floats) -> float:
    """Return the sum over the ordered pairs of distinct classes of an upper tile of groups."""
    part, others = sizes[rows], sizes[columns]
    if rows != columns:
        return 2 * float(part @ _by_row(values, others))
    within = values.diagonal().copy()
    np.fill_diagonal(values, 0)
    total = float(part @ _by_row(values, others))
    np.fill_diagonal(values, within)
    several = part > 1
    return total + float((part * (part - 1))[several] @ within[several])


def _by_row(values: Array, sizes: Floats) -> Floats:
    if (sizes == 1).all():
        return np.asarray(values.sum(axis=1, dtype=np.float64))
    return np.asarray(values @ sizes)
