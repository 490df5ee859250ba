"""Logits that come to a rule, as an array or as a tensor: what they must be."""

from __future__ import annotations

from typing import Any

import numpy as np

from lopsided.counts import Counts
from lopsided.measure.logits import are_probabilities
from lopsided.steer.either import full, is_tensor


def logits_of(logits: Any, counts: Counts, *, multiplied: bool = False) -> Any:
    """Check logits (n, k) and return them in at least float32.

    Args:
        logits: as they came to the rule.
        counts: of the training set.
        multiplied: whether the rule multiplies them, so that it matters what was subtracted from
            all logits of a sample.

    Raises:
        ValueError: if the counts do not match their width, they are probabilities, or
            log-probabilities that are to be multiplied.
        TypeError: if they are not floating point.
    """
    z = full(logits, "logits")
    if z.ndim != 2 or z.shape[1] != counts.k:
        raise ValueError(
            f"logits must have shape (n, {counts.k}) for these counts, got {tuple(z.shape)}"
        )
    if _are_probabilities(logits):
        raise ValueError(
            "these are probabilities, every row is non-negative and sums to 1 (or 100); give the"
            f" logits{' that the head makes' if multiplied else ', or probabilities.log()'}"
        )
    if multiplied and are_log_probabilities(z):
        raise ValueError(
            "these are log-probabilities, none is positive and the exponentials of every row sum to"
            " 1, so factors would favour the frequent classes; give the logits that the head makes"
        )
    return z


def _are_probabilities(logits: Any) -> bool:
    """Whether what came as (n, k) logits has been through a softmax."""
    if is_tensor(logits):
        from lopsided.steer.checks import are_probabilities as tensor_of_probabilities

        return tensor_of_probabilities(logits)
    return are_probabilities(logits)


@np.errstate(under="ignore")
def are_log_probabilities(z: Any) -> bool:
    """Whether these are the logarithms of what has been through a softmax."""
    if is_tensor(z):
        from lopsided.steer.checks import visible

        return visible(z) and bool((z <= 0).all()) and _are_probabilities(z.exp())
    return bool((z <= 0).all()) and _are_probabilities(np.exp(z))
