"""Counted: whether the samples measured can be of the training set that counts describe."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from lopsided.arrays import Ints
from lopsided.counts import Counts
from lopsided.measure.collapse import Collapse
from lopsided.measure.verdict.counted import by_chance, disordered
from lopsided.naming import short

_log = logging.getLogger("lopsided")


def seen_of(collapse: Collapse, k: int) -> Ints:
    """Return the (k,) samples that were measured of each class of a head, of which some may have
    been left out.
    """
    found = np.zeros(k, np.int64)
    found[collapse.classes] = collapse.moments.counts
    return found


def contradicted(collapse: Collapse, counts: Counts, *, one_epoch: bool) -> bool:
    """Log how the samples measured contradict the training counts, and return whether they do."""
    sentence = contradiction(seen_of(collapse, counts.k), counts, one_epoch=one_epoch)
    if sentence:
        _log.warning(sentence)
    return bool(sentence)


def contradiction(measured: Ints, counts: Counts, *, one_epoch: bool) -> str:
    """Return in a sentence how samples contradict training counts, or nothing.

    Args:
        measured: (k,) samples of each class.
        counts: training samples of each class.
        one_epoch: whether the samples are those of one epoch of training, in which none comes
            twice.

    Example:
        >>> contradiction(np.array([5, 50]), Counts([50, 5]), one_epoch=False)[:52]
        'the samples are most where the training counts are l'
    """
    given = counts.values
    # Samples as a power of counts: 1 for samples as in training, 0 for a balanced set.
    large, many = np.log(given) - np.log(given).mean(), np.log(np.maximum(measured, 0.5))
    against = large.any() and large @ many < -np.square(large).sum() / 2
    if against and not by_chance(given, measured):
        return (
            "the samples are most where the training counts are least: either counts and labels "
            "number the classes differently, or classes were sampled against their counts"
        )
    if measured.all() and disordered(given, measured):
        return (
            "sorted by size the counts are those of the samples, but not class by class: counts"
            " and labels number the classes differently, as where names were sorted to count them"
        )
    more = np.flatnonzero(measured > given)
    if one_epoch and len(more):
        c, others = int(more[0]), len(more) - 1
        were = "was" if others == 1 else "were"
        also = f", and so {were} {others:,} more of the {counts.k:,} classes" if others else ""
        return (
            f"class {short(counts.called(c)[0])} was measured {measured[c]:,} times, more than its "
            f"{given[c]:,} training samples{also}: a distributed sampler pads, classes are sampled "
            "anew, or several epochs were closed as one; what comes again weighs more"
        )
    return ""


def size_of(loader: Any) -> int:
    """Return the length of a loader's data set, or 0 if it has none."""
    try:
        return len(loader.dataset)
    except (AttributeError, TypeError, NotImplementedError):
        return 0


def repeated(loader: Any, rows: int, joined: int = 0, filled: int = 0) -> str:
    """Return in a sentence why a loader gives samples more than once, or nothing.

    Args:
        loader: of torch, or what has its attributes; nothing is known of others.
        rows: samples that it gave this process.
        joined: those that all processes were given, where each has a share.
        filled: how many at most shares are filled up with, to be of one length. Of more, or where
            this process was given all of its data set, processes have data sets of their own.

    Example:
        >>> from torch.utils.data import DataLoader, WeightedRandomSampler
        >>> repeated(DataLoader([0, 1, 2], sampler=WeightedRandomSampler([1, 1, 9], 3)), 3)[:54]
        'WeightedRandomSampler draws samples more than once: wh'
    """
    size, batches = size_of(loader), getattr(loader, "batch_sampler", None)
    sampler = getattr(batches, "sampler", getattr(loader, "sampler", None))
    padded = getattr(sampler, "total_size", 0)
    if getattr(sampler, "replacement", False) is True or (
        isinstance(padded, int) and padded > size
    ):
        what = f"{type(sampler).__name__} draws samples more than once"
    elif rows > size > 0:
        what = f"the loader gave {rows:,} samples of a data set of {size:,}"
    elif rows < size < joined <= size + filled:
        what = f"the processes were given {joined:,} samples of a data set of {size:,}"
    else:
        return ""
    return (
        f"{what}: what comes again weighs more, and its counts are not those of the training set;"
        " give a loader without such a sampler, or drop_last=True where it pads the shares of"
        " processes"
    )
