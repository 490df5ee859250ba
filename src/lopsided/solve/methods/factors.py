"""L-BFGS on the factors: the unconstrained-features model itself, W and H, by a general-purpose
optimiser.

The nuclear norm is the least (||W||^2 + ||H||^2) / 2 over factorisations, so descent on the factors
needs no singular values, and with fewer columns it is the model of a narrow network. It is not
convex: from zero it does not move, and a narrow one has local minima. Stalls at a relative gap of
about 1e-7; the independent check of the other methods.

Source: Burer and Monteiro 2003; no bad local minima at full width: Haeffele and Vidal 2015, Zhu et
al. 2021 (arXiv 2105.02375).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize as scipy_minimize

from lopsided.arrays import Floats
from lopsided.singular import svd
from lopsided.solve.certificate import Certificate, best_bias, prove
from lopsided.solve.methods.start import begin
from lopsided.solve.reduced import Point, Reduced


def factors(
    ridge: float,
    reduced: Reduced,
    start: Point | None,
    tolerance: float,
    width: int | None = None,
) -> tuple[Point, Certificate]:
    """Minimise over factors of full width, or of fewer columns; the other arguments and the result
    are those of every method in `METHODS`.
    """
    if start is None:
        start = begin(ridge, reduced)
    left, values, right = svd(start.across)
    # A zero column of both factors is a saddle; a small random one is not.
    columns = np.sqrt(np.maximum(values, 1e-3 * (values.max() or 1.0)))
    noise = np.random.default_rng(0).standard_normal(right.shape) * 1e-3
    w, h = left * columns, (right + noise).T * columns
    point = narrow(ridge, reduced, w[:, :width], h[:, :width], start)
    if reduced.biased:
        point = point._replace(bias=best_bias(reduced, point))
    return point, prove(ridge, reduced, point)


def narrow(ridge: float, reduced: Reduced, left: Floats, right: Floats, start: Point) -> Point:
    """Minimise over factors of a given width.

    Args:
        ridge: factor of half the squared norms.
        reduced: the problem.
        left: (p, d) initial classifiers, in reduced variables.
        right: (m, d) initial embeddings.
        start: initial within and bias.

    Returns:
        The point of the local minimum found.
    """
    shapes = [left.shape, right.shape, start.within.shape, start.within.shape, start.bias.shape]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    root = np.sqrt(np.abs(start.within))
    initial = [left, right, root + 1e-3, np.sign(start.within) * root + 1e-3, start.bias]
    prior = reduced.penalty * reduced.sizes

    def split(x: Floats) -> list[Floats]:
        return [
            part.reshape(shape) for part, shape in zip(np.split(x, ends[:-1]), shapes, strict=True)
        ]

    def objective(x: Floats) -> tuple[float, Floats]:
        w, h, u, v, b = split(x)
        fit = reduced.fit(reduced.margins(Point(w @ h.T, u * v, b)))
        across, within, bias = reduced.adjoint(fit.residual)
        norms = np.sum(w**2) + np.sum(h**2) + reduced.times @ (u**2 + v**2)
        value = fit.value + ridge / 2 * norms + prior @ b**2 / 2
        slopes = [
            across @ h + ridge * w,
            across.T @ w + ridge * h,
            within * v + ridge * reduced.times * u,
            within * u + ridge * reduced.times * v,
            bias + prior * b,
        ]
        return float(value) / scale, np.concatenate([s.ravel() for s in slopes]) / scale

    scale = 1.0
    x = np.concatenate([part.ravel() for part in initial])
    scale = objective(x)[0]
    options: Any = {"maxiter": 20_000, "maxfun": 40_000, "maxcor": 30, "ftol": 0.0, "gtol": 1e-13}
    w, h, u, v, b = split(
        np.asarray(
            scipy_minimize(objective, x, jac=True, method="L-BFGS-B", options=options).x, np.float64
        )
    )
    return Point(w @ h.T, u * v, b)
