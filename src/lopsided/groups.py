"""Groups: which of k classes are interchangeable.

Class counts repeat, so geometries repeat: all classes of equal count (and equal loss parameters)
have the same norm and the same angle to any third class. A partition of the k classes in m groups
carries that, stored as *runs* of neighbouring classes of one group, so that a million classes in
two groups cost two integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Ints, locked


@dataclass(frozen=True, eq=False)
class Groups:
    """A partition of classes 0..k-1 in groups 0..m-1.

    Attributes:
        labels: (r,) group of each run.
        lengths: (r,) number of neighbouring classes in each run.
    """

    labels: Ints
    lengths: Ints

    def __post_init__(self) -> None:
        for name in ("labels", "lengths"):
            object.__setattr__(self, name, locked(getattr(self, name)))

    @classmethod
    def single(cls, k: int) -> Groups:
        """All k classes in one group."""
        return cls(np.zeros(1, np.int64), np.array([k], np.int64))

    @classmethod
    def each(cls, k: int) -> Groups:
        """Every class a group of its own.

        Raises:
            ValueError: if there is none.
        """
        if k < 1:
            raise ValueError("there must be at least one vector, or row and column, got none")
        return cls(np.arange(k), np.ones(k, np.int64))

    @classmethod
    def of_columns(cls, *columns: npt.NDArray[Any]) -> Groups:
        """Group the classes whose values agree in every column.

        Args:
            columns: arrays of length k.

        Returns:
            Groups numbered in the sorted order of their values, first column first.
        """
        changes = np.any([column[1:] != column[:-1] for column in columns], axis=0)
        starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
        lengths = np.diff(starts, append=len(columns[0]))
        return cls(_number([column[starts] for column in columns]), lengths)

    @property
    def k(self) -> int:
        """Number of classes."""
        return int(self.lengths.sum())

    @cached_property
    def m(self) -> int:
        """Number of groups."""
        return int(self.labels.max()) + 1

    @cached_property
    def sizes(self) -> Ints:
        """(m,) number of classes in each group."""
        sizes = np.zeros(self.m, np.int64)
        np.add.at(sizes, self.labels, self.lengths)
        return locked(sizes)

    @cached_property
    def _ends(self) -> Ints:
        return np.cumsum(self.lengths)

    @cached_property
    def first(self) -> Ints:
        """(m,) the first class of each group, its representative."""
        _, run = np.unique(self.labels, return_index=True)
        return locked(self._ends[run] - self.lengths[run])

    def of_class(self, classes: npt.ArrayLike) -> Ints:
        """Return the group of each class asked for; negative numbers count from the last class.

        Raises:
            IndexError: for a class that does not exist, or what is no whole number.
        """
        index = numbers_of(classes, self.k)
        return self.labels[np.searchsorted(self._ends, index, side="right")]

    def take(self, classes: Ints) -> tuple[Groups, Ints]:
        """Return the groups of some of the classes, and which of the groups here these are."""
        group = self.of_class(classes)
        return Groups.of_columns(group), np.unique(group)

    def expand(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Spread one value a group (first axis m) over the classes (first axis k)."""
        return np.repeat(values[self.labels], self.lengths, axis=0)

    def join(self, other: Groups) -> tuple[Groups, Ints, Ints]:
        """Return the coarsest partition finer than both, and for each of its groups the group here
        and in `other`.

        Raises:
            ValueError: if the two partition different numbers of classes.
        """
        if self.k != other.k:
            raise ValueError(f"cannot compare {self.k} classes with {other.k} classes")
        ends = np.union1d(self._ends, other._ends)
        mine = self.labels[np.searchsorted(self._ends, ends)]
        theirs = other.labels[np.searchsorted(other._ends, ends)]
        labels = _number([mine, theirs])
        _, run = np.unique(labels, return_index=True)
        return Groups(labels, np.diff(ends, prepend=0)), mine[run], theirs[run]


def numbers_of(classes: npt.ArrayLike, k: int) -> Ints:
    """Return the numbers of classes, each from 0 to k-1; negative ones count from the last class.

    A mask of booleans is refused: read as numbers it would name the classes 0 and 1.

    Raises:
        IndexError: for a class that does not exist, or what is no whole number.

    Example:
        >>> numbers_of([2, -1], k=5)
        array([2, 4])
    """
    given = np.asarray(classes)
    if given.size and given.dtype.kind not in "iu":
        mask = "; of a mask give np.flatnonzero(mask)" * (given.dtype.kind == "b")
        raise IndexError(f"classes are whole numbers from 0 to {k - 1}, got {given.dtype}{mask}")
    index = given.astype(np.int64)
    if np.any((index < -k) | (index >= k)):
        raise IndexError(f"classes are 0 to {k - 1}, got {index}")
    return index % k


def _number(columns: list[npt.NDArray[Any]]) -> Ints:
    """Number the distinct rows of a table given by columns, in sorted order."""
    labels = np.unique(columns[0], return_inverse=True)[1]
    for column in columns[1:]:
        values, index = np.unique(column, return_inverse=True)
        labels = np.unique(labels * len(values) + index, return_inverse=True)[1]
    return labels.astype(np.int64)
