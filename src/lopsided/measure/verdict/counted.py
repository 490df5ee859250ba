"""What the verdict has to say of the class counts: whose they are, and whether they can be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc

from lopsided.arrays import Ints
from lopsided.geometry import Geometry
from lopsided.naming import listed

if TYPE_CHECKING:
    from lopsided.measure.collapse import Collapse

#: Probability below which so many samples of each class are not drawn at random.
RARE = 1e-4


def disordered(given: Ints, measured: Ints) -> bool:
    """Return whether counts are in another order than the labels of samples, of which each class
    has some.

    Sorted by size they are those of the samples measured, but for a common factor and less than
    what makes a minority; class by class they are off by more than twice that. Other samples than
    those trained on, balanced or left over, are neither; nor are a few drawn at random.
    """
    alike = _spread(np.sort(given), np.sort(measured)) < 2
    return alike and _spread(given, measured) >= 4 and not by_chance(given, measured)


def by_chance(given: Ints, measured: Ints) -> bool:
    """Return whether samples can be so many of each class because they are few, drawn at random
    from those trained on or from a balanced set.
    """
    for shares in (given / given.sum(), np.full(len(given), 1 / len(given))):
        expected = measured.sum() * shares
        off = np.sum(np.square(measured - expected) / expected)
        if chdtrc(len(given) - 1, off) >= RARE:
            return True
    return False


def contradiction(collapse: Collapse) -> str:
    """Return the sentence for counts in another order than the labels."""
    if not disordered(collapse.counts.values, collapse.moments.counts):
        return ""
    return (
        "Sorted by size, the counts are those of the samples measured, but not class by class: "
        "are the counts in the order of the labels?"
    )


def origin(collapse: Collapse, predictions: Mapping[str, Geometry]) -> str:
    """Return the sentences that say for which counts minorities and predictions are."""
    counted = {
        name: other.counts for name, other in predictions.items() if other.counts is not None
    }
    odd = [
        name
        for name, counts in counted.items()
        if _spread(counts.values, collapse.counts.values) >= 2
    ]
    are = "are" if len(odd) > 1 else "is"
    if collapse.counts_given:
        return (
            f"{listed(odd)} {are} for other class counts than the training counts given."
            if odd
            else ""
        )
    sentences = []
    if odd:
        sentences.append(
            f"{listed(odd)} {are} for other class counts than the samples measured have."
        )
    if not len(collapse.minorities):
        sentences.append(
            "No training counts were given, and the samples measured are balanced: minorities, and"
            " predictions that depend on counts, are not known from them."
        )
    else:
        what = "minorities and predictions" if len(counted) > len(odd) else "minorities"
        sentences.append(f"No training counts were given: {what} go by the samples measured.")
    return " ".join(sentences)


def bias(collapse: Collapse, predictions: Mapping[str, Geometry]) -> str:
    """Return the sentence for a head whose bias the predictions do not have; a bias that all
    classes share is none.
    """
    if collapse.bias is None or not np.ptp(collapse.bias):
        return ""
    without = [name for name, other in predictions.items() if "no bias" in other.source.assumptions]
    return (
        f"The head has a bias; {listed(without, ' and ')} {'are' if len(without) > 1 else 'is'} for"
        " a head without."
        if without
        else ""
    )


def _spread(a: Ints, b: Ints) -> float:
    """Return how far two counts differ beyond a common factor: the largest over the smallest
    ratio.
    """
    ratios = a / b
    return float(ratios.max() / ratios.min())
