"""Rules that change the lengths of classifiers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lopsided.arrays import require_number
from lopsided.counts import Counts, CountsLike
from lopsided.steer.either import full, is_tensor, left_type, lengths
from lopsided.steer.posthoc.logits import finite


def tau_normalised(weight: Any, tau: float = 1.0, counts: CountsLike | None = None) -> Any:
    """Return the classifiers divided by the tau-th power of their lengths; a zero classifier stays
    zero.

    Source: Kang et al. 2020 (arXiv 1910.09217), section 4.

    Args:
        weight: (k, d) of the trained head, one classifier a row as in `torch.nn.Linear`; a (d, k)
            kernel has to be transposed.
        tau: 0 changes nothing, 1 makes all lengths one.
        counts: of the training set, to have the number of rows checked; with d = k nothing tells
            rows from columns.

    Returns:
        (k, d) classifiers.

    Raises:
        ValueError: if the weight has not two axes, or not a row for each class of the counts, or
            tau is not finite or so large that a classifier is.
        TypeError: if the weight is not floating point.

    Example:
        >>> tau_normalised(np.array([[3.0, 4.0], [0.0, 0.5]]))
        array([[0.6, 0.8],
               [0. , 1. ]])
    """
    weight = full(weight, "classifier weights")
    if weight.ndim != 2:
        raise ValueError(f"classifier weights must have shape (k, d), got {tuple(weight.shape)}")
    k = None if counts is None else Counts.of(counts).k
    if k is not None and len(weight) != k:
        raise ValueError(
            f"classifier weights must have shape ({k}, d) for these counts, got"
            f" {tuple(weight.shape)}; transpose?"
        )
    strength, norms = finite(tau), lengths(weight)
    if is_tensor(weight):
        norms = norms.where(norms > 0, 1.0)
    else:
        norms = np.where(norms > 0, norms, np.ones_like(norms))
    with np.errstate(over="ignore", under="ignore"):
        if abs(strength) <= 1:
            found = weight / norms**strength
        else:  # a power that stays in the type where the answer does
            found = weight / norms * norms ** (1 - strength)
    if left_type(found, weight):
        raise ValueError(f"tau={tau} makes classifiers longer than {weight.dtype} can hold")
    return found


def max_norm_(weight: Any, radius: float) -> Any:
    """Shorten the classifiers that are longer than a radius, in place; the others stay.

    After every step of training it is the projection of weight balancing; once, it is a rule.

    Source: Alshammari et al. 2022 (arXiv 2203.14197).

    Args:
        weight: (k, d), one classifier a row as in `torch.nn.Linear`.
        radius: the length that no classifier exceeds, positive.

    Returns:
        The same array or tensor.

    Raises:
        ValueError: if the weight has not two axes or is computed from other tensors, or the radius
            is not positive.
        TypeError: if the weight is not floating point.

    Example:
        >>> max_norm_(np.array([[3.0, 4.0], [0.0, 0.5]]), radius=1.0)
        array([[0.6, 0.8],
               [0. , 0.5]])
    """
    wide = full(weight, "classifier weights")
    if wide.ndim != 2:
        raise ValueError(f"classifier weights must have shape (k, d), got {tuple(wide.shape)}")
    if not 0 < (radius := require_number(radius, "radius")) < math.inf:
        raise ValueError(f"radius must be a positive finite number, got {radius}")
    if is_tensor(weight):
        if weight.grad_fn is not None and not (weight._is_view() and weight._base.is_leaf):
            raise ValueError(
                "this weight is computed from other tensors (a parametrization or an adapter), so"
                " nothing written to it would stay: shorten what it is computed from, or merge them"
            )
        norms = lengths(wide.detach())
        weight.data.mul_((radius / norms).where(norms > radius, 1.0))
        return weight
    norms = lengths(wide)
    factors = np.divide(radius, norms, out=np.ones_like(norms), where=norms > radius)
    np.multiply(weight, factors, out=weight)  # of an np.matrix, *= is a product of matrices
    return weight
