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

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from lopsided.arrays import Ints
from lopsided.counts import CountsLike
from lopsided.measure.network.intact import randomness_kept
from lopsided.measure.network.order import order_kept
from lopsided.measure.storage.store import Progress, Store, shared
from lopsided.needs import loaded
from lopsided.steer.prescribe import sentences
from lopsided.steer.prescribe.cause import Cause, Errors, errors_of
from lopsided.steer.prescribe.choice import Seen, choose
from lopsided.steer.prescribe.entropy import posterior
from lopsided.steer.prescribe.gain import Accuracies, gain
from lopsided.steer.prescribe.heads import HELD_OUT_READS, READS
from lopsided.steer.prescribe.linear import Linear
from lopsided.steer.prescribe.prescription import Loss, Prescription, Remedy
from lopsided.steer.prescribe.samples import Samples, require_one_order
from lopsided.steer.prescribe.summary import Summary
from lopsided.steer.prescribe.trained import Trained

__all__ = ["Prescription", "Trained", "prescribe", "prescribed", "rows_read"]


def prescribe(
    head: Any,
    train: Any,
    held_out: Any,
    *,
    counts: CountsLike | None = None,
    loss: Loss | None = None,
    progress: Progress = lambda rows: None,
) -> Prescription:
    """Return the head to use instead of a trained one, what it is worth, and why.

    Args:
        head: torch linear layer, with an adapter too, or a pair of weight (k, d) and bias (k,) or
            None.
        train: features (n, d) and labels (n,) of the training set as a pair, an iterable of such
            batches that can be read again (a list, a DataLoader), or what `measure.open_store`
            opens; or None, for no second head. It is read dozens of times, a block at a time; a
            loader's order and random numbers are put back.
        held_out: samples that the network was not trained on, in the same forms and always in the
            same order, best in the proportions of the training set and each drawn alone, such as
            one image a patient; or None, for a rule that measures nothing. k numbers a sample and
            head are kept.
        counts: training samples of each class; by default those of `train`. A part of the training
            set will do for `train` where the counts are given.
        loss: the network was trained with: "cross-entropy", "weighted", "logit-adjusted", or None
            for unknown. Held-out samples tell more than this.
        progress: told the number of rows read since the last call.

    Raises:
        ValueError: if shapes do not fit, a number is not finite, tables have the same columns in
            different orders, or what is read several times can be read only once, or gives other
            samples each time; says where.
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
    if isinstance(train, Store) and isinstance(held_out, Store):
        train.require_alike(held_out)
    require_one_order(head=head, train=train, held_out=held_out)
    with _order_kept(train, held_out):
        return prescribed(Trained.of(head, train, counts, loss, progress), held_out, progress)


def prescribed(
    trained: Trained, held_out: Any, progress: Progress = lambda rows: None
) -> Prescription:
    """Return the prescription for a network whose training samples have been read; see
    `prescribe`.
    """
    if held_out is None:
        return _unmeasured(trained)
    k, d = trained.first.weight.shape
    return measured(trained, Samples(held_out, k, d, "held_out", progress))


@contextmanager
def _order_kept(*given: Any) -> Iterator[None]:
    """Put back what the next order of loaders depends on: how often they are read is no matter of
    whoever trains on.
    """
    # Many are none of PyTorch's kind: those of fastai, of Lightning Fabric, bars around others.
    kept = (tuple, list, Store)
    loaders = [one for one in given if loaded("torch") and not isinstance(one, kept)]
    with ExitStack() as stack:
        for one in loaders:
            stack.enter_context(order_kept(one))
        if loaders:
            stack.enter_context(randomness_kept())
        yield


def rows_read(train: int, held_out: int) -> int:
    """Return about how many rows `prescribe` reads of so many training and held-out samples."""
    return READS * train + HELD_OUT_READS * held_out


def measured(trained: Trained, held_out: Samples) -> Prescription:
    """Return the prescription for a network whose training samples have been read."""
    log_shares = trained.log_shares
    seen = Seen.of(held_out, trained.first, trained.second, log_shares)
    trained = trained.beside(seen.counts)
    heads, present = (trained.first, trained.second), trained.present
    Summary(seen.counts, seen.scale).require_steady(held_out)
    scale = trained.scale or seen.scale
    if common := shared(held_out.files, trained.files):
        raise ValueError(
            f"{common} is among the training samples and the held-out ones: a head is judged"
            " by samples that the network was not trained on"
        )
    if np.count_nonzero(seen.counts) < 2:
        return _unmeasured(trained, seen.counts, held_out.read)
    choice = choose(seen, held_out, heads, log_shares, trained.prior, scale, present)
    before, stack = seen.parts[0].argmax(axis=1), seen.scores(choice.numbers)
    beliefs = posterior(stack + seen.shift)
    model = stack.argmax(axis=1)
    both, few = (before, choice.answers), trained.minorities
    worth = gain(*both, seen.labels, beliefs, model, seen.distinct, present)
    was, now = (Accuracies.of(answers, seen.labels, np.exp(log_shares), few) for answers in both)
    training, repeats = Errors(None, 0, 0.0), 0
    if trained.train is not None:
        training = errors_of(choice.head, trained.train, seen.counts)
        repeats = int(np.isin(seen.prints, trained.train.fingerprints()).sum())
    missed = np.bincount(seen.labels[choice.answers != seen.labels], minlength=len(seen.counts))
    cause = Cause.of(worth.expected, training, Errors.of(missed, seen.counts))
    u, v, a = choice.numbers.tolist()
    doubts = _told(
        sentences.warned(trained.contradiction),
        sentences.unlearned(trained.unlearned),
        sentences.repeated(repeats, len(seen.labels)),
        sentences.copied(int(seen.distinct.sum()), len(seen.labels)),
        sentences.absent(trained.counts, present),
        sentences.missing(seen.counts, trained.counts, present),
        sentences.unlike(cause),
    )
    said = [
        *doubts,
        sentences.answered(before, seen.labels, few),
        *sentences.measured(
            worth,
            was,
            now,
            cause,
            seen.counts[present],
            trained.norm_share,
            second=trained.second is not None,
        ),
    ]
    return Prescription(
        remedy="nothing" if not cause.head else "refit" if choice.refitted else "three numbers",
        head=choice.head if cause.head else trained.first,
        corrected=choice.head,
        counts=trained.counts,
        held_out=seen.counts,
        worth=worth,
        before=was,
        after=now,
        cause=cause,
        numbers=(u, v, a),
        norm_share=trained.norm_share,
        loss=trained.loss,
        sentences=_told(*said),
        inputs=(*trained.read, *held_out.read),
        doubts=doubts,
        present=present,
        second=trained.second is not None,
    )


def _unmeasured(
    trained: Trained, held_out: Ints | None = None, files: tuple[Path, ...] = ()
) -> Prescription:
    """Return what to do where nothing can be measured."""
    head = trained.first
    doubts = _told(
        sentences.warned(trained.contradiction),
        sentences.unlearned(trained.unlearned),
    )
    remedy: Remedy = "nothing"
    if trained.plain:
        remedy = "logit adjustment"
        # A class that is still to come was never answered; the rarest share would make it so often.
        head = Linear(head.weight, head.bias - np.where(trained.present, trained.log_shares, 0.0))
    elif trained.second is not None and trained.loss != "logit-adjusted":
        remedy, head = "second head", trained.second
    return Prescription(
        remedy=remedy,
        head=head,
        corrected=head,
        counts=trained.counts,
        held_out=held_out,
        worth=None,
        before=None,
        after=None,
        cause=None,
        numbers=None,
        norm_share=trained.norm_share,
        loss=trained.loss,
        sentences=(
            *doubts,
            *sentences.unmeasured(remedy, trained.loss, trained.norm_share, held_out),
        ),
        inputs=(*trained.read, *files),
        doubts=doubts,
    )


def _told(*said: str) -> tuple[str, ...]:
    """Return the sentences that say something."""
    return tuple(filter(None, said))
