"""Newton's method on the factors: the last digits, where the methods of the convex problem stall.

They do where the optimum is about to vanish or adjustments differ by orders of magnitude. In the
factors the problem is not convex, so steps are by the size of the curvature in each of its
directions: downhill everywhere, and Newton's near the optimum. Turning the columns changes nothing,
and there is neither slope nor step along it.
"""

from __future__ import annotations

import numpy as np

from lopsided.arrays import Floats
from lopsided.singular import svd
from lopsided.solve.certificate import Certificate, best_bias, prove
from lopsided.solve.methods.factored import Factored
from lopsided.solve.reduced import Point, Reduced

#: Variables beyond which the curvature, an array with a row and a column for each, takes too long.
MOST = 1000
#: Steps at most, and how many may go by without halving the gap.
_STEPS, _PATIENCE = 60, 10
#: Curvature, of the largest, below which a direction is taken to have so much.
_LEAST = 1e-12


def finished(
    ridge: float, reduced: Reduced, found: tuple[Point, Certificate], tolerance: float
) -> tuple[Point, Certificate]:
    """Return the best point on the way from one near the optimum, and its certificate; the same
    where there are too many variables.
    """
    problem = Factored(ridge, reduced, min(reduced.unit.shape))
    if problem.size > MOST:
        return found
    x, best, stale, least = _factors(found[0]), found, 0, found[1].gap
    for _ in range(_STEPS):
        moved = _step(problem, x)
        if moved is None:
            return best
        x, point = moved, problem.point(moved)
        if reduced.biased:
            point = point._replace(bias=best_bias(reduced, point))
        now = point, prove(ridge, reduced, point)
        best = min(best, now, key=lambda pair: pair[1].gap)
        stale += 1
        if best[1].gap < least / 2:
            least, stale = best[1].gap, 0
        if best[1].exhausts(tolerance) or stale > _PATIENCE:
            return best
    return best


def _factors(point: Point) -> Floats:
    """Return factors of the same lengths that stand for a point."""
    left, values, right = svd(point.across)
    columns, root = np.sqrt(values), np.sqrt(np.abs(point.within))
    parts = [left * columns, right.T * columns, root, np.sign(point.within) * root, point.bias]
    return np.concatenate([part.ravel() for part in parts])


def _step(problem: Factored, x: Floats) -> Floats | None:
    """Return the factors after a step; None where none lowers the value or the slope."""
    (value, slope), curvature = problem.slope(x), problem.curvature(x)
    own = np.abs(curvature.diagonal())
    unit = np.divide(1.0, np.sqrt(own), out=np.ones_like(own), where=own > 0)
    try:
        sizes, turn = np.linalg.eigh(unit[:, None] * curvature * unit)
    except np.linalg.LinAlgError:
        return None
    sizes = np.maximum(np.abs(sizes), _LEAST * np.abs(sizes).max())
    move: Floats = unit * (turn @ ((turn.T @ (unit * slope)) / sizes))
    steep, rate = float(np.linalg.norm(unit * slope)), 1.0
    while rate > 1e-6:
        there: Floats = x - rate * move
        lower, other = problem.slope(there)
        if lower <= value - 1e-4 * rate * float(slope @ move):
            return there
        if np.linalg.norm(unit * other) <= (1 - 0.1 * rate) * steep:  # where values are rounding
            return there
        rate /= 2
    return None
