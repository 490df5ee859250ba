"""Rules that add to logits, or multiply them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lopsided.arrays import require_number
from lopsided.counts import Counts, CountsLike
from lopsided.steer.either import largest, left_type, like
from lopsided.steer.logits import logits_of


def logit_adjustment(logits: Any, counts: CountsLike, tau: float = 1.0) -> Any:
    """Subtract tau log(n_c / n) from logit c.

    Source: Menon et al. 2021 (arXiv 2007.07314), equation 9; tau = 1 is optimal for the balanced
    error of calibrated logits.

    Args:
        logits: (n, k) of a model trained with plain cross-entropy.
        counts: of the training set.
        tau: strength; 0 changes nothing.

    Returns:
        (n, k) logits to decide by.

    Raises:
        ValueError: if the counts do not match the logits' width, tau is not finite, or
            probabilities came instead of logits.
        TypeError: if the logits are not floating point.

    Example:
        >>> logit_adjustment(np.array([[1.0, 0.0]]), [90, 10]).argmax(1)
        array([1])
    """
    counts = Counts.of(counts)
    z = logits_of(logits, counts)
    return z - like(finite(tau) * np.log(counts.values / counts.n), z)


def multiplicative(logits: Any, counts: CountsLike, tau: float) -> Any:
    """Multiply logit c by (n_c / n_max)^(-tau).

    What is subtracted from all logits of a sample changes the decision, so they are those that the
    head makes, never log-probabilities.

    Source: Hasegawa and Sato 2024 (arXiv 2409.17582).

    Args:
        logits: (n, k) of a trained model.
        counts: of the training set.
        tau: strength; 0 changes nothing.

    Returns:
        (n, k) logits to decide by.

    Raises:
        ValueError: if the counts do not match the logits' width, tau is not finite or so large that
            a factor or a logit is, or probabilities, or their logarithms, came instead of logits.
        TypeError: if the logits are not floating point.

    Example:
        >>> multiplicative(np.array([[2.0, 1.0]]), [100, 1], tau=0.5)
        array([[ 2., 10.]])
    """
    counts = Counts.of(counts)
    z = logits_of(logits, counts, multiplied=True)
    exponents = -finite(tau) * np.log(counts.values / counts.values.max())
    if exponents.max() > math.log(largest(z)):
        raise ValueError(
            f"tau={tau} makes the factor of class {exponents.argmax()} larger than {z.dtype} can"
            " hold"
        )
    with np.errstate(over="ignore", under="ignore"):
        found = z * like(np.exp(exponents), z)
    if left_type(found, z):
        raise ValueError(f"tau={tau} makes logits larger than {z.dtype} can hold")
    return found


def finite(tau: float) -> float:
    """Return the strength of a rule.

    Raises:
        ValueError: if it is not a finite number.
    """
    if not math.isfinite(number := require_number(tau, "tau")):
        raise ValueError(f"tau must be a finite number, got {tau}")
    return number
