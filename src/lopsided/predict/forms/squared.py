"""Squared loss under a deep linear head: orthogonal classes, each of which lives or dies by its own
count.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, Ints
from lopsided.counts import Counts, CountsLike
from lopsided.geometry import Geometry, Source
from lopsided.gram import Gram
from lopsided.loss import Squared
from lopsided.pairing import Pairing
from lopsided.papers import cite
from lopsided.predict.algebra.ridge import excess, require_ridge
from lopsided.predict.form import Form, counts_of, first, positive, roomy, sharp, without_bias
from lopsided.problem import Problem

#: The most layers for which thresholds are compared exactly.
LAYERS = 1000


def squared(counts: CountsLike, ridge: float, layers: int = 1) -> Geometry:
    """Return the optimum of the squared loss with M linear layers above free features, no bias.

    The objective is ||W_M ... W_1 H - Y||^2 / 2 + ridge / 2 (sum ||W_l||^2 + ||H||^2). With b = M
    ridge^(1 + 1/M), class c has x the largest root of M x^(M-1) / (x^M + 1)^2 = b / n_c; the
    classifiers W_M ... W_1 are orthogonal with ||w_c||^2 = ridge x^M, the class means with
    ||mu_c||^2 = ||w_c||^2 / (||w_c||^2 + ridge)^2.

    Source: Dang et al. 2023 (arXiv 2301.00437), written for equal ridges and summed loss.

    Args:
        counts: the class counts.
        ridge: on each factor; positive.
        layers: M.

    Returns:
        The geometry; classes of at most `squared_threshold(ridge, layers)` samples are zero.

    Raises:
        ValueError: if the ridge is not from 1e-100 to 1e100, or `layers` not a whole number from 1
            to 1000.

    Example:
        >>> squared(Counts([100, 25, 4]), ridge=2.0).classifiers.squared_norms().round(12) + 0.0
        array([8., 3., 0.])
    """
    counts = Counts.of(counts)
    ridge, layers, groups = require_ridge(ridge, or_zero=False), _whole(layers), counts.groups
    alive = _alive(counts.distinct, ridge, layers)
    lengths = np.zeros(groups.m)
    lengths[alive] = _lengths(counts.distinct[alive], ridge, layers)
    shrunk = lengths / (lengths + ridge)
    embeddings = np.divide(shrunk**2, lengths, out=np.zeros_like(shrunk), where=alive)
    logits = Pairing.paired(groups, np.zeros((groups.m, 1)), np.ones((groups.m, 1)), shrunk)
    source = Source(
        f"squared loss, {layers} linear layer{'s' * (layers > 1)}, ridge {ridge:g}",
        "Dang et al. 2023",
        "free features, d >= k, no bias",
    )
    return Geometry(
        Gram.orthogonal(groups, lengths),
        Gram.orthogonal(groups, embeddings),
        logits,
        source,
        counts,
    )


def squared_threshold(ridge: float, layers: int = 1) -> float:
    """Return the count up to which a class is zero at the optimum of `squared`.

    Source: Dang et al. 2023 (arXiv 2301.00437).

    Raises:
        ValueError: if the ridge is not from 1e-100 to 1e100, or `layers` not a whole number from 1
            to 1000.

    Example:
        >>> squared_threshold(ridge=3.0)
        9.0
    """
    ridge, layers = require_ridge(ridge, or_zero=False), _whole(layers)
    return float(layers**2 * ridge ** (1 + 1 / layers) / (layers - 1) ** ((layers - 1) / layers))


def _whole(layers: int) -> int:
    if (
        isinstance(layers, bool)
        or not isinstance(layers, int | float | np.integer)
        or not 1 <= layers <= LAYERS
        or layers % 1
    ):
        raise ValueError(f"layers must be a whole number from 1 to {LAYERS}, got {layers!r}")
    return int(layers)


def _alive(counts: Ints, ridge: float, layers: int) -> npt.NDArray[np.bool_]:
    """Return which counts exceed the threshold, those within its rounding by whole numbers."""
    threshold = squared_threshold(ridge, layers)
    alive = counts > threshold
    for g in np.flatnonzero(np.abs(counts - threshold) <= 1e-12 * threshold):
        power = int(counts[g]) ** layers * (layers - 1) ** (layers - 1)
        alive[g] = power > layers ** (2 * layers) * Fraction(ridge) ** (layers + 1)
    return alive


def _lengths(counts: Ints, ridge: float, layers: int) -> Floats:
    """Return the squared lengths of the classifiers of classes above the threshold."""
    if layers == 1:  # sqrt(n) - ridge, as a difference of squares over a sum
        return np.asarray(excess(counts, Fraction(ridge) ** 2) / (np.sqrt(counts) + ridge))
    return ridge * largest_root(layers * ridge ** (1 + 1 / layers) / counts, layers)


def largest_root(ratio: Floats, layers: int) -> Floats:
    """Return x^M for the largest root x of M x^(M-1) / (x^M + 1)^2 = ratio, where x^M > M - 1 and M
    > 1.
    """
    # The left side falls from x^M = M - 1 on, and is below M / x^(M + 1). Halve the interval of log
    # x until no float is left in it.
    low = np.full_like(ratio, np.log(layers - 1) / layers)
    high = np.maximum(np.log(layers / ratio) / (layers + 1), low)
    goal = np.log(ratio / layers)
    for _ in range(60):
        middle = (low + high) / 2
        above = (layers - 1) * middle - 2 * np.logaddexp(layers * middle, 0) > goal
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.exp(layers * (low + high) / 2)


def _speaks(problem: Problem) -> str:
    return first(
        ("the loss must be squared", isinstance(problem.loss, Squared)),
        ("the targets must be classes", problem.counts is not None),
        ("features must be free", problem.features == "free"),
        positive(problem),
        sharp(problem),
        without_bias(problem),
        roomy(problem),
    )


def _examples() -> tuple[Problem, ...]:
    counts = Counts([9, 5, 2, 1])
    return tuple(
        Problem(counts, Squared(), ridge=r, layers=layers)
        for layers, r in ((1, 0.6), (2, 0.6), (3, 0.1))
    )


FORM = Form(
    "squared",
    lambda problem: squared(counts_of(problem), problem.ridge, problem.layers),
    _speaks,
    _examples,
    cite("dang2023"),
    settings={"loss": Squared()},
)
