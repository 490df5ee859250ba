"""Whether features of class and domain are a class part and a domain part, added."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lopsided.arrays import real_array, resized


def additivity(cell_means: npt.ArrayLike) -> float:
    """Return the share of the variance of cell means that main effects explain; 1 where features
    are sums of parts.

    Args:
        cell_means: (k, e, d) mean feature of each class in each domain.

    Raises:
        ValueError: if there is no such array of finite numbers, or all cells are the same.

    Source: Wang et al. 2024 (arXiv 2402.02851) for the sums; the share derived here.

    Example:
        >>> parts = np.array([[1.0, 0.0], [0.0, 2.0]])
        >>> additivity(parts[:, None] + 3 * parts[None, :])
        1.0
    """
    cells = real_array(cell_means, "cell means")
    if cells.ndim != 3 or min(cells.shape[:2]) < 2:
        raise ValueError(
            "cell means must be an array (k, e, d) of at least 2 classes and 2 domains, got shape"
            f" {cells.shape}"
        )
    if not (fine := np.isfinite(cells).all(axis=2)).all():
        c, a = np.argwhere(~fine)[0]
        raise ValueError(f"cell means must be finite, class {c} in domain {a} is not")
    cells = resized(cells)
    cells = resized(cells - cells[0, 0])  # exactly zero where all are the same, as no mean is
    if not cells.any():
        raise ValueError("all cell means are the same")
    cells = cells - cells.mean(axis=(0, 1))
    rest = cells - cells.mean(axis=1, keepdims=True) - cells.mean(axis=0, keepdims=True)
    return 1 - float(np.sum(rest**2) / np.sum(cells**2))
