"""Prescribe: a trained network, some held-out samples -> the head to use, and what it is worth.

The words: the *trained head* gives scores z; a *second head*, fitted to the frozen training
features with every class weighing the same, gives z'; pi are the shares of the classes in training.
*Three numbers* stack them, u z + v z' - a log(pi); a *refit* is a head fitted to the held-out
samples near that stack. All are linear in the features: whatever is prescribed takes the place of
the trained head. It is chosen by cross-fitted likelihood, and its gain is counted and modelled
(`gain`).

`lopsided reproduce prescription` puts the promises to the test.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from lopsided.arrays import Floats
from lopsided.counts import Counts, CountsLike
from lopsided.steer.prescribe import sentences
from lopsided.steer.prescribe.cause import REWEIGHTED, Cause, balanced_error, norm_share
from lopsided.steer.prescribe.choice import Seen, choose
from lopsided.steer.prescribe.entropy import posterior
from lopsided.steer.prescribe.gain import Accuracies, gain
from lopsided.steer.prescribe.heads import CAUTIOUS, PLAIN, STACKED, second_head
from lopsided.steer.prescribe.linear import Linear
from lopsided.steer.prescribe.prescription import Loss, Prescription, Remedy
from lopsided.steer.prescribe.samples import Samples, Summary, shares

__all__ = ["Prescription", "prescribe"]


def prescribe(
    head: Any,
    train: Any,
    held_out: Any,
    *,
    counts: CountsLike | None = None,
    loss: Loss | None = None,
) -> Prescription:
    """Return the head to use instead of a trained one, what it is worth, and why.

    Args:
        head: torch linear layer, or a pair of weight (k, d) and bias (k,) or None.
        train: features (n, d) and labels (n,) of the training set as a pair, an iterable of such
            batches that can be read again (a list, a DataLoader), or what `measure.open_store`
            opens; or None, for no second head. It is read about 65 times, a block at a time.
        held_out: samples that the network was not trained on, in the same forms and always in the
            same order, best in the proportions of the training set; or None, for a rule that
            measures nothing. k numbers a sample and head are kept.
        counts: training samples of each class; by default those of `train`. A part of the training
            set will do for `train` where the counts are given.
        loss: the network was trained with: "cross-entropy", "weighted", "logit-adjusted", or None
            for unknown. Held-out samples tell more than this.

    Raises:
        ValueError: if shapes do not fit, a number is not finite, or what is read several times can
            be read only once; says where.
        TypeError: if arrays do not hold numbers, or labels are not whole numbers.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> def drawn(n):
        ...     labels = np.repeat([0, 1], [20 * n, n])
        ...     return rng.normal(2 * labels[:, None], 1.0, (21 * n, 3)), labels
        >>> blind = np.zeros((2, 3)), np.array([9.0, 0.0])
        >>> found = prescribe(blind, drawn(30), drawn(5))
        >>> found.remedy, bool(found.gain > 0.2), bool(found.interval[0] < found.gain)
        ('three numbers', True, True)
    """
    if loss is not None and loss not in get_args(Loss):
        raise ValueError(f"loss must be one of {', '.join(get_args(Loss))} or None, got {loss!r}")
    first = Linear.of(head)
    k, d = first.weight.shape
    training = None if train is None else Samples(train, k, d, "train")
    summary = None if training is None else Summary.of(training)
    known = _counts(counts, summary, k)
    second = None
    if training is not None and summary is not None:
        second = second_head(training, summary)
    # A class without training samples has half a sample here, where counts have none.
    present = known.values if summary is None or counts is not None else summary.counts
    network = _Network(first, second, known, shares(present), norm_share(first, known), loss)
    if held_out is None:
        return _unmeasured(network, () if training is None else training.files)
    return _measured(network, training, summary, Samples(held_out, k, d, "held_out"))


@dataclass(frozen=True, eq=False)
class _Network:
    """What is known of a network before any held-out sample."""

    first: Linear
    second: Linear | None
    counts: Counts
    shares: Floats
    norm_share: float | None
    loss: Loss | None

    @property
    def plain(self) -> bool:
        """Whether it was trained by plain cross-entropy, as far as can be told."""
        if self.loss is None:
            return self.norm_share is not None and self.norm_share >= REWEIGHTED
        return self.loss == "cross-entropy" and (
            self.norm_share is None or self.norm_share >= REWEIGHTED
        )


def _measured(
    network: _Network, training: Samples | None, summary: Summary | None, held_out: Samples
) -> Prescription:
    heads, log_shares = (network.first, network.second), np.log(network.shares)
    seen = Seen.of(held_out, *heads, log_shares)
    prior = STACKED if network.second is not None else PLAIN if network.plain else CAUTIOUS
    length = seen.length if summary is None else summary.length
    choice = choose(seen, held_out, heads, log_shares, prior, length)
    before, stack = seen.parts[0].argmax(axis=1), seen.scores(choice.numbers)
    beliefs = posterior(stack + seen.shift)
    worth = gain(before, choice.answers, seen.labels, beliefs, stack.argmax(axis=1))
    few = network.counts.minorities
    was, now = (
        Accuracies.of(answers, seen.labels, network.shares, few)
        for answers in (before, choice.answers)
    )
    error = None if training is None else balanced_error(choice.head, training)
    cause = Cause.of(worth.expected, error, 1 - now.balanced)
    use = choice.head if cause.head else network.first
    u, v, a = choice.numbers.tolist()
    said = [
        sentences.answered(before, seen.labels, few),
        *sentences.measured(worth, was, now, cause, seen.counts, network.norm_share),
    ]
    return Prescription(
        remedy="nothing" if not cause.head else "refit" if choice.refitted else "three numbers",
        weight=use.weight,
        bias=use.bias,
        counts=network.counts,
        held_out=seen.counts,
        worth=worth,
        before=was,
        after=now,
        cause=cause,
        numbers=(u, v, a),
        norm_share=network.norm_share,
        loss=network.loss,
        sentences=tuple(sentence for sentence in said if sentence),
        inputs=(*(() if training is None else training.files), *held_out.files),
    )


def _unmeasured(network: _Network, inputs: tuple[Path, ...]) -> Prescription:
    """Return what to do where nothing can be measured."""
    first, use = network.first, network.first
    remedy: Remedy = "nothing"
    if network.loss == "cross-entropy" and network.plain:
        remedy = "logit adjustment"
        use = Linear(first.weight, first.bias - np.log(network.shares))
    elif network.second is not None and network.loss != "logit-adjusted":
        remedy, use = "second head", network.second
    return Prescription(
        remedy=remedy,
        weight=use.weight,
        bias=use.bias,
        counts=network.counts,
        held_out=None,
        worth=None,
        before=None,
        after=None,
        cause=None,
        numbers=None,
        norm_share=network.norm_share,
        loss=network.loss,
        sentences=tuple(sentences.unmeasured(remedy, network.norm_share)),
        inputs=inputs,
    )


def _counts(counts: CountsLike | None, summary: Summary | None, k: int) -> Counts:
    if counts is None:
        if summary is None:
            raise ValueError("give the training features, or the counts of the training set")
        return Counts(np.maximum(summary.counts, 1))
    given = Counts.of(counts)
    if given.k != k:
        raise ValueError(f"counts are of {given.k} classes, the head has {k}")
    return given
