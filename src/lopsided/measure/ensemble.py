"""Bias and variance of an ensemble of classifiers, sample by sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, kind_of, real_array
from lopsided.measure.checks import labels_of

#: Logarithms that differ by no more are those of one number, but for rounding.
_ALIKE = 1e-9
#: How far from 1 probabilities may sum, unless they are of half precision and round more.
_SUM, _HALF = 1e-4, 1e-2
_HALVES = ("float16", "bfloat16")


@dataclass(frozen=True, eq=False)
class BiasVariance:
    """What each sample's error is made of: bias2 + variance is the mean squared error of a member.

    The line is of log bias2 against log variance, over samples that the mean of the members answers
    right and where both are positive.

    Attributes:
        bias2: (n,) squared distance of the mean probabilities to the label.
        variance: (n,) mean squared distance of the members' probabilities to their mean.
        correct: (n,) whether the mean answers right.
        fitted: samples that the line was fitted to.
        slope: of the line; NaN where fewer than two points differ.
        intercept: of the line; 0 where bias2 and variance are equal.
        correlation: of the logarithms.
    """

    bias2: Floats
    variance: Floats
    correct: npt.NDArray[np.bool_]
    fitted: int
    slope: float
    intercept: float
    correlation: float


def bias_variance(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> BiasVariance:
    """Return squared bias and variance of each sample, and the line that they are on.

    Where the mean p of the members is calibrated, bias2 is 1 - |p|^2 on average; where members have
    collapsed to one answer each, the variance is 1 - |p|^2. Both together are slope 1, intercept 0.

    Args:
        probabilities: (members, n, k), each row a member's beliefs about a sample.
        labels: (n,) classes 0..k-1.

    Raises:
        ValueError: if members differ in shape, there are fewer than two, a number is negative or
            probabilities do not sum to 1; member and sample are named.
        TypeError: if the arrays do not hold numbers.

    Source: Chen et al. 2024 (arXiv 2310.09250).

    Example:
        >>> members = [[[1.0, 0.0], [0.6, 0.4]], [[0.0, 1.0], [0.8, 0.2]]]
        >>> found = bias_variance(members, [0, 0])
        >>> found.bias2.round(2), found.variance.round(2)
        (array([0.5 , 0.18]), array([0.5 , 0.02]))
    """
    p = _beliefs(probabilities)
    y = labels_of(labels, p.shape[2])
    if len(y) != p.shape[1]:
        raise ValueError(
            f"there must be one label a sample, got {len(y):,} for {p.shape[1]:,} samples"
        )
    off = p - p[0]  # zero where all agree, as no mean is
    away = off.mean(axis=0)
    mean = p[0] + away
    bias2 = np.sum((mean - np.eye(p.shape[2])[y]) ** 2, axis=1)
    variance = np.sum((off - away) ** 2, axis=2).mean(axis=0)
    correct = mean.argmax(axis=1) == y
    used = correct & (bias2 > 0) & (variance > 0)
    x, z = np.log(variance[used]), np.log(bias2[used])
    slope = intercept = correlation = np.nan
    if len(x) > 1 and np.ptp(x) > _ALIKE:
        slope, intercept = np.polyfit(x, z, 1)
        correlation = np.corrcoef(x, z)[0, 1] if np.ptp(z) > _ALIKE else np.nan
    return BiasVariance(
        bias2,
        variance,
        correct,
        int(used.sum()),
        float(slope),
        float(intercept),
        float(correlation),
    )


def _beliefs(probabilities: npt.ArrayLike) -> Floats:
    """Return (members, n, k) probabilities."""
    if isinstance(probabilities, list | tuple):
        members = [
            real_array(p, f"probabilities of member {i}") for i, p in enumerate(probabilities)
        ]
        for i, member in enumerate(members):
            if member.shape != members[0].shape:
                raise ValueError(
                    "all members must answer the same samples, member 0 has shape"
                    f" {members[0].shape} and member {i} has {member.shape}"
                )
        half = any(kind_of(member) in _HALVES for member in probabilities)
        p = np.array(members)
    else:
        half, p = kind_of(probabilities) in _HALVES, real_array(probabilities, "probabilities")
    if p.ndim != 3 or len(p) < 2 or p.shape[2] < 2:
        raise ValueError(
            "probabilities must be an array (members, n, k) of at least 2 members and 2 classes,"
            f" got shape {p.shape}"
        )
    near = _HALF if half else _SUM
    wrong = ~(p >= 0).all(axis=2) | ~(np.abs(p.sum(axis=2) - 1) <= near)
    if wrong.any():
        i, j = np.argwhere(wrong)[0]
        raise ValueError(
            "probabilities must be at least 0 and sum to 1, those of member"
            f" {i} for sample {j} sum to {p[i, j].sum():.6g} and the least is {p[i, j].min():.3g};"
            " logits go through a softmax first"
        )
    return p
