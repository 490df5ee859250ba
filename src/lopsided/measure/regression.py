"""Regression collapse of a trained network: NRC1 to NRC3."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, real_array, require_noun, resized
from lopsided.measure.state.regression import RegressionMoments
from lopsided.singular import svd

#: Standard deviations of the targets along their directions that differ by less, of the largest,
#: are alike.
ALIKE = 1e-9


class RegressionCollapse(NamedTuple):
    """How far a regression has collapsed; each 0 where it has.

    Attributes:
        nrc1: share of the features' variance outside their t leading directions.
        nrc2: share of the centred features outside the row space of the head.
        nrc3: distance of WW' from the nearest (covariance of targets)^{1/2} - sqrt(gamma) I,
            scale-free.
        gamma: where the nearest is; NaN where all are as near: of one output, and of targets whose
            directions are all alike.
    """

    nrc1: float
    nrc2: float
    nrc3: float
    gamma: float


def regression_collapse(
    features: npt.ArrayLike,
    targets: npt.ArrayLike,
    weight: npt.ArrayLike,
    *,
    form: Literal["share", "unit"] = "share",
) -> RegressionCollapse:
    """Measure a regression whose features are all here; `collapse_of` reads moments instead.

    Args:
        features: (n, d) inputs of the last layer.
        targets: (n, t) what was to be met.
        weight: (t, d) of the last layer.
        form: "share" of the energy of all features, or "unit": the mean of each sample's share, by
            dividing its centred features by their length first.

    Raises:
        ValueError: if shapes do not fit, a number is not finite, an output does not vary, there are
            more outputs than samples, features or weight do not vary, or the form is unknown.

    Source: Andriopoulos et al. 2024 (arXiv 2409.04180); the exact minimiser over gamma derived
    here.

    Example:
        >>> y = np.array([[1.0, 0.5], [-1.0, 0.5], [0.0, -1.0]])
        >>> [round(value, 6) for value in regression_collapse(y, y, np.eye(2))[:2]]
        [0.0, 0.0]
    """
    h, y, w = (
        real_array(part, name)
        for name, part in (("features", features), ("targets", targets), ("weight", weight))
    )
    if h.ndim != 2 or y.ndim != 2 or len(h) != len(y) or w.shape != (y.shape[1], h.shape[1]):
        raise ValueError(
            f"features (n, d), targets (n, t) and weight (t, d) must fit, got shapes {h.shape},"
            f" {y.shape} and {w.shape}"
        )
    if form not in ("share", "unit"):
        raise ValueError(f"form must be 'share' or 'unit', got {form!r}")
    moments = RegressionMoments(h.shape[1], y.shape[1])
    h = resized(h)
    if form == "unit" and np.isfinite(h).all():
        h = resized(h - h.mean(axis=0), axis=1)
        lengths = np.linalg.norm(h, axis=1, keepdims=True)
        h = np.divide(h, lengths, out=np.zeros_like(h), where=lengths > 0)
        h = np.concatenate([h, -h])  # about zero as they are
        y = np.concatenate([y, y])
    moments.update(h, y)
    return collapse_of(moments, w)


def collapse_of(moments: RegressionMoments, weight: npt.ArrayLike) -> RegressionCollapse:
    """Measure a regression from the moments of features and targets.

    Raises:
        TypeError: if the moments are no `RegressionMoments`.
        ValueError: as `regression_collapse`.
    """
    require_noun(
        moments, RegressionMoments, "what is measured", "those of classes are for Collapse.of"
    )
    (d, t), w = (len(mean) for mean in moments.means), real_array(weight, "the weight")
    if w.shape != (t, d) or not np.isfinite(w).all():
        raise ValueError(
            f"the weight of the last layer must be ({t}, {d}) finite numbers, got shape {w.shape}"
        )
    if t > moments.n:
        raise ValueError(
            f"there must be at least as many samples as outputs, got {moments.n} of {t}; are rows"
            " and columns of the targets exchanged?"
        )
    of_features, of_targets = moments.scatters
    if (still := of_targets.diagonal() <= moments.n * (1e-13 * moments.means[1]) ** 2).any():
        raise ValueError(
            f"each output must vary, output {int(np.argmax(still))} is the same for all samples;"
            " leave it out, a bias fits it"
        )
    energy = float(np.trace(of_features))
    if energy <= moments.n * float(np.sum((1e-13 * moments.means[0]) ** 2)):
        raise ValueError("features must vary, all rows are the same")
    if not w.any():
        raise ValueError("the weight of the last layer must not be zero")
    w = resized(w)
    spectrum = np.linalg.eigvalsh(of_features)[::-1]
    _, values, right = svd(w)
    seen = right[values > 1e-12 * values[0]]
    gap, gamma = nrc3(w @ w.T, of_targets / moments.n)
    return RegressionCollapse(
        max(float(spectrum[t:].sum()) / energy, 0.0),
        max(1 - float(np.sum((seen @ of_features) * seen)) / energy, 0.0),
        gap,
        gamma,
    )


def nrc3(gram: Floats, covariance: Floats) -> tuple[float, float]:
    """Return min over 0 <= gamma <= least eigenvalue of ||G/||G|| - (S - sqrt(gamma) I)/||.||||, S
    = covariance^{1/2}, and gamma; NaN where S is a multiple of I, from which c takes nothing but
    size.

    With c = sqrt(gamma) the cosine of G and S - c I has one stationary point, c = (tr G ||S||^2 -
    <G, S> tr S) / (tr G tr S - t <G, S>); the best of it and the two ends is the minimum.

    Example:
        >>> frame = np.array([[2, 0.3, 0], [0.3, 1, 0.1], [0, 0.1, 0.5]])
        >>> gap, gamma = nrc3(frame, np.diag([4.0, 1.0, 0.25]))
        >>> gap < 0.3
        True
    """
    values, vectors = np.linalg.eigh(covariance)
    root = np.sqrt(np.maximum(values, 0))
    S, most = (vectors * root) @ vectors.T, float(root[0])
    t, pair = len(S), float(np.sum(gram * S))
    below = float(np.trace(gram) * np.trace(S)) - t * pair
    inner = (
        (float(np.trace(gram)) * float(np.sum(S**2)) - pair * float(np.trace(S))) / below
        if below
        else 0.0
    )

    def gap(c: float) -> float:
        law = S - c * np.eye(t)
        size = float(np.linalg.norm(law))
        return (
            float(np.linalg.norm(gram / np.linalg.norm(gram) - law / size))
            if size > 1e-12 * root[-1]
            else np.inf
        )

    if np.ptp(root) <= ALIKE * root[-1]:
        return gap(0.0), np.nan
    best = min({0.0, min(max(inner, 0.0), most), most}, key=gap)
    return gap(best), best**2


def nearest_optimum(gram: Floats, covariance: Floats) -> tuple[float, float, int]:
    """Return min over c >= 0 of ||G/||G|| - [S - c I]_+/||.||||, S = covariance^{1/2}, the c, and
    how many directions are left there: the nearest optimum of a regression, whose ridge is c times
    the root of the number of samples, also where it leaves out directions, as `nrc3` does not.

    Between two eigenvalues of S the same directions are left, and the cosine is that of `nrc3`
    within them. Where one is left, all larger c are alike, and the least is told.

    Example:
        >>> gap, c, left = nearest_optimum(np.diag([3.0, 1.0, 0.0]), np.diag([4.0, 1.0, 0.01]))
        >>> round(gap, 9), round(c, 9), left
        (0.0, 0.5, 2)
    """
    values, vectors = np.linalg.eigh(covariance)
    root = np.sqrt(np.maximum(values, 0))
    along = np.einsum("ij,ik,kj->j", vectors, gram, vectors)
    tried = [(-np.inf, 0.0)]
    for first in range(len(root)):  # the directions from this one on are left
        r, g, least = root[first:], along[first:], float(root[first - 1]) if first else 0.0
        below = float(g.sum() * r.sum() - len(r) * (r @ g))
        inner = float(g.sum() * (r @ r) - (r @ g) * r.sum()) / below if below else least
        for c in (least, min(max(inner, least), float(r[0]))):
            size = float(np.linalg.norm(r - c))
            if size > 1e-12 * root[-1]:
                tried.append((float((r - c) @ g) / size, c))
    c = max(tried, key=lambda pair: pair[0])[1]
    lengths = np.maximum(root - c, 0)
    law = (vectors * lengths) @ vectors.T
    gap = np.linalg.norm(gram / np.linalg.norm(gram) - law / np.linalg.norm(law))
    return float(gap), c, int(np.count_nonzero(lengths > ALIKE * root[-1]))
