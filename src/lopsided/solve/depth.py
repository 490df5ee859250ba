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

from lopsided.arrays import Floats, real_array, singular_values
from lopsided.pairing import Pairing
from lopsided.problem import Problem
from lopsided.solve.certificate import candidate


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
    _layers(layers)
    if problem.bias != "none":
        raise ValueError("the objective of deep linear heads is for problems without a bias")
    reduced, point = candidate(problem, logits)
    power = 2 / (layers + 1)
    values = singular_values(point.across)
    values = np.where(values > 1e-13 * values.max(initial=0), values, 0.0)
    penalty = np.sum(values**power) + reduced.times @ np.abs(point.within) ** power
    return reduced.fit(reduced.margins(point)).value + problem.ridge * (layers + 1) / 2 * float(
        penalty
    )


def best_multiple(
    problem: Problem, logits: npt.ArrayLike | Pairing, layers: int
) -> tuple[float, float]:
    """Return the multiple of class logits with the least deep objective, and that objective.

    Raises:
        ValueError: as in `deep_objective`.
    """
    matrix = logits.matrix() if isinstance(logits, Pairing) else real_array(logits, "logits")
    grid = np.geomspace(1e-3, 1e3, 61)
    values = [deep_objective(problem, a * matrix, layers) for a in grid]
    best = int(np.argmin(values))
    ends = np.log(grid[max(best - 1, 0)]), np.log(grid[min(best + 1, 60)])
    found = minimize_scalar(
        lambda x: deep_objective(problem, np.exp(x) * matrix, layers), bounds=ends, method="bounded"
    )
    return float(np.exp(found.x)), float(found.fun)


def pairs(k: int) -> Floats:
    """Return logits of rank k/2 that tell all k classes apart: classes 2i and 2i + 1 are opposite
    in a dimension of their own.

    Raises:
        ValueError: if k is odd.

    Example:
        >>> np.linalg.matrix_rank(pairs(4)).item()
        2
    """
    if k % 2:
        raise ValueError(f"pairs need an even number of classes, got {k}")
    return np.kron(np.eye(k // 2), np.array([[1.0, -1.0], [-1.0, 1.0]]))


def _layers(layers: int) -> None:
    if layers != int(layers) or layers < 1:
        raise ValueError(f"layers must be a whole number of at least 1, got {layers}")
