"""Moments: what a measurement remembers of the features, however many there are.

Per class the number of samples, the mean, and the sum of squared deviations from the mean; pooled
over the classes, if asked, the (d, d) scatter of the deviations.

One rule joins two sets of samples. With counts a and b of a class, means m_a and m_b, and D the
difference of the means, the scatter of the union is S_a + S_b + ab/(a+b) D D' (Chan, Golub and
LeVeque 1983). A batch is a small stream, and its share of the
rule costs nothing: its deviations are taken from

    t = m_b - sqrt(a / (a + b)) (m_b - m_a)       instead of m_b,

since the sum of (h - t)(h - t)' over the b samples is S_b + b a/(a+b) D D' exactly (derived here).
All terms are squares, so
nothing cancels: an offset of the features, however large, costs no digits beyond those that the
features themselves have lost.
"""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, Ints
from lopsided.groups import numbers_of
from lopsided.measure.state.blocks import by_class
from lopsided.measure.state.means import Means
from lopsided.measure.state.scatter import Pooled, Projected
from lopsided.measure.state.turn import both
from lopsided.memory import require_memory

#: The fields of moments beside the scatter, all arrays.
SUMMED = ("counts", "means", "rests", "spread")


class Moments(Means):
    """Counts, means and within-class scatter of k classes of d-dimensional features.

    Attributes:
        counts: (k,) samples seen of each class.
        means: (k, d) class means; zero for a class without samples.
        spread: (k,) sums of squared distances of the samples of a class to its mean.
        scatter: the within-class scatter summed over all samples, whole or projected; `None` if not
            kept.

    Args:
        k: number of classes.
        d: feature dimensions.
        scatter: "pooled" keeps the (d, d) scatter, d^2 operations a sample; "none" keeps only the
            spreads, d operations a sample. For NC1 in two passes see `lopsided.measure.SecondPass`.

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
        if scatter not in ("pooled", "none"):
            raise ValueError(f"scatter must be 'pooled' or 'none', got {scatter!r}")
        super().__init__(k, d)
        k, d = self.means.shape
        if scatter == "pooled":
            require_memory(8.0 * d * d, f"the scatter in {d:,} dimensions")
        self.spread: Floats = np.zeros(k)
        self.scatter: Pooled | Projected | None = Pooled.zeros(d) if scatter == "pooled" else None

    def update(self, features: npt.ArrayLike, labels: npt.ArrayLike) -> None:
        """Take in a batch.

        Args:
            features: (b, d) in any real type; b may be 0.
            labels: (b,) classes 0..k-1.

        Raises:
            ValueError: if shapes do not fit, a label is out of range or a feature is not finite
                (sample and class are named), or the scatter is a projection, which cannot follow
                means that still move. The state is as it was.
            TypeError: if the arrays do not hold numbers.
        """
        if isinstance(self.scatter, Projected):
            raise ValueError(
                "these moments were closed by a second pass and take no more samples; start new"
                " ones"
            )
        super().update(features, labels)

    def _fold(self, x: Floats, taken: Floats, y: Ints) -> None:
        """Join a block of samples (overwritten, like `taken`) by the rule of the module's
        docstring.
        """
        present, index, added, start, rest = by_class(x, taken, y, self.k)
        self._join(present, added, start, rest)
        x -= np.take(rest, index, axis=0, out=taken, mode="clip")
        self.spread[present] += np.bincount(index, weights=np.vecdot(x, x))
        if isinstance(self.scatter, Pooled):
            self.scatter.add(x)

    def merge(self, other: Self) -> None:
        """Take in the samples of other moments; the order of merges matters to rounding only.

        Raises:
            ValueError: if the shapes differ, one keeps the scatter and the other does not, or
                either was closed by a second pass.
        """
        self._require_same_shape(other)
        if (
            not isinstance(other, Moments)
            or type(self.scatter) is not type(other.scatter)
            or isinstance(self.scatter, Projected)
        ):
            raise ValueError(
                "only moments of one kind merge: both with scatter='pooled', or both with"
                " scatter='none'"
            )
        with both(self._turn, other._turn):
            present = np.flatnonzero(other.counts)
            added, target = other.counts[present], other.rests[present]
            self._join(present, added, other.means[present], target)
            between = np.sqrt(added)[:, None] * (other.rests[present] - target)
            self.spread[present] += other.spread[present] + np.einsum("cd,cd->c", between, between)
            if isinstance(self.scatter, Pooled) and isinstance(other.scatter, Pooled):
                self.scatter.upper += other.scatter.upper
                self.scatter.add(between)

    def require_every_class(self) -> None:
        """Refuse moments in which a class has no sample, or squares of features left float64.

        Raises:
            ValueError: naming the first such class.
        """
        super().require_every_class()
        self.require_squares()

    def require_squares(self) -> None:
        """Refuse moments of which squares of features left float64.

        Raises:
            ValueError: naming the first such class.
        """
        if not (fine := np.isfinite(self.spread)).all():
            raise ValueError(
                f"features of class {int(np.argmin(fine))} are so large that their squares leave"
                " float64; multiply all features by one constant first, which changes no ratio"
            )

    def take(self, classes: npt.ArrayLike) -> Self:
        """Return the moments of some of the classes, renumbered in the order given.

        The scatter stays pooled over all samples, of classes left out too: leave out only classes
        without samples.

        Raises:
            ValueError: if a class with samples is left out, or named twice, while a scatter is
                kept.
        """
        index = numbers_of(classes, self.k)
        with self._turn:
            twice = np.flatnonzero(np.bincount(index, minlength=self.k) > 1)
            if self.scatter is not None and len(twice):
                raise ValueError(
                    f"class {twice[0]} is once in the pooled scatter and cannot be named twice"
                )
            left_out = np.setdiff1d(np.flatnonzero(self.counts), index)
            if self.scatter is not None and len(left_out):
                raise ValueError(
                    f"class {left_out[0]} has samples in the pooled scatter and cannot be left out"
                )
            part = super().take(index)
            part.spread = self.spread[index]
            part.scatter = None if self.scatter is None else self.scatter.copy()
            return part

    def __repr__(self) -> str:
        kept = "none" if self.scatter is None else type(self.scatter).__name__.lower()
        return f"{super().__repr__()[:-1]}, scatter={kept})"
