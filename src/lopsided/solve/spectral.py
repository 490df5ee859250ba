"""The nuclear norm, smoothed: sum_i sqrt(sigma_i^2 + mu^2), with derivatives in the singular basis.

With Y = U diag(sigma) V' and phi = sigma / sqrt(sigma^2 + mu^2) the gradient is U diag(phi) V', always shorter than 1 in the
spectral norm, and the second derivative acts on Omega = U' dY V by pairs: it multiplies the symmetric part of entries (i, j), (j,
i) by (phi_i - phi_j) / (sigma_i - sigma_j), the antisymmetric part by (phi_i + phi_j) / (sigma_i + sigma_j), and what lies outside
the thin basis by phi_i / sigma_i.

Source: derivatives of spectral functions, Lewis and Sendov 2001, "Twice differentiable spectral functions", for singular values.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lopsided.arrays import Floats, svd


def relaxed(values: Floats, mu: float, dual: Floats) -> Floats:
    """Return the curvature (1 - dual * phi) / h of h = sqrt(values^2 + mu^2), a primal-dual Newton step's.

    It is the second derivative where dual = phi, and where the loss wants a small phi of a large value, it leads to zero in one
    step instead of beyond (Chan, Golub and Mulet 1999, for total variation).
    """
    high = np.hypot(values, mu)
    return np.asarray((1 - dual * values / high) / high)


class Spectrum:
    """A matrix by its thin singular value decomposition."""

    def __init__(self, matrix: Floats) -> None:
        """Decompose a (p, m) matrix."""
        self.tall = matrix.shape[0] > matrix.shape[1]
        self.left, self.values, self.right = svd(matrix.T if self.tall else matrix)
        self.square = matrix.shape[0] == matrix.shape[1]

    def smooth(self, mu: float) -> float:
        """Return the smoothed nuclear norm."""
        return float(np.hypot(self.values, mu).sum())

    def rebuild(self, values: Floats) -> Floats:
        """Return the matrix with other singular values."""
        matrix = (self.left * values) @ self.right
        return np.asarray(matrix.T if self.tall else matrix)

    def gradient(self, mu: float) -> Floats:
        """Return the gradient of the smoothed nuclear norm."""
        return self.rebuild(self.values / np.hypot(self.values, mu))

    def diagonal_of(self, matrix: Floats) -> Floats:
        """Return the diagonal of a (p, m) matrix in the singular basis."""
        return np.asarray(np.sum((self.left.T @ (matrix.T if self.tall else matrix)) * self.right, axis=1))

    def rotations(
        self, kind: type[np.float64 | np.float32] = np.float64
    ) -> tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]:
        """Return the map of a matrix to the coordinates of `hessian`, and back: the singular basis for a square one, else none.

        Args:
            kind: the precision to multiply in.
        """
        if not self.square:
            return lambda matrix: matrix, lambda matrix: matrix
        left, right = self.left.astype(kind), self.right.astype(kind)

        def rotate(matrix: Floats) -> Floats:
            return np.asarray(left.T @ matrix.astype(kind) @ right.T, np.float64)

        def unrotate(matrix: Floats) -> Floats:
            return np.asarray(left @ matrix.astype(kind) @ right, np.float64)

        return rotate, unrotate

    def hessian(
        self, mu: float, factor: float, diagonal: Floats, dual: Floats
    ) -> tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]:
        """Return the second derivative, times a factor, and an approximate inverse of it plus a diagonal, rotated.

        Args:
            mu: the smoothing.
            factor: of the smoothed nuclear norm.
            diagonal: (p, m) positive entries added to the diagonal for the inverse, which rotates them to the singular basis and
                keeps their diagonal there.
            dual: what the loss wants of phi; where they differ, the curvature is that of `relaxed`.
        """
        s, h = self.values, np.hypot(self.values, mu)
        sums = s[:, None] + s
        # Written without the differences of the definition, which cancel.
        cross = s[:, None] * h + h[:, None] * s
        some = cross > 0
        ratio = sums / np.where(some, cross, 1.0)
        want, now = 1 - dual * s / h, (mu / h) ** 2
        symmetric = np.where(some, mu**2 * ratio / np.outer(h, h), 1 / mu) * np.add.outer(want, want) / np.add.outer(now, now)
        antisymmetric = np.where(some, cross / np.where(some, sums, 1.0) / np.outer(h, h), 1 / mu)
        same, swap, outside = factor * (symmetric + antisymmetric) / 2, factor * (symmetric - antisymmetric) / 2, factor / h
        diagonal = diagonal.T if self.tall else diagonal
        half = (self.left**2).T @ diagonal
        own = half @ (self.right**2).T + same
        determinant = own * own.T - swap**2
        rest = (half.mean(axis=1) + outside)[:, None]

        if self.square:
            return lambda w: same * w + swap * w.T, lambda w: (own.T * w - swap * w.T) / determinant

        def apply(matrix: Floats, inner: Callable[[Floats], Floats], outer: Callable[[Floats], Floats]) -> Floats:
            rows = self.left.T @ (matrix.T if self.tall else matrix)
            omega = rows @ self.right.T
            result = self.left @ (inner(omega) @ self.right + outer(rows - omega @ self.right))
            return np.asarray(result.T if self.tall else result)

        def product(matrix: Floats) -> Floats:
            return apply(matrix, lambda w: same * w + swap * w.T, lambda r: outside[:, None] * r)

        def inverse(matrix: Floats) -> Floats:
            return apply(matrix, lambda w: (own.T * w - swap * w.T) / determinant, lambda r: r / rest)

        return product, inverse
