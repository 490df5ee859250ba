"""The centred class means as an orthonormal basis: the subspace in which classes differ."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from lopsided.arrays import Floats
from lopsided.memory import require_memory
from lopsided.singular import svd

#: What the class means are centred by: their unweighted mean, the mean of all samples, or nothing.
Center = Literal["classes", "samples", "none"]


class Span(NamedTuple):
    """Singular value decomposition of the centred class means, left * values @ basis.T.

    Attributes:
        values: (r,) positive singular values, descending; r is the numerical rank.
        left: (k, r) orthonormal columns.
        basis: (d, r) orthonormal columns.
    """

    values: Floats
    left: Floats
    basis: Floats


def span(means: Floats, rank: int | None = None) -> Span:
    """Return the span of (k, d) class means; the smaller of the (k, k) and (d, d) Gram matrices is
    diagonalised.

    A Gram matrix squares the singular values and loses digits of the small ones; where one falls
    below 1e-3 of the largest, the means themselves are decomposed, which costs about ten times more
    and is right to 1e-15 of the largest.

    Args:
        means: centred or not.
        rank: the largest rank possible; by default k - 1, as centring leaves.

    Raises:
        MemoryError: if the Gram matrix would take more than half of this machine's memory.
    """
    k, d = means.shape
    expected = min(k - 1 if rank is None else rank, d)
    require_memory(
        24.0 * min(k, d) ** 2, f"the Gram matrix of {k:,} class means in {d:,} dimensions"
    )
    squares, vectors = np.linalg.eigh(means @ means.T if k <= d else means.T @ means)
    if squares[-expected] <= 1e-6 * squares[-1]:
        left, values, right = svd(means)
        kept = values > values[0] * max(k, d) * np.finfo(np.float64).eps
        return Span(values[kept], left[:, kept], right[kept].T)
    values, vectors = np.sqrt(squares[::-1][:expected]), vectors[:, ::-1][:, :expected]
    if k <= d:
        return Span(values, vectors, means.T @ (vectors / values))
    return Span(values, means @ (vectors / values), vectors)
