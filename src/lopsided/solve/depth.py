"""Depth: L linear layers above the features, and the squared loss.

With ridges on all L + 1 factors of Z = W_L ... W_1 H, the least penalty of given logits is (L + 1)/2 ridge sum_i sigma_i^{2/(L +
1)}: the nuclear norm for L = 1, and for L >= 2 a concave function of the singular values that prefers low rank. So SELI is a law of
one
layer: at a small ridge logits of half the rank cost less.

Source: Dang et al. 2023 (arXiv 2301.00437) for the squared loss; Garrod and Keating 2024 for cross-entropy of deep linear heads.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq, minimize_scalar

from lopsided.arrays import Floats, singular_values
from lopsided.counts import Counts
from lopsided.geometry import Geometry, Source
from lopsided.gram import Gram
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
    return reduced.fit(reduced.margins(point)).value + problem.ridge * (layers + 1) / 2 * float(penalty)


def best_multiple(problem: Problem, logits: npt.ArrayLike | Pairing, layers: int) -> tuple[float, float]:
    """Return the multiple of class logits with the least deep objective, and that objective.

    Raises:
        ValueError: as in `deep_objective`.
    """
    matrix = logits.matrix() if isinstance(logits, Pairing) else np.asarray(logits, np.float64)
    grid = np.geomspace(1e-3, 1e3, 61)
    values = [deep_objective(problem, a * matrix, layers) for a in grid]
    best = int(np.argmin(values))
    ends = np.log(grid[max(best - 1, 0)]), np.log(grid[min(best + 1, 60)])
    found = minimize_scalar(lambda x: deep_objective(problem, np.exp(x) * matrix, layers), bounds=ends, method="bounded")
    return float(np.exp(found.x)), float(found.fun)


def pairs(k: int) -> Floats:
    """Return logits of rank k/2 that tell all k classes apart: classes 2i and 2i + 1 are opposite in a dimension of their own.

    Raises:
        ValueError: if k is odd.

    Example:
        >>> np.linalg.matrix_rank(pairs(4)).item()
        2
    """
    if k % 2:
        raise ValueError(f"pairs need an even number of classes, got {k}")
    return np.kron(np.eye(k // 2), np.array([[1.0, -1.0], [-1.0, 1.0]]))


def squared_loss(counts: Counts, ridge: float, layers: int = 1) -> Geometry:
    """Return the global optimum for the squared loss 1/2 sum_i ||W h_i - e_{y_i}||^2 and L linear layers, no bias.

    Z = X N^{1/2} is fitted to N^{1/2}, which is diagonal: each class minimises (sigma - sqrt(n_c))^2 / 2 + (L + 1)/2 ridge
    sigma^{2/(L + 1)} alone. For L = 1 the singular values sqrt(n_c) are soft-thresholded by the ridge. A class whose optimum is 0
    has collapsed to the origin.

    Args:
        counts: the class counts.
        ridge: on every factor, sum loss.
        layers: L, linear layers above the features.

    Returns:
        The geometry; classifiers are the product of the L layers, embeddings the features, with balanced factors.

    Raises:
        ValueError: if the ridge is not positive or `layers` not a whole number of at least 1.

    Source: Dang et al. 2023 (arXiv 2301.00437), Theorem 4.1, for M = L layers.

    Example:
        >>> squared_loss(Counts([100, 4]), ridge=1.0).logits.diagonal
        array([0.5, 0.9])
    """
    _layers(layers)
    if not 0 < ridge < np.inf:
        raise ValueError(f"ridge must be a positive finite number, got {ridge}")
    n = counts.distinct.astype(np.float64)
    sigma = np.array([_shrink(float(np.sqrt(v)), ridge, layers) for v in n])

    def diagonal(values: Floats) -> tuple[Floats, Floats, Floats]:
        return np.zeros((len(values), 1)), np.zeros((len(values), 1)), values

    power = 2 / (layers + 1)
    source = Source(
        "UFM optimum, squared loss", "Dang et al. 2023, Theorem 4.1", f"ridge {ridge:g}, {layers} linear layers, no bias"
    )
    return Geometry(
        Gram.paired(counts.groups, *diagonal(sigma ** (layers * power))),
        Gram.paired(counts.groups, *diagonal(sigma**power / n)),
        Pairing.paired(counts.groups, *diagonal(sigma / np.sqrt(n))),
        source,
        counts,
    )


def _shrink(target: float, ridge: float, layers: int) -> float:
    """Return the global minimiser over sigma >= 0 of (sigma - target)^2 / 2 + (L + 1)/2 ridge sigma^{2/(L + 1)}."""
    if layers == 1:
        return max(target - ridge, 0.0)
    power = 2 / (layers + 1)

    def slope(sigma: float) -> float:
        return float(sigma - target + ridge * sigma ** (power - 1))

    # The slope falls, then rises; its only minimum beyond zero is right of where it turns.
    turn = (ridge * (1 - power)) ** (1 / (2 - power))
    if turn >= target or slope(turn) >= 0:
        return 0.0
    sigma = float(brentq(slope, turn, target, xtol=1e-15))
    value = (sigma - target) ** 2 / 2 + ridge / power * sigma**power
    return sigma if bool(value < target**2 / 2) else 0.0


def _layers(layers: int) -> None:
    if layers != int(layers) or layers < 1:
        raise ValueError(f"layers must be a whole number of at least 1, got {layers}")
