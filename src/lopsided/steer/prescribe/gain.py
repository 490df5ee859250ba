"""The gain: what a head is worth in balanced accuracy, counted on held-out samples and modelled.

A class with one held-out sample tells by counting only that it was right or wrong. The posterior of
the fitted scores tells more: of all samples that look like the class, how many a rule answers with
it. The two are mixed by the samples m of the rarest class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, Ints

#: Samples of the rarest class at which counting weighs as much as the model.
EVEN = 4.0
#: The model's gain is multiplied by this; its error is this in points and this of its gain.
#: Found on 127 networks, none of them of the claim prescription.
FACTOR, FLOOR, PART = 1.2, 0.05, 0.36
#: Those errors are of means over so many classes: the model errs for each class, and in a mean over
#: fewer less of that cancels.
CLASSES = 10
#: Samples that those of others must add up to by the posterior, for a class without any to be
#: modelled: of less, a tenth of the half sample that its share is, the model tells noise.
LEAST = 0.05
#: Standard deviations of a normal between which nine of ten values lie.
NINE_OF_TEN = 1.645


@dataclass(frozen=True)
class Gain:
    """An expected gain in balanced accuracy, as a fraction of 1.

    Attributes:
        expected: the gain.
        low: end of the interval that contains nine of ten gains.
        high: its other end.
        counted: the gain counted on held-out samples.
        modelled: the gain by the posterior alone.
    """

    expected: float
    low: float
    high: float
    counted: float
    modelled: float


def weight_of(counts: Ints) -> float:
    """Return how much counting weighs, 0 to 1, given the held-out samples of each class."""
    m = int(counts.min())
    return m / (m + EVEN)


def gain(
    before: Ints,
    after: Ints,
    labels: Ints,
    posterior: Floats,
    model: Ints,
    distinct: Ints,
    present: npt.NDArray[np.bool_],
) -> Gain:
    """Return the gain of a rule over another.

    Args:
        before: (n,) answers of the trained head.
        after: (n,) answers of the other, fitted without the sample.
        labels: (n,) classes.
        posterior: (n, k) probabilities of the classes at the held-out shares.
        model: (n,) answers whose modelled gain is wanted.
        distinct: (k,) samples of each class that are no copies of others: copies tell nothing new.
        present: (k,) which classes there are; the gain is that of these.
    """
    k, outputs = int(present.sum()), len(present)
    n = np.bincount(labels, minlength=outputs)
    was, now = before == labels, after == labels
    fixed = np.bincount(labels[now & ~was], minlength=outputs)
    broken = np.bincount(labels[was & ~now], minlength=outputs)
    counted = float(np.mean(((fixed - broken) / np.maximum(n, 1))[n > 0]))
    told = present & ((n > 0) | (posterior.sum(axis=0) >= LEAST))
    right = balanced(before, posterior, told)
    modelled = balanced(model, posterior, told) - right
    once = distinct / np.maximum(n, 1)
    f, b = ((part * once + 0.5) / (distinct + 1.5) for part in (fixed, broken))
    each = (f + b - (f - b) ** 2) / (distinct + 2.5)
    variance = float(each[present].sum()) / k**2
    w = weight_of(distinct[present])
    # No rule is right more often than always, nor less often than never.
    expected = w * counted + (1 - w) * min(max(FACTOR * modelled, -right), 1 - right)
    few = max(CLASSES / int(told.sum()), 1.0)
    unmodelled = few * (FLOOR**2 + (PART * modelled) ** 2)
    deviation = float(np.sqrt(w**2 * variance + (1 - w) ** 2 * unmodelled))
    half = NINE_OF_TEN * deviation
    low, high = max(expected - half, -1.0), min(expected + half, 1.0)
    return Gain(expected, low, high, counted, modelled)


def balanced(answers: Ints, posterior: Floats, present: npt.NDArray[np.bool_]) -> float:
    """Return the balanced accuracy of answers under a posterior: the mean over the (k,) classes c
    that are present of sum_i p_c(x_i) [r(x_i) = c] / sum_i p_c(x_i).
    """
    rows = np.arange(len(answers))
    hit = np.bincount(answers, posterior[rows, answers], posterior.shape[1])
    total = posterior.sum(axis=0)
    there = present & (total > 0)
    return float(np.mean(hit[there] / total[there]))


@dataclass(frozen=True)
class Accuracies:
    """How often a head is right on held-out samples, as fractions.

    Attributes:
        balanced: mean over the classes that have samples.
        minorities: mean over the minority classes; None where no class is one, or none has samples.
        as_trained: on samples distributed as in training.
    """

    balanced: float
    minorities: float | None
    as_trained: float

    @classmethod
    def of(cls, answers: Ints, labels: Ints, shares: Floats, minorities: Ints) -> Accuracies:
        """Count the answers (n,) that are right, given the (k,) shares of the classes in training
        and which are minorities.
        """
        k = len(shares)
        n = np.bincount(labels, minlength=k)
        there = n > 0
        right = np.bincount(labels[answers == labels], minlength=k) / np.maximum(n, 1)
        few = np.isin(np.arange(k), minorities) & there
        return cls(
            float(right[there].mean()),
            float(right[few].mean()) if few.any() else None,
            float(right[there] @ shares[there] / shares[there].sum()),
        )
