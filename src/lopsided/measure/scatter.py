"""The within-class scatter S, the sum of (h - mu_y)(h - mu_y)' over all samples: whole, or seen in the span of the class means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.blas import dsyrk

from lopsided.arrays import Floats
from lopsided.measure.span import Span


@dataclass(eq=False)
class Pooled:
    """A (q, q) sum of outer products.

    Attributes:
        upper: (q, q) in Fortran order, its upper triangle the sum's; below the diagonal is zero.
    """

    upper: Floats

    @classmethod
    def zeros(cls, q: int) -> Pooled:
        """The sum of nothing."""
        return cls(np.zeros((q, q), order="F"))

    def add(self, deviations: Floats) -> None:
        """Add the outer products of the rows of (b, q) deviations; b q^2 operations, in place."""
        if deviations.size:
            # dsyrk works in place only on a Fortran-ordered target, which `upper` is by construction.
            self.upper = dsyrk(1.0, deviations.T, 1.0, self.upper, overwrite_c=1)

    def matrix(self) -> Floats:
        """Return the whole symmetric (q, q) array."""
        return np.asarray(self.upper + np.triu(self.upper, 1).T)

    def along(self, span: Span) -> Floats:
        """Return (r,) the scatter along each direction of a span, the diagonal of B' S B."""
        return np.asarray(np.einsum("dr,dr->r", span.basis, self.matrix() @ span.basis))

    def copy(self) -> Pooled:
        """Return an independent copy."""
        return Pooled(self.upper.copy(order="F"))


@dataclass(eq=False)
class Projected:
    """The scatter in the span of the class means, B' S B.

    Attributes:
        span: of the class means centred by classes, with the basis B; it holds all differences of class means.
        inner: the (r, r) scatter in that basis.
    """

    span: Span
    inner: Pooled

    def along(self, span: Span) -> Floats:
        """Return (r,) the scatter along each direction of a span of differences of class means."""
        if span is self.span:
            return self.inner.upper.diagonal()
        inside = self.span.basis.T @ span.basis
        return np.asarray(np.einsum("sr,sr->r", inside, self.inner.matrix() @ inside))

    def copy(self) -> Projected:
        """Return an independent copy."""
        return Projected(self.span, self.inner.copy())
