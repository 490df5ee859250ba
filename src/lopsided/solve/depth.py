"""Depth: L linear layers above the features.

With ridges on all L + 1 factors of Z = W_L ... W_1 H, the least penalty of given logits is (L +
1)/2 ridge sum_i sigma_i^{2/(L + 1)}: the nuclear norm for L = 1, and for L >= 2 a concave function
of the singular values that prefers low rank. So SELI is a law of one
layer: at a small ridge logits of half the rank cost less.

Source: Garrod and Keating 2024 (arXiv 2410.23169) for cross-entropy of deep linear heads.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from lopsided.arrays import Floats, require_whole
from lopsided.pairing import Pairing
from lopsided.problem import Problem
from lopsided.singular import singular_values
from lopsided.solve.certificate import candidate
from lopsided.solve.reduced import Point, Reduced

#: Steps in log a between which no valley of the deep objective is looked for.
_STEP = 0.1
#: How far below the largest multiple that of one layer, whose objective is convex, is looked for.
_DECADES = 30


def deep_objective(problem: Problem, logits: npt.ArrayLike | Pairing, layers: int) -> float:
    """Return the objective of class logits under L linear layers, with the best factors.

    Args:
        problem: loss and ridge.
        logits: as in `certify`.
        layers: L, linear layers above the features.

    Raises:
        ValueError: if `layers` is not a whole number of at least 1, or the problem has a bias.

    Example:
        >>> from lopsided import Counts
        >>> problem = Problem(Counts([10, 10, 1, 1]), ridge=0.1)
        >>> deep_objective(problem, np.eye(4), 1) > deep_objective(problem, 3 * np.eye(4), 1)
        True
    """
    reduced, point, cost = _parts(problem, logits, layers)
    return reduced.fit(reduced.margins(point)).value + cost


def best_multiple(
    problem: Problem, logits: npt.ArrayLike | Pairing, layers: int
) -> tuple[float, float]:
    """Return the multiple of class logits with the least deep objective, and that objective; 0 if
    no multiple is better than none of them.

    A multiple a costs fit(a) + cost a^p, p = 2 / (L + 1), with a convex fit that is at least 0. One
    that is better than 0 has a <= (fit(0) / cost)^{1/p}, and a^{1 - p} >= cost / -fit'(0) where p <
    1. In between a grid over log a finds the valley, and a search within it the multiple.

    Raises:
        ValueError: as in `deep_objective`, or if the logits are zero.
    """
    reduced, point, cost = _parts(problem, logits, layers)
    if not cost:
        raise ValueError("the logits must not be zero: no multiple of them is anything else")
    power, margins = 2 / (layers + 1), reduced.margins(point)
    none = reduced.fit(0 * margins)
    gain = -float(np.sum(none.residual * margins))

    def objective(x: float) -> float:
        return reduced.fit(np.exp(x) * margins).value + cost * float(np.exp(power * x))

    high = np.log(none.value / cost) / power
    if gain <= 0:
        return 0.0, none.value
    low = np.log(cost / gain) / (1 - power) if layers > 1 else high - _DECADES * np.log(10)
    if low >= high:
        return 0.0, none.value
    grid = np.linspace(low, high, max(int((high - low) / _STEP), 1) + 2)
    best = int(np.argmin([objective(x) for x in grid]))
    ends = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(objective, bounds=ends, method="bounded", options={"xatol": 1e-9})
    if found.fun >= none.value:
        return 0.0, none.value
    return float(np.exp(found.x)), float(found.fun)


def _parts(
    problem: Problem, logits: npt.ArrayLike | Pairing, layers: int
) -> tuple[Reduced, Point, float]:
    """Return the reduced problem, the logits in it, and what the best factors cost."""
    require_whole("layers", layers, 1)
    if problem.bias != "none":
        raise ValueError("the objective of deep linear heads is for problems without a bias")
    reduced, point = candidate(problem, logits)
    power = 2 / (layers + 1)
    values = singular_values(point.across)
    values = np.where(values > 1e-13 * values.max(initial=0), values, 0.0)
    penalty = float(np.sum(values**power) + reduced.times @ np.abs(point.within) ** power)
    return reduced, point, problem.ridge * (layers + 1) / 2 * penalty


def pairs(k: int) -> Floats:
    """Return logits of rank k/2 that tell all k classes apart: classes 2i and 2i + 1 are opposite
    in a dimension of their own.

    Raises:
        ValueError: if k is no positive whole number, or odd.

    Example:
        >>> np.linalg.matrix_rank(pairs(4)).item()
        2
    """
    require_whole("k", k, 2)
    if k % 2:
        raise ValueError(f"pairs need an even number of classes, got {k}")
    return np.kron(np.eye(k // 2), np.array([[1.0, -1.0], [-1.0, 1.0]]))
