"""Singular values and vectors of a matrix, also where LAPACK's fast routine gives up."""

from __future__ import annotations

import numpy as np

from lopsided.arrays import Floats


def svd(matrix: Floats, *, whole: bool = False) -> tuple[Floats, Floats, Floats]:
    """Return the singular value decomposition (left, values, right) of a finite matrix, however it
    is scaled or clustered.

    LAPACK's divide and conquer (gesdd) is the fast one and now and then gives up on a finite
    matrix; then the QR iteration (gesvd) decides.

    Args:
        matrix: (p, m).
        whole: square orthogonal factors instead of thin ones.

    Raises:
        ValueError: if the matrix is not finite.
    """
    try:
        left, values, right = np.linalg.svd(matrix, full_matrices=whole)
    except np.linalg.LinAlgError:
        import scipy.linalg  # slow to import, and seldom needed

        left, values, right = scipy.linalg.svd(matrix, full_matrices=whole, lapack_driver="gesvd")
    return left, values, right


def singular_values(matrix: Floats) -> Floats:
    """Return the singular values of a finite matrix, descending; as `svd`.

    Raises:
        ValueError: if the matrix is not finite.
    """
    try:
        return np.asarray(np.linalg.svd(matrix, compute_uv=False))
    except np.linalg.LinAlgError:
        import scipy.linalg

        return np.asarray(scipy.linalg.svd(matrix, compute_uv=False, lapack_driver="gesvd"))
