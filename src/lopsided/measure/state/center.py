"""The centre of the class means: which global mean is subtracted."""

from __future__ import annotations

from typing import get_args

import numpy as np

from lopsided.arrays import Floats, require_squares
from lopsided.measure.state.means import Means
from lopsided.measure.state.span import Center

#: A mean that is nearer to the global one, relative to the largest entry of all, is the same up to
#: the rounding of their sums.
ROUNDING = 1e-14


def centered(means: Means, center: Center = "classes") -> Floats:
    """Return the (k, d) class means minus a global mean, zero for one that is it up to rounding.

    Args:
        means: of every class.
        center: "classes", the unweighted mean of the class means, under which theory predicts;
            "samples", the mean over all samples; "none".

    Raises:
        ValueError: if a class has no sample, `center` is unknown, or the squares of the means leave
            float64.
    """
    means.require_every_class()
    result = _shifted(means, center)
    same = np.abs(result).max(axis=1) <= ROUNDING * np.abs(means.means).max()
    if same.any():  # what is left of it has no direction
        result = np.where(same[:, None], 0.0, result)
    require_squares(result, "the class means, from their centre,")
    return result


def _shifted(means: Means, center: Center) -> Floats:
    if center == "none":
        return means.means
    if center in ("classes", "samples"):
        # What all means have in common goes first: their differences are exact then.
        apart = means.means - means.means[0] + means.rests
        return np.asarray(
            apart - (apart.mean(axis=0) if center == "classes" else means.counts / means.n @ apart)
        )
    raise ValueError(f"center must be one of {', '.join(get_args(Center))}, got {center!r}")
