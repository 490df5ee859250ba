"""Counted: whether the samples measured can be of the training set that counts describe."""

from __future__ import annotations

import logging

import numpy as np

from lopsided.arrays import Ints
from lopsided.counts import Counts
from lopsided.measure.collapse import Collapse
from lopsided.naming import short

_log = logging.getLogger("lopsided")


def contradicted(collapse: Collapse, counts: Counts, *, one_epoch: bool) -> bool:
    """Log how the samples measured contradict the training counts, and return whether they do."""
    measured = np.zeros(counts.k, np.int64)
    measured[collapse.classes] = collapse.moments.counts
    sentence = contradiction(measured, counts, one_epoch=one_epoch)
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
    if large.any() and large @ many < -np.square(large).sum() / 2:
        return (
            "the samples are most where the training counts are least: either counts and labels "
            "number the classes differently, or classes were sampled against their counts"
        )
    more = np.flatnonzero(measured > given)
    if one_epoch and len(more):
        c = int(more[0])
        return (
            f"class {short(counts.called(c)[0])} was measured {measured[c]:,} times, more than its "
            f"{given[c]:,} training samples, and so were {len(more)} of {counts.k} classes: a "
            "distributed sampler pads, classes are sampled anew, or several epochs were closed as "
            "one; what comes again weighs more"
        )
    return ""
