"""Pairing: a k x m matrix of classes against kinds of samples, without its k x m array.

Every matrix that theory, solver or measurement produces has the form

    A[c, j] = left[g(c)] . right[h(j)],      and where rows and columns are the same classes, A[c,
    c] = diagonal[g(c)]

with g(c) and h(j) the groups of row c and column j: of low rank and constant on blocks of
interchangeable classes, but for the diagonal. A simplex ETF is one group; SELI of a million classes
has as many groups as distinct counts; measured vectors are the case of a group each. The diagonal
is stored, not implied: the square of a short vector would be a difference of two large numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, frozen, locked, real_array, require_noun
from lopsided.frobenius import Factors, angular_distance, norm
from lopsided.groups import Groups, numbers_of
from lopsided.memory import require_memory


@dataclass(frozen=True, eq=False, repr=False)
class Pairing:
    """A k x m matrix structured by groups of its rows and of its columns.

    Attributes:
        rows: the interchangeable rows.
        columns: the interchangeable columns.
        left: (p, q) factor of the p groups of rows.
        right: (r, q) factor of the r groups of columns.
        diagonal: (p,) entry of a class with itself, where rows and columns are the same classes;
            None where they are not.

    Raises:
        ValueError: if the parts do not fit.
    """

    rows: Groups
    columns: Groups
    left: Floats
    right: Floats
    diagonal: Floats | None

    def __post_init__(self) -> None:
        for name in ("rows", "columns"):
            require_noun(getattr(self, name), Groups, name, "Groups.each(k) has one class each")
        wanted = {"left": self.rows.m, "right": self.columns.m}
        for name, groups in wanted.items():
            if (shape := np.shape(getattr(self, name))) != (groups, np.shape(self.right)[-1]):
                raise ValueError(
                    f"{name} must have one row for each of {groups} groups and as many columns as"
                    f" the other factor, got {shape}"
                )
        if self.diagonal is not None and (
            not _same(self.rows, self.columns) or np.shape(self.diagonal) != (self.rows.m,)
        ):
            raise ValueError(
                "a diagonal needs the same groups of rows and columns, and one entry for each of"
                " them"
            )
        for name in ("left", "right", "diagonal"):
            if (array := getattr(self, name)) is not None:
                object.__setattr__(self, name, locked(array))

    @classmethod
    def paired(
        cls, groups: Groups, left: Floats, right: Floats, diagonal: Floats, **more: Any
    ) -> Self:
        """Return the k x k matrix of classes against themselves."""
        return cls(groups, groups, left, right, diagonal, **more)

    @classmethod
    def of_matrix(cls, matrix: npt.ArrayLike) -> Pairing:
        """Return an array (k, m), which is copied, every row and every column a group of its own.

        Raises:
            ValueError: if the array has not two axes.
        """
        array = frozen(real_array(matrix, "entries"))  # what a caller writes later is not read
        if array.ndim != 2:
            raise ValueError(
                "a pairing is of classes and kinds of samples, an array (k, m), got shape"
                f" {array.shape}"
            )
        return Pairing(
            Groups.each(len(array)),
            Groups.each(array.shape[1]),
            array,
            np.eye(array.shape[1]),
            None,
        )

    @classmethod
    def of_factors(cls, rows: npt.ArrayLike, columns: npt.ArrayLike) -> Pairing:
        """Return the inner products of (k, d) and (m, d) vectors, which are copied, unpaired; O((k
        + m) d) memory.
        """
        w, h = frozen(real_array(rows, "vectors")), frozen(real_array(columns, "vectors"))
        return Pairing(Groups.each(len(w)), Groups.each(len(h)), w, h, None)

    def of_classes(self) -> Pairing:
        """Return this square matrix with column j taken for class j, as its rows are.

        Example:
            >>> Pairing.of_matrix([[2.0, 0.0], [0.0, 3.0]]).of_classes().own
            array([2., 3.])
        """
        if self.diagonal is not None:
            return self
        left, right = self.rows.expand(self.left), self.columns.expand(self.right)
        return Pairing.paired(Groups.each(self.k), left, right, np.vecdot(left, right))

    def take(self, classes: npt.ArrayLike) -> Self:
        """Return the rows and columns of some of the classes, in the order given.

        Raises:
            ValueError: if rows and columns are not the same classes, none is named, or one twice.
            IndexError: for a class that does not exist.
        """
        index = numbers_of(classes, self.k)
        if not len(index) or (twice := np.bincount(index) > 1).any():
            who = f"class {int(np.argmax(twice))} is named twice" if len(index) else "got none"
            raise ValueError(f"a matrix is of different classes, {who}")
        groups, kept = self.groups.take(index)
        return self.paired(groups, self.left[kept], self.right[kept], self.own[kept])

    @property
    def k(self) -> int:
        """Number of rows: classes."""
        return self.rows.k

    @property
    def m(self) -> int:
        """Number of columns: kinds of samples."""
        return self.columns.k

    @property
    def own(self) -> Floats:
        """(p,) the diagonal, the entry of a class of each group with itself.

        Raises:
            ValueError: if rows and columns are not the same classes.
        """
        if self.diagonal is None:
            raise ValueError(
                f"rows and columns are not the same classes: {self.k} classes by {self.m} kinds of"
                " samples"
            )
        return self.diagonal

    @property
    def groups(self) -> Groups:
        """The groups of rows and columns, where these are the same classes; the errors of `own`
        where they are not.
        """
        _ = self.own
        return self.rows

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.k:,} x {self.m:,} by {self.rows.m:,} x"
            f" {self.columns.m:,} groups)"
        )

    def entries(self, rows: npt.ArrayLike, columns: npt.ArrayLike) -> Floats:
        """Return A[rows, columns] for numbers given as in numpy indexing."""
        # Labels may be of a type that does not hold the number of classes.
        i, j = numbers_of(rows, self.k), numbers_of(columns, self.m)
        a, b = self.rows.of_class(i), self.columns.of_class(j)
        low_rank = np.einsum("...q,...q->...", self.left[a], self.right[b])
        return low_rank if self.diagonal is None else np.where(i == j, self.diagonal[a], low_rank)

    def matrix(self) -> Floats:
        """Return the whole (k, m) array.

        Raises:
            MemoryError: if it would take more than half of this machine's memory.
        """
        require_memory(8.0 * self.k * self.m, f"a matrix of {self.k:,} by {self.m:,}")
        full = self.rows.expand(self.left) @ self.columns.expand(self.right).T
        if self.diagonal is not None:
            np.fill_diagonal(full, self.rows.expand(self.diagonal))
        return np.asarray(full)

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        """Return `matrix()`, so that numpy takes a pairing for the array it stands for.

        Raises:
            MemoryError: as `matrix`.
            ValueError: if a copy is forbidden; there is no array to share.
        """
        if copy is False:
            raise ValueError(
                "a pairing holds no k x m array that could be shared, so numpy has to be allowed a"
                " copy"
            )
        return np.asarray(self.matrix(), dtype)

    def frobenius(self) -> float:
        """Return the Frobenius norm."""
        return norm(self._factors)

    def distance(self, other: Pairing) -> float:
        """Return ||A/||A|| - B/||B|||| in Frobenius norms: scale-free, from 0 (same direction) to 2
        (opposite).

        Costs O(p r q) time and O((p + r) q) memory for p and r joint groups and q columns of the
        factors.

        Raises:
            TypeError: if the other is no matrix of this kind.
            ValueError: if the shapes differ.
            ZeroMatrixError: if one of the two is zero and so has no direction.
        """
        require_noun(other, Pairing, "what a distance is to", "a geometry has three")
        return angular_distance(self._factors, other._factors)

    @property
    def _factors(self) -> Factors:
        return Factors(self.rows, self.columns, self.left, self.right, self.diagonal)


def _same(a: Groups, b: Groups) -> bool:
    return a is b or (np.array_equal(a.labels, b.labels) and np.array_equal(a.lengths, b.lengths))
