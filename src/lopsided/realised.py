"""Realised: explicit vectors whose inner products are given."""

from __future__ import annotations

import numpy as np

from lopsided.arrays import Floats, require_whole


def realised(
    classifiers: Floats, embeddings: Floats, logits: Floats, d: int | None, seed: int
) -> Floats:
    """Return (k + m, d) classifiers and embeddings in an orientation drawn from the seed.

    Args:
        classifiers: (k, k) inner products.
        embeddings: (m, m) inner products.
        logits: (k, m) inner products of the two.
        d: dimensions; by default the rank.
        seed: of the random rotation.

    Raises:
        ValueError: if `d` is no whole number, or too small; the smallest that works is named.
    """
    joint = np.block([[classifiers, logits], [logits.T, embeddings]])
    # Classifiers and means can differ in length by orders; equilibrate, so that the rank is
    # judged alike for both.
    lengths = np.sqrt(np.maximum(np.diag(joint), 0))
    scale = np.where(lengths > 0, lengths, 1.0)
    values, basis = np.linalg.eigh(joint / np.outer(scale, scale))
    kept = values > 1e-9 * values[-1]
    rank = int(kept.sum())
    width = require_whole("dimensions d", rank if d is None else d, 0)
    if width < rank:
        raise ValueError(f"this geometry spans {rank} dimensions, d={width} is too small")
    coordinates = (basis[:, kept] * np.sqrt(values[kept])) * scale[:, None]
    require_whole("seed", seed, 0)
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((width, width)))
    return np.asarray(coordinates @ rotation[:rank])
