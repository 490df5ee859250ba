"""The verdict: what the figures of a measurement mean for the person who trained the network.

Which classes' classifiers are merging? Have the features collapsed? Which prediction fits best, and
does it fit at all? A figure can have more than one cause, so a sentence is
said only under a condition that rules the others out:

* classifiers *merge* if nearer than 60 degrees and than random directions, about their mean too
  (`angles`);
* features *have collapsed* if samples are near their class mean beside the next mean that has not
  merged with it (`points`);
* class means are *noise* if sampling alone would give half of their squared distances (`chance`);
* a prediction *fits* if nearer than FITS and than random vectors, and is best if the next is
  clearly farther (`fit`, `compared`);
* minorities are those of the training counts or, if said so, of the samples measured (`counted`).

`docs/guides/measure.md` lists the sentences; each has its counter-examples in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from lopsided.geometry import Geometry
from lopsided.measure.metrics.undefined import NO_HEAD, Undefined
from lopsided.measure.verdict.angles import MERGING, Angles, Pair, angles
from lopsided.measure.verdict.chance import noise_share
from lopsided.measure.verdict.compared import compared
from lopsided.measure.verdict.counted import bias, contradiction, origin
from lopsided.measure.verdict.errors import failing
from lopsided.measure.verdict.points import COLLAPSED, Points, points
from lopsided.measure.verdict.words import classes
from lopsided.naming import listed

if TYPE_CHECKING:
    from lopsided.measure.collapse import Collapse

#: Share of the squared distances between class means beyond which they are called noise.
NOISE = 0.5
#: What is said of features that are not at the end of training, where predictions are.
UNFINISHED = (
    "Predictions are for the end of training, on the samples trained on: training on at a constant"
    " rate with a little weight decay comes nearer."
)


def verdict(collapse: Collapse, predictions: Mapping[str, Geometry]) -> str:
    """Return the verdict in sentences: on the geometry, and on the errors of minorities.

    Raises:
        Undefined: if the measurement has no head.
        ValueError: if a prediction is for another number of classes.
    """
    return " ".join(
        part for part in (of_geometry(collapse, predictions), failing(collapse)) if part
    )


def of_geometry(collapse: Collapse, predictions: Mapping[str, Geometry]) -> str:
    """Return the sentences on the geometry.

    Args:
        collapse: the measurement, with the head.
        predictions: geometries to compare with, by the name to call them.

    Raises:
        Undefined: if the measurement has no head.
        ValueError: if a prediction is for another number of classes.
    """
    if collapse.weight is None:
        raise Undefined(NO_HEAD)
    predictions = collapse.comparable(predictions)
    near = angles(collapse.weight, collapse.mean_classifier)
    reached, noise = points(collapse.moments), noise_share(collapse.moments)
    apart, noisy = bool(collapse.geometry.embeddings.diagonal.any()), noise > NOISE
    known = reached.known & ~reached.doubtful
    settled = bool(reached.collapsed[known].all() and known.any())
    learned = bool(reached.collapsed[known].any()) or not noisy
    unfinished = apart and not settled and learned and bool(known.any())
    sentences = [
        contradiction(collapse),
        _merging(collapse, near),
        (
            _collapsed(collapse, reached)
            if apart
            else "All class means coincide: nothing lies between the classes."
        ),
        _noise(noise) if noisy else "",
        compared(collapse, predictions, settled=settled, noisy=noisy) if predictions else "",
        origin(collapse, predictions),
        bias(collapse, predictions),
        UNFINISHED if unfinished and predictions else "",
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _noise(share: float) -> str:
    return (
        f"Of the squared distances between class means {share:.0%} is what sampling alone would"
        " give: they tell little yet."
    )


def _merging(collapse: Collapse, near: Angles) -> str:
    if same := _same(collapse, near):
        return same
    lost = ""
    if len(near.zero):
        several = len(near.zero) > 1
        lost = (
            f"The classifier{'s' * several} of {classes(collapse.names[near.zero])}"
            f" {'are' if several else 'is'} zero. "
        )
    if near.merging is not None:
        few, members = set(collapse.minorities.tolist()), collapse.names[near.members]
        kind = (
            " (all minorities)" if few >= set(near.members.tolist()) else " (not only minorities)"
        )
        return (
            f"{lost}The classifiers of {classes(members)} are merging{kind if few else ''}; "
            f"closest are {_pair(collapse, near.merging)}{_others(collapse, near)}."
        )
    if near.closest is None:
        return lost.strip()
    if near.closest[2] <= MERGING:
        return f"{lost}No two classifiers are merging (every cosine is below {MERGING})."
    why = (
        f"as {collapse.k:,} random directions in {collapse.moments.d:,} dimensions may have"
        if near.closest[2] <= near.threshold
        else "but about the mean classifier, which moves all logits of a sample alike, none are"
    )
    return (
        f"{lost}No two classifiers are merging: closest are {_pair(collapse, near.closest)}, {why}."
    )


def _same(collapse: Collapse, near: Angles) -> str:
    """Say that no answer depends on the sample, or only none between the classes measured."""
    if not near.same:
        return ""
    zero = len(near.zero) == collapse.k
    if collapse.constant is False:
        return "" if zero else "The classifiers of all classes measured are the same."
    same = "zero" if zero else "the same"
    return f"All classifiers are {same}: the head answers the same for every sample."


def _pair(collapse: Collapse, pair: Pair) -> str:
    a, b, cosine = pair
    return f"{listed(collapse.names[[a, b]], ' and ')}, with a cosine of {cosine:.2f}"


def _others(collapse: Collapse, near: Angles) -> str:
    """Say which other pairs are merging, and how many."""
    if near.number < 2:
        return ""
    others = [f"{listed(collapse.names[[a, b]], ' and ')} ({c:.2f})" for a, b, c in near.pairs[1:]]
    left = near.number - len(near.pairs)
    more = f" and {left:,} more pair{'s' * (left > 1)}" if left else ""
    return f", then {', '.join(others)}{more}"


def _collapsed(collapse: Collapse, reached: Points) -> str:
    if not reached.known.any():
        return (
            "Every class has one sample: its scatter is zero by construction and tells nothing of"
            " collapse."
        )
    known = reached.known & ~reached.doubtful
    if not known.any():
        return "No class has the samples to tell whether features have collapsed."
    collapsed = reached.collapsed & known
    scattered, single = collapse.names[known & ~collapsed], collapse.names[~reached.known]
    doubtful = collapse.names[reached.known & reached.doubtful]
    if not collapsed.any():
        said = "Features have not collapsed to their class means"
    elif len(scattered):
        said = (
            f"Features of {classes(scattered)} have not collapsed to their class means, those of"
            " the others have"
        )
    elif reached.merged:
        shared = sum(len(together) - 1 for together in reached.merged)
        said = (
            f"Features have collapsed to {collapse.k - shared:,} points instead of {collapse.k:,}"
        )
    else:
        said = "Features have collapsed to their class means"
    if reached.merged:
        said += (
            f": {_merged(collapse, reached)}, each mean at most {COLLAPSED**-0.5:.1f} times as far"
            " from the next as samples of a class there from each other"
        )
    if len(single):
        each = " each" if len(single) > 1 else ""
        said += f"; of {classes(single)} one sample{each} tells no scatter"
    if len(doubtful):
        said += f"; the samples of {classes(doubtful)} are too few to tell"
    figures = _figures(collapse, reached)
    return f"{said} ({', '.join(figures)})." if figures else f"{said}."


def _merged(collapse: Collapse, reached: Points) -> str:
    """Say which classes share the first few of the points that several share."""
    named = [
        f"classes {listed(collapse.names[together], ' and ')} share one"
        for together in reached.merged[:3]
    ]
    if left_out := len(reached.merged) - len(named):
        named.append(f"others share {left_out:,} more")
    return ", ".join(named)


def _figures(collapse: Collapse, reached: Points) -> list[str]:
    figures = []
    nc1 = getattr(collapse, "nc1", None)
    if nc1 is not None:
        figures.append(
            f"NC1 = {nc1:.3g}" + (", which merged means distort" if reached.merged else "")
        )
    known = reached.known & ~reached.doubtful
    collapsed = reached.collapsed & known
    some = bool(collapsed.any())
    ends = reached.scatter[collapsed if some else known]
    end = float(ends.max() if some else ends.min())
    if np.isfinite(end):
        figures.append(
            f"scatter within over between classes at {'most' if some else 'least'} {end:.2g}"
        )
    return figures
