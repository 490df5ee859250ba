"""Accelerated proximal gradient: a step down the loss, then the singular values shrink by the
ridge.

Simple, convex, of exact rank, and slow where the ridge is small: the independent check of the other
methods at large ridges.

Source: Toh and Yun 2010 (APGL); restart: O'Donoghue and Candes 2015.
"""

from __future__ import annotations

import numpy as np

from lopsided.singular import svd
from lopsided.solve.certificate import Certificate, best_bias, prove
from lopsided.solve.methods.start import begin
from lopsided.solve.reduced import Fit, Point, Reduced

_STEPS = 20_000


def proximal(
    ridge: float, reduced: Reduced, start: Point | None, tolerance: float
) -> tuple[Point, Certificate]:
    """Minimise until the relative duality gap is below the tolerance; arguments and result as every
    method in `METHODS`.
    """
    point = ahead = begin(ridge, reduced) if start is None else start
    curvature, momentum = float(np.max(reduced.mass * (reduced.unit * reduced.factor) ** 2)), 1.0
    certificate = _certify(ridge, reduced, point)
    for step in range(1, _STEPS):
        fit = _fit(reduced, ahead)
        slope = reduced.adjoint(fit.residual)
        while True:
            left, values, right = svd(ahead.across - slope.across / curvature)
            within = ahead.within - slope.within / (reduced.times * curvature)
            bias = ahead.bias - (slope.bias + reduced.penalty * reduced.sizes * ahead.bias) / (
                curvature * reduced.counts.max()
            )
            shrunk = (left * np.maximum(values - ridge / curvature, 0)) @ right
            new = Point(
                shrunk,
                np.sign(within) * np.maximum(np.abs(within) - ridge / curvature, 0),
                bias if reduced.biased else ahead.bias,
            )
            if _fit(reduced, new).value <= _model(reduced, fit, slope, ahead, new, curvature):
                break
            curvature *= 2
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        moved = Point(*(a - b for a, b in zip(new, point, strict=True)))
        against = np.vdot(ahead.across - new.across, moved.across) + reduced.times @ (
            (ahead.within - new.within) * moved.within
        )
        weight = 0.0 if against > 0 else (momentum - 1) / following
        momentum = 1.0 if against > 0 else following
        point, ahead = new, Point(*(a + weight * b for a, b in zip(new, moved, strict=True)))
        if step % 10 == 0:
            certificate = _certify(ridge, reduced, point)
            if certificate.exhausts(tolerance):
                break
    if reduced.biased:
        point = point._replace(bias=best_bias(reduced, point))
    return point, _certify(ridge, reduced, point)


def _fit(reduced: Reduced, point: Point) -> Fit:
    fit = reduced.fit(reduced.margins(point))
    return fit._replace(
        value=fit.value + reduced.penalty / 2 * float(reduced.sizes @ point.bias**2)
    )


def _model(
    reduced: Reduced, fit: Fit, slope: Point, old: Point, new: Point, curvature: float
) -> float:
    """Return the quadratic upper model of the loss at a new point, in the norm of X N^{1/2}."""
    across, within, bias = (a - b for a, b in zip(new, old, strict=True))
    prior = slope.bias + reduced.penalty * reduced.sizes * old.bias
    square = np.sum(across**2) + reduced.times @ within**2 + reduced.counts.max() * np.sum(bias**2)
    linear = np.vdot(slope.across, across) + slope.within @ within + prior @ bias
    return float(fit.value + linear + curvature / 2 * square) + 1e-13 * abs(fit.value)


def _certify(ridge: float, reduced: Reduced, point: Point) -> Certificate:
    if reduced.biased:
        point = point._replace(bias=best_bias(reduced, point))
    return prove(ridge, reduced, point)
