"""Rules for a classifier that is already trained, so that nobody mixes them up with losses.

Training with `Adjustment.logit_adjusted` *adds* tau log(share) to the logits inside the loss and
then decides by the plain logits. The rules here change the decisions of a model trained with plain
cross-entropy. Doing both corrects twice.

They answer in at least float32, also where the model computes in half precision. `RULES` lists
them: a new one is a function and a line there.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from lopsided.arrays import Floats
from lopsided.counts import Counts, CountsLike
from lopsided.papers import cite
from lopsided.steer.losses.checks import are_probabilities, check_logits, check_tensor
from lopsided.steer.member import Member
from lopsided.steer.precision import exact, full_precision, lifted


def logit_adjustment(logits: Tensor, counts: CountsLike, tau: float = 1.0) -> Tensor:
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
        >>> logit_adjustment(torch.tensor([[1.0, 0.0]]), Counts([90, 10])).argmax(1)
        tensor([1])
    """
    counts = Counts.of(counts)
    z = _logits(logits, counts)
    return z - _like(_finite(tau) * np.log(counts.values / counts.n), z)


def multiplicative(logits: Tensor, counts: CountsLike, tau: float) -> Tensor:
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
        >>> multiplicative(torch.tensor([[2.0, 1.0]]), Counts([100, 1]), tau=0.5)
        tensor([[ 2., 10.]])
    """
    counts = Counts.of(counts)
    z = _logits(logits, counts)
    exponents = -_finite(tau) * np.log(counts.values / counts.values.max())
    if exponents.max() > math.log(torch.finfo(z.dtype).max):
        raise ValueError(
            f"tau={tau} makes the factor of class {exponents.argmax()} larger than {z.dtype} can"
            " hold"
        )
    return z * _like(np.exp(exponents), z)


def tau_normalised(weight: Tensor, tau: float = 1.0, counts: CountsLike | None = None) -> Tensor:
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
        >>> tau_normalised(torch.tensor([[3.0, 4.0], [0.0, 0.5]]))
        tensor([[0.6000, 0.8000], [0.0000, 1.0000]])
    """
    check_tensor(weight, "weight")
    if weight.ndim != 2:
        raise ValueError(f"classifier weights must have shape (k, d), got {tuple(weight.shape)}")
    if not weight.is_floating_point():
        raise TypeError(f"classifier weights must be floating point, got {weight.dtype}")
    if counts is not None and len(weight) != (k := Counts.of(counts).k):
        raise ValueError(
            f"classifier weights must have shape ({k}, d) for these counts, got"
            f" {tuple(weight.shape)}; transpose?"
        )
    weight = full_precision(weight)
    lengths = weight.norm(dim=1, keepdim=True)
    powers: Tensor = lengths.where(lengths > 0, 1.0) ** _finite(tau)
    return weight / powers


def nearest_mean(features: Tensor, means: Tensor) -> Tensor:
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
        >>> nearest_mean(torch.tensor([[0.9]]), torch.tensor([[0.0], [1.0]])).argmax(1)
        tensor([1])
    """
    for name, values in (("features", features), ("means", means)):
        check_tensor(values, name)
        if not values.is_floating_point():
            raise TypeError(f"{name} must be floating point, got {values.dtype}")
    if features.ndim != 2 or means.ndim != 2 or features.shape[1] != means.shape[1]:
        raise ValueError(
            f"features (n, d) and means (k, d) must agree in d, got {tuple(features.shape)} and"
            f" {tuple(means.shape)}"
        )
    features, means = lifted(features, means)
    with exact(features.device):
        return (
            -0.5
            * torch.cdist(features, means, compute_mode="donot_use_mm_for_euclid_dist").square()
        )


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


def _logits(logits: Tensor, counts: Counts) -> Tensor:
    check_tensor(logits, "logits")
    if logits.ndim != 2 or logits.shape[1] != counts.k:
        raise ValueError(
            f"logits must have shape (n, {counts.k}) for these counts, got {tuple(logits.shape)}"
        )
    check_logits(logits, counts.k)
    if are_probabilities(logits):
        raise ValueError(
            "these are probabilities, every row is non-negative and sums to 1; give the logits, or"
            " probabilities.log()"
        )
    return full_precision(logits)


def _like(values: Floats, logits: Tensor) -> Tensor:
    return torch.as_tensor(values, dtype=logits.dtype, device=logits.device)


def _finite(tau: float) -> float:
    if isinstance(tau, bool) or not isinstance(tau, int | float) or not math.isfinite(tau):
        raise ValueError(f"tau must be a finite number, got {tau}")
    return tau
