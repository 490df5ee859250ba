"""Scores of how much a sample is like those trained on, and whether they tell others apart.

A score is a function of `Known` and features (n, d) that returns (n,) numbers, the larger the more
like the training samples; a new one is a function and a line in `SCORES`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from lopsided.arrays import (
    Floats,
    require_finite,
    require_flag,
    require_noun,
    require_number,
    resized,
)
from lopsided.measure.ood.known import Known

#: A score.
Score = Callable[[Known, npt.ArrayLike], Floats]


def probability(known: Known, features: npt.ArrayLike) -> Floats:
    """Return (n,) the largest probability that the head gives a class.

    Source: Hendrycks and Gimpel 2017 (arXiv 1610.02136).
    """
    x = _read(known, features)
    z = known.logits(x)
    return np.asarray(1 / np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1))


def logit(known: Known, features: npt.ArrayLike) -> Floats:
    """Return (n,) the largest logit.

    Source: Hendrycks et al. 2022 (arXiv 1911.11132).
    """
    x = _read(known, features)
    return np.asarray(known.logits(x).max(axis=1))


def neco(
    known: Known, features: npt.ArrayLike, *, center: bool = False, times_logit: bool = False
) -> Floats:
    """Return (n,) |P h| / |h|, P the projection on the leading principal directions of the training
    features; 0 for a feature that is zero. Where there are as many directions as dimensions, as of
    more classes than dimensions, it is 1 for every other feature.

    Args:
        known: the training samples.
        features: (n, d).
        center: look at h minus the mean of the training samples, as public code does, which for
            ResNets scales each feature to variance one too; the formula is of h itself.
        times_logit: multiply by the largest logit.

    Raises:
        ValueError: as `Known.features`.
        TypeError: if `center` or `times_logit` is neither True nor False.

    Source: Ammar et al. 2024 (arXiv 2310.06823).

    Example:
        >>> known = Known(*(np.eye(2), np.zeros(2), np.eye(2), np.zeros(2)), np.eye(2)[:, :1],
        ...               np.eye(2)[:, :1])
        >>> neco(known, [[3.0, 4.0], [0.0, 2.0]])
        array([0.6, 0. ])
    """
    require_flag(center, "center")
    require_flag(times_logit, "times_logit")
    x = _read(known, features)
    share = _share(x - known.mean if center else x, known.directions)
    return share * known.logits(x).max(axis=1) if times_logit else share


def nci(known: Known, features: npt.ArrayLike, *, alpha: float = 0.0) -> Floats:
    """Return (n,) w_c . (h - mu) / |h - mu| + alpha |h|_1, with w_c the classifier of the class
    that the head answers; the first part is 0 for a feature that is mu.

    Args:
        known: the training samples.
        features: (n, d).
        alpha: weight of the length, tuned on held-out samples; 0 leaves it out.

    Raises:
        ValueError: as `Known.features`, or if alpha is not finite.

    Source: Liu and Qin 2025 (arXiv 2311.01479).
    """
    size = float(require_finite(require_number(alpha, "alpha"), "alpha"))
    x = _read(known, features)
    away = resized(x - known.mean, axis=1)
    along = np.vecdot(away, known.weight[known.logits(x).argmax(axis=1)])
    lengths = np.linalg.norm(away, axis=1)
    along = np.divide(along, lengths, out=np.zeros_like(along), where=lengths > 0)
    return np.asarray(along + size * np.abs(x).sum(axis=1))


def visible(known: Known, features: npt.ArrayLike) -> Floats:
    """Return (n,) |Q (h - mu)| / |h - mu|, Q the projection on what the head sees: the span of the
    classifiers about their mean; 0 for a feature that is mu.

    In a network that has collapsed this span is that of the class means, and the score is that of
    `neco` about the mean. A head of more classes than dimensions sees all: there it is 1. Source:
    derived here.
    """
    return _share(_read(known, features) - known.mean, known.visible)


def _read(known: Known, features: npt.ArrayLike) -> Floats:
    require_noun(known, Known, "known", "Known.of makes it of moments and a head")
    return known.features(features)


def _share(rows: Floats, basis: Floats) -> Floats:
    rows = resized(rows, axis=1)
    lengths = np.linalg.norm(rows, axis=1)
    inside = np.linalg.norm(rows @ basis, axis=1)
    share = np.divide(inside, lengths, out=np.zeros_like(inside), where=lengths > 0)
    # All of a feature, or none, but for rounding, whose order would tell samples apart.
    rounding = 4 * len(basis) * np.finfo(np.float64).eps
    return np.where(share > 1 - rounding, 1.0, np.where(share < rounding, 0.0, share))


#: Name -> score.
SCORES: dict[str, Score] = {
    "probability": probability,
    "logit": logit,
    "NECO": neco,
    "NECO x logit": lambda known, features: neco(known, features, times_logit=True),
    "NCI": nci,
    "visible": visible,
}
