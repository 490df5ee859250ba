"""The strength of logit adjustment, fitted to held-out samples by likelihood."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lopsided.arrays import Floats, plain_array
from lopsided.counts import Counts, CountsLike
from lopsided.measure.checks import labels_of, rows_of
from lopsided.steer.logits import are_log_probabilities, logits_of
from lopsided.steer.prescribe.heads import PLAIN, three_numbers
from lopsided.steer.prescribe.samples import shares

#: Logarithms of probabilities below this are of zeros: twice the least that float32 holds in full.
ZERO = math.log(2 * float(np.finfo(np.float32).tiny))


def fit_tau(logits: Any, labels: Any, counts: CountsLike) -> float:
    """Return the tau of `logit_adjustment` that held-out samples make likeliest, at least 0.

    Fits u and a of the scores u z - a log(n_c / n), whose softmax at the held-out shares is the
    likelihood, with the priors u ~ N(1, 10) and a ~ N(1, 1/4), and returns a / u. One or two
    samples of the rarest class will do, where the tau of the best balanced accuracy needs many.
    `steer.prescribe` fits a second head beside it, and is worth more where there are features.

    Of log-probabilities a zero, as trees and neighbors give by their votes, is taken for the least
    probability that is none, at most 1 / (n k): as logarithms zeros would outweigh all else.

    Args:
        logits: (n, k) of a model trained with plain cross-entropy, on samples it was not trained
            on.
        labels: (n,) of these samples; classes may have any shares among them, as in training best.
        counts: of the training set.

    Raises:
        ValueError: if shapes do not fit, a number is not finite, there are no samples of two
            classes, probabilities came instead of logits, or the logits tell nothing of the labels,
            or are so large that rounding hides it.
        TypeError: if the logits are not floating point, or labels not whole numbers.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> labels = np.repeat([0, 1], [900, 100])
        >>> logits = rng.normal(2.0 * np.eye(2)[labels], 1.0) + np.log([0.9, 0.1])
        >>> round(fit_tau(logits, labels, [900, 100]), 1)
        1.0
    """
    counts = Counts.of(counts)
    y = labels_of(plain_array(labels, "labels"), counts.k)
    z = plain_array(logits_of(logits, counts), "logits")
    z = rows_of(z, y, counts.k, "logits").astype(np.float64)
    z = _without_zeros(z) if are_log_probabilities(z) else z
    if len(there := np.unique(y)) < 2:
        raise ValueError(
            "a tau is fitted to held-out samples of two classes or more, and there"
            f" {f'is class {there[0]} alone' if len(there) else 'is none'}"
        )
    prior = np.broadcast_to(-np.log(counts.values / counts.n), z.shape)
    shift = np.log(shares(np.bincount(y, minlength=counts.k)))
    u, _, a = three_numbers((z, np.broadcast_to(0.0, z.shape), prior), y, shift, PLAIN)
    if u <= 0 or not np.ptp(z, axis=1).any():
        raise ValueError(
            "the logits tell nothing of these labels, the likeliest factor of them is 0 or any: are"
            " logits and labels in one order?"
        )
    return float(a / u)


def _without_zeros(logs: Floats) -> Floats:
    """Return log-probabilities (n, k) in which zeros are probabilities.

    All zeros have one logarithm, the least of all; what lies so low and is the only one of its size
    there is that of a network that is sure, and says what its logits do.
    """
    low, least = logs <= ZERO, logs.min()
    zero = low & (logs == least)
    if zero.sum() == 1 < low.sum():
        return logs
    return np.where(zero, min(logs[~zero].min(), -np.log(logs.size)), logs)
