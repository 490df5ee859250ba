"""Counts: how many training samples each class has, and the profiles of imbalance that papers use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.arrays import LARGEST_EXACT, Ints
from lopsided.groups import Groups


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Counts:
    """The class counts n_1..n_k: k >= 2 positive integers, in the order of the labels.

    Attributes:
        distinct: (m,) the distinct counts, ascending.
        groups: the partition of the classes by their counts; group g holds the classes of count `distinct[g]`.

    Example:
        >>> counts = Counts.step(k=4, minority=5, ratio=10)
        >>> counts
        Counts([50, 50, 5, 5])
        >>> counts.distinct, counts.groups.sizes
        (array([ 5, 50]), array([2, 2]))
    """

    distinct: Ints
    groups: Groups

    def __init__(self, values: npt.ArrayLike) -> None:
        """Check and group `values`.

        Args:
            values: k whole numbers, one a class.

        Raises:
            ValueError: if there are fewer than two classes, or a count is not a whole number from 1 to 2**53; the class is named.
        """
        array = _whole(values)
        self._set(array, np.ones(len(array), np.int64))

    def _set(self, values: Ints, lengths: Ints) -> None:
        runs = Groups.of_columns(values)
        starts = np.concatenate([[0], np.cumsum(runs.lengths)[:-1]])
        object.__setattr__(self, "distinct", np.unique(values))
        object.__setattr__(self, "groups", Groups(runs.labels, np.add.reduceat(lengths, starts)))

    @classmethod
    def _of_runs(cls, values: npt.ArrayLike, lengths: npt.ArrayLike) -> Counts:
        counts = cls.__new__(cls)
        counts._set(_whole(values, classes="run of classes"), np.asarray(lengths, np.int64))
        return counts

    @classmethod
    def step(cls, k: int, minority: int, ratio: float, rho: float = 0.5) -> Counts:
        """(R, rho)-STEP imbalance: majority classes first, then `rho * k` minority classes.

        Args:
            k: number of classes.
            minority: samples of a minority class.
            ratio: R, samples of a majority class over samples of a minority class, at least 1.
            rho: fraction of the *classes* that are minorities, strictly between 0 and 1.

        Raises:
            ValueError: if `rho * k` or `ratio * minority` is not a whole number, or an argument is out of range.
        """
        require_classes(k)
        few, large = rho * k, ratio * minority
        if not 0 < rho < 1 or abs(few - round(few)) > 1e-9 * k:
            raise ValueError(f"rho must leave a whole number of minority classes between 1 and {k - 1}, got rho={rho}, k={k}")
        if not ratio >= 1 or not abs(large - round(large)) <= 1e-9 * large:
            raise ValueError(f"ratio must be at least 1 and ratio * minority whole, got ratio={ratio}, minority={minority}")
        return cls._of_runs([round(large), minority], [k - round(few), round(few)])

    @classmethod
    def exponential(cls, k: int, largest: int, ratio: float) -> Counts:
        """Exponential long tail: class c has `int(largest * (1 / ratio) ** (c / (k - 1)))` samples (Cao et al. 2019).

        Raises:
            ValueError: if an argument is out of range or the last class would have no sample.
        """
        require_classes(k)
        _tail_arguments(largest, ratio, "ratio", 1)
        return cls((largest * (1 / ratio) ** (np.arange(k) / (k - 1))).astype(np.int64))

    @classmethod
    def zipf(cls, k: int, largest: int, exponent: float = 1.0) -> Counts:
        """Zipf's law: class c has `int(largest / (c + 1) ** exponent)` samples.

        Raises:
            ValueError: if an argument is out of range or the last class would have no sample.
        """
        require_classes(k)
        _tail_arguments(largest, exponent, "exponent", 0)
        return cls((largest / np.arange(1, k + 1, dtype=np.float64) ** exponent).astype(np.int64))

    @classmethod
    def from_labels(cls, labels: npt.ArrayLike, k: int | None = None) -> Counts:
        """Count the labels 0..k-1.

        Args:
            labels: (n,) whole numbers.
            k: number of classes; by default the largest label plus one.

        Raises:
            ValueError: if a label is not a whole number from 0 to k-1, or a class has no sample; sample or class is named.
        """
        array = np.asarray(labels)
        if array.ndim != 1 or array.size == 0:
            raise ValueError(f"labels must be a vector with at least one label, got shape {array.shape}")
        if array.dtype.kind not in "iu":
            raise ValueError(f"labels must be whole numbers, got dtype {array.dtype}")
        size = int(array.max()) + 1 if k is None else k
        wrong = (array < 0) | (array >= size)
        if wrong.any():
            i = int(np.argmax(wrong))
            raise ValueError(f"labels must be from 0 to {size - 1}, got {array[i]} for sample {i}")
        return cls(np.bincount(array.astype(np.int64), minlength=size))

    @property
    def values(self) -> Ints:
        """(k,) the counts in the order of the labels."""
        return self.groups.expand(self.distinct)

    @property
    def k(self) -> int:
        """Number of classes."""
        return self.groups.k

    @property
    def n(self) -> int:
        """Number of samples."""
        return sum(int(v) * int(s) for v, s in zip(self.distinct, self.groups.sizes, strict=True))

    @property
    def ratio(self) -> float:
        """R: the largest count over the smallest."""
        return float(self.distinct[-1] / self.distinct[0])

    @property
    def minorities(self) -> Ints:
        """The minority classes: rare among these counts, and at most half as large as the largest class.

        Rare is below the geometric mean of the largest and the smallest count. That alone would make
        minorities of half the classes of MNIST, whose counts are balanced but for a little jitter.
        """
        values, largest = self.values, int(self.distinct[-1])
        rare = values < np.sqrt(float(self.distinct[0]) * float(largest))
        return np.flatnonzero(rare & (values <= largest // 2))

    def __len__(self) -> int:
        return self.k

    def __iter__(self) -> Iterator[int]:
        return iter(self.values.tolist())

    def __getitem__(self, c: int) -> int:
        return int(self.distinct[self.groups.of_class(c)])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Counts) and np.array_equal(self.values, other.values)

    def __hash__(self) -> int:
        return hash(self.values.tobytes())

    def __repr__(self) -> str:
        if self.k <= 20:
            return f"Counts({self.values.tolist()})"
        return f"Counts(k={self.k:,}, n={self.n:,}, from {self.distinct[-1]:,} to {self.distinct[0]:,}, {self.groups.m:,} distinct)"


def require_classes(k: Any) -> None:
    """Refuse a number of classes that is none.

    Raises:
        ValueError: naming it.
    """
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 2:
        raise ValueError(f"a classifier needs at least 2 classes, got {k!r}")
    if k > LARGEST_EXACT:
        raise ValueError(f"at most 2**53 classes can be told apart, got {k}")


def _tail_arguments(largest: float, value: float, name: str, least: float) -> None:
    if not 1 <= largest <= LARGEST_EXACT or largest != int(largest):
        raise ValueError(f"largest must be a whole number from 1 to 2**53, got {largest}")
    if not least <= value < np.inf:
        raise ValueError(f"{name} must be a finite number of at least {least}, got {value}")


def _whole(values: npt.ArrayLike, classes: str = "class") -> Ints:
    array = np.asarray(values)
    if array.ndim != 1 or len(array) < 2:
        raise ValueError(f"counts must be at least 2 whole numbers, one a class, got {values!r}")
    if array.dtype.kind not in "iuf":
        raise ValueError(f"counts must be whole numbers, got {values!r}")
    wrong = ~((array >= 1) & (array <= LARGEST_EXACT) & (array == np.floor(array)))
    if wrong.any():
        c = int(np.argmax(wrong))
        raise ValueError(f"each count must be a whole number from 1 to 2**53, got {array[c]} for {classes} {c}")
    return array.astype(np.int64)
