"""The spectrum of vectors that balance at obtuse angles, to the last digit of its smallest
eigenvalue.

Class means of cross-entropy have no positive inner product, and sum to zero with positive weights.
Their Gram is then a graph Laplacian between two diagonal matrices. Eliminating its classes one by
one adds to the others only positive terms, so that the factor is right in every digit of every
entry, and one-sided Jacobi finds the singular values of such a graded factor: eigenvalues that
differ by dozens of orders keep theirs.

Source: Grassmann, Taksar and Heyman 1985 for the elimination; Demmel, Gu, Eisenstat, Slapnicar,
Veselic and Drmac 1999 for what it gives to singular values.
"""

from __future__ import annotations

import numpy as np

from lopsided.arrays import Floats, Ints
from lopsided.memory import require_memory
from lopsided.predict.algebra.roots import Factor


def balanced_spectrum(gram: Factor, weights: Floats, sizes: Ints) -> Floats:
    """Return the (k,) eigenvalues of a Gram, descending; O(m^3) time and O(m^2) memory for m
    groups.

    Args:
        gram: of vectors without a positive inner product, on groups of classes.
        weights: (m,) positive factors with which the vectors of all classes sum to zero.
        sizes: (m,) classes in each group.

    Raises:
        MemoryError: if the (m, m) matrices would take more than half of this machine's memory.
        LinAlgError: if LAPACK's Jacobi iteration does not converge.
    """
    m, root = len(sizes), np.sqrt(sizes)
    require_memory(48.0 * m**2, f"the spectrum of {m:,} groups of classes")
    # Vectors of zero sum within a group see the diagonal's excess over the block, here a sum of
    # positive terms.
    within = np.repeat(gram.diagonal - np.einsum("iq,iq->i", gram.left, gram.right), sizes - 1)
    flow = -(root[:, None] * (gram.left @ gram.right.T) * root)
    np.fill_diagonal(flow, 0)
    factor = np.zeros((m, m - 1))
    balance = weights * root
    for column in factor.T:
        diagonal = flow @ balance / balance
        pivot = int(np.argmax(diagonal))
        share = flow[pivot] / diagonal[pivot]
        column -= share * np.sqrt(diagonal[pivot])
        column[pivot] = np.sqrt(diagonal[pivot])
        flow += np.outer(share, flow[pivot])
        flow[pivot] = flow[:, pivot] = 0
        np.fill_diagonal(flow, 0)
    across = _singular_values(factor) ** 2 if m > 1 else np.empty(0)
    return np.append(np.sort(np.concatenate([within, across]))[::-1], 0.0)


def _singular_values(factor: Floats) -> Floats:
    from scipy.linalg import lapack  # slow to import, and seldom needed

    # All columns kept however short (joba C, jobr N), no vectors, nothing perturbed.
    values, _, _, scale, _, info = lapack.dgejsv(
        factor, joba=0, jobu=3, jobv=3, jobr=0, jobt=1, jobp=1
    )
    if info:
        raise np.linalg.LinAlgError(
            f"the Jacobi iteration of a {factor.shape} matrix did not converge"
        )
    return np.asarray(values * (scale[0] / scale[1]))
