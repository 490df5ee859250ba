"""How features go on from layer to layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, real_array, resized


def layer_cosines(features: Sequence[npt.ArrayLike]) -> Floats:
    """Return (L, L) the mean over samples of the cosine between their features in two layers.

    Layers must be of one width, as blocks of residual networks are: between others a cosine says
    nothing.

    Source: Jiang, Zhou and Zhu 2025 (arXiv 2406.14479).

    Args:
        features: (n, d) of each layer, all of the same samples in the same order.

    Raises:
        ValueError: if there is no layer, shapes differ, or a feature is zero or not finite; layer
            and sample are named.

    Example:
        >>> layer_cosines([[[1.0, 0.0]], [[1.0, 1.0]]]).round(3)
        array([[1.   , 0.707],
               [0.707, 1.   ]])
    """
    given = [real_array(h, f"features of layer {i}") for i, h in enumerate(features)]
    if not given or given[0].ndim != 2 or not given[0].size:
        raise ValueError("layer cosines take a list of (n, d) arrays, one a layer")
    units = []
    for i, h in enumerate(given):
        if h.shape != given[0].shape:
            raise ValueError(
                f"all layers must have one shape, got {given[0].shape} in layer 0 and {h.shape} in"
                f" layer {i}; compare the blocks of one width"
            )
        if not (fine := np.isfinite(h).all(axis=1) & h.any(axis=1)).all():
            raise ValueError(
                f"features must be finite and not zero, those of sample {int(np.argmin(fine))} in"
                f" layer {i} are not"
            )
        h = resized(h, axis=1)
        units.append((h / np.linalg.norm(h, axis=1, keepdims=True)).ravel())
    stacked = np.stack(units)
    return np.asarray(stacked @ stacked.T / len(given[0]))
