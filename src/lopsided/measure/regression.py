"""Regression collapse of a trained network: NRC1 to NRC3."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, real_array, singular_values


class RegressionCollapse(NamedTuple):
    """How far a regression has collapsed; each 0 where it has.

    Attributes:
        nrc1: share of the features' variance outside their t leading directions.
        nrc2: share of the centred features outside the row space of the head.
        nrc3: distance of WW' from the nearest (covariance of targets)^{1/2} - sqrt(gamma) I,
            scale-free.
        gamma: where the nearest is.
    """

    nrc1: float
    nrc2: float
    nrc3: float
    gamma: float


def regression_collapse(
    features: npt.ArrayLike, targets: npt.ArrayLike, weight: npt.ArrayLike
) -> RegressionCollapse:
    """Measure a regression.

    Args:
        features: (n, d) inputs of the last layer.
        targets: (n, t) what was to be met.
        weight: (t, d) of the last layer.

    Raises:
        ValueError: if shapes do not fit, a number is not finite, or features, targets or weight do
            not vary.

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
    for name, array in (("features", h), ("targets", y), ("weight", w)):
        if not np.isfinite(array).all():
            raise ValueError(
                f"{name} must be finite, row {int(np.argmin(np.isfinite(array).all(axis=1)))}"
                " is not"
            )
        if not np.ptp(array, axis=0).any():
            raise ValueError(f"{name} must vary, all rows are the same")
    h, y = h - h.mean(axis=0), y - y.mean(axis=0)
    energy, t = float(np.sum(h**2)), y.shape[1]
    spectrum = singular_values(h) ** 2
    hidden = h - h @ np.linalg.pinv(w) @ w
    gap, gamma = nrc3(w @ w.T, y.T @ y / len(y))
    return RegressionCollapse(
        float(spectrum[t:].sum()) / energy, float(np.sum(hidden**2)) / energy, gap, gamma
    )


def nrc3(gram: Floats, covariance: Floats) -> tuple[float, float]:
    """Return min over 0 <= gamma <= least eigenvalue of ||G/||G|| - (S - sqrt(gamma) I)/||.||||, S
    = covariance^{1/2}, and gamma.

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

    best = min({0.0, min(max(inner, 0.0), most), most}, key=gap)
    return gap(best), best**2
