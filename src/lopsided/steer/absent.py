"""Classes without samples: the one rule by which losses take them."""

from __future__ import annotations

import numpy as np

from lopsided.counting import counts_of, require_counts
from lopsided.counts import Counts, CountsLike


def counts_with_absent(values: CountsLike) -> Counts:
    """Return counts in which a class without samples counts as if it had one.

    `Counts` refuses such classes, because no theory speaks of them; a loss still needs their
    logits. Under this rule a weight (n_max / n_c)^g is that of the rarest class possible, a shift
    log(n_c / n) pushes the logit down but not to minus infinity, and nothing is NaN.

    Args:
        values: (k,) samples of each class, zeros allowed, in the forms that `Counts.of` takes.

    Returns:
        Counts of at least one, with the names that the classes had.

    Raises:
        ValueError: if a count is negative or not whole, there are fewer than two, or all are zero.
        TypeError: if names are neither texts nor the labels 0..k-1.

    Example:
        >>> counts_with_absent([50, 0, 5])
        Counts([50, 1, 5])
    """
    if isinstance(values, Counts):
        return values
    given, names = counts_of(values)
    numbers = require_counts(given, least=0)
    if not numbers.any():
        raise ValueError("at least one class must have a sample")
    return Counts(np.maximum(numbers, 1), names)
