"""The choice: which head, by the likelihood of held-out samples that it was not fitted to.

Counting right answers cannot choose where a class has one or two held-out samples; likelihood can.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, Ints
from lopsided.steer.prescribe.entropy import losses
from lopsided.steer.prescribe.heads import Prior, refit, stacked, three_numbers
from lopsided.steer.prescribe.linear import Linear
from lopsided.steer.prescribe.samples import Samples, shares
from lopsided.steer.prescribe.summary import Scale, Tally

#: Parts that the held-out samples are cut in, and samples of each class that a refit needs.
FOLDS, ENOUGH = 3, 5


@dataclass(frozen=True, eq=False)
class Seen:
    """What is kept of the held-out samples: k numbers a sample and head.

    Attributes:
        labels: (n,) classes.
        parts: three (n, k): scores of the trained head, of the second (zeros where there is none),
            and -log(pi), the same for all samples.
        shift: (k,) log of the held-out shares.
        scale: of the features.
        prints: (n,) numbers that copies of a sample share, see `Samples.fingerprint`.
    """

    labels: Ints
    parts: tuple[Floats, Floats, Floats]
    shift: Floats
    scale: Scale
    prints: npt.NDArray[np.uint64]

    @classmethod
    def of(
        cls, held_out: Samples, first: Linear, second: Linear | None, log_shares: Floats
    ) -> Seen:
        """Read the held-out samples once.

        Raises:
            ValueError: if there is none, or squares of features leave float64.
        """
        tally = Tally(held_out)
        ones, others, labels, prints = [], [], [], []
        for features, y in held_out:
            ones.append(first.scores(features))
            if second is not None:
                others.append(second.scores(features))
            labels.append(y)
            prints.append(held_out.fingerprint(features, y))
            tally.add(features, y)
        summary = tally.summary()
        y, z = np.concatenate(labels), np.concatenate(ones)
        other = np.concatenate(others) if others else np.broadcast_to(0.0, z.shape)
        parts = z, other, np.broadcast_to(-log_shares, z.shape)
        shift = np.log(shares(summary.counts))
        return cls(y, parts, shift, summary.scale, np.concatenate(prints))

    @property
    def counts(self) -> Ints:
        """(k,) samples of each class, perhaps none."""
        return np.bincount(self.labels, minlength=len(self.shift))

    @cached_property
    def distinct(self) -> Ints:
        """(k,) samples of each class of which none is a copy of another."""
        _, first = np.unique(self.prints, return_index=True)
        return np.bincount(self.labels[first], minlength=len(self.shift))

    def scores(self, numbers: npt.ArrayLike, rows: Ints | slice = slice(None)) -> Floats:
        """Return the (n, k) scores that three numbers make, or some rows of them."""
        (u, v, a), (z, other, prior) = np.asarray(numbers, np.float64), self.parts
        scores = u * z[rows]
        if v:  # else there may be no second head
            scores += v * other[rows]
        return np.asarray(scores + a * prior[0])


@dataclass(frozen=True, eq=False)
class Choice:
    """The head to use, and how it does on held-out samples.

    Attributes:
        refitted: whether it is a refit.
        head: the head.
        numbers: (3,) u, v and a.
        answers: (n,) cross-fitted answers of the head: of its kind, fitted to the other samples.
        likelihoods: mean cross-fitted log-likelihood of a held-out sample by "three numbers" and,
            where it was tried, "refit".
    """

    refitted: bool
    head: Linear
    numbers: Floats
    answers: Ints
    likelihoods: dict[str, float]


def choose(
    seen: Seen,
    held_out: Samples,
    heads: tuple[Linear, Linear | None],
    log_shares: Floats,
    prior: Prior,
    scale: Scale,
    present: npt.NDArray[np.bool_],
) -> Choice:
    """Fit the three numbers and, where every class that there is has `ENOUGH` held-out samples, a
    refit near them; take the likelier.

    Args:
        seen: of the held-out samples.
        held_out: the samples.
        heads: the trained head and the second.
        log_shares: (k,) of the classes in training.
        prior: of the three numbers.
        scale: of the features.
        present: (k,) which classes there are.
    """
    y, fold = seen.labels, folds(seen.labels, seen.prints)
    try_refit = bool(seen.distinct[present].min() >= ENOUGH)
    stack, other = _Judged.none(len(y)), _Judged.none(len(y))
    for f in range(FOLDS):
        used, left = fold != f, np.flatnonzero(fold == f)
        x = three_numbers(seen.parts, y, seen.shift, prior, used)
        stack.take(left, seen.scores(x, left), y[left], seen.shift)
        if try_refit:
            near = stacked(x, *heads, log_shares)
            found = refit(held_out, used, near, seen.shift, scale)
            for rows, scores in _scored(found, held_out, y):
                kept = fold[rows] == f
                other.take(rows[kept], scores[kept], y[rows[kept]], seen.shift)
    likelihoods = {"three numbers": -float(stack.lost.mean())}
    numbers = three_numbers(seen.parts, y, seen.shift, prior)
    head = stacked(numbers, *heads, log_shares)
    if try_refit:
        likelihoods["refit"] = -float(other.lost.mean())
        if likelihoods["refit"] > likelihoods["three numbers"]:
            every = np.ones(len(y), bool)
            found = refit(held_out, every, head, seen.shift, scale)
            return Choice(True, found, numbers, other.answers, likelihoods)
    return Choice(False, head, numbers, stack.answers, likelihoods)


class _Judged(NamedTuple):
    """Answers (n,) of heads that did not see their samples, and the cross-entropies (n,)."""

    answers: Ints
    lost: Floats

    @classmethod
    def none(cls, n: int) -> _Judged:
        """Return room for n samples."""
        return cls(np.empty(n, np.int64), np.empty(n))

    def take(self, rows: Ints, scores: Floats, labels: Ints, shift: Floats) -> None:
        """Judge the samples of some rows by their scores (b, k)."""
        self.answers[rows], self.lost[rows] = scores.argmax(axis=1), losses(scores + shift, labels)


def folds(labels: Ints, prints: npt.NDArray[np.uint64]) -> Ints:
    """Return the part of each sample, 0 to `FOLDS` - 1: the samples of a class one after the other,
    class after class in the order in which they first appear, whatever their numbers. Copies are in
    one part, lest a sample is answered by what was fitted to it.
    """
    _, at, copy = np.unique(prints, return_index=True, return_inverse=True)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    order = np.lexsort([at, first[inverse[at]]])
    found = np.empty(len(at), np.int64)
    found[order] = np.arange(len(at)) % FOLDS
    return found[copy]


def _scored(head: Linear, held_out: Samples, labels: Ints) -> Iterator[tuple[Ints, Floats]]:
    """Yield places and scores of the held-out samples, which must come in the order in which they
    came first.
    """
    start = 0
    turned = ValueError(
        "held_out gave its samples in another order than before: make its loader with shuffle=False"
    )
    for features, y in held_out:
        if not np.array_equal(y, labels[start : start + len(y)]):
            raise turned
        yield np.arange(start, start + len(y)), head.scores(features)
        start += len(y)
    if start < len(labels):
        raise turned
