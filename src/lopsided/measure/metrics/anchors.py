"""Anchors: what a metric is in the simplex ETF and in a random network.

A random network has Gaussian features that know nothing of their labels and a Gaussian head. Each
anchor is a function of the samples of each class and of the dimensions d, right for many classes in
few dimensions too; NaN where nothing is known. Derived here, and tried on random networks in the
tests. Of few classes, where the mean of a quotient is not that of means, some are drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, gammaln, xlog1py, xlogy

from lopsided.arrays import Ints

#: Fewer classes than this are drawn, so many times; where NC1 of unequal counts is drawn.
FEW, DRAWS, MANY = 10, 4000, 100


class Drawn(NamedTuple):
    """Means over random networks of few classes.

    Attributes:
        classifiers: distance of the Gram of the classifiers to the ETF.
        logits: of the class logits, about centred class means.
        lengths: coefficient of variation of the classifiers' lengths.
    """

    classifiers: float
    logits: float
    lengths: float


@cache
def drawn(k: int, d: int) -> Drawn:
    """Draw classifiers and class means; in many dimensions by the triangular factor of their Gram
    (Bartlett), which has no more numbers than a few.
    """
    rng, rows = np.random.default_rng(0), np.arange(2 * k)
    vectors = rng.standard_normal((DRAWS, 2 * k, min(d, 2 * k)))
    if d > 2 * k:
        vectors = np.tril(vectors, -1)
        vectors[:, rows, rows] = np.sqrt(rng.chisquare(d - rows, (DRAWS, 2 * k)))
    w, means = vectors[:, :k], vectors[:, k:]
    simplex, lengths = np.eye(k) - 1 / k, np.linalg.norm(w, axis=2)

    def far(matrices: npt.NDArray[np.float64]) -> float:
        """Return the mean distance of (n, k, k) matrices to the simplex."""
        size = np.linalg.norm(matrices, axis=(1, 2)) * np.sqrt(k - 1)
        cosine = np.sum(matrices * simplex, axis=(1, 2)) / size
        return float(np.sqrt(np.maximum(2 - 2 * cosine, 0)).mean())

    return Drawn(
        far(w @ w.swapaxes(1, 2)),
        far(w @ means.swapaxes(1, 2) @ simplex),
        float((lengths.std(axis=1) / lengths.mean(axis=1)).mean()),
    )


def fits(k: int, d: int) -> bool:
    """Whether a simplex ETF of k classes has room in d dimensions."""
    return d >= k - 1


def where_it_fits(value: Callable[[int], float]) -> Callable[[Ints, int], float]:
    """Return the anchor that a function of k is in an ETF, NaN where the ETF has no room."""
    return lambda counts, d: value(len(counts)) if fits(len(counts), d) else float("nan")


def least_etf_distance(counts: Ints, d: int) -> float:
    """Return the least distance to the ETF in d dimensions: that of a projection on d of its k - 1
    directions, whose cosine with it is sqrt(d / (k - 1)).
    """
    k = len(counts)
    return 0.0 if fits(k, d) else float(np.sqrt(2 - 2 * np.sqrt(d / (k - 1))))


def random_etf_distance(counts: Ints, d: int) -> float:
    """Return the distance of the Gram of k Gaussian vectors to the ETF.

    With E tr(C G) = (k - 1) d and E |G|^2 = k d (d + k + 1), C = I - 11'/k the simplex.
    """
    k = len(counts)
    if k < FEW:
        return drawn(k, d).classifiers
    return float(np.sqrt(2 - 2 * np.sqrt((k - 1) / k * d / (d + k + 1))))


def random_logit_distance(counts: Ints, d: int) -> float:
    """Return the distance of the class logits of a random network to the ETF, of many classes that
    of matrices at right angles.
    """
    return drawn(len(counts), d).logits if len(counts) < FEW else 2**0.5


def random_equinorm(counts: Ints, d: int) -> float:
    """Return the coefficient of variation of the lengths of k Gaussian vectors."""
    k = len(counts)
    if k < FEW:
        return drawn(k, d).lengths
    mean = np.sqrt(2 / d) * np.exp(math.lgamma((d + 1) / 2) - math.lgamma(d / 2))
    return float(np.sqrt((1 - mean**2) * (k - 1) / k) / mean)


def random_equiangularity(counts: Ints, d: int) -> float:
    """Return the mean of |cos + 1 / (k - 1)| for random directions.

    The cosine has the density proportional to (1 - x^2)^((d - 3) / 2); for many classes the mean is
    near sqrt(2 / (pi d)).
    """
    c = 1 / (len(counts) - 1)
    if d == 1 or c == 1:
        return 1.0
    below = betainc((d - 1) / 2, 0.5, 1 - c**2) / 2  # how often the cosine is below -c
    height = np.exp(math.lgamma(d / 2) - math.lgamma((d - 1) / 2)) / np.sqrt(np.pi)
    beyond = height / (d - 1) * (1 - c**2) ** ((d - 1) / 2) - c * below
    return float(c + 2 * beyond)


def random_wasserstein(counts: Ints, d: int) -> float:
    """Return the mean distance of the cosines of k random directions from the uniform ones: few
    directions cannot be spread like many.

    The k (k - 1) / 2 cosines are independent pair by pair. Taken for independent altogether, their
    share below a cosine of which N p are expected is a binomial number over N, whose mean absolute
    deviation is 2 (1 - p) v / N times the chance of v = floor(N p) + 1 (de Moivre); the mean
    distance is its integral, right to some 10 %.
    """
    k = len(counts)
    if d < 2:
        return float("nan")
    pairs, half = k * (k - 1) // 2, (d - 1) / 2
    x = np.linspace(-1, 0, 2001) * min(1.0, 8 / math.sqrt(d))
    below = betainc(half, half, (1 + x) / 2)
    v = np.floor(pairs * below) + 1
    ways = gammaln(pairs + 1) - gammaln(v + 1) - gammaln(pairs - v + 1)
    chance = np.exp(ways + xlogy(v, below) + xlog1py(pairs - v, -below))
    return 2 * float(np.trapezoid(2 * (1 - below) * v / pairs * chance, x))


def random_nc1(counts: Ints, d: int) -> float:
    """Return NC1 of noise: in the span of means that vary by 1 / n_c, what is left of the variance
    in n samples.

    With D = diag(1 / n_c) the centred class means have the Gram (C D C)^(1/2) Z Z' (C D C)^(1/2),
    an inverse Wishart matrix where d > k: the trace of its pseudo-inverse is tr((C D C)^+) / (d -
    k), and tr((C D C)^+) = n - sum n_c^2 / n. Where d < k - 2 the trace t of the inverse of Z' C D
    C Z solves t = d / sum_c (1 - 1 / k) / (n_c + (1 + 1 / d) t), exactly for equal counts and to
    some 10 % for many; for others it is drawn. Between them it has no mean.
    """
    n, k = counts.astype(np.float64), len(counts)
    within = 1 - k / n.sum()
    if d > k:
        return float(within * (n.sum() - np.sum(n**2) / n.sum()) / (d - k))
    if d >= k - 2:
        return float("nan")
    if k < MANY and np.ptp(n):
        return float(within * drawn_trace(tuple(sorted(n.tolist())), d))

    def excess(logarithm: float) -> float:
        trace = np.exp(logarithm)
        return float(np.sum((1 - 1 / k) * trace / (n + (1 + 1 / d) * trace)) - d)

    least, largest = np.log(n.min() * 1e-6), np.log(n.max() * d * k * 1e6)
    from scipy.optimize import brentq  # slow to import

    return float(within * np.exp(brentq(excess, least, largest)))


@cache
def drawn_trace(counts: tuple[float, ...], d: int) -> float:
    """Return the mean trace of the inverse scatter of centred means that vary by 1 / n_c."""
    rng, k = np.random.default_rng(0), len(counts)
    draws = min(5 * DRAWS, int(1e8 / (k * d**2)))  # a second at most
    means = rng.standard_normal((draws, k, d)) / np.sqrt(counts)[:, None]
    means -= means.mean(axis=1, keepdims=True)
    values = np.linalg.svd(means, compute_uv=False)
    return float(np.sum(1 / values**2, axis=1).mean())


@np.errstate(under="ignore")
def random_scatter_ratio(counts: Ints, d: int) -> float:
    """Return the scatter ratio of noise: 1 - k / n of the variance within the classes, over means
    that vary by 1 / n_c about their own mean; without a mean of two classes in one or two
    dimensions, or three in one.

    The two are independent, and of x, the sum of squares of the means, E 1 / x is the integral over
    t > 0 of E exp(-t x) = det(I + 2 t C D C)^(-d / 2), D = diag(1 / n_c). The determinant is the
    product of all 1 + 2 t / n_c times the mean of their inverses (derived here).
    """
    k = len(counts)
    if d * (k - 1) <= 2:
        return float("nan")
    values, sizes = np.unique(counts, return_counts=True)
    # Over log t the integrand is so smooth that the sum over a grid is the integral to all digits.
    low, high = -math.log(d * np.sum(sizes / values)) - 40, math.log(values[-1]) + 60
    logarithms, step = np.linspace(low, high, 1001, retstep=True)
    factors = 2 * np.exp(logarithms)[:, None] / values
    determinant = np.log1p(factors) @ sizes + np.log((1 / (1 + factors)) @ sizes / k)
    inverse = step * np.exp(logarithms - d / 2 * determinant).sum()
    return float((1 - k / counts.sum()) * d * k * inverse)


def random_cdnv(counts: Ints, d: int) -> float:
    """Return CDNV of noise: the variances of a pair, 1 - 1 / n_c, over the squared distance of its
    means, (1 / n_c + 1 / n_c') chi^2_d / d; without a mean in one or two dimensions.
    """
    if d <= 2:
        return float("nan")
    values, sizes = np.unique(counts, return_counts=True)
    pairs = np.outer(sizes, sizes) - np.diag(sizes)
    of_pair = 1 / (1 / values[:, None] + 1 / values) - 0.5
    return float(np.sum(pairs * of_pair) / pairs.sum() * d / (d - 2))


def random_one_vs_rest(counts: Ints, d: int) -> float:
    """Return how far a random direction is from the hull of k - 1 others that are nearly orthogonal
    to it; NaN where d is not much larger than k.
    """
    k = len(counts)
    return float(np.sqrt(k / (k - 1))) if d >= 30 * k else float("nan")
