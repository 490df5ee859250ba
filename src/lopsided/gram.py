"""Gram: k vectors known up to a rotation, by their inner products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lopsided import needs, notebook
from lopsided.arrays import Floats, Ints, kind_of, real_array
from lopsided.groups import Groups
from lopsided.memory import require_memory
from lopsided.pairing import Pairing
from lopsided.profiles import require_classes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: The range of a vector's largest entry: up to a trillion squares of such numbers still sum to a
#: float.
SHORTEST, LONGEST = 1e-140, 1e140
#: By how much of two lengths their inner product may differ from itself, in types that round more
#: than float64.
ROUNDING = {"float32": 1e-5, "float16": 1e-2, "bfloat16": 1e-1}


@dataclass(frozen=True, eq=False, repr=False)
class Gram(Pairing):
    """The inner products of k vectors: a symmetric positive semidefinite pairing of classes with
    themselves.

    Attributes:
        eigenvalues: the spectrum, where a closed form knows it; computed otherwise.

    Example:
        >>> simplex = Gram.of_vectors([[1.0, 0.0], [-0.5, 0.75**0.5], [-0.5, -(0.75**0.5)]])
        >>> float(simplex.cosine(0, 2).round(12))
        -0.5
    """

    diagonal: Floats = field(repr=False)
    eigenvalues: Callable[[], Floats] | None = field(default=None, repr=False)

    @classmethod
    def simplex(cls, k: int) -> Gram:
        """Return I - 11'/k, of k vectors of equal length about zero with equal angles between them.

        Raises:
            ValueError: for fewer than two classes.

        Example:
            >>> Gram.simplex(5).cosine(0, 3)
            array(-0.25)
        """
        require_classes(k)
        one = np.ones((1, 1))
        return cls.paired(
            Groups.single(k), -one / k, one, np.array([1 - 1 / k]), eigenvalues=partial(_simplex, k)
        )

    @classmethod
    def of_vectors(cls, vectors: npt.ArrayLike) -> Gram:
        """Return the Gram of the rows of a (k, d) array, which is copied; O(k d) memory.

        Raises:
            ValueError: if the array has not two axes, holds NaN or infinity, or a vector so short
                or long that its square is no float.
        """
        array = real_array(vectors, "vectors").copy()  # what a caller writes later is not measured
        if array.ndim != 2:
            raise ValueError(f"vectors must be an array of shape (k, d), got shape {array.shape}")
        if not np.isfinite(array).all():
            raise ValueError(
                f"the vector of class {int(np.argmin(np.isfinite(array).all(axis=1)))} is not"
                " finite"
            )
        largest = np.maximum(array.max(axis=1, initial=0.0), -array.min(axis=1, initial=0.0))
        if (wrong := (largest != 0) & ~((largest >= SHORTEST) & (largest <= LONGEST))).any():
            c = int(np.argmax(wrong))
            raise ValueError(
                f"vectors must be zero or have a largest entry from {SHORTEST:g} to {LONGEST:g},"
                f" whose squares are floats, that of class {c} is {largest[c]:g}; give all of them"
                " in another unit"
            )
        return cls.paired(
            Groups.each(len(array)), array, array, np.einsum("cd,cd->c", array, array)
        )

    @classmethod
    def of_matrix(cls, matrix: npt.ArrayLike) -> Gram:
        """Return a Gram given as a (k, k) array of inner products, which is copied.

        That no eigenvalue is negative is told by a Cholesky factor, k^3 / 3 multiplications, less
        than one distance of the Gram takes; eigenvalues are computed where there is none.

        Raises:
            ValueError: if the array is not square, finite, and symmetric and positive semidefinite
                up to the rounding of its type, or a square on its diagonal is negative.
        """
        array = real_array(matrix, "inner products").copy()
        if array.ndim != 2 or array.shape[0] != array.shape[1]:
            raise ValueError(f"a Gram matrix must be square, got shape {array.shape}")
        if not (fine := np.isfinite(array)).all():
            c, j = np.argwhere(~fine)[0]
            raise ValueError(f"inner products must be finite, that of {c} and {j} is {array[c, j]}")
        if (array.diagonal() < 0).any():
            c = int(np.argmax(array.diagonal() < 0))
            raise ValueError(
                f"the diagonal of a Gram matrix holds squares, got {array[c, c]} for class {c}"
            )
        lengths = np.sqrt(array.diagonal())
        rounding = ROUNDING.get(kind_of(matrix), 1e-9)
        wrong = np.abs(array - array.T) > rounding * np.outer(lengths, lengths)
        if wrong.any():
            c, j = np.argwhere(wrong)[0]
            raise ValueError(
                f"a Gram matrix must be symmetric, entries ({c}, {j}) and ({j}, {c}) are"
                f" {array[c, j]:.6g} and {array[j, c]:.6g}"
            )
        array = array / 2 + array.T / 2
        _require_semidefinite(array, lengths, rounding)
        return cls.paired(
            Groups.each(len(array)), array, np.eye(len(array)), array.diagonal().copy()
        )

    @classmethod
    def orthogonal(cls, groups: Groups, squares: Floats) -> Gram:
        """Return the Gram of orthogonal vectors, one (m,) squared length a group."""
        m = len(squares)
        return cls.paired(
            groups,
            np.zeros((m, 1)),
            np.ones((m, 1)),
            squares,
            eigenvalues=partial(_descending, groups, squares),
        )

    def squared_norms(self) -> Floats:
        """Return (k,) squared lengths."""
        return self.groups.expand(self.diagonal)

    def norms(self) -> Floats:
        """Return (k,) lengths of the vectors."""
        return self.groups.expand(np.sqrt(self.diagonal))

    def cosine(self, rows: npt.ArrayLike, columns: npt.ArrayLike) -> Floats:
        """Return the cosines of the angles between the vectors of two classes (arrays broadcast);
        NaN for a zero vector.
        """
        lengths = np.sqrt(self.diagonal)
        a, b = self.groups.of_class(rows), self.groups.of_class(columns)
        with np.errstate(invalid="ignore", divide="ignore"):
            cosines = self.entries(rows, columns) / (lengths[a] * lengths[b])
        # Rounding can leave one just beyond, which no angle has.
        return np.asarray(np.clip(cosines, -1.0, 1.0))

    def cosines(self) -> Floats:
        """Return the (k, k) array of all cosines; NaN for zero vectors.

        Raises:
            MemoryError: if it would take more than half of this machine's memory.
        """
        matrix, norms = self.matrix(), self.norms()
        with np.errstate(invalid="ignore", divide="ignore"):
            matrix /= norms[:, None]
            matrix /= norms[None, :]
        return np.clip(matrix, -1.0, 1.0, out=matrix)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the cosines: see `lopsided.plot.gram`, which takes counts and names too.

        Raises:
            ImportError: if matplotlib is not installed.
        """
        axes: Axes = needs.plot().gram(self, ax)
        return axes

    def drawing(self, title: str, shown: Ints, names: list[str]) -> str:
        """Return the drawing of some classes, one row each, for a notebook."""
        cosines = self.cosine(shown[:, None], shown)
        return notebook.rows(title, names, self.norms()[shown], cosines, self.k)

    def _repr_html_(self) -> str:
        shown = notebook.picked(np.arange(self.k))
        return notebook.card(
            repr(self), self.drawing("Norms and cosines", shown, [str(c) for c in shown])
        )

    def spectrum(self) -> Floats:
        """Return the (k,) eigenvalues of the Gram matrix, descending.

        Where a closed form knows them every eigenvalue is right by itself, else by the largest's
        measure.

        Raises:
            MemoryError: if no closed form knows them and the (m, m) group matrix is too large to
                decompose.
        """
        if self.eigenvalues is not None:
            return self.eigenvalues()
        sizes, m = self.groups.sizes, self.groups.m
        require_memory(24.0 * m**2, f"the spectrum of {m:,} groups of classes")
        # Vectors of zero sum within a group see the diagonal's excess over the block; the groups'
        # indicators span the rest.
        excess = self.diagonal - np.einsum("iq,iq->i", self.left, self.right)
        root = np.sqrt(sizes)
        reduced = np.diag(excess) + root[:, None] * (self.left @ self.right.T) * root
        across = np.linalg.eigvalsh((reduced + reduced.T) / 2)
        return np.sort(np.concatenate([np.repeat(excess, sizes - 1), across]))[::-1]


def _descending(groups: Groups, values: Floats) -> Floats:
    return np.sort(groups.expand(values))[::-1]


def _require_semidefinite(array: Floats, lengths: Floats, rounding: float) -> None:
    """Refuse symmetric inner products that no vectors have.

    Cosines are judged, so that short vectors are beside long ones; rounded by so much each, their
    least eigenvalue moves by k times as much at most.

    Raises:
        ValueError: naming the least eigenvalue.
    """
    k, largest = len(array), np.sqrt(np.abs(array).max(initial=0.0))
    scale = np.where(lengths > 0, lengths, rounding * largest or 1.0)
    cosines = array / scale[:, None] / scale
    tolerance = k * rounding
    try:
        np.linalg.cholesky(cosines + tolerance * np.eye(k))
    except np.linalg.LinAlgError:
        least = float(np.linalg.eigvalsh(cosines)[0])
        if least < -tolerance:
            raise ValueError(
                "a Gram matrix must be positive semidefinite, the least eigenvalue of the cosines"
                f" is {least:.6g}, below -{tolerance:g}, what rounding makes of zero: no vectors"
                " have these inner products"
            ) from None


def _simplex(k: int) -> Floats:
    """Return the spectrum of a simplex."""
    return np.append(np.ones(k - 1), 0.0)
