"""How evenly k directions are spread, also where a simplex has no room (k > d + 1)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from lopsided import hull
from lopsided.arrays import Floats
from lopsided.gram import Gram
from lopsided.measure.metrics.pairs import Array, directions, means
from lopsided.measure.metrics.undefined import Undefined

#: Beyond so many classes distances to hulls, and beyond so many distinct ones a sort of all
#: cosines, take longer than a measurement.
HULLS, SORTED = 50, 500
#: Squared distances below which single precision shows, and of which double precision keeps less
#: than six digits.
_SMALL, _SAME = 1e-4, 1e-9


def energy(gram: Gram, *, order: float = 0.0) -> float:
    """Return the mean over pairs of |v - v'|^-order, of -log|v - v'| for order 0; v the vectors
    scaled to unit length.

    A simplex ETF has (2k / (k - 1))^{-order / 2}, or -log(2k / (k - 1)) / 2, the least there is;
    `predict.uniform_energy` is the limit for many classes.

    Source: Liu et al. 2023 (arXiv 2303.06484).

    Args:
        gram: of the vectors.
        order: at least 0.

    Raises:
        Undefined: if a vector is zero, or two point the same way to within 3e-5 of their length,
            where cosines do not hold the digits of their distance.
        ValueError: if the order is negative or not finite.
    """
    if not 0 <= order < math.inf:
        raise ValueError(f"the order must be a finite number of at least 0, got {order}")
    least = np.inf

    def powers(tile: Array) -> Iterator[Array]:
        nonlocal least
        tile *= -2
        tile += 2
        least = min(least, float(tile.min()))
        # What is below is not told; rounding may even make it negative.
        np.maximum(tile, _SAME, out=tile)
        yield np.log(tile, out=tile) if order == 0 else np.power(tile, -order / 2, out=tile)

    mean = float(means(gram, powers)[0])
    if least < _SMALL:
        least = np.inf  # which single precision may have told to be zero
        mean = float(means(gram, powers, single=False)[0])
    if least <= _SAME:
        raise Undefined(
            "two vectors point the same way, so far as cosines tell; energy is infinite"
        )
    return -mean / 2 if order == 0 else mean


def one_vs_rest(gram: Gram, *, most: int = HULLS) -> Floats:
    """Return (k,) the distance of each vector to the convex hull of the others, all scaled to unit
    length.

    It is the largest margin of a unit feature against unit classifiers: k / (k - 1) in a simplex
    ETF, the most that the least of them can be; 0 for classes that have merged.

    Source: Jiang et al. 2023 (arXiv 2310.05351).

    Args:
        gram: of the vectors.
        most: classes beyond which it is left out, as its time grows with their cube.

    Raises:
        Undefined: if a vector is zero, or there are more classes.
    """
    if gram.k > most:
        raise Undefined(
            f"distances to the hulls of {gram.k:,} classes take long; ask for them by"
            f" one_vs_rest(gram, most={gram.k})"
        )
    lengths = gram.norms()
    if not lengths.all():
        zero = int(np.argmin(lengths))
        raise Undefined("the vector of class {} is zero and has no direction", zero)
    values, vectors = np.linalg.eigh(gram.matrix() / np.outer(lengths, lengths))
    kept = values > 1e-14 * values[-1]
    return hull.one_vs_rest(vectors[:, kept] * np.sqrt(values[kept]))


@np.errstate(under="ignore")
def dot_product_wasserstein(gram: Gram, d: int) -> float:
    """Return the Wasserstein-1 distance of all cosines from those of independent uniform directions
    in d dimensions; 0 for uniform directions.

    Their density is proportional to (1 - x^2)^((d - 3) / 2), d the dimensions of the space.

    Source: Koromilas et al. 2024 (arXiv 2405.18045).

    Raises:
        Undefined: if a vector is zero, d is below 2, or more than 500 classes differ.
    """
    from scipy.special import betainc, betaincinv  # slow to import

    if d < 2:
        raise Undefined(f"directions need at least 2 dimensions to differ, got d={d}")
    if gram.groups.m > SORTED:
        raise Undefined(f"all cosines of {gram.groups.m:,} classes are too many to be sorted")
    left, right = directions(gram)
    sizes = gram.groups.sizes.astype(np.float64)
    pairs = np.outer(sizes, sizes) - np.diag(sizes)
    found = np.clip((left @ right.T)[pairs > 0], -1, 1)
    order = np.argsort(found)
    shares = np.cumsum(pairs[pairs > 0][order])
    half = (d - 1) / 2
    density = math.exp(math.lgamma(d / 2) - math.lgamma(half)) / math.sqrt(math.pi)

    def area(x: Floats) -> Floats:
        """The integral up to x of the distribution function of a uniform cosine."""
        below = betainc(half, half, (1 + x) / 2)
        return np.asarray(x * below + density / (d - 1) * (1 - x**2) ** half)

    # Between two observed cosines their distribution is a constant level; the other one crosses it
    # at a quantile.
    edges = np.concatenate([[-1.0], found[order], [1.0]])
    level = np.concatenate([[0.0], shares / shares[-1]])
    level[-1] = 1.0
    low, high = edges[:-1], edges[1:]
    uniform = betainc(half, half, (1 + edges) / 2)
    inside = (uniform[:-1] < level) & (level < uniform[1:])
    crossing = np.where(uniform[1:] <= level, high, low)
    crossing[inside] = 2 * betaincinv(half, half, level[inside]) - 1
    at = area(crossing)
    parts = level * (2 * crossing - low - high) - 2 * at + area(low) + area(high)
    return float(parts.sum())
