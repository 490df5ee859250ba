"""Rules for a classifier that is already trained, so that nobody mixes them up with losses.

Training with `Adjustment.logit_adjusted` *adds* tau log(share) to the logits inside the loss and
then decides by the plain logits. The rules here change the decisions of a model trained with plain
cross-entropy. Doing both corrects twice.

They take NumPy arrays or torch tensors, answer with the same, and compute in at least float32, also
where the model computes in half precision. `RULES` lists them: a new one is a
function and a line there. `steer.prescribe` tells what another head is worth.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from lopsided.arrays import require_number
from lopsided.counts import Counts, CountsLike
from lopsided.papers import cite
from lopsided.steer.either import full, is_tensor, largest, like
from lopsided.steer.logits import logits_of
from lopsided.steer.member import Member
from lopsided.steer.tau import fit_tau

__all__ = [
    "RULES",
    "fit_tau",
    "logit_adjustment",
    "multiplicative",
    "nearest_mean",
    "tau_normalised",
]


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
    return z - like(_finite(tau) * np.log(counts.values / counts.n), z)


def multiplicative(logits: Any, counts: CountsLike, tau: float) -> Any:
    """Multiply logit c by (n_c / n_max)^(-tau).

    Source: Hasegawa and Sato 2024 (arXiv 2409.17582).

    Args:
        logits: (n, k) of a trained model.
        counts: of the training set.
        tau: strength; 0 changes nothing.

    Returns:
        (n, k) logits to decide by.

    Raises:
        ValueError: if the counts do not match the logits' width, tau is not finite or so large that
            a factor is, or probabilities came instead of logits.
        TypeError: if the logits are not floating point.

    Example:
        >>> multiplicative(np.array([[2.0, 1.0]]), [100, 1], tau=0.5)
        array([[ 2., 10.]])
    """
    counts = Counts.of(counts)
    z = logits_of(logits, counts)
    exponents = -_finite(tau) * np.log(counts.values / counts.values.max())
    if exponents.max() > math.log(largest(z)):
        raise ValueError(
            f"tau={tau} makes the factor of class {exponents.argmax()} larger than {z.dtype} can"
            " hold"
        )
    return z * like(np.exp(exponents), z)


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
            tau is not finite.
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
    if is_tensor(weight):
        lengths = weight.norm(dim=1, keepdim=True)
        return weight / lengths.where(lengths > 0, 1.0) ** _finite(tau)
    norms = np.linalg.norm(weight, axis=1, keepdims=True)
    return weight / np.where(norms > 0, norms, 1) ** _finite(tau)


def nearest_mean(features: Any, means: Any) -> Any:
    """Return logits -||h - mu_c||^2 / 2, whose largest is the nearest class mean.

    Args:
        features: (n, d).
        means: (k, d) class means of the training set.

    Returns:
        (n, k) logits.

    Raises:
        ValueError: if the shapes do not fit.
        TypeError: if features or means are not floating point.

    Example:
        >>> nearest_mean(np.array([[0.9]]), np.array([[0.0], [1.0]])).argmax(1)
        array([1])
    """
    features, means = full(features, "features"), full(means, "means")
    if is_tensor(features) != is_tensor(means):
        raise TypeError("features and means must both be NumPy arrays or both be torch tensors")
    if features.ndim != 2 or means.ndim != 2 or features.shape[1] != means.shape[1]:
        raise ValueError(
            f"features (n, d) and means (k, d) must agree in d, got {tuple(features.shape)} and"
            f" {tuple(means.shape)}"
        )
    if not is_tensor(features):
        squares = cdist(features, means, "sqeuclidean")
        return (-0.5 * squares).astype(np.result_type(features, means))
    import torch

    from lopsided.steer.precision import exact, lifted

    features, means = lifted(features, means)
    with exact(features.device):
        apart = torch.cdist(features, means, compute_mode="donot_use_mm_for_euclid_dist")
        return -0.5 * apart.square()


#: Name -> rule.
RULES: dict[str, Member] = {
    "logit-adjustment": Member(
        "logits less tau log(n_c / n)",
        logit_adjustment,
        ("logits", "counts", "tau"),
        cite("menon2021", "equation 9"),
    ),
    "multiplicative": Member(
        "logits times (n_c / n_max)^(-tau)",
        multiplicative,
        ("logits", "counts", "tau"),
        cite("hasegawa2024"),
    ),
    "tau-normalised": Member(
        "classifiers over the tau-th power of their lengths",
        tau_normalised,
        ("weight", "tau"),
        cite("kang2020", "section 4"),
    ),
    "nearest-mean": Member(
        "the class of the nearest class mean",
        nearest_mean,
        ("features", "means"),
        cite("papyan2020"),
    ),
}


def _finite(tau: float) -> float:
    if not math.isfinite(number := require_number(tau, "tau")):
        raise ValueError(f"tau must be a finite number, got {tau}")
    return number
