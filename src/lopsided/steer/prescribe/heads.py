"""The heads to choose from: the trained one, a second one, the stack of both, a refit near it.

All are linear maps of the features, so each can take the place of the trained head.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, Ints
from lopsided.steer.prescribe.entropy import Weighted, entropy, fit_linear
from lopsided.steer.prescribe.linear import Linear
from lopsided.steer.prescribe.samples import Block, Samples, Summary

#: Ridge and steps of the second head: weak, and early-stopped where features have collapsed.
SECOND_RIDGE, SECOND_STEPS = 1e-3, 60
#: Ridges of the refit, towards the stack, and its steps.
REFIT_RIDGE, REFIT_BIAS, REFIT_STEPS = 1.0, 1e-4, 200
#: How often training and held-out samples are read where nothing ends earlier, for those who wait:
#: by each step of the second head, and of a refit to each part and to all, most of which settle by
#: a sixth of their steps.
READS, HELD_OUT_READS = SECOND_STEPS + 6, 4 * REFIT_STEPS // 6
#: What may be left of a slope at the least numbers, as a part of what cancels in it.
SETTLED = 1e-4


def second_head(train: Samples, seen: Summary) -> Linear:
    """Return the head of class-weighted cross-entropy on frozen features: minimise sum_i CE_i /
    (k n_{y_i}) + ridge/2 |W|^2 over features of root mean square length one, k the classes that
    have samples.

    Source: Kang et al. 2020 (arXiv 1910.09217), classifier re-training; weights instead of a
    balanced sampler.
    """
    each, there = np.zeros(train.k), seen.counts > 0
    np.divide(1.0, there.sum() * seen.counts, out=each, where=there)

    def weighted() -> Iterator[tuple[*Block, Floats]]:
        for features, labels in train:
            yield features, labels, each[labels]

    zero = Linear(np.zeros((train.k, train.d)), np.zeros(train.k))
    return fit_linear(
        weighted,
        zero,
        np.zeros(train.k),
        ridge=SECOND_RIDGE,
        bias_ridge=0.0,
        scale=seen.length,
        steps=SECOND_STEPS,
    )


@dataclass(frozen=True)
class Prior:
    """What the three numbers are before any held-out sample: independent normals.

    Attributes:
        means: of u, v and a.
        precisions: of them; an infinite one fixes the number.
    """

    means: tuple[float, float, float]
    precisions: tuple[float, float, float]


#: With a second head; without one, where the loss is known to be plain; and where it is not.
STACKED = Prior((0.5, 0.5, 0.5), (1.0, 1.0, 4.0))
PLAIN = Prior((1.0, 0.0, 1.0), (0.1, np.inf, 4.0))
CAUTIOUS = Prior((1.0, 0.0, 0.0), (0.1, np.inf, 4.0))


def three_numbers(parts: Floats, labels: Ints, shift: Floats, prior: Prior) -> Floats:
    """Return the numbers x >= 0 that minimise sum_i CE(x . parts_i + shift, y_i) plus the prior's
    precisions/2 (x - means)^2, by projected Newton steps; the problem is convex.

    Args:
        parts: (3, n, k): z, z', and -log(pi) for every sample.
        labels: (n,) classes.
        shift: (k,) log of the held-out shares.
        prior: of the numbers.

    Raises:
        ValueError: if scores are so large that rounding hides the numbers.
    """
    means, precisions = np.array(prior.means), np.array(prior.precisions)
    fixed = np.isinf(precisions)
    ridge = np.where(fixed, 0.0, precisions)
    own = parts[:, np.arange(len(labels)), labels]
    largest = np.abs(parts).max(initial=1.0)

    def value(at: Floats) -> tuple[float, Floats]:
        each, p = entropy(np.tensordot(at, parts, 1) + shift, labels)
        return float(each.sum() + 0.5 * ridge @ (at - means) ** 2), p

    # Where scores are so large that a softmax rounds to places, no step leaves the prior's means.
    for x in (means.copy(), np.where(fixed, means, means / largest)):
        now, p = value(x)
        for _ in range(100):
            mean = np.einsum("nk,ank->an", p, parts)
            slope = (mean - own).sum(axis=1) + ridge * (x - means)
            second = np.einsum("nk,ank,bnk->ab", p, parts, parts) - mean @ mean.T + np.diag(ridge)
            free = ~fixed & ((x > 0) | (slope < 0))
            step = np.zeros(3)
            try:
                if free.any():
                    step[free] = np.linalg.solve(second[np.ix_(free, free)], slope[free])
            except np.linalg.LinAlgError:  # of squares so large rounding leaves no slope of a slope
                break
            if np.abs(slope[free]).max(initial=0.0) <= 1e-9 * (1 + len(labels)):
                return np.asarray(x)
            rate = 1.0
            while rate > 1e-12:
                there = np.maximum(x - rate * step, 0.0)
                then, after = value(there)
                if then <= now - 1e-4 * slope @ (x - there):
                    break
                rate /= 2
            else:
                break  # rounding leaves nothing to gain
            x, now, p = there, then, after
        cancelled = (np.abs(mean) + np.abs(own)).sum(axis=1) + ridge * np.abs(x - means) + 1
        if (np.abs(slope) <= SETTLED * cancelled)[free].all():
            return np.asarray(x)
    raise ValueError(
        f"scores of up to {largest:.3g} leave no digit for what is learned of them: divide all"
        " logits, or the head, by one number first"
    )


def stacked(numbers: Floats, first: Linear, second: Linear | None, log_shares: Floats) -> Linear:
    """Return the head u W + v W' with the bias u b + v b' - a log(pi)."""
    u, v, a = numbers
    weight, bias = u * first.weight, u * first.bias - a * log_shares
    if second is None:
        return Linear(weight, bias)
    return Linear(weight + v * second.weight, bias + v * second.bias)


def refit(
    held_out: Samples, used: npt.NDArray[np.bool_], near: Linear, shift: Floats, scale: float
) -> Linear:
    """Return the head that minimises cross-entropy on held-out samples with a ridge towards another
    head.

    Args:
        held_out: the samples.
        used: (n,) which of them count.
        near: the other head.
        shift: (k,) log of the held-out shares.
        scale: root mean square length of the features.
    """

    def weighted() -> Iterator[tuple[*Block, Floats]]:
        start = 0
        for features, labels in held_out:
            kept = used[start : start + len(labels)]
            start += len(labels)
            yield features[kept], labels[kept], np.ones(int(kept.sum()))

    samples: Weighted = weighted
    return fit_linear(
        samples,
        near,
        shift,
        ridge=REFIT_RIDGE,
        bias_ridge=REFIT_BIAS,
        scale=scale,
        steps=REFIT_STEPS,
    )
