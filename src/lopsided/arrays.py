"""Array types and the checks that every noun makes at its door."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: The largest integer up to which every integer is a float64.
LARGEST_EXACT = 2**53


def require_finite(values: npt.ArrayLike, name: str, *, positive: bool = False) -> Floats:
    """Return `values` as a float64 vector, all finite (and positive if asked).

    Args:
        values: one number a class, or a single number.
        name: what the numbers are, for the message.
        positive: refuse zero and negative numbers too.

    Returns:
        A float64 array of at most one axis.

    Raises:
        ValueError: if a number is not finite, or not positive when asked; the class is named.
        TypeError: if `values` does not hold numbers.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be numbers, got {values!r}") from error
    if array.ndim > 1:
        raise ValueError(f"{name} must be one number a class, got an array of shape {array.shape}")
    wrong = ~np.isfinite(array) | ((array <= 0) & positive)
    if wrong.any():
        kind = "positive finite numbers" if positive else "finite numbers"
        where = f" for class {int(np.argmax(wrong))}" if array.ndim else ""
        raise ValueError(f"{name} must be {kind}, got {array[wrong].flat[0]}{where}")
    return array


def refuse_mask(values: object, what: str) -> None:
    """Refuse numpy's masked arrays, whose mask every conversion drops without a word.

    Raises:
        TypeError: naming what is masked.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(
            f"{what} must not be a masked array, whose mask would be lost; leave out the masked"
            " entries first"
        )


def require_memory(
    size: float, what: str, instead: str = "ask for the entries you need instead"
) -> None:
    """Refuse an array that would take more than half of this machine's memory.

    Args:
        size: bytes.
        what: what the bytes are for, for the message.
        instead: what to do about it.

    Raises:
        MemoryError: naming the bytes needed and the bytes there are.
    """
    present = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size > present / 2:
        raise MemoryError(
            f"{what} needs {size / 2**30:,.1f} GiB and this machine has {present / 2**30:,.1f} GiB;"
            f" {instead}"
        )


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


def frozen(values: npt.ArrayLike | Sequence[float]) -> Floats:
    """Return a read-only float64 copy."""
    array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array
