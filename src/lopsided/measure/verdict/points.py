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

Nothing here is relative to an overall scale: neither one far class nor many merged ones decide what
is said of the others. In a simplex s_c^2 over half the squared distance of two means is the
within-class over the between-class scatter, up to k / (k - 1).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from lopsided.arrays import Floats, Ints
from lopsided.measure.state.center import ROUNDING, centered
from lopsided.measure.state.moments import Moments
from lopsided.measure.verdict.chance import variances

#: Pairs of classes looked at at once: few enough for a processor's cache.
_PAIRS = 2**19
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
    """

    known: npt.NDArray[np.bool_]
    collapsed: npt.NDArray[np.bool_]
    scatter: Floats
    merged: list[Ints]


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
        return Points(known, collapsed, scatter, [])
    squares = np.vecdot(means, means)
    # |a|^2 + |b|^2 - 2 a.b as one product, since passes over all pairs take longer than products.
    left = np.column_stack([-2 * means, squares, np.ones(k)])
    right = np.column_stack([means, np.ones(k), squares])
    rounding = moments.d * (ROUNDING * np.abs(moments.means).max()) ** 2
    # What is out of reach, and is no rounding of 0, is farther than this.
    reach = np.maximum(2 * spread / COLLAPSED, rounding)
    step = max(_PAIRS // k, 1)
    for start in range(0, k, step):
        rows = np.arange(start, min(start + step, k))
        apart = left[rows] @ right.T
        apart[np.arange(len(rows)), rows] = np.inf
        _sharpen(apart, means, squares, rows)
        scale = apart.min(axis=1)
        collapsed[rows] = known[rows] & (scale > reach[rows])
        # Most rows of a collapsed network end here; where another mean is in reach, all are asked.
        reached = np.flatnonzero(~collapsed[rows] & known[rows])
        if len(reached):
            few = apart if len(reached) == len(rows) else apart[reached]
            near = few <= reach[rows[reached], None]
            farthest = np.where(near, few, 0).max(axis=1)
            nearest = np.where(near, np.inf, few).min(axis=1)
            farthest[farthest <= rounding] = 0
            merges = np.isfinite(nearest) & (farthest < COLLAPSED * nearest)
            collapsed[rows[reached]] = merges
            scale[reached] = np.where(merges, nearest, scale[reached])
            a, b = np.nonzero(near & merges[:, None])
            group = _joined(group, rows[reached][a], b)
        scale[scale <= rounding] = 0
        with np.errstate(divide="ignore", invalid="ignore"):
            scatter[rows] = np.where(known[rows], 2 * spread[rows] / scale, np.nan)
    shared = collapsed | ~known
    sizes = np.bincount(group[shared], minlength=k)
    merged = [np.flatnonzero((group == g) & shared) for g in np.flatnonzero(sizes > 1)]
    return Points(known, collapsed, scatter, merged)


def _sharpen(apart: Floats, means: Floats, squares: Floats, rows: Ints) -> None:
    """Take those squared distances of some means to all, whose product left few digits, from their
    differences.
    """
    doubtful = np.flatnonzero(apart.min(axis=1) < 1e-8 * (squares[rows] + squares.max()))
    close = apart[doubtful] < 1e-8 * (squares[rows[doubtful], None] + squares)
    a, b = np.nonzero(close)
    a = doubtful[a]
    step = max(2**20 // means.shape[1], 1)
    for start in range(0, len(a), step):
        few = slice(start, start + step)
        difference = means[rows[a[few]]] - means[b[few]]
        apart[a[few], b[few]] = np.vecdot(difference, difference)


def _joined(group: Ints, a: Ints, b: Ints) -> Ints:
    """Return the groups of classes after the classes a[i] and b[i] of every pair have joined."""
    if not len(a):
        return group
    k, every = len(group), np.arange(len(group))
    pairs = np.concatenate([every, a]), np.concatenate([group, b])
    _, labels = connected_components(
        csr_array((np.ones(len(pairs[0]), bool), pairs), shape=(k, k)), directed=False
    )
    first = np.full(k, k)
    np.minimum.at(first, labels, every)
    return np.asarray(first[labels], np.int64)
