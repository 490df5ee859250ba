"""A simplex ETF most of whose entries are zero."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import OptimizeResult, minimize

from lopsided.arrays import Floats, require_number, require_whole
from lopsided.memory import require_memory

#: How far from the Gram of the ETF a frame may be, in the Frobenius norm.
_NEAR = 1e-6
#: How near is near enough to stop.
_ENOUGH = 1e-8
#: Masks of zeros that are drawn before a frame is refused.
_MASKS = 10


def sparse_frame(k: int, d: int, zero: float = 0.6, seed: int = 0) -> Floats:
    """Return a simplex ETF in which a share of the entries, at places drawn at random, is zero.

    Where the zeros are is drawn; the other entries minimise ||W W' - G||^2, G the Gram of the ETF,
    by L-BFGS from a random start. Places that allow no ETF are drawn anew, ten times at most: each
    two rows must share a column, and as the ETFs in d dimensions are a manifold of (k - 1) (d - k /
    2) dimensions, hardly more zeros than that can be had.

    Source: Xiao et al. 2024 (arXiv 2401.08977) for fixed random zeros; there norms and least angles
    are fitted, here the Gram.

    Args:
        k: vectors, at least 2.
        d: dimensions, at least k - 1.
        zero: share of the entries that are zero, from 0 to below 1; their number is rounded down.
        seed: of the places and of the start.

    Returns:
        (k, d) unit vectors w_c with w_c . w_c' = -1 / (k - 1) as rows, for `FixedHead.of_vectors`.

    Raises:
        ValueError: if an argument is out of range, or no frame of these zeros has a Gram within
            1e-6 of that of the ETF, in the Frobenius norm; how near the nearest came is told.
        MemoryError: if the search takes more than half of this machine's memory.

    Example:
        >>> vectors = sparse_frame(4, 16)
        >>> (vectors == 0).mean().round(2), (vectors @ vectors.T).round(6)[0].tolist()[:2]
        (np.float64(0.59), [1.0, -0.333333])
    """
    k = require_whole("vectors k", k, 2)
    d = require_whole("dimensions d", d, k - 1)
    require_whole("seed", seed, 0)
    if not 0 <= (zero := require_number(zero, "zero")) < 1:
        raise ValueError(f"zero must be a share from 0 to below 1, got {zero}")
    zeros = int(round(zero * k * d, 6))  # 0.29 of 4 * 25 is 29, and in binary a little less
    # Of L-BFGS twenty pairs of steps and slopes, and a few arrays beside.
    require_memory(400.0 * k * d, f"the search for a frame of {k * d:,} entries", "take fewer")
    random = np.random.default_rng(seed)
    least = np.inf
    for _ in range(_MASKS):
        free = np.ones(k * d, bool)
        free[random.choice(k * d, zeros, replace=False)] = False
        start = random.standard_normal(k * d) * np.sqrt(k / (k * d - zeros))
        vectors, residual = _fitted(free.reshape(k, d), start.reshape(k, d))
        if residual <= _NEAR:
            return vectors
        least = min(least, residual)
    nearest = f"the nearest is {least:.2g} away" if least < np.inf else "rows shared no column"
    raise ValueError(
        f"no simplex ETF of {k} vectors in {d} dimensions was found with {zeros} of {k * d} entries"
        f" zero, {nearest}; about {(k - 1) * (2 * d - k) // 2} zeros can be had, ask for fewer or"
        " for more dimensions"
    )


def _fitted(free: npt.NDArray[np.bool_], start: Floats) -> tuple[Floats, float]:
    """Return the unit rows with entries in these places that fit the ETF best from a start, and how
    far their Gram is from it.
    """
    k = len(free)
    gram = (k * np.eye(k) - 1) / (k - 1)
    shared = free.astype(np.float64) @ free.T
    if not shared.all():  # two rows without a common column are orthogonal
        return start, np.inf

    def rows(entries: Floats) -> Floats:
        filled = np.zeros(free.shape)
        filled[free] = entries
        return filled

    def apart(entries: Floats) -> tuple[float, Floats]:
        vectors = rows(entries)
        difference = vectors @ vectors.T - gram
        return float(np.sum(difference**2)), 4 * (difference @ vectors)[free]

    def stop(intermediate_result: OptimizeResult) -> None:
        if intermediate_result.fun < _ENOUGH**2:
            raise StopIteration

    found = minimize(
        apart,
        start[free],
        jac=True,
        method="L-BFGS-B",
        callback=stop,
        # At the bottom of a square, values no longer fall where slopes still tell the way.
        options={"maxiter": 5000, "maxfun": 20000, "ftol": 0.0, "gtol": 1e-13, "maxcor": 20},
    ).x
    vectors = rows(found)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, float(np.linalg.norm(vectors @ vectors.T - gram))
