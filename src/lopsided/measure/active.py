"""How many units of a layer are active."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, require_number
from lopsided.measure.checks import all_of


def active_share(features: npt.ArrayLike, labels: npt.ArrayLike, tolerance: float = 0.0) -> Floats:
    """Return (k,) the share of units that are active on the samples of each class, on average.

    In the non-negative orthogonal frame class means have disjoint supports, so that the shares sum
    to 1 at most; units behind a ReLU that know nothing are active half of the time. A diagnostic:
    no law is known for trained networks.

    Source: derived here.

    Args:
        features: (n, d) behind an activation.
        labels: (n,) classes.
        tolerance: units of at most this value are inactive.

    Raises:
        ValueError: if features and labels do not fit, a number is not finite, a class has no
            sample, or the tolerance is negative.
        TypeError: if labels are no whole numbers.

    Example:
        >>> active_share([[1.0, 0.0], [2.0, 0.0], [3.0, 1.0]], [0, 0, 1])
        array([0.5, 1. ])
    """
    x, y, k = all_of(features, labels)
    least = require_number(tolerance, "tolerance")
    if not least >= 0:
        raise ValueError(f"tolerance must be at least 0, got {tolerance!r}")
    shares = np.mean(x > least, axis=1)
    return np.bincount(y, shares, k) / np.bincount(y)
