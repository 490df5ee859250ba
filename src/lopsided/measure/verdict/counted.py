"""What the verdict has to say of the class counts: whose they are, and whether they can be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from lopsided.counts import Counts
from lopsided.geometry import Geometry
from lopsided.measure.verdict.words import listed

if TYPE_CHECKING:
    from lopsided.measure.collapse import Collapse


def contradiction(collapse: Collapse) -> str:
    """Return the sentence for counts that the samples contradict.

    They do where minorities have at least twice as many samples, in the geometric mean, as the others.
    """
    few = np.isin(np.arange(collapse.k), collapse.counts.minorities)
    if not few.any():
        return ""
    logarithms = np.log(collapse.moments.counts)
    if logarithms[few].mean() < logarithms[~few].mean() + np.log(2):
        return ""
    return (
        f"The counts make minorities of classes {listed(collapse.classes[few])}, of which more samples were measured than of the "
        "others: are the counts in the order of the labels?"
    )


def origin(collapse: Collapse, predictions: Mapping[str, Geometry]) -> str:
    """Return the sentences that say for which counts minorities and predictions are."""
    counted = {name: other.counts for name, other in predictions.items() if other.counts is not None}
    odd = [name for name, counts in counted.items() if _disagree(counts, collapse.counts)]
    are = "are" if len(odd) > 1 else "is"
    if collapse.counts_given:
        return f"{listed(odd)} {are} for other class counts than the training counts given." if odd else ""
    sentences = []
    if odd:
        sentences.append(f"{listed(odd)} {are} for other class counts than the samples measured have.")
    if not len(collapse.counts.minorities):
        sentences.append(
            "No training counts were given, and the samples measured are balanced: minorities, and predictions that depend on "
            "counts, are not known from them."
        )
    else:
        what = "minorities and predictions" if len(counted) > len(odd) else "minorities"
        sentences.append(f"No training counts were given: {what} go by the samples measured.")
    return " ".join(sentences)


def bias(collapse: Collapse, predictions: Mapping[str, Geometry]) -> str:
    """Return the sentence for a head whose bias the predictions do not have; a bias that all classes share is none."""
    if collapse.bias is None or not np.ptp(collapse.bias):
        return ""
    without = [name for name, other in predictions.items() if "no bias" in other.source.assumptions]
    return (
        f"The head has a bias; {listed(without, ' and ')} {'are' if len(without) > 1 else 'is'} for a head without."
        if without
        else ""
    )


def _disagree(a: Counts, b: Counts) -> bool:
    """Return whether two counts differ by more than a common factor, by as much as makes a minority."""
    ratios = a.values / b.values
    return bool(ratios.max() >= 2 * ratios.min())
