"""Features held near their inputs: by how much deviations from collapse shrink."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lopsided.arrays import Floats, require_finite, require_number
from lopsided.counts import Counts, CountsLike
from lopsided.predict.algebra.ridge import require_ridge


@dataclass(frozen=True, eq=False)
class Contraction:
    """Factors by which deviations within a class shrink on their way from the inputs.

    Attributes:
        along: (k,) along the classifier of each class, whatever class the sample is of; least of
            the largest class.
        across: orthogonal to all classifiers, and along those that are zero.
    """

    along: Floats
    across: float


def contraction(counts: CountsLike, ridge: float, strength: float) -> Contraction:
    """Return how deviations within classes shrink near collapse, under the squared loss.

    To ||HW' - Y||^2 / 2 + ridge / 2 (||W||^2 + ||H||^2) comes strength / 2 ||H - H_0||^2. Where H_0
    is near an optimum without it, whose class means are those of `squared` (of other means W, and
    so the factors, are others), a small deviation of a sample from its class mean comes out times
    strength / (strength + max(sqrt(n_c'), ridge)) along the classifier of class c', and times
    strength / (strength + ridge) across all of them. Directions of rare classes contract least.

    Source: Tirer, Huang and Niles-Weed 2023 (arXiv 2210.16658) for equal counts; any counts derived
    here.

    Args:
        counts: the class counts.
        ridge: on W and H; positive.
        strength: of the anchor; 0 lets features go where they like.

    Raises:
        ValueError: if the ridge is not positive, or the strength negative or not finite.

    Example:
        >>> contraction([9, 4, 1], ridge=0.4, strength=50.0).along.round(4)
        array([0.9434, 0.9615, 0.9804])
    """
    given, number = Counts.of(counts), require_ridge(ridge, or_zero=False)
    beta = float(require_finite(require_number(strength, "strength"), "strength"))
    if beta < 0:
        raise ValueError(f"strength must be at least 0, got {strength}")
    return Contraction(
        beta / (beta + np.maximum(np.sqrt(given.values), number)), beta / (beta + number)
    )
