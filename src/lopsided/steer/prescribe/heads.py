"""The heads to choose from: the trained one, a second one, the stack of both, a refit near it.

All are linear maps of the features, so each can take the place of the trained head.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, Ints
from lopsided.steer.prescribe.entropy import Weighted, entropy, fit_linear
from lopsided.steer.prescribe.linear import Linear
from lopsided.steer.prescribe.samples import Block, Samples
from lopsided.steer.prescribe.summary import Scale, Summary

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
#: Scores of a block of samples that are looked at together: they stay in the processor's cache.
BLOCK = 2**15
EPS = float(np.finfo(np.float64).eps)


def second_head(train: Samples, seen: Summary) -> Linear:
    """Return the head of class-weighted cross-entropy on frozen features: minimise sum_i CE_i /
    (k n_{y_i}) + ridge/2 |W|^2 over features in their scale, k the classes that have samples.

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
        scale=seen.scale,
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


def three_numbers(
    parts: Sequence[Floats],
    labels: Ints,
    shift: Floats,
    prior: Prior,
    used: npt.NDArray[np.bool_] | None = None,
) -> Floats:
    """Return the numbers x >= 0 that minimise sum_i CE(x . parts_i + shift, y_i) plus the prior's
    precisions/2 (x - means)^2, by projected Newton steps; the problem is convex.

    Args:
        parts: three (n, k): z, z', and -log(pi) for every sample.
        labels: (n,) classes.
        shift: (k,) log of the held-out shares.
        prior: of the numbers.
        used: (n,) which samples count; by default all.

    Raises:
        ValueError: if scores are so large that rounding hides the numbers.
    """
    means, precisions = np.array(prior.means), np.array(prior.precisions)
    fixed = np.isinf(precisions)
    ridge = np.where(fixed, 0.0, precisions)
    rows = np.arange(len(labels)) if used is None else np.flatnonzero(used)
    step = max(BLOCK // len(shift), 1)
    # What all scores of a sample have in common says nothing, and would take their digits.
    common = np.stack([part.max(axis=1, keepdims=True) for part in parts])

    def blocks() -> Iterator[tuple[Floats, Ints]]:
        for start in range(0, len(rows), step):
            cut = rows[start : start + step]
            block = np.stack([part[cut] for part in parts])
            block -= common[:, cut]
            yield block, labels[cut]

    def terms(at: Floats) -> tuple[float, Floats, Floats, Floats]:
        """Return the value, its slope, the slope of that, and the size of what cancels in it."""
        away = ridge * (at - means)
        values, slope, second = [0.5 * float(away @ (at - means))], away.copy(), np.diag(ridge)
        size = np.abs(away) + 1
        for block, y in blocks():
            lost, p = entropy(np.tensordot(at, block, 1) + shift, y)
            own, weighted = block[:, np.arange(len(y)), y], block * p
            mean = weighted @ np.ones(len(shift))
            values.append(float(lost.sum()))
            slope += (mean - own).sum(axis=1)
            second += weighted.reshape(3, -1) @ block.reshape(3, -1).T - mean @ mean.T
            size += (np.abs(mean) + np.abs(own)).sum(axis=1)
        return float(np.sum(values)), slope, second, size

    def largest() -> float:
        return max((float(np.abs(block).max()) for block, _ in blocks()), default=1.0)

    def starts() -> Iterator[Floats]:
        yield means.copy()
        # Where scores are so large that a softmax rounds to places, no step leaves these.
        yield np.where(fixed, means, means / max(largest(), 1.0))

    for x in starts():
        now, slope, second, size = terms(x)
        for _ in range(100):
            free = ~fixed & ((x > 0) | (slope < 0))
            move = np.zeros(3)
            try:
                if free.any():
                    move[free] = np.linalg.solve(second[np.ix_(free, free)], slope[free])
            except np.linalg.LinAlgError:  # of squares so large rounding leaves no slope of a slope
                break
            if (np.abs(slope) <= np.maximum(1e-9 * (1 + len(rows)), EPS * size))[free].all():
                return np.asarray(x)
            rate = 1.0
            while rate > 1e-12:
                there = np.maximum(x - rate * move, 0.0)
                found = terms(there)
                rounding = 4 * EPS * (abs(now) + np.abs(x) @ size)
                if found[0] <= now - 1e-4 * slope @ (x - there) + rounding:
                    break
                rate /= 2
            else:
                break  # rounding leaves nothing to gain
            x, (now, slope, second, size) = there, found
        if (np.abs(slope) <= SETTLED * size)[free].all():
            return np.asarray(x)
    raise ValueError(
        f"scores of up to {largest():.3g} leave no digit for what is learned of them: divide all"
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
    held_out: Samples, used: npt.NDArray[np.bool_], near: Linear, shift: Floats, scale: Scale
) -> Linear:
    """Return the head that minimises cross-entropy on held-out samples with a ridge towards another
    head.

    Args:
        held_out: the samples.
        used: (n,) which of them count.
        near: the other head.
        shift: (k,) log of the held-out shares.
        scale: of the features.
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
