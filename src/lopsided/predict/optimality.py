"""Optimality: the proof that a cross-entropy geometry is the max-margin optimum, as numbers.

The hard-margin problem of the unconstrained-features model, min (||W||^2 + ||H||^2) / 2 such that
every margin asked for is met,
has a convex dual over k x k matrices B (one column a class): norm of B N^{1/2} at most 1, columns
orthogonal to d = 1 / scale, and no positive entry off the diagonal. For a closed form B = (WW')^+
X. Its entries off the diagonal are -sum_q (w_q / S_q) f_q(c) f_q(c') x_c' with all factors positive
(`lopsided.predict.algebra.roots`), so an upper bound on all of them follows from the smallest
factors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lopsided.adjustment import Adjustment
from lopsided.counts import Counts, CountsLike
from lopsided.predict.algebra.roots import inverse_root
from lopsided.predict.forms.cross_entropy import Bias, cross_entropy, reduced, require_uniform


@dataclass(frozen=True)
class Optimality:
    """Primal and dual value of a geometry on the hard-margin problem, and the signs of its dual.

    Attributes:
        primal: (||W||^2 + ||H||^2) / 2 of the geometry.
        dual: value of its dual matrix, a lower bound on every primal value if the signs hold.
        largest_sign: no entry of the dual off the diagonal is above this.
    """

    primal: float
    dual: float
    largest_sign: float

    @property
    def relative_gap(self) -> float:
        """How far the primal value can be from the optimum, over its size."""
        return (self.primal - self.dual) / self.primal

    @property
    def holds(self) -> bool:
        """Whether the geometry is optimal: the dual is feasible and the gap is rounding."""
        return self.largest_sign <= 0 and abs(self.relative_gap) < 1e-12


def certificate(
    counts: CountsLike, adjustment: Adjustment | None = None, bias: Bias = "none"
) -> Optimality:
    """Return the proof of `cross_entropy(counts, adjustment, bias)`, measured on its numbers.

    Source: the dual is that of Thrampoulidis et al. 2022 (arXiv 2208.05512); its signs for any
    counts: derived here.

    Args:
        counts: the class counts.
        adjustment: of the loss; by default plain cross-entropy.
        bias: as in `cross_entropy`.

    Returns:
        Primal, dual and signs; O(m) for m groups of interchangeable classes.

    Raises:
        ValueError: as `cross_entropy`.

    Example:
        >>> certificate(Counts([50, 7, 7, 1])).holds
        True
    """
    counts = Counts.of(counts)
    adjustment = Adjustment() if adjustment is None else adjustment
    geometry, given = cross_entropy(counts, adjustment, bias), adjustment.resolve(counts)
    groups = geometry.classifiers.groups
    sizes, n = (
        groups.sizes,
        counts.values[groups.first] if groups is not counts.groups else counts.distinct,
    )
    if bias == "free":
        # (WW')^+ X = (C N^-1 C)^{+1/2} N^-1, the same at every margin.
        x, d, a = 1 / n, np.ones(groups.m), 1 / n
        demand = np.full(groups.m, require_uniform(given))
    else:
        a, d, x, unit = reduced(given)
        demand = x * unit
    left, right, diagonal = inverse_root(a, d, sizes)
    times = sizes * n.astype(np.float64)
    primal = (sizes @ geometry.classifiers.diagonal + times @ geometry.embeddings.diagonal) / 2
    dual = times @ (diagonal * x * demand)
    # left is negative, right positive.
    largest = left.max(axis=0) @ (right * x[:, None]).min(axis=0)
    return Optimality(float(primal), float(dual), float(largest))
