"""Newton's method with conjugate gradients, the one descent that everything convex here uses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import numpy as np

from lopsided.arrays import LARGEST, Floats

Linear = Callable[[Floats], Floats]
State = TypeVar("State")


def conjugate_gradients(
    product: Linear, precondition: Linear, gradient: Floats, tolerance: float, limit: int = 500
) -> Floats:
    """Return x with product(x) = -gradient, up to a relative residual in the norm of the
    preconditioner.

    Args:
        product: a symmetric positive semidefinite map.
        precondition: an approximation of its inverse.
        gradient: the right-hand side, negated, in the range of the map.
        tolerance: relative residual to stop at.
        limit: products at most.
    """
    x = np.zeros_like(gradient)
    residual = -gradient
    direction = scaled = precondition(residual)
    square = first = float(np.vdot(residual, scaled))
    for _ in range(limit):
        image = product(direction)
        curvature = float(np.vdot(direction, image))
        if curvature <= 0 or square <= 0:
            break
        length = square / curvature
        if length * float(np.abs(direction).max()) > LARGEST:
            break  # what rounding leaves of a direction that the map takes to zero
        x += length * direction
        residual -= length * image
        scaled = precondition(residual)
        previous, square = square, float(np.vdot(residual, scaled))
        if square <= tolerance**2 * first:
            break
        direction = scaled + square / previous * direction
    return x if first > 0 and np.any(x) else scaled


def line_search(
    value: float, slope: float, at: Callable[[float], tuple[float, State]]
) -> tuple[float, float, State | None]:
    """Halve a step from 1 until the value falls enough; return step, value and state, or no state
    if it never does.
    """
    # Where the promised fall is below the rounding of the value, a full Newton step is better than
    # any comparison.
    rounding = (1e-11 if -slope < 1e-11 * abs(value) else 1e-14) * abs(value)
    length = 1.0
    while length > 1e-10:
        trial, state = at(length)
        # A quarter of what the slope promises, half of which a parabola gives: a small fall is also
        # had far beyond the minimum, where the loss is flat and no step leads back.
        if trial <= value + 0.25 * length * slope + rounding:
            return length, trial, state
        length /= 2
    return 0.0, value, None


def _along(
    at: Callable[[Floats], tuple[float, State]], x: Floats, step: Floats, length: float
) -> tuple[float, State]:
    return at(x + length * step)


def newton(
    x: Floats,
    at: Callable[[Floats], tuple[float, State]],
    model: Callable[[Floats, State], tuple[Floats, Linear, Linear]],
    limit: int = 100,
) -> Floats:
    """Minimise a smooth convex function until rounding stops it.

    Args:
        x: where to start.
        at: the value at a point, and whatever else is known there.
        model: from the point and that knowledge: gradient, product with the Hessian, approximate
            inverse.
        limit: iterations at most.
    """
    value, state = at(x)
    for _ in range(limit):
        gradient, product, precondition = model(x, state)
        if not gradient.any():
            break
        step = conjugate_gradients(product, precondition, gradient, 1e-10)
        slope = float(gradient @ step)
        length, value, found = line_search(value, slope, partial(_along, at, x, step))
        if found is None:
            break
        x, state = x + length * step, found
        # Convergence is quadratic: after so small a step, only rounding is left.
        if -slope <= 1e-15 * abs(value):
            break
    return x
