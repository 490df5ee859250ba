"""Trained: what is known of a network before any held-out sample."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, get_args

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, Ints
from lopsided.counts import Counts, CountsLike
from lopsided.measure.counted import contradiction
from lopsided.measure.storage.store import Progress
from lopsided.naming import short
from lopsided.steer.prescribe.cause import REWEIGHTED, norm_share
from lopsided.steer.prescribe.heads import CAUTIOUS, PLAIN, STACKED, Prior, second_head
from lopsided.steer.prescribe.linear import Linear
from lopsided.steer.prescribe.prescription import Loss
from lopsided.steer.prescribe.samples import Samples, shares
from lopsided.steer.prescribe.summary import Scale, Summary


@dataclass(frozen=True, eq=False)
class Trained:
    """A head, a second one on the same features, and the counts they were trained with.

    Attributes:
        first: the trained head.
        second: fitted to the frozen training features, if there are any; None also where a class
            that is present has none among them, which it would answer no more.
        train: the training samples.
        counts: of the training set; a class without samples counts as one.
        log_shares: (k,) logarithms of the shares in training; of such a class, of half a sample.
        present: (k,) which classes have training samples, as far as samples and counts tell.
        norm_share: of SELI's norm ratio, of the classes that are present: the classifiers of others
            were pulled by no sample.
        scale: of the training features.
        loss: as far as was said.
        contradiction: how the training samples contradict the counts, in a sentence, or nothing.
        learned: (k,) which classes the training samples are of; None without any.
    """

    first: Linear
    second: Linear | None
    train: Samples | None
    counts: Counts
    log_shares: Floats
    present: npt.NDArray[np.bool_]
    norm_share: float | None
    scale: Scale | None
    loss: Loss | None
    contradiction: str = ""
    learned: npt.NDArray[np.bool_] | None = None

    @classmethod
    def of(
        cls,
        head: Any,
        train: Any,
        counts: CountsLike | None,
        loss: Loss | None,
        progress: Progress = lambda rows: None,
        seen: Ints | None = None,
    ) -> Trained:
        """Read the training samples; see `prescribe`. Where these are not given, somebody may have
        seen (k,) samples of each class.
        """
        if loss is not None and loss not in get_args(Loss):
            raise ValueError(
                f"loss must be one of {', '.join(get_args(Loss))} or None, got {loss!r}"
            )
        first = Linear.of(head)
        k, d = first.weight.shape
        known = None if counts is None else _counts(counts, k)
        if train is None:
            if known is None:
                raise ValueError("give the training features, or the counts of the training set")
            pi = shares(known.values)
            present = _present(np.ones(k) if seen is None else seen, known)
            share = _norm_share(first, known, present)
            return cls(first, None, None, known, np.log(pi), present, share, None, loss)
        samples = Samples(train, k, d, "train", progress)
        summary = Summary.of(samples)
        summary.require_steady(samples)
        pi = shares(summary.counts if known is None else known.values)
        told = contradiction(summary.counts, known, one_epoch=True) if known else ""
        if not told and not summary.counts.all():
            told = _absent(summary.counts, known)
        present = _present(summary.counts, known)
        known = known or Counts(np.maximum(summary.counts, 1))
        learned, share = summary.counts > 0, _norm_share(first, known, present)
        second = second_head(samples, summary) if (learned | ~present).all() else None
        logs, scale = np.log(pi), summary.scale
        return cls(first, second, samples, known, logs, present, share, scale, loss, told, learned)

    def beside(self, held_out: Ints) -> Self:
        """Return the same where (k,) held-out samples tell that their classes are present too."""
        both = replace(self, present=self.present | (held_out > 0))
        return replace(both, second=None) if both.unlearned.any() else both

    @property
    def minorities(self) -> Ints:
        """The minorities of the classes that are present: others count as one and are none."""
        there = np.flatnonzero(self.present)
        return there[Counts(self.counts.values[there]).minorities]

    @property
    def unlearned(self) -> npt.NDArray[np.bool_]:
        """(k,) classes that are present and for whose lack in the training samples no second head
        is tried.
        """
        if self.learned is None:
            return np.zeros(len(self.present), np.bool_)
        return self.present & ~self.learned

    @property
    def plain(self) -> bool | None:
        """Whether it was trained by plain cross-entropy; None where that cannot be told."""
        if self.loss in ("weighted", "logit-adjusted"):
            return False
        if self.norm_share is not None and self.norm_share < REWEIGHTED:
            return False
        return True if self.loss == "cross-entropy" else None

    @property
    def prior(self) -> Prior:
        """What the three numbers are before any held-out sample. Norms that do not tell of weights
        speak for plain cross-entropy.
        """
        if self.second is not None:
            return STACKED
        return CAUTIOUS if self.plain is False or self.norm_share is None else PLAIN

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of the training samples, as far as that is known."""
        return () if self.train is None else self.train.files

    @property
    def read(self) -> tuple[Path, ...]:
        """These files and those of labels and head beside them, as far as that is known."""
        return () if self.train is None else self.train.read


def _present(seen: npt.NDArray[Any], known: Counts | None) -> npt.NDArray[np.bool_]:
    """Return (k,) which classes have training samples. Counts have one for none, also of classes
    that are still to come.
    """
    there = np.asarray(seen > 0)
    return there if known is None else there | (known.values > 1)


def _norm_share(head: Linear, counts: Counts, present: npt.NDArray[np.bool_]) -> float | None:
    """Return the share of SELI's norm ratio of the classes that are present."""
    if np.count_nonzero(present) < 2:
        return None
    some = Linear(head.weight[present], head.bias[present])
    return norm_share(some, Counts(counts.values[present]))


def _counts(counts: CountsLike, k: int) -> Counts:
    given = Counts.of(counts)
    if given.k != k:
        raise ValueError(f"counts are of {given.k} classes, the head has {k}")
    return given


def _absent(counts: Ints, known: Counts | None) -> str:
    """Say which classes have no training sample, and what that makes of the figures."""
    absent = np.flatnonzero(counts == 0)
    first = absent[0] if known is None else short(known.called(absent[:1])[0])
    whose = f"class {first} has" if len(absent) == 1 else f"{len(absent):,} classes have"
    as_one = ", where Counts takes one for none" if known is None else ""
    return f"{whose} no training samples{as_one}; what is said of training samples is of the others"
