"""Points spread evenly over a sphere: the limit of hyperspherical uniformity for many classes."""

from __future__ import annotations

import math

from lopsided.arrays import require_number, require_whole


def uniform_energy(d: int, order: float = 0.0) -> float:
    """Return the mean of ‖x - y‖^-order over independent uniform points of the unit sphere in d
    dimensions, of -log‖x - y‖ for order 0.

    To it tends the `energy` of the most uniform directions of k classes as k grows.

    Source: Liu et al. 2023 (arXiv 2303.06484) for the energies; the integral derived here.

    Raises:
        ValueError: if d is below 2, or the order not from 0 to below d - 1, where the integral is
            infinite.

    Example:
        >>> round(uniform_energy(3), 9), round(uniform_energy(3, order=1.0), 9)
        (-0.193147181, 1.0)
    """
    from scipy.special import digamma  # slow to import

    d, order = require_whole("dimensions d", d, 1), require_number(order, "order")
    if d < 2 or not 0 <= order < d - 1:
        raise ValueError(
            f"the energy is finite for d >= 2 and orders from 0 to below d - 1, got d={d} and"
            f" order={order}"
        )
    if order == 0:
        return -math.log(2) - 0.5 * float(digamma((d - 1) / 2) - digamma(d - 1))
    logarithm = (
        (d - 2 - order) * math.log(2)
        + math.lgamma(d / 2)
        + math.lgamma((d - 1 - order) / 2)
        - math.lgamma(d - 1 - order / 2)
    )
    return math.exp(logarithm) / math.sqrt(math.pi)
