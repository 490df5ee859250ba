"""The verdict: what the figures of a measurement mean for the person who trained the network.

Three questions, answered from the numbers. Which classes' classifiers are merging? Which prediction fits best, and does it fit at
all? What is worth trying?
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from lopsided.geometry import Geometry
from lopsided.gram import Gram

if TYPE_CHECKING:
    from lopsided.measure.collapse import Collapse

_TILE = 1024
#: Classifiers less than 60 degrees apart are called merging; a simplex keeps all of them more than 90 degrees apart.
MERGING = 0.5
#: Nearer than this a prediction fits; published networks come to 0.2, and random classifiers of ten classes lie 0.3 from the ETF.
FITS = 0.25
#: Within-class over between-class scatter below which features are called collapsed.
COLLAPSED = 0.1


def verdict(collapse: Collapse, predictions: Mapping[str, Geometry]) -> str:
    """Return the verdict in sentences.

    Args:
        collapse: the measurement, with the head.
        predictions: geometries to compare with, by the name to call them.

    Raises:
        ValueError: if the measurement has no head, or a prediction is for another number of classes.
    """
    merged = merging(collapse.geometry.classifiers)
    sentences = [_merging(collapse, merged), _collapsed(collapse), _fit(collapse, predictions), _advice(collapse, merged)]
    return " ".join(sentence for sentence in sentences if sentence)


def merging(classifiers: Gram, threshold: float = MERGING) -> list[tuple[int, int, float]]:
    """Return the pairs of classes whose classifiers have a cosine above the threshold, closest pair first.

    A zero classifier has no angle and is in no pair. Costs k^2 d, in tiles.
    """
    lengths = classifiers.norms()[:, None]
    safe = np.where(lengths > 0, lengths, np.inf)
    left, right = (classifiers.groups.expand(part) / safe for part in (classifiers.left, classifiers.right))
    pairs: list[tuple[int, int, float]] = []
    for start in range(0, classifiers.k, _TILE):
        cosines = left[start : start + _TILE] @ right.T
        a, b = np.nonzero(np.triu(cosines > threshold, start + 1))
        pairs += [(int(i) + start, int(j), float(cosines[i, j])) for i, j in zip(a, b, strict=True)]
    return sorted(pairs, key=lambda pair: -pair[2])


def _merging(collapse: Collapse, merged: list[tuple[int, int, float]]) -> str:
    zero = collapse.classes[collapse.geometry.classifiers.norms() == 0]
    if len(zero) == collapse.k:
        return "All classifiers are zero: the head tells no class from another."
    lost = f"The classifiers of classes {_list(zero)} are zero. " if len(zero) else ""
    if not merged:
        return f"{lost}No two classifiers are merging (every cosine is below {MERGING})."
    members = sorted({c for a, b, _ in merged for c in (a, b)})
    rare = set(members) <= set(collapse.counts.minorities.tolist())
    kind = "all minorities" if rare else "not only minorities"
    a, b, cosine = merged[0]
    return (
        f"{lost}The classifiers of classes {_list(collapse.classes[members])} are merging ({kind}); "
        f"closest are {collapse.classes[a]} and {collapse.classes[b]}, with a cosine of {cosine:.2f}."
    )


def _collapsed(collapse: Collapse) -> str:
    value = _nc1(collapse)
    if value is None:
        apart = collapse.geometry.embeddings.norms().any()
        return "" if apart else "All class means coincide: the features tell no class from another."
    state = "have collapsed to their class means" if value < COLLAPSED else "have not collapsed to their class means"
    return f"Features {state} (NC1 = {value:.3g})."


def _nc1(collapse: Collapse) -> float | None:
    return collapse.metrics()[0].get("nc1")


def _fit(collapse: Collapse, predictions: Mapping[str, Geometry]) -> str:
    if not predictions:
        return ""
    parts = []
    best: dict[str, tuple[float, str]] = {}
    distances = {name: collapse.geometry.distance(other) for name, other in predictions.items()}
    zero = [name for name, other in predictions.items() if not other.classifiers.diagonal.any()]
    names = " and ".join(zero)
    nothing = f"The optimum of {names} is zero, so there is nothing to compare with. " if zero else ""
    for part, title in (("classifiers", "Classifiers"), ("embeddings", "class means")):
        ranked = sorted((value, name) for name, d in distances.items() if np.isfinite(value := getattr(d, part)))
        if not ranked:  # said already: this part of the network is zero
            return nothing.strip()
        best[part] = ranked[0]
        parts.append(f"{title} are " + ", ".join(f"{value:.2f} from {name}" for value, name in ranked))
    (near, name), (far, other) = best["classifiers"], best["embeddings"]
    measured = nothing + " and ".join(parts)
    if max(near, far) > FITS:
        missing = [
            title
            for title, (value, _) in (("classifiers", best["classifiers"]), ("class means", best["embeddings"]))
            if value > FITS
        ]
        return f"{measured}: no prediction fits the {' or the '.join(missing)} (nearer than {FITS} would be a fit)."
    if len(predictions) == 1:
        return f"{measured}: {name} fits."
    return f"{measured}: {name} explains " + ("both best." if name == other else f"the classifiers best, {other} the class means.")


def _advice(collapse: Collapse, merged: list[tuple[int, int, float]]) -> str:
    advice = []
    if merged and len(collapse.counts.minorities):
        advice.append(
            "label-dependent temperatures (exponent 1/2 makes classifiers an ETF) or a fixed ETF head, to keep minorities apart"
        )
    value = _nc1(collapse)
    if value is not None and value >= COLLAPSED:
        advice.append("training on at a constant rate with a little weight decay (predictions are for the end of training)")
    if collapse.decisions is not None and len(collapse.counts.minorities):
        rates = collapse.error_rates
        rare, common = rates[collapse.counts.minorities].mean(), np.delete(rates, collapse.counts.minorities).mean()
        if rare > 2 * common and rare > 0.05:
            advice.append(
                f"logit adjustment, in the loss or post hoc (minorities err {rare:.0%} of the time, other classes {common:.0%})"
            )
    return "" if not advice else f"Worth trying: {'; '.join(advice)}."


def _list(classes: np.ndarray[tuple[int], np.dtype[np.int64]]) -> str:
    words = [str(c) for c in classes[:8]]
    return ", ".join(words) + (f" and {len(classes) - 8:,} more" if len(classes) > 8 else "")
