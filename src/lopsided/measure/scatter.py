"""The within-class scatter S, the sum of (h - mu_y)(h - mu_y)' over all samples: whole, or seen in the span of the class means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.blas import dsyrk

from lopsided.arrays import Floats
from lopsided.measure.span import Center, Span


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

    def quotient(self, between: Span) -> float:
        """Return tr(S E^+) for E = B diag(values^2) B', the scatter of the class means that span `between`, a sum over classes."""
        along = np.einsum("dr,dr->r", between.basis, self.matrix() @ between.basis)
        return float(np.sum(along / between.values**2))

    def copy(self) -> Pooled:
        """Return an independent copy."""
        return Pooled(self.upper.copy(order="F"))


@dataclass(frozen=True, eq=False)
class Projected:
    """The scatter seen from the class means, as far as NC1 needs it.

    Attributes:
        span: of the class means centred by classes, B diag(values) in its basis B; it holds all differences of class means.
        along: (r,) the scatter along each direction of the basis.
        shift: (r,) mean of the class means minus mean of the samples, in the basis.
        toward: the scatter along E^+ shift, E = B diag(values^2) B'.
    """

    span: Span
    along: Floats
    shift: Floats
    toward: float

    def quotient(self, center: Center) -> float:
        """Return tr(S E^+), E the scatter of the class means about a centre, a sum over classes.

        About the mean of the samples E gains k shift shift', so by Sherman and Morrison its inverse in the span loses a term of
        rank one (derived here).
        """
        value = float(np.sum(self.along / self.span.values**2))
        if center == "classes":
            return value
        k = len(self.span.left)
        return value - k * self.toward / (1 + k * float(np.sum(self.shift**2 / self.span.values**2)))

    def copy(self) -> Projected:
        """Return the projection itself, which nothing changes."""
        return self
