"""Means: how many samples of each class there are, and their mean; the least that a first pass has
to find.

Everything is float64 whatever comes in. Arrays are row-major: features (n, d), means (k, d). With
counts a and b of a class and D the difference of the means, the mean of the union is m_b - a/(a+b)
D. A batch is a small stream.

Far from zero, a mean rounded to float64 is off by much of what classes differ by. So means are kept
in two parts, the rounded one and the rest.

Several threads may add to one state.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, Ints
from lopsided.groups import numbers_of
from lopsided.measure.checks import labels_of, rows_of
from lopsided.measure.state.blocks import (
    CACHED,
    Batch,
    block_size,
    blocks,
    by_class,
    left_over,
    seen_in_sums,
)
from lopsided.measure.state.turn import Shared, Turn, both
from lopsided.memory import require_memory


class Means(Shared):
    """Counts and means of k classes of d-dimensional features; the first of two passes (see
    `lopsided.measure.SecondPass`).

    Attributes:
        counts: (k,) samples seen of each class.
        means: (k, d) class means; zero for a class without samples.
        rests: (k, d) what the means have beyond float64: the mean is means + rests.

    Args:
        k: number of classes.
        d: feature dimensions.

    Raises:
        ValueError: if k < 2 or d < 1.
        MemoryError: if the state would take more than half of this machine's memory.

    Example:
        >>> means = Means(k=2, d=1)
        >>> means.update([[1.0], [3.0], [10.0]], [0, 0, 1])
        >>> means.counts, means.means.ravel()
        (array([2, 1]), array([ 2., 10.]))
    """

    def __init__(self, k: int, d: int) -> None:
        whole = all(isinstance(size, int | np.integer) for size in (k, d))
        if not whole or k < 2 or d < 1:
            raise ValueError(
                f"a measurement needs whole numbers of at least 2 classes and 1 dimension, got"
                f" k={k!r}, d={d!r}"
            )
        k, d = int(k), int(d)  # whose products leave a narrow type of NumPy
        require_memory(
            16.0 * d * k,
            f"the state for {k:,} classes in {d:,} dimensions",
            "number the classes without gaps, or measure fewer",
        )
        self.counts: Ints = np.zeros(k, np.int64)
        self.means: Floats = np.zeros((k, d))
        self.rests: Floats = np.zeros((k, d))
        self._turn = Turn()

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
            ValueError: if shapes do not fit, a label is out of range or a feature is not finite;
                sample and class are named. The state is as it was.
            TypeError: if the arrays do not hold numbers.
        """
        y = labels_of(labels, self.k)
        x = rows_of(features, y, self.d, "features", finite=False)
        if not seen_in_sums(x):
            rows_of(x, y, self.d, "features")
        try:
            self.fold([(x, y)])
        except FloatingPointError:
            rows_of(x, y, self.d, "features")
            raise

    def fold(self, batches: Iterable[Batch]) -> None:
        """Take in batches that have been checked."""
        for block in blocks(batches, self.d, block_size(self.d)):
            with self._turn:
                rows, taken = (np.asarray(part, np.float64) for part in (block.rows, block.taken))
                self._fold(rows, taken, block.labels)

    def _fold(self, x: Floats, taken: Floats, y: Ints) -> None:
        """Take in a block of samples; a subclass may overwrite them, and `taken` of the same
        shape.
        """
        present, _, added, start, rest = by_class(x, taken, y, self.k)
        self._join(present, added, start, rest)

    def _join(self, present: Ints, added: Ints, base: Floats | None, rest: Floats) -> None:
        """Join counts (c,) and means m_b = base + rest (c, d) of some classes; no base is zero.

        The rests are overwritten by those of m_b - sqrt(a / (a + b)) (m_b - m_a). A few rows at
        once, which stay in the cache: with many classes this is most of the memory that a batch
            moves.
        """
        had = self.counts[present]
        self.counts[present] += added
        old = (had / (had + added))[:, None]
        root, step = np.sqrt(old), max(CACHED // self.d, 1)
        for start in range(0, len(present), step):
            rows = slice(start, start + step)
            own = self.means[present[rows]]
            if base is not None:
                own -= base[rows]
                own += self.rests[present[rows]]
            delta = np.subtract(rest[rows], own, out=own)
            joined = rest[rows] - old[rows] * delta
            total = joined if base is None else base[rows] + joined
            self.means[present[rows]] = total
            self.rests[present[rows]] = (
                0.0 if base is None else left_over(base[rows], joined, total)
            )
            rest[rows] -= np.multiply(root[rows], delta, out=delta)

    def merge(self, other: Self) -> None:
        """Take in the samples of other means; the order of merges matters to rounding only.

        Raises:
            ValueError: if the shapes differ.
        """
        self._require_same_shape(other)
        with both(self._turn, other._turn):
            present = np.flatnonzero(other.counts)
            self._join(present, other.counts[present], other.means[present], other.rests[present])

    def _require_same_shape(self, other: Means) -> None:
        if not isinstance(other, Means):
            raise TypeError(f"only measurements merge, got {type(other).__name__}")
        if (self.k, self.d) != (other.k, other.d):
            name = type(self).__name__.lower()
            raise ValueError(
                f"cannot merge {name} of k={other.k}, d={other.d} into {name} of k={self.k},"
                f" d={self.d}"
            )

    def copy(self) -> Self:
        """Return an independent copy."""
        return self.take(np.arange(self.k))

    def take(self, classes: npt.ArrayLike) -> Self:
        """Return the means of some of the classes, renumbered in the order given."""
        index = numbers_of(classes, self.k)
        part = type(self).__new__(type(self))
        part._turn = Turn()
        with self._turn:
            part.counts, part.means, part.rests = (
                self.counts[index],
                self.means[index],
                self.rests[index],
            )
        return part

    def require_every_class(self) -> None:
        """Refuse means in which a class has no sample.

        Raises:
            ValueError: naming the first such class.
        """
        if not self.n:
            raise ValueError("no sample has been measured yet")
        missing = np.flatnonzero(self.counts == 0)
        if not len(missing):
            return
        others = f", nor have {len(missing) - 1:,} others" if len(missing) > 1 else ""
        # Where class 0 or many are missing, it may be the numbering and not the data.
        numbering = (
            "; labels that start at 1 or have gaps are renumbered first: names, labels ="
            " np.unique(labels, return_inverse=True)"
        )
        raise ValueError(
            f"class {missing[0]} has no sample and so no mean{others}; measure more data, or leave"
            " out such classes (classes='seen', on the command line"
            f" --seen){numbering if others or missing[0] == 0 else ''}"
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(k={self.k}, d={self.d}, n={self.n:,})"
