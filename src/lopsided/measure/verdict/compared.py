"""Which prediction fits, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lopsided.frobenius import ZeroMatrixError
from lopsided.geometry import Geometry
from lopsided.gram import Gram
from lopsided.groups import Groups
from lopsided.measure.state.center import centered
from lopsided.measure.verdict.fit import FITS, HUNDREDTH, Fit, fit
from lopsided.naming import listed
from lopsided.pairing import Pairing

if TYPE_CHECKING:
    from lopsided.measure.collapse import Collapse


def compared(
    collapse: Collapse,
    predictions: Mapping[str, Geometry],
    *,
    settled: bool,
    noisy: bool,
) -> str:
    """Return the sentences on which prediction fits.

    Args:
        collapse: the measurement.
        predictions: by name.
        settled: whether features have collapsed, for predictions are for the end of training.
        noisy: whether the class means are mostly sampling noise, of which nothing can be said.
    """
    classifiers, shared = _classifiers(collapse, predictions)
    embeddings = {name: other.embeddings for name, other in predictions.items()}
    means = fit(collapse.geometry.embeddings, embeddings, collapse.moments.d, centred=True)
    told, judged, clauses = [], {}, []
    if classifiers.ranked:
        told.append(f"classifiers are {_distances(classifiers)}{shared}")
        judged["classifiers"] = classifiers
    if means.ranked:
        told.append(f"class means are {_distances(means)}")
        if collapse.k == 2:
            clauses.append("class means of two classes are opposite whatever the network does")
        elif noisy:
            clauses.append("of the class means nothing can be said")
        else:
            judged["class means"] = means
    zero = [name for name, other in predictions.items() if not other.classifiers.diagonal.any()]
    nothing = (
        f"The optimum of {listed(zero, ' and ')} is zero, so there is nothing to compare with."
        if zero
        else ""
    )
    if not told:  # said already: the network is zero, or every prediction
        return nothing
    names = [*predictions]
    if not noisy and len(judged) == (1 if collapse.k == 2 else 2):
        names = _aligned(collapse, predictions)
        best = {name for part in judged.values() for name in part.best}
        named = [name for name in predictions if name in best - set(names)]
        if named and all(part.best for part in judged.values()):
            clauses = [*_unaligned(collapse, predictions, named), *clauses]
    clauses = [
        *_fitting(judged, settled, names, alone=len(predictions) == 1),
        *_missing(judged, collapse),
        *clauses,
    ]
    measured = " and ".join(told)
    return f"{nothing} {measured[0].upper()}{measured[1:]}: {'; '.join(clauses)}.".strip()


def _classifiers(collapse: Collapse, predictions: Mapping[str, Geometry]) -> tuple[Fit, str]:
    """Return how predictions fit the classifiers, as they are or else about their mean.

    In the second case also what to add to the distances. Of two classifiers about their own mean
    there is nothing to see, they are opposite.
    """
    predicted = {name: other.classifiers for name, other in predictions.items()}
    plain = fit(collapse.geometry.classifiers, predicted, collapse.moments.d, centred=False)
    weight, k, whole = collapse.weight, collapse.k, collapse.every == collapse.k
    if weight is None or plain.best or not plain.ranked or (k == 2 and whole):
        return plain, ""
    mean = collapse.mean_classifier
    # In the Gram matrix of a simplex, one direction more with this share of the squares is so far.
    if k * float(mean @ mean) * (k - 1) ** 0.5 < HUNDREDTH * float(np.vdot(weight, weight)):
        return plain, ""
    centred = Gram.of_vectors(weight - mean)
    about = fit(centred, predicted, collapse.moments.d, centred=whole)
    if not about.best:
        return plain, ""
    note = f" (about their mean, which no softmax depends on, {_distances(about)})"
    return plain._replace(best=about.best), note


def _aligned(collapse: Collapse, predictions: Mapping[str, Geometry]) -> list[str]:
    """Return the predictions that the class logits fit: how classifiers lie to class means.

    Grams alone do not tell: they stay as they are when all classifiers change sign, are turned, or
    change places with others of the same count.
    """
    return [name for name, law in predictions.items() if _logits_distance(collapse, law) < FITS]


def _unaligned(
    collapse: Collapse, predictions: Mapping[str, Geometry], names: Sequence[str]
) -> list[str]:
    told = ", ".join(f"{_logits_distance(collapse, predictions[n]):.2f} from {n}" for n in names)
    return [
        f"but logits are {told} (nearer than {FITS} would be a fit): classifiers do not lie to the"
        " class means as predicted"
    ]


def _logits_distance(collapse: Collapse, law: Geometry) -> float:
    """Return the distance of class logits to those of a law, as they are or about the mean
    classifier, which no softmax depends on; infinite where one is zero.
    """
    weight, geometry = collapse.weight, collapse.geometry
    assert weight is not None
    w, means = weight - collapse.mean_classifier, centered(collapse.moments)
    about = Pairing.paired(Groups.each(collapse.k), w, means, np.vecdot(w, means))
    distances = []
    for logits in (geometry.logits, about):
        try:
            distances.append(logits.distance(law.logits))
        except ZeroMatrixError:
            distances.append(np.inf)
    return min(distances)


def _distances(part: Fit) -> str:
    return ", ".join(f"{value:.2f} from {name}" for value, name in part.ranked)


def _fitting(
    parts: Mapping[str, Fit], settled: bool, aligned: Sequence[str], *, alone: bool
) -> list[str]:
    """Return a clause for each part that a prediction fits, or one for both if it fits how they lie
    to each other too.
    """
    found = {f"the {title}": part for title, part in parts.items() if part.best}
    if len(found) == 2 and len({frozenset(part.best) for part in found.values()}) == 1:
        both = next(iter(found.values()))
        together = [name for name in both.best if name in aligned]
        found = {"both": both._replace(best=together)} if together else {"each by itself": both}
    clauses = []
    for what, part in found.items():
        names = listed(part.best, " and ")
        if len(part.best) > 1:
            same = ", and are one geometry here" if part.alike else ""
            fits = f"explain {what} equally well" if settled else f"are equally near {what} so far"
            clauses.append(f"{names} {fits}{same}")
        elif alone:
            clauses.append(f"{names} fits {what}" if settled else f"{names} is near {what} so far")
        else:
            best = f"explains {what} best" if settled else f"is nearest to {what} so far"
            clauses.append(f"{names} {best}")
    return clauses


def _missing(parts: Mapping[str, Fit], collapse: Collapse) -> list[str]:
    """Return a clause for the parts that no prediction fits, and why."""
    missed = {f"the {title}": part for title, part in parts.items() if not part.best}
    far = " or ".join(what for what, part in missed.items() if part.ranked[0][0] >= FITS)
    clauses = [f"no prediction fits {far} (nearer than {FITS} would be a fit)"] if far else []
    for what, part in missed.items():
        value, name = part.ranked[0]
        if value < FITS:
            clauses.append(
                f"{name} fits {what} no better than random directions may (nearer than"
                f" {part.limit:.2g} would be a fit)"
            )
    k, d = collapse.k, collapse.moments.d
    if clauses and d < k - 1:
        clauses.append(
            f"predictions spread {k:,} classes over {k - 1:,} dimensions, these features have {d:,}"
        )
    return clauses
