"""Which prediction fits, and whether any does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from lopsided.frobenius import ZeroMatrixError
from lopsided.gram import Gram
from lopsided.measure.verdict.chance import random_distance, seldom_nearer

#: Nearer than this a prediction may fit; published networks come to 0.2, and random classifiers of
#: ten
#: classes lie 0.3 from the ETF.
FITS = 0.25
#: A prediction fits only where its squared distance is less than this share of that of random
#: vectors: it
#: explains at least half of what tells them from it.
OF_CHANCE = 0.5
#: And where random vectors of few classes come as near with this chance at most, shared among the
#: predictions and between vectors as they are and about their mean.
CHANCE = 0.05
#: The nearest prediction alone fits best where the next is farther by this factor and by a
#: hundredth.
CLEARLY, HUNDREDTH = 1.25, 0.01
#: Predictions nearer to each other than this are one.
ALIKE = 1e-6


class Fit(NamedTuple):
    """How the predictions of one part of the geometry, classifiers or class means, fit.

    Attributes:
        ranked: distance and name of each prediction that has one, nearest first.
        best: names of the predictions that fit best, several where none is clearly nearest; empty
            if none fits.
        alike: whether those are one geometry in this part, so that none can be told from another.
        limit: the distance below which the nearest prediction would fit.
    """

    ranked: list[tuple[float, str]]
    best: list[str]
    alike: bool
    limit: float


def fit(measured: Gram, predicted: Mapping[str, Gram], d: int, *, centred: bool) -> Fit:
    """Rank predictions of a part by their distance to what was measured in d dimensions.

    Args:
        measured: classifiers or class means.
        predicted: the same part of predictions, by name.
        d: feature dimensions.
        centred: whether the measured vectors sum to zero, as class means about their centre do.
    """
    distances = {name: _distance(measured, gram) for name, gram in predicted.items()}
    finite = [(value, name) for name, value in distances.items() if np.isfinite(value)]
    ranked = sorted(finite, key=lambda pair: round(pair[0], 9))  # equal ones in the order given
    if not ranked:
        return Fit([], [], False, np.nan)
    near, name = ranked[0]
    law, chance = predicted[name], CHANCE / (2 * len(predicted))
    limit = min(
        FITS,
        OF_CHANCE**0.5 * random_distance(law, d, centred=centred),
        seldom_nearer(law, d, centred=centred, chance=chance),
    )
    equal = max(CLEARLY * near, near + HUNDREDTH)
    best = [other for value, other in ranked if value <= equal] if near < limit else []
    alike = len(best) > 1 and all(
        _distance(predicted[name], predicted[other]) < ALIKE for other in best[1:]
    )
    return Fit(ranked, best, alike, limit)


def _distance(a: Gram, b: Gram) -> float:
    try:
        return a.distance(b)
    except ZeroMatrixError:
        return float("nan")
