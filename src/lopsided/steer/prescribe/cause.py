"""The cause: whether the head, the features or the data stand between a network and its classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lopsided import predict
from lopsided.arrays import Ints
from lopsided.counts import Counts
from lopsided.gram import Gram
from lopsided.measure.state.decisions import Decisions
from lopsided.measure.verdict.chance import mean_rate
from lopsided.shape import contrast
from lopsided.steer.prescribe.linear import Linear
from lopsided.steer.prescribe.samples import Samples

#: The head is at fault from so much balanced accuracy on.
HEAD = 0.02
#: Training error over held-out error of the corrected head: above the one features are at fault,
#: below the other data.
UNDERTRAINED, TRAINED = 0.25, 0.15
#: Held-out error below which nothing is at fault.
NONE = 0.01
#: Wrong samples that tell what errors are due to.
FEW = 10
#: Training error over held-out error, points more and standard deviations, from which on training
#: samples cannot be what the network learned from: of those it errs less, but for chance and where
#: held-out samples are easier.
UNLIKE, MORE, CLEAR = 1.5, 0.05, 4.0
#: A head whose share of SELI's norm ratio is below this was trained with weights or a sampler.
REWEIGHTED = 0.3
#: Lengths of classifiers that differ by less, of the longest, are equal by construction: those of
#: a cosine head or a fixed frame. Training leaves no such digits.
FIXED = 1e-4


@dataclass(frozen=True)
class Cause:
    """What is at fault, by the rule; `str` leaves out what nobody can tell.

    Attributes:
        head: whether another head on the same features does better.
        features: whether the corrected head errs on training samples too.
        data: whether it errs on held-out samples that training samples do not tell of.
        training_error: balanced, of the corrected head, over the classes that have held-out
            samples; None without training samples.
        held_out_error: balanced, of the corrected head.
        wrong: training and held-out samples that it gets wrong. Of less than `FEW` of the one that
            speaks nobody can tell what they are due to, and no sentence does.
        unlike: whether it errs so much more on training samples that they cannot be what the
            network learned from; features are not at fault then.
    """

    head: bool
    features: bool
    data: bool
    training_error: float | None
    held_out_error: float
    wrong: tuple[int, int]
    unlike: bool

    @classmethod
    def of(cls, gain: float, training: Errors, held_out: Errors) -> Cause:
        """Tell the cause by its rule."""
        error, missed = training.balanced, held_out.balanced or 0.0
        ratio = error / missed if error is not None and missed > NONE else None
        chance = np.hypot(training.chance, held_out.chance)
        unlike = error is not None and bool(
            error > max(UNLIKE * missed, missed + MORE, missed + CLEAR * chance)
        )
        return cls(
            gain >= HEAD,
            ratio is not None and ratio >= TRAINED and not unlike,
            ratio is not None and ratio <= UNDERTRAINED,
            error,
            missed,
            (training.wrong, held_out.wrong),
            unlike,
        )

    @property
    def named(self) -> list[str]:
        """What is at fault by the rule, however few samples speak."""
        return [name for name in ("head", "features", "data") if getattr(self, name)]

    @property
    def few(self) -> bool:
        """Whether too few samples are wrong to tell what the errors that stay are due to."""
        training, held_out = self.wrong
        return held_out < FEW or (self.features and training < FEW)

    def __str__(self) -> str:
        told = [name for name in self.named if name == "head" or not self.few]
        return ", ".join(told) or ("none" if self.held_out_error <= NONE else "not known")


class Errors(NamedTuple):
    """Of the answers to samples.

    Attributes:
        balanced: mean over classes of the share of samples that are wrong; None without a class.
        wrong: how many these are.
        chance: standard deviation of the mean.
    """

    balanced: float | None
    wrong: int
    chance: float

    @classmethod
    def of(cls, wrong: Ints, counts: Ints) -> Errors:
        """Take together the (k,) wrong samples of classes, of which some may have none."""
        if not counts.any():
            return cls(None, 0, 0.0)
        mean, chance = mean_rate(wrong, counts)
        return cls(mean, int(wrong[counts > 0].sum()), chance)


def errors_of(head: Linear, samples: Samples, held_out: Ints) -> Errors:
    """Return the errors of a head on samples of the classes that have held-out samples (k,), whose
    errors they are compared with.
    """
    decisions = Decisions(samples.k)
    for features, labels in samples:
        decisions.update(head.scores(features), labels, linear=True)
    return Errors.of(decisions.errors, np.where(held_out > 0, decisions.counts, 0))


def norm_share(head: Linear, counts: Counts) -> float | None:
    """Return how much of SELI's norm ratio a head has: ln of mean squared length of majority over
    minority classifiers, over the same of SELI.

    Near 1 for plain cross-entropy, near 0 where the loss or the sampler re-weights. None where
    no class is a minority, SELI's ratio is one, a group of classifiers is zero, or all have one
    length, whatever the loss.

    Example:
        >>> counts = Counts([50, 50, 5, 5])
        >>> weight, _ = predict.seli(counts).vectors(seed=0)
        >>> round(norm_share(Linear(weight, np.zeros(4)), counts), 6)
        1.0
    """
    few, lengths = counts.minorities, np.linalg.norm(head.weight, axis=1)
    if not len(few) or np.ptp(lengths) <= FIXED * lengths.max():
        return None
    # The mean classifier moves all scores of a sample alike.
    gram = Gram.of_vectors(head.weight - head.weight.mean(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = float(np.log(contrast(gram, few).norm_ratio))
    law = float(np.log(contrast(predict.seli(counts).classifiers, few).norm_ratio))
    return found / law if np.isfinite(found) and abs(law) > 1e-9 else None
