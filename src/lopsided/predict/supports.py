"""Next-token prediction and other sparse soft labels: the proxy geometry of a support matrix, and whether it is exact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, frozen, require_memory, svd
from lopsided.geometry import Source
from lopsided.gram import Gram

#: Singular values below this share of the largest are zero.
RANK = 1e-10


@dataclass(frozen=True, eq=False)
class SupportGeometry:
    """Where soft-label cross-entropy goes as the ridge vanishes: as many classifiers as tokens, as many embeddings as contexts.

    Attributes:
        classifiers: Gram of the k tokens.
        embeddings: Gram of the m contexts.
        logits: (k, m) the centred support matrix.
        largest_sign: largest entry of the dual at a token outside its context's support.
        exact: whether these logits solve the max-margin problem; None where the signs fail but the support matrix lacks rank, so
            another dual could still prove it.
        source: the formula.
    """

    classifiers: Gram
    embeddings: Gram
    logits: Floats
    largest_sign: float
    exact: bool | None
    source: Source


def supports(matrix: npt.ArrayLike) -> SupportGeometry:
    """Return the proxy geometry of sparse targets, which depends on their supports alone.

    Among logits that are equal within each context's support and at least 1 lower outside, training tends to those of least
    nuclear norm. The proxy is the support matrix with centred columns, USV'; it is that minimiser where UV' has no positive entry
    outside the supports. One-hot supports give SELI, embeddings a sample each. All supports of one size give an exact proxy;
    others usually not, then `solve.minimize` with ridge 0 finds the minimiser.

    Source: Zhao et al. 2024 (arXiv 2408.15417) for the proxy; where the test is also necessary: derived here.

    Args:
        matrix: (k, m) of 0 and 1, or True and False; 1 where a token (row) can follow a context (column).

    Raises:
        ValueError: if an entry is neither 0 nor 1, or a context has no token or all tokens; it is named.
        MemoryError: if the decomposition would take more than half of this machine's memory.

    Example:
        >>> one_hot = supports(np.eye(3))
        >>> one_hot.exact, one_hot.logits[0].round(3)
        (True, array([ 0.667, -0.333, -0.333]))
    """
    given = np.asarray(matrix)
    if given.ndim != 2 or given.shape[0] < 2 or given.shape[1] < 1:
        raise ValueError(f"supports must be an array of shape (k, m), at least 2 tokens by 1 context, got shape {given.shape}")
    if (wrong := ~np.isin(given, (0, 1))).any():
        v, j = np.argwhere(wrong)[0]
        raise ValueError(f"supports must be 0 or 1, got {given[v, j]} for token {v} of context {j}")
    support = given.astype(np.float64)
    k, m = support.shape
    inside = support.sum(axis=0)
    for size, words in ((0, "no token"), (k, "all tokens")):
        if (inside == size).any():
            raise ValueError(f"each context needs some tokens but not all, context {int(np.argmax(inside == size))} has {words}")
    require_memory(8.0 * (4 * k * m + 2 * min(k, m) ** 2), f"the decomposition of {k:,} tokens by {m:,} contexts")
    logits = support - inside / k
    u, s, vt = svd(logits)
    rank = int((s > RANK * s[0]).sum())
    u, s, vt = u[:, :rank], s[:rank], vt[:rank]
    largest = float((u @ vt)[support == 0].max())
    holds = largest <= 1e-12
    return SupportGeometry(
        classifiers=Gram.of_vectors(u * np.sqrt(s)),
        embeddings=Gram.of_vectors(vt.T * np.sqrt(s)),
        logits=frozen(logits),
        largest_sign=largest,
        exact=True if holds else False if rank == min(k - 1, m) else None,
        source=Source("support proxy", "Zhao et al. 2024", "soft-label cross-entropy, vanishing ridge, d >= k - 1, no bias"),
    )
