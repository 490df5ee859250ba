"""Minimise a problem: choose the reduction, run a method, hand out the proof."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lopsided.arrays import require_finite, require_flag, require_number, require_whole
from lopsided.problem import Problem
from lopsided.solve.certificate import Certificate, best_bias, bounds
from lopsided.solve.margin import max_margin
from lopsided.solve.methods.factors import factors
from lopsided.solve.methods.interior import interior
from lopsided.solve.methods.narrow import narrow_optimum
from lopsided.solve.methods.newton import newton
from lopsided.solve.methods.proximal import proximal
from lopsided.solve.reduced import Point, Reduced
from lopsided.solve.solution import Solution, Status

#: The smallest positive ridge: shares are of its order over the square root of a count.
LEAST = 1e-280

Method = Callable[[float, Reduced, Point | None, float], tuple[Point, Certificate]]

#: Name -> a method for the convex problem: (ridge, reduced, optimum of a nearby problem or None,
#: tolerance) -> point, certificate.
METHODS: dict[str, Method] = {
    "newton": newton,
    "interior": interior,
    "factors": factors,
    "proximal": proximal,
}


@np.errstate(under="ignore")
def minimize(
    problem: Problem,
    *,
    method: str = "newton",
    tolerance: float = 1e-10,
    strict: bool = False,
    starts: int | None = None,
) -> Solution:
    """Find the global optimum of a problem.

    Args:
        problem: what to minimise.
        method: a name in `METHODS`; "factors" has no singular values, so its ranks are blurred.
        tolerance: relative duality gap to reach. Below rounding, which the certificate tells,
            nothing can be proved; where a class has less than a thousandth of the mean weight,
            "newton" goes on for its sake. The entropy of soft targets is part of the objective: at
            ridges below some 1e-10 of their weight the gap says nothing of the geometry.
        strict: raise if it was not reached.
        starts: of a problem whose width is below the optimum's rank, how many local minima are
            compared; by default 2^k and at most 128 of up to 16 classes, which takes seconds, and 8
            of more.

    Returns:
        The solution; its certificate bounds how far it is from the optimum.

    Raises:
        ValueError: for an unknown method, a tolerance that is not above 0 and below 1, starts that
            are no whole number of at least 1, a narrow width with ridge 0, a ridge below 1e-280
            that is not 0, or a free bias of a class that is in no target.
        RuntimeError: if `strict` and the tolerance was not reached.
        MemoryError: if there are too many groups of interchangeable classes for this machine.

    Source: reduction of the UFM to the nuclear norm, Thrampoulidis et al. 2022 (arXiv 2208.05512),
    after Haeffele and Vidal 2015; symmetry reduction, method and certificate derived
    here.

    Example:
        >>> from lopsided import Counts
        >>> solution = minimize(Problem(Counts.step(k=10, minority=1, ratio=100), ridge=1e-3))
        >>> solution.certificate.relative_gap < 1e-10, round(solution.objective, 6)
        (True, 0.623221)
    """
    tolerance = require_settings(method, tolerance)
    require_flag(strict, "strict")
    if starts is not None:
        require_whole("starts", starts, 1)
    reduced = Reduced.of(problem)
    if problem.ridge == 0:
        solution = _judged(
            problem, reduced, *max_margin(problem, reduced, tolerance), "max-margin", tolerance
        )
    else:
        solution = finish(problem, reduced, None, method, tolerance)
    solution = narrowed(problem, solution, tolerance, starts)
    if strict and solution.status not in (Status.OPTIMAL, Status.ZERO):
        raise RuntimeError(solution.message)
    return solution


def require_ridge(ridge: float) -> float:
    """Return a positive ridge whose optimum float64 holds.

    Raises:
        ValueError: if it is another number.
        TypeError: if it is no number.
    """
    size = float(require_finite(require_number(ridge, "ridge"), "ridge", positive=True))
    if size < LEAST:
        raise ValueError(
            f"ridges below {LEAST:g} leave the range of float64, got {size:g}; 0, where it is"
            " taken, is the limit itself"
        )
    return size


def require_settings(method: str, tolerance: float) -> float:
    """Return the tolerance of a solve.

    Raises:
        ValueError: for an unknown method, or a tolerance that is no share: with 1 the point zero
            would pass for the optimum of any problem.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    if not 0 < (number := require_number(tolerance, "tolerance")) < 1:
        raise ValueError(f"tolerance must be a number above 0 and below 1, got {tolerance}")
    return number


@np.errstate(under="ignore")
def finish(
    problem: Problem, reduced: Reduced, start: Point | None, method: str, tolerance: float
) -> Solution:
    """Run a method and judge what it returns; where zero is the optimum, no method has to find
    it.
    """
    require_ridge(problem.ridge)
    asked = reduced.targets @ reduced.mass
    if problem.bias == "free" and not reduced.labels and not asked.all():
        raise ValueError(
            f"class {int(np.argmin(asked))} is in no target, so its free bias falls for ever; give"
            " the bias a ridge"
        )
    nothing = reduced.zero()
    if reduced.biased:
        nothing = nothing._replace(bias=best_bias(reduced, nothing))
    certificate = bounds(
        problem.ridge, reduced, nothing, reduced.fit(reduced.margins(nothing)), 0.0
    )
    if certificate.proves(tolerance):
        return _judged(problem, reduced, nothing, certificate, method, tolerance)
    # No method gets below rounding, however long it tries.
    within_reach = max(tolerance, 2 * certificate.rounding)
    return _judged(
        problem,
        reduced,
        *METHODS[method](problem.ridge, reduced, start, within_reach),
        method,
        tolerance,
    )


def _judged(
    problem: Problem,
    reduced: Reduced,
    point: Point,
    certificate: Certificate,
    method: str,
    tolerance: float,
) -> Solution:
    nothing = not point.across.any() and not point.within.any()
    reached = Status.ZERO if nothing else Status.OPTIMAL
    status = reached if certificate.proves(tolerance) else Status.INEXACT
    return Solution(problem, certificate.primal, certificate, status, method, reduced, point)


def narrowed(
    problem: Problem, wide: Solution, tolerance: float, starts: int | None = None
) -> Solution:
    """Return the optimum without a limit on the width if it fits, else the best that does."""
    if problem.width is None or wide.rank <= problem.width:
        return wide
    if problem.ridge == 0:
        raise ValueError(
            f"the max-margin limit needs width {wide.rank}, got {problem.width}; use a small ridge"
            " instead of 0"
        )
    logits = wide.logits.matrix()
    reduced, point, certificate = narrow_optimum(
        problem, problem.width, wide.certificate.dual, logits, starts, tolerance
    )
    status = Status.OPTIMAL if certificate.proves(tolerance) else Status.LOCAL
    return Solution(
        problem, certificate.primal, certificate, status, "narrow factors", reduced, point
    )
