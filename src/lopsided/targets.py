"""Targets: what is asked of the logits, kind of sample by kind of sample."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from lopsided.arrays import (
    Floats,
    frozen,
    real_array,
    require_finite,
    require_number,
    require_squares,
    require_whole,
)
from lopsided.counts import Counts, CountsLike
from lopsided.memory import require_memory

Kind = Literal["classes", "contexts", "label sets", "regression"]


@dataclass(frozen=True, eq=False, repr=False)
class Targets:
    """A (k, m) matrix of targets, one column a kind of sample, and how many samples each column
    stands for.

    Where the kinds of samples are the classes, only their counts are stored: a million classes are
    as many numbers as distinct counts. Make one with `Targets.classes`, `smoothed`, `contexts`,
    `label_sets` or `regression`.

    Attributes:
        kind: "classes" (one column a class), "contexts" (distributions), "label sets" (columns that
            sum to the number of labels) or "regression" (any numbers).
        counts: the class counts of "classes"; None for others.
        smoothing: of "classes": share of the uniform distribution in each target.
        array: (k, m) of the others; None for "classes".
        column_weights: (m,) samples of each column, of the others.

    Example:
        >>> targets = Targets.label_sets([{0}, {1}, {0, 1}], k=3, weights=[5, 5, 2])
        >>> targets.matrix[:, 2], targets.strength
        (array([1., 1., 0.]), array([1., 1., 2.]))
    """

    kind: Kind
    counts: Counts | None = None
    smoothing: float = 0.0
    array: Floats | None = None
    column_weights: Floats | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"targets must be of {', '.join(get_args(Kind))}, got {self.kind!r}")
        classes = self.kind == "classes"
        if not 0 <= self.smoothing < 1 or (self.smoothing and not classes):
            raise ValueError(
                f"smoothing must be at least 0 and below 1, and is of classes, got {self.smoothing}"
            )
        if classes != isinstance(self.counts, Counts) or classes != (self.array is None):
            raise TypeError(
                "targets of classes have counts and others an array; make them by Targets.classes,"
                " smoothed, contexts, label_sets or regression"
            )
        if not classes:
            array = real_array(self.array, "targets")
            if reason := _refused(self.kind, array):
                raise ValueError(f"targets of {self.kind} {reason}")
            object.__setattr__(self, "array", frozen(array))
            weights = _weights(self.column_weights, array.shape[1])
            object.__setattr__(self, "column_weights", weights)

    @classmethod
    def of(cls, given: Targets | CountsLike) -> Targets:
        """Return targets as they are; class counts, in any form that `Counts.of` takes, as the
        targets of classes.

        Raises:
            TypeError: if it is a matrix, whose columns can mean several things.
            ValueError: if it is neither.
        """
        if isinstance(given, Targets):
            return given
        if getattr(given, "ndim", 1) == 2:
            raise TypeError(
                "targets must be Targets or class counts, got a matrix; say what its columns are,"
                " as Targets.contexts does"
            )
        return cls.classes(given)

    @classmethod
    def classes(cls, counts: CountsLike) -> Targets:
        """One column a class, all of it on that class."""
        return cls("classes", Counts.of(counts))

    @classmethod
    def smoothed(cls, counts: CountsLike, smoothing: float) -> Targets:
        """One column a class, `smoothing` of it spread evenly over all classes.

        Raises:
            ValueError: if the smoothing is not at least 0 and below 1.
        """
        return cls("classes", Counts.of(counts), require_number(smoothing, "smoothing"))

    @classmethod
    def contexts(cls, matrix: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Targets:
        """Distributions over the classes: next-token contexts, soft labels.

        Args:
            matrix: (k, m), each column a distribution over k classes, up to 1e-9; divided by its
                sum.
            weights: (m,) positive number of samples of each column; by default 1.

        Raises:
            ValueError: if a column is no distribution or a weight is not positive; the column is
                named.
        """
        t = _matrix(matrix)
        wrong = ~(np.abs(t.sum(axis=0) - 1) <= 1e-9) | ~(t >= 0).all(axis=0)
        if wrong.any():
            j = int(np.argmax(wrong))
            raise ValueError(
                f"each column of targets must be non-negative and sum to 1, column {j} sums to"
                f" {t[:, j].sum():.12g}"
            )
        return cls(
            "contexts",
            array=frozen(t / t.sum(axis=0)),
            column_weights=_weights(weights, t.shape[1]),
        )

    @classmethod
    def label_sets(
        cls, sets: Sequence[Collection[int]], k: int, weights: npt.ArrayLike | None = None
    ) -> Targets:
        """Several labels a sample (pick-all-label): a column is 1 on each of its labels.

        The loss of a column of s labels is s logsumexp(z) - sum of their logits, the
        cross-entropies of its labels together.

        Args:
            sets: the labels of each kind of sample, one to k - 1 of them.
            k: number of classes.
            weights: (m,) positive number of samples of each set; by default 1.

        Raises:
            TypeError: if a label is no whole number, or the sets are an array.
            ValueError: if a set is empty, holds all classes or a label twice, a label is out of
                range, or a weight is not positive.
            MemoryError: if the targets take more than half of this machine's memory.
        """
        if hasattr(sets, "ndim"):
            raise TypeError(
                "sets must be the labels of each kind of sample, got an array; of rows of 0 and 1"
                " give np.flatnonzero(row) of each"
            )
        require_whole("classes k", k, 2)
        if not len(sets):
            raise ValueError("sets must be the labels of each kind of sample, got none")
        require_memory(24.0 * k * len(sets), f"targets of {len(sets):,} label sets", "take fewer")
        t = np.zeros((k, len(sets)))
        for j, labels in enumerate(sets):
            mask = "bool" in str(getattr(labels, "dtype", ""))
            if mask or any(isinstance(c, bool) or not hasattr(c, "__index__") for c in labels):
                raise TypeError(f"set {j} must hold whole numbers, the labels, got {labels!r}")
            members = sorted({int(c) for c in labels})
            if len(members) < len(labels):
                raise ValueError(
                    f"set {j} must hold each label once, got {labels!r}; of a row of 0 and 1 give"
                    " np.flatnonzero(row)"
                )
            if not 0 < len(members) < k or members[0] < 0 or members[-1] >= k:
                raise ValueError(
                    f"set {j} must hold 1 to {k - 1} labels from 0 to {k - 1}, got {sorted(labels)}"
                )
            t[members, j] = 1.0
        return cls(
            "label sets", array=frozen(_matrix(t)), column_weights=_weights(weights, len(sets))
        )

    @classmethod
    def regression(cls, values: npt.ArrayLike) -> Targets:
        """Numbers to be met by a regression, one row a sample as data sets hold them.

        Args:
            values: (n, t) finite numbers, t outputs for each of n samples.

        Raises:
            ValueError: if there is no such array, a number is not finite (the sample is named),
                there are more outputs than samples, or one is the same for all samples.
        """
        y = real_array(values, "regression targets")
        if y.ndim != 2 or 0 in y.shape:
            raise ValueError(
                f"regression targets must be an array (n, t), one row a sample, got shape {y.shape}"
            )
        if not (fine := np.isfinite(y).all(axis=1)).all():
            raise ValueError(
                f"regression targets must be finite, sample {int(np.argmin(fine))} has"
                f" {y[np.argmin(fine)].tolist()}"
            )
        require_squares(y, "regression targets")
        if len(y) < y.shape[1]:
            raise ValueError(
                f"regression targets must be (n, t) with at least as many samples as outputs, got"
                f" shape {y.shape}; are rows and columns exchanged?"
            )
        if len(y) > 1 and not (varies := np.ptp(y, axis=0) > 0).all():
            raise ValueError(
                f"each output of a regression must vary, output {int(np.argmin(varies))} is"
                f" {y[0, np.argmin(varies)]:g} for all samples; leave it out, a bias fits it"
            )
        return cls("regression", array=frozen(y.T), column_weights=frozen(np.ones(len(y))))

    @property
    def k(self) -> int:
        """Number of classes, or of a regression's outputs: rows."""
        return self.counts.k if self.counts is not None else len(self._given)

    @property
    def m(self) -> int:
        """Number of kinds of samples: columns."""
        return self.counts.k if self.counts is not None else self._given.shape[1]

    @property
    def matrix(self) -> Floats:
        """(k, m) targets.

        Raises:
            MemoryError: if there are so many classes that it would take more than half of this
                machine's memory.
        """
        if self.counts is None:
            return self._given
        require_memory(8.0 * self.k**2, f"the targets of {self.k:,} classes")
        return (1 - self.smoothing) * np.eye(self.k) + self.smoothing / self.k

    @property
    def weights(self) -> Floats:
        """(m,) how many samples each column stands for."""
        if self.counts is not None:
            return self.counts.values.astype(np.float64)
        assert self.column_weights is not None
        return self.column_weights

    @property
    def strength(self) -> Floats:
        """(m,) sum of each column: the number of labels of a sample; of no meaning in a
        regression.
        """
        return np.ones(self.m) if self.counts is not None else np.asarray(self._given.sum(axis=0))

    @property
    def _given(self) -> Floats:
        assert self.array is not None
        return self.array

    def __repr__(self) -> str:
        if self.counts is None:
            return f"Targets({self.kind}: {self.k} rows, {self.m:,} columns)"
        return (
            f"Targets({self.counts!r}{f', smoothing={self.smoothing:g}' if self.smoothing else ''})"
        )


def _refused(kind: Kind, array: Floats) -> str:
    """Return why an array (k, m) holds no targets of a kind, or nothing."""
    if array.ndim != 2 or 0 in array.shape or not np.isfinite(array).all():
        return f"must be a finite array (k, m), got shape {array.shape}"
    sums = array.sum(axis=0)
    if kind == "contexts" and not ((array >= 0).all() and (abs(sums - 1) <= 1e-9).all()):
        return "must have columns that are distributions"
    inside = (sums > 0) & (sums < len(array))
    if kind == "label sets" and not (np.isin(array, (0, 1)).all() and inside.all()):
        return f"must have columns of 0 and 1, with 1 to {len(array) - 1} ones"
    return ""


def _matrix(values: Any) -> Floats:
    t = real_array(values, "targets")
    if t.ndim != 2 or len(t) < 2 or t.shape[1] < 1:
        raise ValueError(
            "targets must be an array (k, m) of at least 2 classes and 1 column, got shape"
            f" {t.shape}"
        )
    return t


def _weights(weights: npt.ArrayLike | None, m: int) -> Floats:
    w = np.ones(m) if weights is None else require_finite(weights, "weights", positive=True)
    if w.shape != (m,):
        raise ValueError(
            f"weights must be {m} positive finite numbers, one a column of targets, got {weights!r}"
        )
    return frozen(w)
