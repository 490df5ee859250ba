"""Logits that come to a measurement: what they must be, and what has been through a softmax."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Ints, require_flag
from lopsided.measure.checks import rows_of

#: Rows from which on it is no chance that all are distributions.
ENOUGH = 4
#: How far from 1 a distribution may sum: half-precision softmax over many classes is off by nearly
#: as much.
SLACK = 0.01
#: From this sum on a row is of percentages, if of any shares.
PERCENT = 50


def logits_of(
    logits: npt.ArrayLike, labels: Ints, k: int, *, linear: bool = False
) -> npt.NDArray[Any]:
    """Return a (b, k) array of finite logits, one row a label.

    Args:
        logits: as they came.
        labels: of the rows.
        k: classes.
        linear: whether they are known to be a linear head's own answers. Those of a squared loss
            look like probabilities: with weight decay and a bias, or smoothed targets, they end at
            (1 - e) e_y + e / k.

    Raises:
        ValueError: if the shape is another, a number is NaN or infinite, which sample has it, or
            they are probabilities.
        TypeError: if the array does not hold real numbers, or `linear` is neither True nor False.
    """
    require_flag(linear, "linear")
    z = rows_of(logits, labels, k, "logits")
    if not linear and are_probabilities(z):
        raise ValueError(
            "these are probabilities, every row is non-negative and sums to 1 (or 100), and margins"
            " are differences of logits; give the logits that the head makes, or the logarithms of"
            " the probabilities; if they are a linear head's own answers, as a squared loss makes"
            " them, say linear=True"
        )
    return z


def are_probabilities(rows: npt.NDArray[Any]) -> bool:
    """Whether what came as (n, k) logits has been through a softmax.

    Every row is a distribution, perhaps in percent, and not all entries are none or all of it.
    Fewer than `ENOUGH` rows may be so by chance, and with one class all are.

    Example:
        >>> are_probabilities(np.full((4, 2), 0.5)), are_probabilities(np.eye(4))
        (True, False)
        >>> are_probabilities(np.full((4, 2), 50.0))
        True
    """
    if len(rows) < ENOUGH or rows.shape[1] == 1:
        return False
    whole = 100 if rows[0].sum(dtype=np.float64) > PERCENT else 1
    # The first rows of logits mostly tell, without a look at all.
    if not (_distributions(rows[:ENOUGH], whole) and _distributions(rows, whole)):
        return False
    return not ((rows == 0) | (rows == whole)).all()


def _distributions(rows: npt.NDArray[Any], whole: int) -> bool:
    if not (rows >= 0).all():
        return False
    return bool((np.abs(rows.sum(axis=1, dtype=np.float64) / whole - 1) < SLACK).all())
