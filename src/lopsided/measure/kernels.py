"""Features that have a kernel, so that every metric is one of kernels too."""

from __future__ import annotations

from typing import Any

import numpy as np

from lopsided.arrays import Floats, kind_of, real_array, require_squares


def features_of(kernel: Any) -> Floats:
    """Return features whose inner products are a kernel: its eigenvectors times the roots of their
    eigenvalues.

    Eigenvalues within rounding of zero, n times the resolution of the kernel's type times the
    largest, are left out.

    Source: derived here.

    Args:
        kernel: (n, n) array or tensor, symmetric; of the type that it was computed in.

    Returns:
        (n, r), the direction of the largest variance first.

    Raises:
        ValueError: if the kernel is not square and finite, is zero, is not symmetric, or has a
            negative eigenvalue beyond rounding.
        TypeError: if it does not hold real numbers, or is of half precision.

    Example:
        >>> features = features_of([[4.0, 0.0], [0.0, 1.0]])
        >>> abs(features).round(12)
        array([[2., 0.],
               [0., 1.]])
    """
    K = real_array(kernel, "a kernel")
    if K.ndim != 2 or K.shape[0] != K.shape[1] or not K.size:
        raise ValueError(f"a kernel must be (n, n), got shape {K.shape}")
    if not (fine := np.isfinite(K)).all():
        i, j = np.unravel_index(int(np.argmin(fine)), fine.shape)
        raise ValueError(f"a kernel must be finite, entry ({i}, {j}) is {K[i, j]}")
    require_squares(K, "a kernel's entries")
    kind = _precision(kernel)
    rounding = len(K) * float(np.finfo(kind).eps)
    size = float(np.abs(K).max())
    off = np.abs(K - K.T)
    if not size or off.max() > rounding * size:
        i, j = np.unravel_index(int(off.argmax()), off.shape)
        problem = f"entries ({i}, {j}) and ({j}, {i}) are {K[i, j]:.6g} and {K[j, i]:.6g}"
        raise ValueError(
            f"a kernel must be symmetric, {problem}"
            if size
            else "a kernel of zeros has no features"
        )
    values, vectors = np.linalg.eigh((K + K.T) / 2)
    smallest = rounding * float(np.abs(values).max())
    if values[0] < -smallest:
        raise ValueError(
            f"a kernel must have no negative eigenvalue, got {values[0]:.3g} beside a largest of"
            f" {values[-1]:.3g}, which is more than rounding of {kind}; give a kernel in the type"
            " that it was computed in"
        )
    kept = np.flatnonzero(values > smallest)[::-1]
    return np.asarray(vectors[:, kept] * np.sqrt(values[kept]))


def _precision(kernel: Any) -> str:
    """Return the type whose rounding a kernel has: float32, or float64 for all else.

    Raises:
        TypeError: if it is a half precision, whose rounding hides all but the largest eigenvalues.
    """
    kind = kind_of(kernel)
    if kind in ("float16", "bfloat16"):
        raise TypeError(
            f"a kernel of {kind} is rounded too coarsely to have features: compute it in float32 or"
            " float64"
        )
    return "float32" if kind == "float32" else "float64"
