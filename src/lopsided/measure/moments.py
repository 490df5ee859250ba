"""Moments: what a measurement remembers of the features, however many there are.

Per class the number of samples, the mean, and the sum of squared deviations from the mean; pooled over the classes, if asked, the
(d, d) scatter of the deviations. Everything is float64 whatever comes in. Arrays are row-major: features (n, d), means (k, d).

One rule joins two sets of samples. With counts a and b of a class, means m_a and m_b, and D the difference of the means, the
scatter of the union is S_a + S_b + ab/(a+b) D D' (Chan, Golub and LeVeque 1983). A batch is a small stream, and its share of the
rule costs nothing: its deviations are taken from

    t = m_b - sqrt(a / (a + b)) (m_b - m_a)       instead of m_b,

since the sum of (h - t)(h - t)' over the b samples is S_b + b a/(a+b) D D' exactly (derived here). All terms are squares, so
nothing cancels: an offset of the features, however large, costs no digits beyond those that the features themselves have lost.
"""

from __future__ import annotations

import threading
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from lopsided.arrays import Floats, Ints, require_memory
from lopsided.measure.checks import labels_of, rows_of
from lopsided.measure.scatter import Pooled, Projected

#: Samples worked on at once: large enough for the matrix product, small enough for the cache.
BLOCK = 512


class Moments:
    """Counts, means and within-class scatter of k classes of d-dimensional features.

    Attributes:
        counts: (k,) samples seen of each class.
        means: (k, d) class means; zero for a class without samples.
        spread: (k,) sums of squared distances of the samples of a class to its mean.
        scatter: the within-class scatter summed over all samples, whole or projected; `None` if not kept.

    Args:
        k: number of classes.
        d: feature dimensions.
        scatter: "pooled" keeps the (d, d) scatter, d^2 operations a sample; "none" keeps only the spreads, d operations a sample.
            For NC1 in two passes take "none", then `lopsided.measure.SecondPass`.

    Raises:
        ValueError: if k < 2, d < 1 or `scatter` is none of the two.
        MemoryError: if the state would take more than half of this machine's memory.

    Example:
        >>> moments = Moments(k=2, d=1)
        >>> moments.update([[1.0], [3.0], [10.0]], [0, 0, 1])
        >>> moments.means.ravel(), moments.spread
        (array([ 2., 10.]), array([2., 0.]))
    """

    def __init__(self, k: int, d: int, scatter: Literal["pooled", "none"] = "pooled") -> None:
        if k < 2 or d < 1:
            raise ValueError(f"moments need at least 2 classes and 1 dimension, got k={k}, d={d}")
        if scatter not in ("pooled", "none"):
            raise ValueError(f"scatter must be 'pooled' or 'none', got {scatter!r}")
        require_memory(8.0 * d * (k + (d if scatter == "pooled" else 0)), f"the state for {k:,} classes in {d:,} dimensions")
        self.counts: Ints = np.zeros(k, np.int64)
        self.means: Floats = np.zeros((k, d))
        self.spread: Floats = np.zeros(k)
        self.scatter: Pooled | Projected | None = Pooled.zeros(d) if scatter == "pooled" else None

    @property
    def k(self) -> int:
        """Number of classes."""
        return len(self.counts)

    @property
    def d(self) -> int:
        """Feature dimensions."""
        return int(self.means.shape[1])

    @property
    def n(self) -> int:
        """Samples seen."""
        return int(self.counts.sum())

    def update(self, features: npt.ArrayLike, labels: npt.ArrayLike) -> None:
        """Take in a batch.

        Args:
            features: (b, d) in any real type; b may be 0.
            labels: (b,) classes 0..k-1.

        Raises:
            ValueError: if shapes do not fit, a label is out of range or a feature is not finite (sample and class are named), or
                the scatter is a projection, which cannot follow means that still move. The state is as it was.
            TypeError: if the arrays do not hold numbers.
        """
        if isinstance(self.scatter, Projected):
            raise ValueError("these moments were closed by a second pass and take no more samples; start new ones")
        y = labels_of(labels, self.k)
        x = rows_of(features, y, self.d, "features")
        rows, taken = workspace(min(BLOCK, len(y)), self.d)
        for start in range(0, len(y), BLOCK):
            block = y[start : start + BLOCK]
            np.copyto(rows[: len(block)], x[start : start + BLOCK])
            self._fold(rows[: len(block)], taken[: len(block)], block)

    def _fold(self, x: Floats, taken: Floats, y: Ints) -> None:
        """Join a block of samples (overwritten, like `taken`) by the rule of the module's docstring."""
        present, index = np.unique(y, return_inverse=True)
        member = csr_array((np.ones(len(y)), index, np.arange(len(y) + 1)), shape=(len(y), len(present)))
        added = np.bincount(index)
        had = self.counts[present]
        old = (had / (had + added))[:, None]
        mean = np.asarray(member.T @ x) / added[:, None]
        delta = mean - self.means[present]
        x -= np.take(mean - np.sqrt(old) * delta, index, axis=0, out=taken, mode="clip")
        self.counts[present] += added
        self.means[present] = mean - old * delta
        self.spread[present] += np.bincount(index, weights=np.vecdot(x, x))
        if isinstance(self.scatter, Pooled):
            self.scatter.add(x)

    def merge(self, other: Moments) -> None:
        """Take in the samples of other moments; the order of merges matters to rounding only.

        Raises:
            ValueError: if the shapes differ, one keeps the scatter and the other does not, or either was closed by a second pass.
        """
        if (self.k, self.d) != (other.k, other.d):
            raise ValueError(f"cannot merge moments of k={other.k}, d={other.d} into moments of k={self.k}, d={self.d}")
        if type(self.scatter) is not type(other.scatter) or isinstance(self.scatter, Projected):
            raise ValueError("only moments of one kind merge: both with scatter='pooled', or both with scatter='none'")
        present = np.flatnonzero(other.counts)
        had, added = self.counts[present], other.counts[present]
        old = (had / (had + added))[:, None]
        delta = other.means[present] - self.means[present]
        between = np.sqrt(old * added[:, None]) * delta
        self.counts[present] += added
        self.means[present] = other.means[present] - old * delta
        self.spread[present] += other.spread[present] + np.einsum("cd,cd->c", between, between)
        if isinstance(self.scatter, Pooled) and isinstance(other.scatter, Pooled):
            self.scatter.upper += other.scatter.upper
            self.scatter.add(between)

    def copy(self) -> Moments:
        """Return an independent copy."""
        return self.take(np.arange(self.k))

    def take(self, classes: npt.ArrayLike) -> Moments:
        """Return the moments of some of the classes, renumbered in the order given.

        The scatter stays pooled over all samples, of classes left out too: leave out only classes without samples.

        Raises:
            ValueError: if a class with samples is left out while a scatter is kept.
        """
        index = np.asarray(classes, np.int64)
        left_out = np.setdiff1d(np.flatnonzero(self.counts), index)
        if self.scatter is not None and len(left_out):
            raise ValueError(f"class {left_out[0]} has samples in the pooled scatter and cannot be left out")
        part = Moments.__new__(Moments)
        part.counts, part.means, part.spread = self.counts[index], self.means[index], self.spread[index]
        part.scatter = None if self.scatter is None else self.scatter.copy()
        return part

    def require_every_class(self) -> None:
        """Refuse moments in which a class has no sample.

        Raises:
            ValueError: naming the first such class.
        """
        if not self.counts.all():
            raise ValueError(
                f"class {int(np.argmin(self.counts))} has no sample and so no mean; measure more data, or ask for classes='seen'"
            )

    def __repr__(self) -> str:
        kept = "none" if self.scatter is None else type(self.scatter).__name__.lower()
        return f"Moments(k={self.k}, d={self.d}, n={self.n:,}, scatter={kept})"


def workspace(rows: int, d: int) -> tuple[Floats, Floats]:
    """Return two uninitialised (rows, d) arrays for the deviations of a block.

    The last pair is kept for the next batch: to get fresh pages from the system costs more time than the arithmetic on them.
    """
    kept = getattr(_kept, "arrays", None)
    if kept is None or kept.shape[1] < rows or kept.shape[2] != d:
        kept = _kept.arrays = np.empty((2, rows, d))
    return kept[0], kept[1]


_kept = threading.local()
