"""The rule that needs no head: the nearest class mean."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from lopsided.steer.either import finite, full, is_tensor, left_type, seen


def nearest_mean(features: Any, means: Any) -> Any:
    """Return logits -||h - mu_c||^2 / 2, whose largest is the nearest class mean.

    Args:
        features: (n, d).
        means: (k, d) class means of the training set.

    Returns:
        (n, k) logits.

    Raises:
        ValueError: if the shapes do not fit, a mean is not finite, as that of no sample, which
            would be the answer to all (the class is named), or squares of distances leave the type
            of the two.
        TypeError: if features or means are not floating point.

    Example:
        >>> nearest_mean(np.array([[0.9]]), np.array([[0.0], [1.0]])).argmax(1)
        array([1])
    """
    features, means = full(features, "features"), full(means, "means")
    if is_tensor(features) != is_tensor(means):
        raise TypeError("features and means must both be NumPy arrays or both be torch tensors")
    if features.ndim != 2 or means.ndim != 2 or features.shape[1] != means.shape[1]:
        raise ValueError(
            f"features (n, d) and means (k, d) must agree in d, got {tuple(features.shape)} and"
            f" {tuple(means.shape)}"
        )
    if seen(means) and not finite(means):
        c = int((~(abs(means) < np.inf)).any(1).nonzero()[0][0])
        raise ValueError(
            f"the mean of class {c} is not finite: leave out classes without samples, and number"
            " the others anew"
        )
    if not is_tensor(features):
        squares = cdist(features, means, "sqeuclidean")
        kind = np.result_type(features, means)
        if not (squares <= np.finfo(kind).max).all() and finite(features, means):
            raise _too_far(kind)
        return (-0.5 * squares).astype(kind)
    import torch

    from lopsided.steer.precision import exact, lifted

    features, means = lifted(features, means)
    with exact(features.device):
        apart = torch.cdist(features, means, compute_mode="donot_use_mm_for_euclid_dist")
        logits = -0.5 * apart.square()
    if left_type(logits, features, means):
        raise _too_far(logits.dtype)
    return logits


def _too_far(kind: Any) -> ValueError:
    return ValueError(
        f"squares of the distances of features and means leave {kind}: divide both by one number"
        " first, which changes no order"
    )
