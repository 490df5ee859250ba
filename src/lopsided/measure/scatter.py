"""The within-class scatter S, the sum of (h - mu_y)(h - mu_y)' over all samples: whole, or seen in the span of the class means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.blas import dsyrk

from lopsided.arrays import Floats


@dataclass(eq=False)
class Pooled:
    """The whole (d, d) scatter.

    Attributes:
        upper: (d, d) in Fortran order, its upper triangle the scatter's; below the diagonal is zero.
    """

    upper: Floats

    def add(self, deviations: Floats) -> None:
        """Add the scatter of (b, d) deviations; b d^2 operations, in place."""
        if len(deviations):
            # dsyrk works in place only on a Fortran-ordered target, which `upper` is by construction.
            self.upper = dsyrk(1.0, deviations.T, 1.0, self.upper, overwrite_c=1)

    def matrix(self) -> Floats:
        """Return the whole symmetric (d, d) array."""
        return self.upper + np.triu(self.upper, 1).T

    def within(self, directions: Floats) -> Floats:
        """Return V' S V for (d, q) directions V."""
        return np.asarray(directions.T @ (self.matrix() @ directions))

    def copy(self) -> Pooled:
        """Return an independent copy."""
        return Pooled(self.upper.copy(order="F"))


@dataclass(eq=False)
class Projected:
    """The scatter in an orthonormal basis of the span of the class means, B' S B.

    Attributes:
        basis: (d, r) orthonormal columns that span all differences of class means.
        inner: (r, r) the scatter in that basis.
    """

    basis: Floats
    inner: Floats

    def within(self, directions: Floats) -> Floats:
        """Return V' S V for (d, q) directions V in the span of the basis."""
        inside = self.basis.T @ directions
        return np.asarray(inside.T @ self.inner @ inside)

    def copy(self) -> Projected:
        """Return an independent copy."""
        return Projected(self.basis.copy(), self.inner.copy())
