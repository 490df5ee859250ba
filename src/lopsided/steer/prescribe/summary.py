"""Summary: how many samples of each class there are, where features lie and how far apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, Ints
from lopsided.measure.state.means import Means
from lopsided.steer.prescribe.linear import Linear
from lopsided.steer.prescribe.samples import Samples

#: The least sum of squares that keeps its digits.
LEAST = 1e-280
#: How far means of features may be off that a network makes again in half precision on a GPU, of
#: how far features are from each other and of how far they are from zero: few samples of a class
#: weigh as much as many, and their rounding does. Those that are changed or left out move it more.
APART, AWAY = 1e-4, 1e-6


@dataclass(frozen=True, eq=False)
class Scale:
    """Origin and unit in which heads are fitted, so that those of the features change nothing.

    Attributes:
        mean: (d,) mean of the class means.
        length: root mean square distance from it, every class weighing the same; 1 where all
            features are equal.
    """

    mean: Floats
    length: float

    def of(self, features: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return features (n, d) from the new origin, in the old unit."""
        return np.asarray(np.subtract(features, self.mean, dtype=features.dtype))

    def into(self, head: Linear) -> Linear:
        """Return the head that makes of features in this scale what a head makes of them before."""
        return Linear(head.weight * self.length, head.bias + head.weight @ self.mean)

    def back(self, head: Linear) -> Linear:
        """Return the head that makes of features what a head makes of them in this scale."""
        weight = head.weight / self.length
        return Linear(weight, head.bias - weight @ self.mean)


@dataclass(frozen=True, eq=False)
class Summary:
    """What one pass tells.

    Attributes:
        counts: (k,) samples of each class, perhaps none.
        scale: of their features.
    """

    counts: Ints
    scale: Scale

    @classmethod
    def of(cls, samples: Samples) -> Summary:
        """Read the samples once; see `Tally.summary`."""
        tally = Tally(samples)
        for features, labels in samples:
            tally.add(features, labels)
        return tally.summary()

    def require_steady(self, samples: Samples) -> None:
        """Read samples again that others hand out, and refuse those that are not the same.

        Raises:
            ValueError: if they are others.
        """
        if samples.kept:
            return
        again = Summary.of(samples)
        one, other = self.scale, again.scale
        off = max(abs(one.length - other.length), float(np.linalg.norm(one.mean - other.mean)))
        near = off <= APART * one.length + AWAY * float(np.linalg.norm(one.mean))
        if (again.counts != self.counts).any() or not near:
            raise ValueError(
                f"{samples.what} is read several times and gives other samples each time, as a"
                " loader does that draws them at random, changes them, or drops its last batch"
                " after shuffling: give one that gives all of them as they are"
            )


class Tally:
    """Sums over the blocks of samples, taken as somebody reads these."""

    def __init__(self, samples: Samples) -> None:
        self._what, self._means = samples.what, Means(samples.k, samples.d)
        self._squares, self._first = np.zeros(samples.k), np.zeros(samples.d)
        self._zero = True

    def add(self, features: npt.NDArray[Any], labels: Ints) -> None:
        """Take in a block."""
        if not len(labels):
            return
        if not self._means.n:  # far from zero, squares have no digits for how far apart they are
            self._first = features[0].astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            away = np.subtract(features, self._first, dtype=features.dtype)
            squares = np.einsum("ij,ij->i", away, away, dtype=np.float64)
            self._squares += np.bincount(labels, squares, len(self._squares))
        self._zero &= not away.any()
        if np.isfinite(self._squares.sum()):
            self._means.fold([(away, labels)])

    def summary(self) -> Summary:
        """Return what the blocks tell.

        Raises:
            ValueError: if there was none, or squares of features leave float64.
        """
        if not LEAST < self._squares.sum() < np.inf and not self._zero:
            raise ValueError(
                f"squares of the features of {self._what} leave float64: divide features, and"
                " multiply the head, by one number first"
            )
        counts = self._means.counts
        if not counts.any():
            raise ValueError(f"{self._what} has no sample")
        there = counts > 0
        mean = self._means.means[there].mean(axis=0)
        square = float((self._squares[there] / counts[there]).mean() - mean @ mean)
        length = float(np.sqrt(max(square, 0.0))) or 1.0
        return Summary(counts, Scale(self._first + mean, length))
