"""What is learned of a frozen network by class-weighted cross-entropy: a new head, or scales."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize

from lopsided.arrays import Floats, Ints, plain_array
from lopsided.counts import Counts
from lopsided.measure.checks import labels_of, rows_of
from lopsided.steer.either import is_tensor, like
from lopsided.steer.logits import logits_of
from lopsided.steer.prescribe.entropy import entropy
from lopsided.steer.prescribe.heads import SETTLED, second_head
from lopsided.steer.prescribe.linear import Linear
from lopsided.steer.prescribe.samples import Samples
from lopsided.steer.prescribe.summary import Summary

#: Ridge of the scales towards one: weak, for training samples that are fitted already.
RIDGE = 1e-3


def fit_head(features: Any, labels: Any) -> Linear:
    """Return a head for frozen features by classifier retraining (cRT): class-weighted
    cross-entropy, as a class-balanced sampler has in the mean.

    Minimises sum_i CE_i / (k n_{y_i}) + 0.0005 |W|^2 over features whose class means have mean zero
    and whose root mean square length is one, every class weighing the same, by 60 steps of L-BFGS.
    `steer.prescribe` weighs this head against the trained one.

    Source: Kang et al. 2020 (arXiv 1910.09217), section 4.

    Args:
        features: (n, d) of the training set.
        labels: (n,) of these samples; every class has one.

    Returns:
        A head with weight (k, d) and bias (k,), and its `scores` of other features.

    Raises:
        ValueError: if shapes do not fit, a number is not finite, or a class has no sample; it is
            named.
        TypeError: if the features are no numbers, or labels not whole numbers.

    Example:
        >>> head = fit_head(np.array([[0.0], [0.1], [0.2], [1.0]]), [0, 0, 0, 1])
        >>> head.scores(np.array([[0.1], [0.6]])).argmax(axis=1)
        array([0, 1])
    """
    h, y, counts = plain_array(features, "features"), *_classes(labels)
    if h.ndim != 2:
        raise ValueError(f"features must have shape (n, d), got {h.shape}")
    samples = Samples((h, y), counts.k, h.shape[1], "train")
    return second_head(samples, Summary.of(samples))


def fit_scales(logits: Any, labels: Any) -> Any:
    """Return the factors of logits that class-weighted cross-entropy learns: learnable weight
    scaling (LWS). `logits * fit_scales(logits, labels)` are to decide by.

    Minimises sum_i CE(f * z_i, y_i) / (k n_{y_i}) + 0.0005 |f - 1|^2 over f >= 0; the problem is
    convex. On training samples that the network fits already the factors stay near one.

    Source: Kang et al. 2020 (arXiv 1910.09217), section 4, with weights instead of a class-balanced
    sampler.

    Args:
        logits: (n, k) of a trained model, as its head makes them, never log-probabilities.
        labels: (n,) of these samples; every class has one.

    Returns:
        (k,) factors, one a class; of logits that are a tensor one of their type, where they are.

    Raises:
        ValueError: if shapes do not fit, a number is not finite, (log-)probabilities came instead
            of logits, a class has no sample, which is named, all factors would be 0, or those of
            classes differ by so many orders that the descent does not end.
        TypeError: if the logits are not floating point, or labels not whole numbers.

    Example:
        >>> z = np.array([[2.0, 1.0], [2.0, 1.0], [2.0, 0.2], [1.8, 1.7]])
        >>> frequent, rare = fit_scales(z, [0, 0, 0, 1])
        >>> bool(rare > frequent)
        True
    """
    y, counts = _classes(labels)
    given = logits_of(logits, counts, multiplied=True)
    z = plain_array(given, "logits")
    z = rows_of(z, y, counts.k, "logits").astype(np.float64)
    share = 1.0 / (counts.k * counts.values[y])
    own, ones = (np.arange(len(y)), y), np.ones(counts.k)

    def value(f: Floats) -> tuple[float, Floats]:
        """Return the objective, and by how much each probability is wrong."""
        each, wrong = entropy(f * z, y)
        wrong[own] -= 1.0
        return float(share @ each + 0.5 * RIDGE * ((f - 1.0) ** 2).sum()), wrong

    def pulls(wrong: Floats, logits: Floats) -> Floats:
        return np.asarray(np.einsum("n,nk,nk->k", share, wrong, logits))

    # Samples that the network fits leave the factors near one; else they are as small as its
    # logits are large.
    units = (1.0, 1.0 / max(np.abs(z).max(), 1.0))
    unit = min(units, key=lambda size: value(size * ones)[0])

    def scaled(f: Floats) -> tuple[float, Floats]:
        lost, wrong = value(unit * f)
        return lost, unit * (pulls(wrong, z) + RIDGE * (unit * f - 1.0))

    found = minimize(
        scaled,
        ones,
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, None)] * counts.k,
        options={"maxiter": 1000, "ftol": 0.0, "gtol": 1e-9},
    )
    factors = unit * np.asarray(found.x)
    _, wrong = value(factors)
    left = pulls(wrong, z) + RIDGE * (factors - 1.0)
    cancelled = pulls(np.abs(wrong), np.abs(z)) + RIDGE * (np.abs(factors - 1.0) + 1.0)
    far = (np.abs(left) > SETTLED * cancelled) & ((factors > 0) | (left < 0))
    if far.any():
        raise ValueError(
            f"the factor of class {int(np.argmax(far))} is not found beside those of other classes,"
            f" which differ from it by many orders; the largest logit is {np.abs(z).max():.3g}:"
            " divide all logits by one number first"
        )
    if not factors.any():
        raise ValueError(
            "the logits tell nothing of these labels, the best factors of them are all 0: are"
            " logits and labels in one order?"
        )
    return like(factors, given) if is_tensor(given) else factors


def _classes(labels: Any) -> tuple[Ints, Counts]:
    """Return labels, and how many of each class there are."""
    given = plain_array(labels, "labels")
    counts = Counts.from_labels(given)
    return labels_of(given, counts.k), counts
