"""Newton's method on a smoothed nuclear norm.

The nuclear norm is replaced by sum_i sqrt(sigma_i^2 + mu^2) and mu goes to zero. A minimiser of the smoothed problem is feasible
for the dual by itself (its gradient is ridge * U diag(phi) V' with phi < 1), and its duality gap is ridge * sum_i sigma_i (1 -
phi_i): of order mu^2 / sigma where a singular value stays positive, of order mu where it vanishes. So collapsed groups need no
special case, there are no saddles, and where nothing collapses a moderate mu is already exact.

Each Newton system is solved by conjugate gradients, preconditioned by the diagonal of the Hessian in the singular basis: there the
nuclear norm is diagonal but for pairs, and the loss is nearly so, since singular vectors sit near the classes they came from.

Derived here (docs/solve.md).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lopsided.arrays import Floats
from lopsided.solve.certificate import Certificate, best_bias, bounds
from lopsided.solve.descent import conjugate_gradients, line_search
from lopsided.solve.reduced import Fit, Point, Reduced
from lopsided.solve.spectral import Spectrum, relaxed

_STEPS = 200
#: From so many groups on, products with the Hessian are rounded to single precision.
_LARGE = 200


class _State(NamedTuple):
    point: Point
    fit: Fit
    spectrum: Spectrum


def smoothing(ridge: float, reduced: Reduced, start: Point, tolerance: float) -> tuple[Point, Certificate]:
    """Minimise until the relative duality gap is below the tolerance, or rounding or patience ends.

    Args:
        ridge: positive factor of the nuclear norm.
        reduced: the problem.
        start: where to begin; anything, the zero matrix included.
        tolerance: relative duality gap to reach.

    Returns:
        The best point seen and its certificate.
    """
    state = _at(reduced, start)
    mu = _first(ridge, reduced, state)
    value, best, stale, previous = _smoothed(ridge, reduced, state, mu), None, 0, None
    short = False
    for _ in range(_STEPS):
        proved = _certify(ridge, reduced, state)
        if best is None or proved[1].gap < best[1].gap:
            best, stale = proved, 0
        elif (stale := stale + 1) > 25:
            break
        if best[1].proves(tolerance):
            break
        gradient = _gradient(ridge, reduced, state, mu)
        if _small(gradient, reduced, ridge) and _slack(ridge, reduced, state, mu) > tolerance / 4 * proved[1].primal:
            previous, (state, mu) = (mu, state.point), _lower(ridge, reduced, state, mu, previous)
            value, gradient = _smoothed(ridge, reduced, state, mu), _gradient(ridge, reduced, state, mu)
        step = _newton_step(ridge, reduced, state, mu, gradient, short)
        slope = float(gradient @ _flat(step))

        def at(length: float, state: _State = state, step: Point = step, mu: float = mu) -> tuple[float, _State]:
            moved = _at(reduced, Point(*(x + length * dx for x, dx in zip(state.point, step, strict=True))))
            return _smoothed(ridge, reduced, moved, mu), moved

        length, value, found = line_search(value, slope, at)
        short = length < 0.5
        if found is None:
            stale += 5
            if mu < 1e-14 * _largest(state):
                break
            previous, (state, mu) = (mu, state.point), _lower(ridge, reduced, state, mu, previous)
            value = _smoothed(ridge, reduced, state, mu)
        else:
            state = found
    assert best is not None
    return _rounded(ridge, reduced, best, mu, tolerance)


def _rounded(
    ridge: float, reduced: Reduced, found: tuple[Point, Certificate], mu: float, tolerance: float
) -> tuple[Point, Certificate]:
    """Set singular values that are only left by the smoothing to zero, if the certificate agrees."""
    point, proof = found
    spectrum = Spectrum(point.across)
    least = np.sqrt(mu * max(float(spectrum.values.max()), float(np.abs(point.within).max(initial=0))))
    across = spectrum.rebuild(np.where(spectrum.values > least, spectrum.values, 0.0))
    state = _at(reduced, Point(across, np.where(np.abs(point.within) > least, point.within, 0.0), point.bias))
    proved = _certify(ridge, reduced, state)
    return proved if proved[1].relative_gap <= max(tolerance, proof.relative_gap) else found


def _at(reduced: Reduced, point: Point) -> _State:
    return _State(point, reduced.fit(reduced.margins(point)), Spectrum(point.across))


def _certify(ridge: float, reduced: Reduced, state: _State) -> tuple[Point, Certificate]:
    """Return a state's certificate, and the point that it is for: with a free bias, the best one there."""
    nuclear = float(state.spectrum.values.sum() + reduced.times @ np.abs(state.point.within))
    point, fit = state.point, state.fit
    if reduced.biased and not reduced.penalty:
        # The dual asks for balanced residuals, exactly.
        point = point._replace(bias=best_bias(reduced, point))
        fit = reduced.fit(reduced.margins(point))
    return point, bounds(ridge, reduced, point, fit, nuclear)


def _smoothed(ridge: float, reduced: Reduced, state: _State, mu: float) -> float:
    nuclear = state.spectrum.smooth(mu) + float(reduced.times @ np.hypot(state.point.within, mu))
    return state.fit.value + ridge * nuclear + reduced.penalty / 2 * float(reduced.sizes @ state.point.bias**2)


def _gradient(ridge: float, reduced: Reduced, state: _State, mu: float) -> Floats:
    loss, s = reduced.adjoint(state.fit.residual), state.point.within
    across = loss.across + ridge * state.spectrum.gradient(mu)
    within = loss.within + ridge * reduced.times * s / np.hypot(s, mu)
    return _flat(Point(across, within, loss.bias + reduced.penalty * reduced.sizes * state.point.bias))


def _small(gradient: Floats, reduced: Reduced, ridge: float) -> bool:
    return bool(np.linalg.norm(gradient) < 0.1 * ridge * np.sqrt(len(reduced.counts)))


def _slack(ridge: float, reduced: Reduced, state: _State, mu: float) -> float:
    """The part of the gap that is due to the smoothing: ridge * sum sigma (1 - phi)."""
    total = 0.0
    for values, times in ((state.spectrum.values, 1.0), (np.abs(state.point.within), reduced.times)):
        high = np.hypot(values, mu)
        total += float(np.sum(times * values * (mu / high) * (mu / (high + values))))
    return ridge * total


def _lower(ridge: float, reduced: Reduced, state: _State, mu: float, previous: tuple[float, Point] | None) -> tuple[_State, float]:
    """Lower the smoothing; follow the path of minimisers, which is straight for singular values that vanish, if that pays."""
    lower = (0.2 if mu > 1e-3 * _largest(state) else 0.03) * mu
    if previous is None:
        return state, lower
    share = (mu - lower) / (previous[0] - mu)
    ahead = _at(reduced, Point(*(x + share * (x - old) for x, old in zip(state.point, previous[1], strict=True))))
    pays = _smoothed(ridge, reduced, ahead, lower) < _smoothed(ridge, reduced, state, lower)
    return (ahead if pays else state), lower


def _largest(state: _State) -> float:
    return max(float(state.spectrum.values.max()), float(np.abs(state.point.within).max(initial=0)))


def _first(ridge: float, reduced: Reduced, state: _State) -> float:
    """Return a smoothing that costs about as much as the start is wrong."""
    gap = _certify(ridge, reduced, state)[1].gap
    mu = 0.5 * _largest(state) or 1.0
    while mu > 1e-12 and _slack(ridge, reduced, state, mu) > gap:
        mu *= 0.3
    return mu


def _newton_step(ridge: float, reduced: Reduced, state: _State, mu: float, gradient: Floats, relax: bool) -> Point:
    shares, spectrum = state.fit.shares, state.spectrum
    prior = reduced.penalty * reduced.sizes
    own = _diagonal(reduced, shares)
    loss = reduced.adjoint(state.fit.residual)
    s, h = spectrum.values, np.hypot(state.point.within, mu)
    dual, inner_dual = s / np.hypot(s, mu), state.point.within / h
    if relax:
        dual, inner_dual = -spectrum.diagonal_of(loss.across) / ridge, -loss.within / (ridge * reduced.times)
    bend = ridge * reduced.times * relaxed(state.point.within, mu, np.clip(inner_dual, -1, 1))
    product, inverse = spectrum.hessian(mu, ridge, own.across, np.clip(dual, -1, 1))
    damping = 1e-10 * (own.bias + prior)  # a free bias can be shifted
    # An inexact step needs few digits, unless the curvatures 1 / mu and 1 / sigma are far apart.
    single = len(reduced.counts) >= _LARGE and mu > 1e-5 * _largest(state)
    forward, backward = spectrum.rotations(np.float32 if single else np.float64)

    def hessian(x: Floats) -> Floats:
        step = _unflat(x, reduced)
        moved = step._replace(across=backward(step.across))
        loss = reduced.adjoint(reduced.curvature(shares, reduced.margins(moved)))
        across, within = forward(loss.across) + product(step.across), loss.within + bend * step.within
        return _flat(Point(across, within, loss.bias + (prior + damping) * step.bias))

    def precondition(x: Floats) -> Floats:
        r = _unflat(x, reduced)
        return _flat(Point(inverse(r.across), r.within / (own.within + bend), r.bias / (own.bias + prior + damping)))

    # A loose solution while far away, a tight one when Newton's method converges fast.
    tolerance = max(1e-2, min(0.1, 0.1 * float(np.linalg.norm(gradient)) / ridge))
    slope = _unflat(gradient, reduced)
    rotate, unrotate = spectrum.rotations()
    rotated = _flat(slope._replace(across=rotate(slope.across)))
    step = _unflat(conjugate_gradients(hessian, precondition, rotated, tolerance), reduced)
    return step._replace(across=unrotate(step.across))


def _diagonal(reduced: Reduced, shares: Floats) -> Point:
    """Return the diagonal of the loss's second derivative, up to a group's own cell where that is small; positive."""
    spread = reduced.mass * shares * (1 - shares) * (reduced.factor * reduced.unit) ** 2
    inside = np.zeros(0)
    if reduced.labels:
        # The own logit moves all margins of its column together, but for its group's own cell.
        d, j, total = np.arange(len(reduced.mass)), reduced.multiple, shares.sum(axis=0)
        others = total - shares[d, d]
        spread[d, d] = reduced.mass * others * (1 - others) * (reduced.own * reduced.unit[d, d]) ** 2
        either = np.maximum(shares[j, j] * (1 - shares[j, j]), total[j] * (1 - total[j]))
        inside = reduced.mass[j] * either * (reduced.own[j] / reduced.root) ** 2
    return Point(spread + 1e-12 * spread.max(), inside, reduced.bias_curvature(shares))


def _flat(point: Point) -> Floats:
    return np.concatenate([point.across.ravel(), point.within, point.bias])


def _unflat(x: Floats, reduced: Reduced) -> Point:
    p, m = reduced.unit.shape
    g = len(reduced.multiple)
    return Point(x[: p * m].reshape(p, m), x[p * m : p * m + g], x[p * m + g :])
