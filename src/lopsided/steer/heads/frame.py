"""Explicit vectors for a Gram, for heads that are set or started from a prediction."""

from __future__ import annotations

import numpy as np

from lopsided.arrays import Floats, require_whole
from lopsided.gram import Gram


def frame(gram: Gram, d: int, seed: int = 0) -> Floats:
    """Return k vectors in d dimensions with this Gram, scaled to mean squared length one, turned by
    a random rotation.

    Args:
        gram: of the vectors wanted.
        d: dimensions.
        seed: of the rotation.

    Returns:
        (k, d) vectors as rows.

    Raises:
        ValueError: if the Gram needs more than d dimensions (the smallest number that works is
            named), d is no whole number, or the Gram is zero.
        MemoryError: if the (k, k) matrix is too large.

    Example:
        >>> from lopsided import predict
        >>> simplex = frame(predict.etf(3).classifiers, d=2)
        >>> (simplex @ simplex.T).round(6).tolist()[0]
        [1.0, -0.5, -0.5]
    """
    require_whole("dimensions d", d, 1)
    require_whole("seed", seed, 0)
    values, basis = np.linalg.eigh(gram.matrix())
    if not values[-1] > 0:
        raise ValueError("a Gram of zero vectors has no frame")
    kept = values > 1e-10 * values[-1]
    rank = int(kept.sum())
    if d < rank:
        raise ValueError(
            f"these classifiers span {rank} dimensions, so the features need d of at least {rank},"
            f" got d={d}"
        )
    coordinates = basis[:, kept] * np.sqrt(values[kept])
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((d, rank)))
    return np.asarray(coordinates @ rotation.T * np.sqrt(gram.k / values[kept].sum()))
