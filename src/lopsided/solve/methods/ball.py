"""Points of the spectral ball ||P||_2 <= 1 by their singular values, and where searches in it
start.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lopsided.arrays import Floats
from lopsided.singular import svd
from lopsided.solve.methods.dual import Dual
from lopsided.solve.reduced import Point


class Face(NamedTuple):
    """A matrix P = left [I 0; 0 diag(inner)] right' of the ball; of rank 0, a point inside.

    Attributes:
        left: (p, a) orthonormal columns, orthogonal to u of the dual.
        right: (m, b) orthonormal columns, orthogonal to v under a free bias.
        rank: how many leading singular values are 1.
        inner: (min(a, b) - rank,) the others.
    """

    left: Floats
    right: Floats
    rank: int
    inner: Floats

    @property
    def span(self) -> int:
        """The number of singular values, min(a, b)."""
        return self.rank + len(self.inner)

    def matrix(self) -> Floats:
        """Return P."""
        r, c = self.rank, self.span
        P = self.left[:, :r] @ self.right[:, :r].T
        if c > r:
            P += (self.left[:, r:c] * self.inner) @ self.right[:, r:c].T
        return P


def decomposed(dual: Dual, P: Floats) -> Face:
    """Return a (p, m) matrix as a point inside, its parts along u, and under a free bias along v,
    left out.
    """
    inner = _without(dual.left, P)
    inner = _without(dual.right, inner.T).T if dual.free else inner
    left, values, right = svd(inner, whole=True)
    return Face(
        _within(dual.left, left), _within(dual.right, right.T) if dual.free else right.T, 0, values
    )


def polar(dual: Dual) -> list[Face]:
    """Return where labels lead for a vanishing ridge: polar factors of the simplex, without and
    with the mean over the samples.

    Source: the SEL matrix of Thrampoulidis et al. 2022; with scales Behnia et al. 2023 (arXiv
    2303.07608), section 3.
    """
    reduced = dual.reduced
    faces = [
        decomposed(dual, residual)
        for residual in _residuals(dual, np.sqrt(reduced.counts) / reduced.own)
    ]
    return [face._replace(rank=face.span, inner=np.zeros(0)) for face in faces]


def _residuals(dual: Dual, size: Floats) -> list[Floats]:
    """Return diag(size), and where a bias has a ridge, which may be small, diag(size) without its
    part along v.
    """
    whole = np.diag(size)
    return (
        [whole, whole - np.outer(size * dual.right, dual.right)]
        if dual.reduced.penalty
        else [whole]
    )


def inside(dual: Dual) -> Face | None:
    """Return a point inside the ball with q > 0, of those known the one with the largest V; None
    where rounding leaves none, as of weights that are many orders apart.
    """
    faces = [*_shrunk(dual), _mixed(dual)]
    tried = [(trial.value, face) for face in faces if (trial := dual.at(face.matrix())) is not None]
    return max(tried, key=lambda pair: pair[0])[1] if tried else None


def _shrunk(dual: Dual) -> list[Face]:
    """Return the residual of labels at shares of zero with each singular value shrunk below 1:
    close, and mostly q > 0.
    """
    if not dual.reduced.labels:
        return []
    faces = [decomposed(dual, residual) for residual in _residuals(dual, 1 / dual.gain.diagonal())]
    return [face._replace(inner=0.95 * face.inner / np.hypot(face.inner, 1)) for face in faces]


def _mixed(dual: Dual) -> Face:
    """Return a point on the way from the targets to shares equal in all columns, which balance the
    residuals of a bias: q > 0.
    """
    reduced = dual.reduced
    targets = np.eye(len(reduced.sizes)) if reduced.labels else reduced.targets
    weight = reduced.mass * reduced.factor[0] / reduced.factor[0, 0]
    equal = targets @ weight / weight.sum() if dual.free else reduced.sizes / reduced.sizes.sum()
    face = decomposed(dual, (targets - equal[:, None]) / dual.gain)
    return face._replace(inner=face.inner * 0.5 / max(0.5, face.inner.max(initial=0)))


def warm(dual: Dual, point: Point) -> Face:
    """Return the ball's point of a primal point: its shares, mixed with the targets until they are
    inside; near 1 is 1.
    """
    reduced = dual.reduced
    across, _, _ = reduced.adjoint(reduced.fit(reduced.margins(point)).residual)
    face = decomposed(dual, -across / dual.ridge)
    inner = face.inner / max(1.0, face.inner.max(initial=0))
    rank = int(np.sum(inner > 1 - 1e-6))
    return face._replace(rank=rank, inner=inner[rank:])


def _mirror(vector: Floats) -> Floats:
    """Return the normal of the Householder reflection that takes a unit vector to the first
    axis.
    """
    normal = vector.copy()
    normal[0] += np.copysign(1.0, vector[0])
    return np.asarray(normal / np.linalg.norm(normal))


def _without(vector: Floats, matrix: Floats) -> Floats:
    """Return the coordinates of columns in a basis of what is orthogonal to a unit vector."""
    normal = _mirror(vector)
    return np.asarray((matrix - np.outer(2 * normal, normal @ matrix))[1:])


def _within(vector: Floats, matrix: Floats) -> Floats:
    """Return the columns that have such coordinates."""
    normal = _mirror(vector)
    result = np.vstack([np.zeros(matrix.shape[1]), matrix])
    return np.asarray(result - np.outer(2 * normal, normal[1:] @ matrix))
