"""Contextures: representations that learn the association of inputs with their context."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lopsided.arrays import real_array, require_whole
from lopsided.geometry import Geometry, Source
from lopsided.papers import cite
from lopsided.singular import svd

#: How far from 1 the sum of a joint distribution may be, and how near to each other two singular
#: values that no cut can tell apart.
CLOSE = 1e-9
#: A mass below this is rounding of the others, and of what is divided by it no digit is left.
MASS = 1e-16


def contexture(joint: npt.ArrayLike, d: int | None = None) -> Geometry:
    """Return the best d-dimensional features of inputs and contexts: rows and columns of a joint
    distribution.

    With the marginals a and b of the joint P, and P / sqrt(a b') = U diag(s) V', the features are F
    = diag(a)^{-1/2} U S^{1/2} and G = diag(b)^{-1/2} V S^{1/2}, so that FG' is the best rank-d
    approximation of P / (a b'). They minimise -2 sum P f . g + sum a b' (f . g)^2, whose least
    value is minus the sum of the first d squares of s. The first of s is 1, of the constant. Labels
    as the context of samples are `spectral_contrastive`.

    Source: Zhai et al. 2025 (arXiv 2505.01557).

    Args:
        joint: (k, m) distribution over pairs, sum 1.
        d: feature dimensions; by default as many as there are positive singular values.

    Returns:
        F as classifiers, G as embeddings, FG' as logits.

    Raises:
        ValueError: if the joint is no distribution with marginals of at least 1e-16, there are
            fewer than d positive singular values, or two are equal where d cuts between them.

    Example:
        >>> found = contexture([[0.4, 0.1], [0.1, 0.4]])
        >>> found.logits.matrix().round(12)
        array([[1.6, 0.4],
               [0.4, 1.6]])
    """
    P = _joint(joint)
    a, b = P.sum(axis=1), P.sum(axis=0)
    left, values, right = svd(P / np.sqrt(np.outer(a, b)))
    positive = int(np.sum(values > CLOSE))
    rank = positive if d is None else d
    require_whole("dimensions d", rank, 0)
    if not 1 <= rank <= positive:
        raise ValueError(
            f"this joint distribution has {positive} positive singular values, so d must be from 1"
            f" to {positive}, got {d}"
        )
    if rank < positive and values[rank - 1] - values[rank] <= CLOSE:
        raise ValueError(
            f"singular values {rank} and {rank + 1} are both {values[rank]:.6g}, so d={rank} cuts"
            " between directions of equal worth; take more dimensions or fewer"
        )
    root = np.sqrt(values[:rank])
    F = left[:, :rank] * root / np.sqrt(a)[:, None]
    G = right[:rank].T * root / np.sqrt(b)[:, None]
    return Geometry.of_factors(F, G, Source("contexture", cite("zhai2025"), "free features"))


def _joint(joint: npt.ArrayLike) -> npt.NDArray[np.float64]:
    P = real_array(joint, "a joint distribution")
    if P.ndim != 2 or min(P.shape) < 2:
        raise ValueError(
            f"a joint distribution must be an array of at least (2, 2), got shape {P.shape}"
        )
    if not np.isfinite(P).all() or (P < 0).any():
        raise ValueError("a joint distribution must have finite entries of at least 0")
    if abs(P.sum() - 1) > CLOSE:
        raise ValueError(
            f"a joint distribution must sum to 1, got {P.sum():.12g}; divide a table of counts by"
            " its sum"
        )
    for name, marginal in (("row", P.sum(axis=1)), ("column", P.sum(axis=0))):
        if marginal.min() < MASS:
            least = f"a mass of {marginal.min():.2g}" if marginal.min() else "no mass"
            raise ValueError(
                f"{name} {int(np.argmin(marginal))} of the joint distribution has {least}; leave"
                " it out"
            )
    return P
