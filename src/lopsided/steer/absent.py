"""Classes without samples: the one rule by which losses take them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lopsided.counts import Counts


def counts_with_absent(values: npt.ArrayLike) -> Counts:
    """Return counts in which a class without samples counts as if it had one.

    `Counts` refuses such classes, because no theory speaks of them; a loss still needs their
    logits. Under this rule a weight (n_max / n_c)^g is that of the rarest class possible, a shift
    log(n_c / n) pushes the logit down but not to minus infinity, and nothing is NaN.

    Args:
        values: (k,) samples of each class, zeros allowed.

    Returns:
        Counts of at least one.

    Raises:
        ValueError: if a count is negative or not whole, there are fewer than two, or all are zero.

    Example:
        >>> counts_with_absent([50, 0, 5])
        Counts([50, 1, 5])
    """
    array = np.asarray(values)
    if array.dtype.kind not in "iuf":
        return Counts(values)  # which says what it takes
    if not (array > 0).any():
        raise ValueError("at least one class must have a sample")
    return Counts(np.where(array == 0, 1, array))
