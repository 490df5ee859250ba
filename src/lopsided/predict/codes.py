"""Softmax codes: where more classes than dimensions leave the simplex no room."""

from __future__ import annotations

import math

import numpy as np

from lopsided.arrays import Floats, require_whole
from lopsided.geometry import Geometry, Source
from lopsided.memory import require_memory
from lopsided.papers import cite


def softmax_code(k: int, d: int) -> Geometry:
    """Return the code of k unit vectors in d dimensions that maximises the least one-vs-rest
    distance, where it is known.

    To it tend unit classifiers, and unit features beside them, as the temperature of the softmax
    falls. The distance of a class is that of its vector to the convex hull of the others: k / (k -
    1) for the simplex (k <= d + 1), 1 - cos(2 pi / k) for the polygon (d = 2), 1 for d + 1 < k <=
    2 d. There the code returned is of k of the 2 d vertices of the cross-polytope, and only for k =
    2 d the only one.

    Source: Jiang et al. 2023 (arXiv 2310.05351).

    Raises:
        ValueError: if k is below 2, d below 1, or no code is known: `solve.softmax_code` looks for
            one.
        MemoryError: if the vectors take more than half of this machine's memory.

    Example:
        >>> softmax_code(5, 2).classifiers.cosine(0, [1, 2]).round(4)
        array([ 0.309, -0.809])
    """
    k, d = require_whole("classes k", k, 2), require_whole("dimensions d", d, 1)
    require_memory(16.0 * k * min(k, d), f"a code of {k:,} vectors")
    if k <= d + 1:
        name, vectors = "simplex", (np.eye(k) - 1 / k) * np.sqrt(k / (k - 1))
    elif d == 2:
        angles = 2 * np.pi * np.arange(k) / k
        name, vectors = "polygon", np.stack([np.cos(angles), np.sin(angles)], axis=1)
    elif k <= 2 * d:
        name, vectors = "orthoplex", _orthoplex(k, d)
    elif d == 1:
        raise ValueError(
            f"in one dimension there are two unit vectors, and k={k} classes share them"
        )
    else:
        raise ValueError(
            f"no closed form is known of the softmax code of k={k} classes in d={d} dimensions;"
            " solve.softmax_code(k, d) looks for one"
        )
    unique = "" if k <= d + 1 or d == 2 or k == 2 * d else ", one of several"
    source = Source(
        f"softmax code, {name}{unique}",
        cite("jiang2023"),
        "unit classifiers and features, vanishing temperature, any counts",
    )
    return Geometry.of_vectors(vectors, vectors, source)


def code_bounds(k: int, d: int) -> tuple[float, float]:
    """Return bounds on the least one-vs-rest distance of the softmax code, from below and above.

    Source: Jiang et al. 2023 (arXiv 2310.05351).

    Raises:
        ValueError: if there is room for the simplex (k <= d + 1), whose distance is k / (k - 1), or
            d is below 2.

    Example:
        >>> low, high = code_bounds(12, 3)
        >>> low < 1 - 5**-0.5 < high
        True
    """
    k, d = require_whole("classes k", k, 2), require_whole("dimensions d", d, 1)
    if d < 2 or k <= d + 1:
        raise ValueError(f"the bounds are for d >= 2 and k > d + 1, got k={k}, d={d}")
    half, root = math.lgamma((d + 1) / 2), math.sqrt(math.pi) / k
    low = 0.5 * (root * math.exp(half - math.lgamma(d / 2 + 1))) ** (2 / (d - 1))
    high = 2 * (2 * root * math.exp(half - math.lgamma(d / 2))) ** (1 / (d - 1))
    return low, high


def _orthoplex(k: int, d: int) -> Floats:
    """Return k vertices of the cross-polytope: of k - d axes both ends, of the others one."""
    axes = np.eye(d)
    return np.concatenate([axes, -axes[: k - d]])
