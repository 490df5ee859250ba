"""Newton's system of the dual problem in singular coordinates.

A move dP = left X right' is written by X (a, b), where left (p, a) and right (m, b) are orthonormal
singular bases of P. There the spectral ball is simple: it acts on pairs (X_ij, X_ji), by `same` on
each and by `swap` from one to the other, and where the ball's surface is kept (the first `rank`
directions) X is skew. The entropy is simple cell by cell: it multiplies dP by `weight`. Conjugate
gradients join the two, preconditioned by the ball's part plus the diagonal of the entropy's; a
small system is solved exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from lopsided.arrays import Floats
from lopsided.solve.descend.descent import Linear, conjugate_gradients

#: From so many rows on, products are rounded to single precision: an inexact step needs few digits.
_LARGE = 200
#: Up to so many unknowns a system is solved exactly.
_SMALL = 400
#: How often shares that would vanish are given the curvature of a chord.
_CHORDS = 6


class Move(NamedTuple):
    """A Newton step.

    Attributes:
        X: (a, b) the move of P.
        rise: of V and its barrier, twice what the quadratic model promises.
        length: at most 1, and short of where a share would vanish.
        cells: (p, m) what each cell's logit loses by it, to first order.
    """

    X: Floats
    rise: float
    length: float
    cells: Floats


@dataclass(frozen=True, eq=False)
class System:
    """A symmetric positive semidefinite map of X, and its approximate inverse.

    Attributes:
        left: (p, a) orthonormal columns.
        right: (m, b) orthonormal columns.
        weight: (p, m) curvature of the entropy, cell by cell.
        stiff: curvature along `along`, of the penalised bias.
        along: (b,) the direction v in the coordinates of `right`.
        same: (a, b) factor of X_ij.
        swap: (c, c) factor of X_ji in the equation of X_ij, symmetric, c = min(a, b).
        rank: size of the skew block.
    """

    left: Floats
    right: Floats
    weight: Floats
    stiff: float
    along: Floats
    same: Floats
    swap: Floats
    rank: int

    def image(self, move: Move) -> Floats:
        """Return (a, b) what the logits left' Y right lose by a move, to first order."""
        image = self.left.T @ move.cells @ self.right
        if self.stiff:
            image += self.stiff * np.outer(move.X @ self.along, self.along)
        return np.asarray(image)

    def tangent(self, matrix: Floats) -> Floats:
        """Make the leading block skew, in place."""
        block = matrix[: self.rank, : self.rank]
        block -= block.T.copy()
        block /= 2
        return matrix

    def step(self, slope: Floats, room: Floats, tolerance: float) -> Move:
        """Return the move with system(X) = slope.

        Where a share falls by more than itself, its logarithm wants to fall by `fall` > 1, which
        the logarithm's slope at the start makes a fall below zero. The chord to where the logarithm
        wants to be has `fall / (1 - exp(-fall))` times that slope; with it the share stays
        positive, and the other shares need not wait.

        Args:
            slope: (a, b), in the tangent.
            room: (p, m) how far an entry of P can grow before a share vanishes.
            tolerance: relative residual to stop at.
        """
        system, stretch = self, np.ones(room.shape)
        for _ in range(_CHORDS):
            X = system._solve(slope, tolerance)
            cells = np.asarray(self._spread(X), np.float64)
            used = cells / room
            if used.max(initial=0) < 1.5:
                break
            fall = np.clip(used * stretch, 1e-6, 1e3)
            stretch = np.where(used > 0.5, fall / -np.expm1(-fall), stretch)
            system = replace(self, weight=self.weight * stretch)
        cells *= system.weight
        length = min(1.0, 0.99 / max(float(used.max(initial=0)), 0.5))
        return Move(X, float(np.vdot(slope, X)), length, cells)

    def _spread(self, X: Floats) -> Floats:
        """Return dP, to the digits that a step needs."""
        return _cast(self.left, self._kind) @ _cast(X, self._kind) @ _cast(self.right, self._kind).T

    @property
    def _kind(self) -> type[np.float32 | np.float64]:
        return np.float32 if len(self.left) >= _LARGE else np.float64

    def _solve(self, slope: Floats, tolerance: float) -> Floats:
        if slope.size == self.rank**2 <= 1:  # a skew number is zero
            return np.zeros(slope.shape)
        return self.exactly(slope) if slope.size <= _SMALL else self.iterated(slope, tolerance)

    def times(self, X: Floats) -> Floats:
        """Return the map of X, the entropy's part to the digits that a step needs."""
        kind, c = self._kind, len(self.swap)
        cells = _cast(self.weight, kind) * self._spread(X)
        image = np.asarray(_cast(self.left, kind).T @ cells @ _cast(self.right, kind), np.float64)
        if self.stiff:
            image += self.stiff * np.outer(X @ self.along, self.along)
        image += self.same * X
        image[:c, :c] += self.swap * X[:c, :c].T
        return self.tangent(image)

    def iterated(self, slope: Floats, tolerance: float) -> Floats:
        """Return X by conjugate gradients, to a relative residual in the norm of the
        preconditioner.
        """
        left, right, weight = (
            _cast(part, self._kind) for part in (self.left, self.right, self.weight)
        )
        rounded = replace(self, left=left, right=right, weight=weight)
        diagonal = (rounded.left**2).T @ rounded.weight @ rounded.right**2
        inverse = self._inverse(np.asarray(diagonal, np.float64) + self.same)
        return conjugate_gradients(rounded.times, inverse, -slope, tolerance, 300)

    def exactly(self, slope: Floats) -> Floats:
        """Return X by a QR decomposition of the map's square root, in the unknowns of the tangent:
        one a skew pair.
        """
        (a, b), r, c = slope.shape, self.rank, len(self.swap)
        index = np.arange(a * b).reshape(a, b)
        basis = np.eye(a * b)
        basis[index[:r, :r].T.ravel(), index[:r, :r].ravel()] -= 1
        basis = np.delete(basis, index[:r, :r][np.tril_indices(r)], axis=1)
        entropy = np.sqrt(self.weight).ravel()[:, None] * np.kron(self.left, self.right)
        bias = np.sqrt(self.stiff) * np.kron(np.eye(a), self.along)
        # Of a pair, half the sum and half the difference; the square of each is the ball's on one
        # of the two.
        swap, mirror = np.zeros((a, b)), index.copy()
        swap[:c, :c], mirror[:c, :c] = self.swap, index[:c, :c].T
        even, odd = (
            np.sqrt(np.maximum(self.same + sign * swap, 0)).ravel()[:, None] / 2 for sign in (1, -1)
        )
        other = np.eye(a * b)[mirror.ravel()]
        rows = (
            np.vstack(
                [entropy, bias, even * (np.eye(a * b) + other), odd * (np.eye(a * b) - other)]
            )
            @ basis
        )
        # Sorted rows and scaled columns: the decomposition is then right row by row, however far
        # apart their sizes are.
        scale = 1 / np.linalg.norm(rows, axis=0)
        rows *= scale
        root = np.linalg.qr(rows[np.argsort(-np.abs(rows).max(axis=1))], mode="r")
        half = solve_triangular(root, scale * (basis.T @ slope.ravel()), trans=1)
        return np.asarray((basis @ (scale * solve_triangular(root, half))).reshape(a, b))

    def _inverse(self, own: Floats) -> Linear:
        """Return the approximate inverse: pairs of the diagonal `own` exactly, and the penalised
        bias by Woodbury's formula.
        """
        r, c = self.rank, len(self.swap)
        own[:r, :r] = own[:r, :r] + own[:r, :r].T  # twice the mean: a skew pair is one unknown
        square = own[:c, :c]
        determinant = square * square.T - self.swap**2
        direct, across = 1 / own, self.swap / determinant
        direct[:c, :c] = square.T / determinant
        direct[:r, :r] = across[:r, :r] = 1 / square[:r, :r]

        def pairs(X: Floats) -> Floats:
            result = direct * X
            result[:c, :c] -= across * X[:c, :c].T
            return result

        if not self.stiff:
            return pairs
        short = self.along[:c]
        small = np.diag(1 / self.stiff + direct @ self.along**2)
        small[:c, :c] -= across * np.outer(short, short)
        factor = cho_factor(small)

        def inverse(X: Floats) -> Floats:
            result = pairs(X)
            return result - pairs(
                self.tangent(np.outer(cho_solve(factor, result @ self.along), self.along))
            )

        return inverse


def _cast(matrix: Floats, kind: type[np.float32 | np.float64]) -> Floats:
    return np.asarray(matrix, kind)  # type: ignore[arg-type,return-value,unused-ignore]
