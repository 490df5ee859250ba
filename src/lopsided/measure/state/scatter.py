"""The within-class scatter S, the sum of (h - mu_y)(h - mu_y)' over all samples: whole, or seen in
the span of the class means.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.blas import dsyrk

from lopsided.arrays import Floats
from lopsided.measure.state.span import Center
from lopsided.measure.state.whitening import Whitening


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
            # dsyrk works in place only on a Fortran-ordered target, which `upper` is by
            # construction.
            self.upper = dsyrk(1.0, deviations.T, 1.0, self.upper, overwrite_c=1)

    def matrix(self) -> Floats:
        """Return the whole symmetric (q, q) array."""
        return np.asarray(self.upper + np.triu(self.upper, 1).T)

    def projected(self, whitening: Whitening) -> Projected:
        """Return the scatter seen from the class means."""
        inverse, toward = (
            whitening.columns @ whitening.columns.T,
            whitening.columns @ whitening.tilt,
        )
        # Each pair is once above the diagonal; the transpose of `upper` lies in memory as the
        # inverse does.
        trace = 2 * np.vdot(self.upper.T, inverse) - self.upper.diagonal() @ inverse.diagonal()
        along = 2 * (toward @ self.upper @ toward) - self.upper.diagonal() @ toward**2
        return Projected(float(trace), float(along), whitening)

    def copy(self) -> Pooled:
        """Return an independent copy."""
        return Pooled(self.upper.copy(order="F"))


@dataclass(frozen=True, eq=False)
class Projected:
    """The scatter seen from the class means, as far as NC1 needs it.

    Attributes:
        trace: tr(S E^+), E the scatter of the class means about their unweighted mean.
        toward: (P tilt)' S (P tilt), P and tilt of the whitening.
        whitening: of the class means.
    """

    trace: float
    toward: float
    whitening: Whitening

    def quotient(self, center: Center) -> float:
        """Return tr(S E^+), E the scatter of the class means about a centre, a sum over classes.

        About the mean of the samples E gains k shift shift', so by Sherman and Morrison its inverse
        in the span loses a term of rank one (derived here).
        """
        if center == "classes":
            return self.trace
        k, tilt = self.whitening.k, self.whitening.tilt
        return self.trace - k * self.toward / (1 + k * float(tilt @ tilt))

    def copy(self) -> Projected:
        """Return the projection itself, which nothing changes."""
        return self
