"""Points: on how many points the samples of k classes have collapsed.

NC1 asks whether the scatter within classes is small in every direction in which the class means
differ. Where the means of two classes merge, as under minority collapse, that direction shrinks to
nothing and NC1 grows without bound, although every sample lies on its class mean. And in many
dimensions NC1 misses most of the scatter of mere noise. So collapse is judged from each class
outward, in squared distances:

* a mean is *in reach* of class c if T apart^2 <= 2 s_c^2, with s_c^2 the variance of a sample about
  its class mean and T = COLLAPSED;
* a class with no other mean in reach has collapsed to a point of its own;
* a class with all other means in reach has not collapsed;
* a class with some in reach has merged with these if they are a point seen from elsewhere: the
  farthest in reach is nearer than the nearest out of reach, by T in squares. Else it has not
  collapsed.

A variance of few samples may be a fraction of the true one. In doubt is a class that would be
judged otherwise by the variance of all classes together, as far as its own samples allow that.

Nothing here is relative to an overall scale: neither one far class nor many merged ones decide what
is said of the others. In a simplex s_c^2 over half the squared distance of two means is the
within-class over the between-class scatter, up to k / (k - 1).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from lopsided.arrays import Floats, Ints
from lopsided.measure.state.center import ROUNDING, centered
from lopsided.measure.state.moments import Moments
from lopsided.measure.verdict.chance import allowed, variances

#: Rows and columns of a tile of pairs, few enough for a processor's cache.
_ROWS, _COLUMNS = 256, 2048
#: Within-class over between-class scatter below which a class is called collapsed.
COLLAPSED = 0.1


class Points(NamedTuple):
    """What the samples of each class have done.

    Attributes:
        known: (k,) whether a class has the two samples that a scatter takes.
        collapsed: (k,) whether it has collapsed, alone or merged with others; false if not known.
        scatter: (k,) variance of a sample over half the squared distance to the nearest other
            point.
        merged: the classes of each point that several share.
        doubtful: (k,) whether its samples are too few to tell whether it has collapsed.
    """

    known: npt.NDArray[np.bool_]
    collapsed: npt.NDArray[np.bool_]
    scatter: Floats
    merged: list[Ints]
    doubtful: npt.NDArray[np.bool_]


def points(moments: Moments) -> Points:
    """Return which classes have collapsed, and which have merged; k^2 d in tiles.

    Raises:
        ValueError: if a class has no sample, or the squares of the means leave float64.
    """
    means, k = centered(moments), moments.k
    known = moments.counts > 1
    spread = variances(moments)
    collapsed, scatter, group = np.zeros(k, bool), np.full(k, np.nan), np.arange(k)
    if not known.any():
        return Points(known, collapsed, scatter, [], ~known)
    rounding = moments.d * (ROUNDING * np.abs(moments.means).max()) ** 2
    # What is out of reach, and is no rounding of 0, is farther than this.
    reach = np.maximum(2 * spread / COLLAPSED, rounding)
    distances = _Distances(means)
    for start in range(0, k, _ROWS):
        rows = np.arange(start, min(start + _ROWS, k))
        nearest, beyond, alone, merges = _judged(distances, rows, reach[rows], rounding)
        merges &= known[rows]
        collapsed[rows] = (known[rows] & alone) | merges
        scale = np.where(merges, beyond, nearest)
        scale[scale <= rounding] = 0
        with np.errstate(divide="ignore", invalid="ignore"):
            scatter[rows] = np.where(known[rows], 2 * spread[rows] / scale, np.nan)
        if merges.any():
            group = _joined(group, distances, rows[merges], reach)
    shared = collapsed | ~known
    sizes = np.bincount(group[shared], minlength=k)
    merged = [np.flatnonzero((group == g) & shared) for g in np.flatnonzero(sizes > 1)]
    other = allowed(moments)
    doubtful = known & (other != spread)
    for rows in np.array_split(np.flatnonzero(doubtful), np.arange(_ROWS, k, _ROWS)):
        reach = np.maximum(2 * other[rows] / COLLAPSED, rounding)
        _, _, alone, merges = _judged(distances, rows, reach, rounding)
        doubtful[rows] = (alone | merges) != collapsed[rows]
    return Points(known, collapsed, scatter, merged, doubtful)


class _Distances:
    """Squared distances of means to all others, tile by tile."""

    def __init__(self, means: Floats) -> None:
        self.means, self.squares, ones = means, np.vecdot(means, means), np.ones(len(means))
        # |a|^2 + |b|^2 - 2 a.b as one product: passes over all pairs take longer than products.
        self.left = np.column_stack([-2 * means, self.squares, ones])
        self.right = np.column_stack([means, ones, self.squares])

    def of(self, rows: Ints) -> Iterator[tuple[int, Floats, Floats]]:
        """Yield the first column of a tile, the tile, infinite where a mean meets itself, and the
        least of each of its rows.
        """
        left = self.left[rows]
        for start in range(0, len(self.means), _COLUMNS):
            columns = slice(start, start + _COLUMNS)
            tile = left @ self.right[columns].T
            here = np.flatnonzero((rows >= start) & (rows < start + tile.shape[1]))
            tile[here, rows[here] - start] = np.inf
            yield start, tile, self._sharpened(tile, rows, columns)

    def _sharpened(self, tile: Floats, rows: Ints, columns: slice) -> Floats:
        """Take distances of which the product left few digits from their differences, and return
        the least of each row.
        """
        squares, others = self.squares[columns], self.means[columns]
        few = 1e-8 * (self.squares[rows] + squares.max())
        least = tile.min(axis=1)
        doubtful = np.flatnonzero(least < few)
        a, b = np.nonzero(tile[doubtful] < 1e-8 * (self.squares[rows[doubtful], None] + squares))
        a = doubtful[a]
        step = max(2**20 // others.shape[1], 1)
        for start in range(0, len(a), step):
            part = slice(start, start + step)
            difference = self.means[rows[a[part]]] - others[b[part]]
            tile[a[part], b[part]] = np.vecdot(difference, difference)
        least[doubtful] = tile[doubtful].min(axis=1)
        return np.asarray(least)


def _judged(
    distances: _Distances, rows: Ints, reach: Floats, rounding: float
) -> tuple[Floats, Floats, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return squared distances of some means to the nearest other and to the nearest out of reach,
    and whether each is a point of its own, or one with those in reach.
    """
    nearest, farthest, beyond = _around(distances, rows, reach)
    alone = nearest > reach
    farthest[farthest <= rounding] = 0
    merges = ~alone & np.isfinite(beyond) & (farthest < COLLAPSED * beyond)
    return nearest, beyond, alone, merges


def _around(distances: _Distances, rows: Ints, reach: Floats) -> tuple[Floats, Floats, Floats]:
    """Return squared distances of some means to the nearest other, to the farthest in reach (0 if
    none is) and to the nearest out of reach (infinite if none is).
    """
    nearest, beyond = np.full((2, len(rows)), np.inf)
    farthest = np.zeros(len(rows))
    for _, tile, least in distances.of(rows):
        nearest = np.minimum(nearest, least)
        # In a collapsed network few rows of a tile have another mean in reach.
        asked = np.flatnonzero(least <= reach)
        few = tile[asked]
        near = few <= reach[asked, None]
        farthest[asked] = np.maximum(farthest[asked], np.where(near, few, 0).max(axis=1))
        least[asked] = np.where(near, np.inf, few).min(axis=1)
        beyond = np.minimum(beyond, least)
    return nearest, farthest, beyond


def _joined(group: Ints, distances: _Distances, rows: Ints, reach: Floats) -> Ints:
    """Return the groups of classes after some have joined all in their reach."""
    for start, tile, _ in distances.of(rows):
        a, b = np.nonzero(tile <= reach[rows, None])
        a, b = rows[a], b + start
        new = group[a] != group[b]
        if new.any():
            group = _together(group, a[new], b[new])
    return group


def _together(group: Ints, a: Ints, b: Ints) -> Ints:
    """Return the groups of classes after the classes a[i] and b[i] of every pair have joined."""
    k, every = len(group), np.arange(len(group))
    pairs = np.concatenate([every, a]), np.concatenate([group, b])
    _, labels = connected_components(
        csr_array((np.ones(len(pairs[0]), bool), pairs), shape=(k, k)), directed=False
    )
    first = np.full(k, k)
    np.minimum.at(first, labels, every)
    return np.asarray(first[labels], np.int64)
