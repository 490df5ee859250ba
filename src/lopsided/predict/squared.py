"""Squared loss under a deep linear head: orthogonal classes, each of which lives or dies by its own count."""

from __future__ import annotations

import numpy as np

from lopsided.arrays import Floats
from lopsided.counts import Counts
from lopsided.geometry import Geometry, Source
from lopsided.gram import Gram
from lopsided.pairing import Pairing
from lopsided.predict.ridge import require_ridge


def squared(counts: Counts, ridge: float, layers: int = 1) -> Geometry:
    """Return the optimum of the squared loss with M linear layers above free features, no bias.

    The objective is ||W_M ... W_1 H - Y||^2 / 2 + ridge / 2 (sum ||W_l||^2 + ||H||^2). With b = M ridge^(1 + 1/M), class c has
    x the largest root of M x^(M-1) / (x^M + 1)^2 = b / n_c; the classifiers W_M ... W_1 are orthogonal with
    ||w_c||^2 = ridge x^M, the class means with ||mu_c||^2 = ||w_c||^2 / (||w_c||^2 + ridge)^2.

    Source: Dang et al. 2023 (arXiv 2301.00437), written for equal ridges and summed loss.

    Args:
        counts: the class counts.
        ridge: on each factor; positive.
        layers: M.

    Returns:
        The geometry; classes of at most `squared_threshold(ridge, layers)` samples are zero.

    Raises:
        ValueError: if the ridge is not from 1e-100 to 1e100, or `layers` not a whole number of at least 1.

    Example:
        >>> squared(Counts([100, 25, 4]), ridge=2.0).classifiers.squared_norms().round(12) + 0.0
        array([8., 3., 0.])
    """
    threshold = squared_threshold(ridge, layers)
    alive = counts.distinct > threshold
    powers = np.zeros(len(alive))
    ratio = layers * ridge ** (1 + 1 / layers) / counts.distinct[alive]
    powers[alive] = _largest_root(ratio, layers)
    lengths = ridge * powers
    shrunk = lengths / (lengths + ridge)
    groups, zero = counts.groups, np.zeros((counts.groups.m, 1))
    embeddings = np.divide(shrunk**2, lengths, out=np.zeros_like(shrunk), where=alive)
    source = Source(f"squared loss, {layers} linear layers, ridge {ridge:g}", "Dang et al. 2023", "free features, d >= k, no bias")
    return Geometry(
        Gram.paired(groups, zero, zero + 1, lengths),
        Gram.paired(groups, zero, zero + 1, embeddings),
        Pairing.paired(groups, zero, zero + 1, shrunk),
        source,
        counts,
    )


def squared_threshold(ridge: float, layers: int = 1) -> float:
    """Return the count up to which a class is zero at the optimum of `squared`.

    Source: Dang et al. 2023 (arXiv 2301.00437).

    Raises:
        ValueError: if the ridge is not from 1e-100 to 1e100, or `layers` not a whole number of at least 1.

    Example:
        >>> squared_threshold(ridge=3.0)
        9.0
    """
    require_ridge(ridge, or_zero=False)
    if isinstance(layers, bool) or layers != int(layers) or layers < 1:
        raise ValueError(f"layers must be a whole number of at least 1, got {layers!r}")
    return float(layers**2 * ridge ** (1 + 1 / layers) / (layers - 1) ** ((layers - 1) / layers))


def _largest_root(ratio: Floats, layers: int) -> Floats:
    """Return x^M for the largest root x of M x^(M-1) / (x^M + 1)^2 = ratio, where x^M > M - 1."""
    if layers == 1:
        return 1 / np.sqrt(ratio) - 1
    # The left side falls from x^M = M - 1 on, and is below M / x^(M + 1). Halve the interval of log x until no float is left in it.
    low = np.full_like(ratio, np.log(layers - 1) / layers)
    high = np.maximum(np.log(layers / ratio) / (layers + 1), low)
    goal = np.log(ratio / layers)
    for _ in range(60):
        middle = (low + high) / 2
        above = (layers - 1) * middle - 2 * np.logaddexp(layers * middle, 0) > goal
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.exp(layers * (low + high) / 2)
