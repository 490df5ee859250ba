"""Certificate: how far any logits are from the global optimum, proved by duality.

With p_c the softmax at the candidate, G the (negative) gradient of the loss by X N^{1/2} and s =
min(1, ridge / ||G||_2), the distributions q = (1 - s) t + s p are feasible for the dual problem,
whose value is a lower bound of the optimum:

    gap = primal - sum_c n_c [entropy(q_c) + (q_c - t_c)' shift] >= primal - optimum >= 0.

A free bias is minimised over first, which balances the residuals (sum_c n_c (q_c - t_c) = 0); a
bias with ridge beta subtracts ||sum_c n_c (q_c - t_c)||^2 / (2 beta). Derived in docs/theory from
Fenchel duality, with the bound on rounding: both values are sums of terms that do not cancel, or
whose cancellation is measured.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, real_array
from lopsided.groups import Groups
from lopsided.pairing import Pairing
from lopsided.problem import Problem, require_problem
from lopsided.singular import singular_values
from lopsided.solve.descend.descent import Linear, newton
from lopsided.solve.reduced import Fit, Point, Reduced

#: Slope by the bias, as a share of the whole weight, at which it is found.
SETTLED = 1e-9
#: The largest logit: what is summed over classes and samples stays in float64.
LARGEST = 1e290


@dataclass(frozen=True)
class Certificate:
    """Bounds that enclose the global minimum of a problem.

    Attributes:
        primal: the objective at the candidate, an upper bound.
        dual: a lower bound.
        rounding: bound on the relative error of their difference, from the arithmetic alone.
    """

    primal: float
    dual: float
    rounding: float = 1e-13

    @property
    def gap(self) -> float:
        """How much the candidate can be above the optimum at most; below 0 by no more than
        rounding.
        """
        return self.primal - self.dual

    @property
    def relative_gap(self) -> float:
        """The gap over the primal value."""
        return self.gap / self.primal if self.primal else 0.0

    def proves(self, tolerance: float) -> bool:
        """Return whether the candidate is within a relative tolerance of the optimum whatever was
        rounded.

        A gap below minus rounding contradicts duality, so that it proves nothing but an error.
        """
        return -self.rounding <= self.relative_gap <= tolerance - self.rounding

    def exhausts(self, tolerance: float) -> bool:
        """Return whether a method has to go no further: the candidate is within the tolerance, or
        as near as rounding lets anything be proved.
        """
        return self.proves(max(tolerance, 2 * self.rounding))


@np.errstate(under="ignore")
def certify(problem: Problem, logits: npt.ArrayLike | Pairing) -> Certificate:
    """Bound the suboptimality of any class logits; no solver is trusted.

    Args:
        problem: with a positive ridge.
        logits: (k, k) array or class matrix W M', entry [c, c'] the logit of class c for samples of
            class c', the bias not included (the best bias is found here); for soft targets (k, m).

    Returns:
        The certificate, for the best W and H of these logits in any width.

    Raises:
        ValueError: if the ridge is 0, the shape is wrong or an entry is not finite or beyond 1e290.

    Example:
        >>> from lopsided import Counts
        >>> problem = Problem(Counts([50, 50, 5, 5]), ridge=1.0)
        >>> certify(problem, 4 * np.eye(4) - 1).relative_gap.__round__(3)
        0.551
    """
    reduced, point = candidate(problem, logits)
    if problem.ridge == 0:
        raise ValueError(
            "certify needs a positive ridge; the max-margin limit of ridge 0 is certified by"
            " solve.minimize"
        )
    if reduced.biased:
        point = point._replace(bias=best_bias(reduced, point))
    return prove(problem.ridge, reduced, point)


def candidate(problem: Problem, logits: npt.ArrayLike | Pairing) -> tuple[Reduced, Point]:
    """Return the reduced problem in which given logits are a point, and that point.

    Raises:
        ValueError: if the shape is wrong or an entry is not finite or beyond 1e290.
    """
    require_problem(problem)
    labels = problem.counts is not None and not problem.targets.smoothing
    if isinstance(logits, Pairing) and logits.diagonal is not None and labels:
        reduced = Reduced.of(problem, logits.groups)
        _, _, index = reduced.groups.join(logits.groups)
        return reduced, reduced.point_of(
            logits.left[index] @ logits.right[index].T, logits.own[index]
        )
    array = logits.matrix() if isinstance(logits, Pairing) else real_array(logits, "logits")
    shape = (problem.k, problem.targets.m)
    if array.shape != shape:
        raise ValueError(
            f"logits must be an array of shape {shape}, classes by columns, got {array.shape}"
        )
    if (wrong := ~(np.abs(array) <= LARGEST)).any():
        c, j = np.argwhere(wrong)[0]
        raise ValueError(
            f"logits must be finite and up to {LARGEST:g}, got {array[c, j]} for class {c} in"
            f" column {j}"
        )
    reduced = Reduced.of(problem, Groups.each(problem.k) if labels else None)
    if reduced.labels:
        array = array[np.ix_(reduced.groups.first, reduced.groups.first)]
    return reduced, reduced.point_of(array, array.diagonal().copy())


def bounds(
    ridge: float, reduced: Reduced, point: Point, fit: Fit, nuclear: float | None = None
) -> Certificate:
    """Return the certificate of a point whose loss is known, and whose nuclear norm may be."""
    if nuclear is None:
        nuclear = float(singular_values(point.across).sum() + reduced.times @ np.abs(point.within))
    across, within, bias = reduced.adjoint(fit.residual)
    norm = float(singular_values(across)[0])
    if len(within):
        norm = max(norm, float(np.max(np.abs(within) / reduced.times)))
    scale = min(1.0, ridge / norm) if norm > 0 else 1.0
    primal, (dual, size) = fit.value + ridge * nuclear, reduced.entropy(fit.shares, scale)
    if reduced.penalty:
        primal += reduced.penalty / 2 * float(reduced.sizes @ point.bias**2)
        cost = scale**2 * float(np.sum(bias**2 / reduced.sizes)) / (2 * reduced.penalty)
        dual, size = dual - cost, size + cost
    elif reduced.biased:
        # Residuals balanced up to rounding: charged for every bias of up to twice this size.
        dual -= scale * float(np.abs(bias) @ (1 + 2 * np.abs(point.bias)))
    # Each share has the relative error of its exponent, each singular value an error of that of the
    # largest.
    error = 4 * float(np.finfo(np.float64).eps) * (reduced.exponent(point) + len(reduced.counts))
    return Certificate(primal, dual, error * max(1.0, size / primal) if primal > 0 else 0.0)


def prove(
    ridge: float, reduced: Reduced, point: Point, witness: Point | None = None
) -> Certificate:
    """Return the certificate of a point; the shares of any other logits, the witness's, may give
    the better lower bound.
    """
    own = bounds(ridge, reduced, point, reduced.fit(reduced.margins(point)))
    if witness is None:
        return own
    other = bounds(ridge, reduced, witness, reduced.fit(reduced.margins(witness)), 0.0)
    return Certificate(own.primal, max(own.dual, other.dual), max(own.rounding, other.rounding))


def best_bias(reduced: Reduced, point: Point) -> Floats:
    """Return the (p,) bias that minimises the objective at given logits, by Newton's method.

    Where logits put nearly all shares on other classes than the targets, there is no curvature to
    begin with. Then logits and offsets are halved until they are small, and doubled again, each
    time from twice the bias before.
    """
    bias, slope = _descent(reduced, point)
    if slope <= SETTLED * float(reduced.mass.sum()):
        return bias
    size = reduced.exponent(point._replace(bias=np.zeros_like(bias)))
    start = np.zeros_like(bias)
    for halvings in range(int(np.ceil(np.log2(max(size, 1.0)))), -1, -1):
        share = 0.5**halvings
        part = Point(share * point.across, share * point.within, 2 * start)
        start, _ = _descent(replace(reduced, offset=share * reduced.offset), part)
    return start


def _descent(reduced: Reduced, point: Point) -> tuple[Floats, float]:
    """Return the bias where Newton's method from a point's own ends, and the largest slope."""
    ridge = reduced.penalty * reduced.sizes

    def at(bias: Floats) -> tuple[float, Fit]:
        fit = reduced.fit(reduced.margins(point._replace(bias=bias)))
        return fit.value + (float(ridge @ bias**2) / 2 if reduced.penalty else 0.0), fit

    origin = reduced.zero()

    def slope(bias: Floats, fit: Fit) -> Floats:
        return np.asarray(reduced.adjoint(fit.residual).bias + ridge * bias)

    def model(bias: Floats, fit: Fit) -> tuple[Floats, Linear, Linear]:
        diagonal = reduced.bias_curvature(fit.shares) + ridge
        # A free bias can be shifted; without this a step along the shift would be rounding over
        # zero.
        damping = 1e-10 * diagonal

        def product(step: Floats) -> Floats:
            moved = reduced.margins(origin._replace(bias=step))
            return np.asarray(
                reduced.adjoint(reduced.curvature(fit.shares, moved)).bias
                + (ridge + damping) * step
            )

        return slope(bias, fit), product, lambda r: r / (diagonal + damping)

    with np.errstate(over="ignore", invalid="ignore"):  # of a step that is too long, and halved
        bias = newton(point.bias, at, model)
    return bias, float(np.abs(slope(bias, at(bias)[1])).max())
