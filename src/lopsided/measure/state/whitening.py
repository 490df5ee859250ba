"""Whitening: the inverse of the scatter of the class means, in which NC1 measures the scatter of
the samples.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, solve_triangular
from scipy.linalg.lapack import dpocon

from lopsided.arrays import Floats
from lopsided.measure.state.center import centered
from lopsided.measure.state.means import Means
from lopsided.measure.state.span import span
from lopsided.memory import require_memory


class Whitening(NamedTuple):
    """P with P P' = E^+, E = M' M the scatter of the (k, d) class means M about their unweighted
    mean.

    Attributes:
        columns: (d, r) the columns of P; r is 0 if all class means coincide.
        tilt: (r,) mean of the class means minus mean of the samples, times P.
        k: number of classes.
    """

    columns: Floats
    tilt: Floats
    k: int

    @classmethod
    def of(cls, means: Means) -> Whitening:
        """Return the whitening of class means.

        Raises:
            ValueError: if a class has no sample.
            MemoryError: if the Gram matrix of the means would take more than half of this machine's
                memory.
        """
        apart = centered(means)
        columns = _columns(apart)
        return cls(columns, -(means.counts / means.n) @ apart @ columns, means.k)


def _columns(means: Floats) -> Floats:
    """Return P for centred (k, d) means.

    A Cholesky factor of the smaller Gram matrix gives it at a quarter of the cost of singular
    vectors. It squares the singular values; where the smallest may be below 1e-3 of the largest,
    they are computed instead.
    """
    k, d = means.shape
    require_memory(
        24.0 * min(k, d) ** 2, f"the Gram matrix of {k:,} class means in {d:,} dimensions"
    )
    gram = means @ means.T if k <= d else means.T @ means
    if k <= d:  # the vector of ones, on which M' vanishes, gets the mean eigenvalue
        gram += np.trace(gram) / k**2
    if (factor := _factor(gram)) is None:
        spanned = span(means)
        return spanned.basis / spanned.values
    if k <= d:
        return np.asarray(cho_solve((factor, True), means).T)
    return _inverse(factor)


def from_gram(gram: Floats) -> Floats | None:
    """Return P from the (d, d) Gram matrix M' M of more centred means than dimensions; `None` where
    it tells too little.
    """
    factor = _factor(gram)
    return None if factor is None else _inverse(factor)


def _factor(gram: Floats) -> Floats | None:
    """Return the Cholesky factor, lower; `None` where singular values may be below 1e-3 of the
    largest.
    """
    try:
        factor, _ = cho_factor(gram, lower=True)
    except LinAlgError:
        return None
    closeness, _ = dpocon(factor, np.abs(gram).sum(axis=0).max(), uplo="L")
    return factor if closeness > 1e-6 else None


def _inverse(factor: Floats) -> Floats:
    return np.asarray(solve_triangular(factor, np.eye(len(factor)), lower=True).T)
