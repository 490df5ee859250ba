"""What every geometry of a finite ridge does at its door: check the ridge, and tell which counts
lie above a threshold.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from lopsided.arrays import LARGEST_EXACT, Floats, Ints, require_finite, require_number


def require_ridge(ridge: float, *, or_zero: bool) -> float:
    """Return a ridge; one that is no number, negative, or so small or large that its square is no
    float is refused.

    Raises:
        ValueError: naming the ridge.
        TypeError: if it is no number, or several.
    """
    number = float(require_finite(require_number(ridge, "ridge"), "ridge"))
    if not (1e-100 <= number <= 1e100 or (or_zero and number == 0)):
        raise ValueError(f"the ridge must be {'0 or ' * or_zero}from 1e-100 to 1e100, got {ridge}")
    return number


def excess(counts: Ints, threshold: Fraction) -> Floats:
    """Return by how much each count exceeds an exact threshold, to the last digit; 0 where it does
    not.

    Near the threshold of a class everything about it depends on this difference, of which floats
    would leave no digit.

    Example:
        >>> excess(np.array([8, 9, 10]), Fraction(26, 3))
        array([0.        , 0.33333333, 1.33333333])
    """
    above = min(math.ceil(threshold), LARGEST_EXACT + 1)
    return np.where(counts >= above, (counts - above) + float(above - threshold), 0.0)
