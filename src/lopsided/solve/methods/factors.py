"""L-BFGS on the factors: the unconstrained-features model itself, W and H, by a general-purpose
optimiser.

Descent on the factors (`factored`) needs no singular values, and with fewer columns it is the model
of a narrow network. It is not convex: from zero it does not move, and a narrow one has local
minima. Stalls at a relative gap of about 1e-7; the independent check of the other methods.

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
from lopsided.solve.methods.factored import Factored
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
    problem = Factored(ridge, reduced, left.shape[1])
    root = np.sqrt(np.abs(start.within))
    initial = [left, right, root + 1e-3, np.sign(start.within) * root + 1e-3, start.bias]
    x = np.concatenate([part.ravel() for part in initial])
    scale = problem.slope(x)[0]

    def objective(x: Floats) -> tuple[float, Floats]:
        value, slope = problem.slope(x)
        return value / scale, slope / scale

    options: Any = {"maxiter": 20_000, "maxfun": 40_000, "maxcor": 30, "ftol": 0.0, "gtol": 1e-13}
    found = scipy_minimize(objective, x, jac=True, method="L-BFGS-B", options=options)
    return problem.point(np.asarray(found.x, np.float64))
