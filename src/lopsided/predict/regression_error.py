"""What a regression's ridge costs: one network for all outputs, or targets treated otherwise."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from lopsided.arrays import real_array, require_number, require_squares

Treatment = Literal["joint", "separate", "standardised", "whitened"]


def regression_error(covariance: npt.ArrayLike, c: float, treatment: Treatment = "joint") -> float:
    """Return the training error at the optimum of `regression` with one layer: summed over outputs,
    mean over samples.

    With the eigenvalues l_j of the covariance of the targets one network for all outputs leaves
    sum_j min(l_j, c), c = ridge^2 / n = lambda_W lambda_H. A network for each output leaves sum_j
    min(variance_j, c), which is never less. Standardised targets, mapped back, leave sum_j
    variance_j [Q diag(min(l, c)) Q']_jj, with Q l Q' their correlation matrix; whitened ones min(1,
    c) times the sum of variances.

    Source: Andriopoulos et al. 2024 (arXiv 2409.04180) for joint and separate; others derived here.

    Args:
        covariance: (t, t) of the targets, divided by n.
        c: ridge^2 / n, at least 0.
        treatment: "joint", "separate", "standardised" or "whitened".

    Raises:
        ValueError: if the covariance is not finite, symmetric and positive semidefinite, c is
            negative, the treatment unknown, or an output that is to be scaled does not vary.

    Example:
        >>> covariance = [[2.0, 1.0], [1.0, 2.0]]
        >>> [round(regression_error(covariance, 1.5, how), 6) for how in ("joint", "separate")]
        [2.5, 3.0]
    """
    S = real_array(covariance, "the covariance")
    if S.ndim != 2 or S.shape[0] != S.shape[1] or not S.size:
        raise ValueError(f"the covariance must be a matrix (t, t), got shape {S.shape}")
    if not np.isfinite(S).all():
        j, i = np.argwhere(~np.isfinite(S))[0]
        raise ValueError(f"the covariance must be finite, that of outputs {j} and {i} is not")
    require_squares(S, "the covariances")
    if np.abs(S - S.T).max() > 1e-9 * np.abs(S).max():
        raise ValueError("the covariance must be symmetric")
    if treatment not in get_args(Treatment):
        raise ValueError(
            f"treatment must be one of {', '.join(get_args(Treatment))}, got {treatment!r}"
        )
    c = require_number(c, "c")
    if not 0 <= c < np.inf:
        raise ValueError(f"c must be a finite number of at least 0, got {c}")
    values, variances = np.linalg.eigvalsh(S), S.diagonal()
    if values[0] < -1e-9 * abs(values[-1]):
        raise ValueError(f"the covariance must be positive semidefinite, it has {values[0]:g}")
    if treatment in ("standardised", "whitened") and (variances <= 0).any():
        raise ValueError(
            f"output {int(np.argmin(variances))} does not vary and cannot be {treatment}; leave it"
            " out"
        )
    if treatment == "joint":
        return float(np.minimum(np.maximum(values, 0), c).sum())
    if treatment == "separate":
        return float(np.minimum(variances, c).sum())
    if treatment == "whitened":
        return float(min(1.0, c) * variances.sum())
    root = np.sqrt(variances)
    spectrum, Q = np.linalg.eigh(S / np.outer(root, root))
    return float(variances @ (Q**2 @ np.minimum(np.maximum(spectrum, 0), c)))
