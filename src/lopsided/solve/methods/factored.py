"""The problem as a function of factors, Y = w h' and s = u v, with its first and second
derivatives.

The nuclear norm is the least (||w||^2 + ||h||^2) / 2 over factorisations, so the squared norms of
the factors take its place.
"""

from __future__ import annotations

import numpy as np

from lopsided.arrays import Floats
from lopsided.solve.reduced import Point, Reduced


class Factored:
    """Value, slope and curvature at factors, which are one vector x: w (p, d), h (m, d), u and v
    (g,) and the bias (p,).

    Attributes:
        size: length of x.

    Args:
        ridge: factor of half the squared norms.
        reduced: the problem.
        width: columns d of the factors.
    """

    def __init__(self, ridge: float, reduced: Reduced, width: int) -> None:
        self._ridge, self._reduced = ridge, reduced
        (p, m), inside = reduced.unit.shape, reduced.multiple.shape
        self._shapes = [(p, width), (m, width), inside, inside, (p,)]
        self._ends = np.cumsum([int(np.prod(shape)) for shape in self._shapes])
        self.size = int(self._ends[-1])
        self._within, self._prior = ridge * reduced.times, reduced.penalty * reduced.sizes

    def split(self, x: Floats) -> list[Floats]:
        """Return w, h, u, v and the bias."""
        parts = np.split(x, self._ends[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, self._shapes, strict=True)]

    def point(self, x: Floats) -> Point:
        """Return the point that factors stand for."""
        w, h, u, v, b = self.split(x)
        return Point(w @ h.T, u * v, b)

    def slope(self, x: Floats) -> tuple[float, Floats]:
        """Return value and gradient."""
        w, h, u, v, b = self.split(x)
        fit = self._reduced.fit(self._reduced.margins(self.point(x)))
        pull = self._reduced.adjoint(fit.residual)
        norms = np.sum(w**2) + np.sum(h**2) + self._reduced.times @ (u**2 + v**2)
        value = fit.value + self._ridge / 2 * norms + self._prior @ b**2 / 2
        slopes = [
            pull.across @ h + self._ridge * w,
            pull.across.T @ w + self._ridge * h,
            pull.within * v + self._within * u,
            pull.within * u + self._within * v,
            pull.bias + self._prior * b,
        ]
        return float(value), _joined(slopes)

    def curvature(self, x: Floats) -> Floats:
        """Return the (size, size) second derivative."""
        w, h, u, v, _ = self.split(x)
        fit = self._reduced.fit(self._reduced.margins(self.point(x)))
        pull, rows = self._reduced.adjoint(fit.residual), []
        for direction in np.eye(self.size):
            dw, dh, du, dv, db = self.split(direction)
            moved = self._reduced.margins(Point(dw @ h.T + w @ dh.T, du * v + u * dv, db))
            bent = self._reduced.adjoint(self._reduced.curvature(fit.shares, moved))
            slopes = [
                bent.across @ h + pull.across @ dh + self._ridge * dw,
                bent.across.T @ w + pull.across.T @ dw + self._ridge * dh,
                bent.within * v + pull.within * dv + self._within * du,
                bent.within * u + pull.within * du + self._within * dv,
                bent.bias + self._prior * db,
            ]
            rows.append(_joined(slopes))
        return np.array(rows)


def _joined(parts: list[Floats]) -> Floats:
    return np.concatenate([part.ravel() for part in parts])
