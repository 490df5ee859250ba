"""Gram: k vectors known up to a rotation, and ClassMatrix, the k x k matrices of this library without their k x k arrays.

Every matrix that theory, solver or measurement produces has the form

    A[c, c'] = left[g(c)] . right[g(c')]  for c != c',      A[c, c] = diagonal[g(c)]

with g(c) the group of class c: of low rank and constant on blocks of interchangeable classes, but for the diagonal. A simplex ETF
is one group; SELI of a million classes has as many groups as distinct counts; measured vectors are the case of k groups with
left = right = the vectors themselves. The diagonal is stored, not implied: the square of a short vector would be a difference of
two large numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, require_memory
from lopsided.groups import Groups

_TILE = 1024


class ZeroMatrixError(ValueError):
    """A scale-free figure was asked of a matrix of zeros."""


@dataclass(frozen=True, eq=False)
class ClassMatrix:
    """A k x k matrix of class against class, structured by groups.

    Attributes:
        groups: the interchangeable classes.
        left: (m, q) factor of the rows.
        right: (m, q) factor of the columns.
        diagonal: (m,) entry of a class with itself.
    """

    groups: Groups
    left: Floats = field(repr=False)
    right: Floats = field(repr=False)
    diagonal: Floats = field(repr=False)

    @property
    def k(self) -> int:
        """Number of classes."""
        return self.groups.k

    def entries(self, rows: npt.ArrayLike, columns: npt.ArrayLike) -> Floats:
        """Return A[rows, columns] for classes given as in numpy indexing."""
        i, j = np.broadcast_arrays(np.asarray(rows), np.asarray(columns))
        a, b = self.groups.of_class(i), self.groups.of_class(j)
        low_rank = np.einsum("...q,...q->...", self.left[a], self.right[b])
        return np.where(i % self.k == j % self.k, self.diagonal[a], low_rank)

    def matrix(self) -> Floats:
        """Return the whole (k, k) array.

        Raises:
            MemoryError: if it would take more than half of this machine's memory.
        """
        require_memory(8.0 * self.k**2, f"a matrix of {self.k:,} classes")
        full = self.groups.expand(self.left) @ self.groups.expand(self.right).T
        np.fill_diagonal(full, self.groups.expand(self.diagonal))
        return np.asarray(full)

    def frobenius(self) -> float:
        """Return the Frobenius norm."""
        return float(np.sqrt(_square_sum(self)))

    def distance(self, other: ClassMatrix) -> float:
        """Return ||A/||A|| - B/||B|||| in Frobenius norms: scale-free, from 0 (same direction) to 2 (opposite).

        Costs O(m^2 q) time and O(m q) memory for m joint groups and q columns of the factors.

        Raises:
            ValueError: if the numbers of classes differ.
            ZeroMatrixError: if one of the two is zero and so has no direction.
        """
        a, b = self.frobenius(), other.frobenius()
        if a == 0 or b == 0:
            raise ZeroMatrixError("a matrix of zeros has no direction, so no distance to it is defined")
        return float(np.sqrt(_square_sum(self._scaled(1 / a), other._scaled(1 / b))))

    def _scaled(self, factor: float) -> ClassMatrix:
        return ClassMatrix(self.groups, self.left * factor, self.right, self.diagonal * factor)


@dataclass(frozen=True, eq=False)
class Gram(ClassMatrix):
    """The inner products of k vectors: a symmetric positive semidefinite ClassMatrix.

    Attributes:
        eigenvalues: the spectrum, where a closed form knows it; computed otherwise.

    Example:
        >>> simplex = Gram.of_vectors([[1.0, 0.0], [-0.5, 0.75**0.5], [-0.5, -(0.75**0.5)]])
        >>> float(simplex.cosine(0, 2).round(12))
        -0.5
    """

    eigenvalues: Callable[[], Floats] | None = field(default=None, repr=False)

    @classmethod
    def of_vectors(cls, vectors: npt.ArrayLike) -> Gram:
        """Return the Gram of the rows of a (k, d) array; O(k d) memory.

        Raises:
            ValueError: if the array has not two axes or holds NaN or infinity.
        """
        array = np.asarray(vectors, np.float64)
        if array.ndim != 2:
            raise ValueError(f"vectors must be an array of shape (k, d), got shape {array.shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"the vector of class {int(np.argmin(np.isfinite(array).all(axis=1)))} is not finite")
        return cls(Groups.each(len(array)), array, array, np.einsum("cd,cd->c", array, array))

    @classmethod
    def of_matrix(cls, matrix: npt.ArrayLike) -> Gram:
        """Return a Gram given as a (k, k) array of inner products.

        Raises:
            ValueError: if the array is not square and symmetric.
        """
        array = np.asarray(matrix, np.float64)
        if array.ndim != 2 or array.shape[0] != array.shape[1] or not np.allclose(array, array.T, rtol=1e-9, atol=0):
            raise ValueError(f"a Gram matrix must be square and symmetric, got shape {array.shape}")
        return cls(Groups.each(len(array)), array, np.eye(len(array)), array.diagonal().copy())

    def squared_norms(self) -> Floats:
        """Return (k,) squared lengths."""
        return self.groups.expand(self.diagonal)

    def norms(self) -> Floats:
        """Return (k,) lengths of the vectors."""
        return np.sqrt(self.squared_norms())

    def cosine(self, rows: npt.ArrayLike, columns: npt.ArrayLike) -> Floats:
        """Return the cosines of the angles between the vectors of two classes (arrays broadcast); NaN for a zero vector."""
        lengths = np.sqrt(self.diagonal)
        a, b = self.groups.of_class(rows), self.groups.of_class(columns)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.entries(rows, columns) / (lengths[a] * lengths[b]))

    def cosines(self) -> Floats:
        """Return the (k, k) array of all cosines; NaN for zero vectors.

        Raises:
            MemoryError: if it would take more than half of this machine's memory.
        """
        matrix, norms = self.matrix(), self.norms()
        with np.errstate(invalid="ignore", divide="ignore"):
            matrix /= norms[:, None]
            matrix /= norms[None, :]
        return matrix

    def spectrum(self) -> Floats:
        """Return the (k,) eigenvalues of the Gram matrix, descending.

        Raises:
            MemoryError: if no closed form knows them and the (m, m) group matrix is too large to decompose.
        """
        if self.eigenvalues is not None:
            return self.eigenvalues()
        sizes, m = self.groups.sizes, self.groups.m
        require_memory(24.0 * m**2, f"the spectrum of {m:,} groups of classes")
        # Vectors of zero sum within a group see the diagonal's excess over the block; the groups' indicators span the rest.
        excess = self.diagonal - np.einsum("iq,iq->i", self.left, self.right)
        root = np.sqrt(sizes)
        reduced = np.diag(excess) + root[:, None] * (self.left @ self.right.T) * root
        across = np.linalg.eigvalsh((reduced + reduced.T) / 2)
        return np.sort(np.concatenate([np.repeat(excess, sizes - 1), across]))[::-1]


def _square_sum(a: ClassMatrix, b: ClassMatrix | None = None) -> float:
    """Return the sum of squares of the entries of A - B (of A for no B), in tiles over the joint groups."""
    if b is None:
        groups, left, right, diagonal = a.groups, a.left, a.right, a.diagonal
    else:
        groups, mine, theirs = a.groups.join(b.groups)
        left = np.hstack([a.left[mine], -b.left[theirs]])
        right = np.hstack([a.right[mine], b.right[theirs]])
        diagonal = a.diagonal[mine] - b.diagonal[theirs]
    sizes, total = groups.sizes.astype(np.float64), 0.0
    for start in range(0, groups.m, _TILE):
        tile = np.arange(start, min(start + _TILE, groups.m))
        squares = left[tile] @ right.T
        own, k = squares[tile - start, tile], sizes[tile]
        np.square(squares, out=squares)
        # Of the k^2 pairs within a group, k are a class with itself.
        squares[tile - start, tile] = ((k - 1) * own**2 + diagonal[tile] ** 2) / k
        total += float(k @ squares @ sizes)
    return total
