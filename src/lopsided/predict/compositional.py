"""Compositional features: a class part and a domain part, added."""

from __future__ import annotations

import numpy as np

from lopsided.arrays import Floats, require_finite, require_number, require_whole
from lopsided.geometry import Geometry, Source
from lopsided.memory import require_memory
from lopsided.papers import cite


def compositional(k: int, domains: int, ridge: float) -> Geometry:
    """Return the features of k classes in several domains under two frozen orthogonal heads.

    With orthonormal rows W (k, d) and V (e, d) that are orthogonal to each other, the loss CE(W h,
    class) + CE(V h, domain) + ridge / 2 ||h||^2 of a cell (class y, domain a) has its optimum at h
    = g_k W'(e_y - 1 / k) + g_e V'(e_a - 1 / e), where g_k ridge = k / (exp(g_k) + k - 1), and g_e
    likewise. Cells without samples follow the same formula.

    Source: Wang et al. 2024 (arXiv 2402.02851) for the two heads; the features derived here.

    Args:
        k: number of classes.
        domains: e, number of domains.
        ridge: on the features of a sample; positive.

    Returns:
        k + e classifiers, W above V, by k e embeddings, the cells of class 0 first.

    Raises:
        ValueError: if there are fewer than two classes or domains, or the ridge is not positive.
        MemoryError: if the features take more than half of this machine's memory.

    Example:
        >>> cells = compositional(5, 3, ridge=0.3).embeddings.matrix()
        >>> parallelogram = cells[0] - cells[1] - cells[3] + cells[4]  # two classes, two domains
        >>> bool(abs(parallelogram).max() < 1e-12)
        True
    """
    k, domains = require_whole("classes k", k, 2), require_whole("domains", domains, 2)
    ridge = float(require_finite(require_number(ridge, "the ridge"), "the ridge", positive=True))
    cells = k * domains
    # Four times: parts, their rows beside each other, and copies for Gram and logits.
    require_memory(32.0 * cells * (k + domains), f"the features of {cells:,} cells", "take fewer")
    classes, places = np.repeat(np.arange(k), domains), np.tile(np.arange(domains), k)
    parts = (
        _gain(k, ridge) * _simplex(k)[classes],
        _gain(domains, ridge) * _simplex(domains)[places],
    )
    source = Source(
        "compositional features", cite("wang2024"), "two frozen orthonormal heads, free features"
    )
    return Geometry.of_factors(np.eye(k + domains), np.hstack(parts), source)


def _simplex(k: int) -> Floats:
    return np.eye(k) - 1 / k


@np.errstate(under="ignore")
def _gain(k: int, ridge: float) -> float:
    """Return the g with g ridge (exp(g) + k - 1) = k, which grows in g."""
    from scipy.optimize import brentq  # slow to import

    # exp(g) is at least 1, and g itself where that is not the nearer bound; twice for rounding.
    high = 2 / ridge if ridge > 1 else 2 * max(1.0, float(np.log(k) - np.log(ridge)))

    def excess(g: float) -> float:
        return float(np.log(g) + np.log(ridge) - np.log(k) + np.logaddexp(g, np.log(k - 1)))

    return float(brentq(excess, 1e-12 * high, high, xtol=1e-15 * high))
