"""What chance alone would show: random directions, the means of few samples, and their errors."""

from __future__ import annotations

import numpy as np
from scipy.special import betaincinv, chdtri

from lopsided.arrays import Floats, Ints
from lopsided.gram import Gram
from lopsided.measure.state.center import centered
from lopsided.measure.state.moments import Moments

#: Of fewer classes the distance of random vectors varies much: so many are drawn.
FEW, DRAWS = 10, 2000
#: Degrees of freedom of which a variance is what it seems.
ENOUGH = 30


def closest_cosine(k: int, d: int, chance: float = 0.05) -> float:
    """Return the cosine that the closest two of k random directions in d dimensions pass with a
    small chance.

    The cosine of two random directions exceeds t >= 0 with probability I_{1-t^2}((d-1)/2, 1/2) / 2,
    I the regularised incomplete beta function; that one of k (k-1) / 2 pairs does is at most so
    many times as likely.
    """
    if d == 1:
        return 1.0
    share = chance / (k * (k - 1) / 2)
    return float(np.sqrt(1 - betaincinv((d - 1) / 2, 0.5, 2 * share)))


def random_distance(prediction: Gram, d: int, *, centred: bool) -> float:
    """Return about how far the Gram of k random vectors in d dimensions is from a predicted one.

    Of Gaussian vectors, scaled to unit length in the mean, the Gram matrix G has the mean Q, the
    identity or, of vectors that are centred, I - 11'/k, and E |G|^2 is r (1 + (r + 1) / d) with
    r = tr Q (moments of the Wishart distribution). So the squared distance to P is about
    2 - 2 <Q, P> / (|G| |P|), to some 5 % of the distance from ten classes on.
    """
    sizes = prediction.groups.sizes.astype(np.float64)
    overlap, r = float(sizes @ prediction.diagonal), prediction.k
    if centred:
        own = np.vecdot(prediction.left, prediction.right)
        everything = (sizes @ prediction.left) @ (sizes @ prediction.right) + sizes @ (
            prediction.diagonal - own
        )
        overlap, r = overlap - float(everything) / prediction.k, prediction.k - 1
    length = prediction.frobenius() * np.sqrt(r * (1 + (r + 1) / d))
    return float(np.sqrt(max(2 - 2 * overlap / length, 0.0)))


def seldom_nearer(prediction: Gram, d: int, *, centred: bool, chance: float) -> float:
    """Return the distance to a predicted Gram below which that of k random vectors in d dimensions
    comes with a small chance; infinite from `FEW` classes on, where it varies little.
    """
    k = prediction.k
    if k >= FEW:
        return np.inf
    random = np.random.default_rng(0)
    vectors = random.standard_normal((DRAWS, k, min(k, d)))
    if d > k:  # Bartlett 1933: the same Gram matrices, of triangles
        vectors = np.tril(vectors, -1)
        each = np.arange(k)
        vectors[:, each, each] = np.sqrt(random.chisquare(d - each, (DRAWS, k)))
    if centred:
        vectors = vectors - vectors.mean(axis=1, keepdims=True)
    grams = vectors @ vectors.swapaxes(1, 2)
    law = prediction.matrix() / prediction.frobenius()
    order = np.lexsort([law.sum(axis=1).round(9), np.diag(law).round(9)])
    law = law[np.ix_(order, order)]  # whichever number a class has, the draws are the same
    overlaps = np.tensordot(grams, law, 2) / np.linalg.norm(grams, axis=(1, 2))
    return float(np.sqrt(max(2 - 2 * np.quantile(overlaps, 1 - chance), 0.0)))


def variances(moments: Moments) -> Floats:
    """Return (k,) unbiased variances of a sample about the mean of its class.

    A class of one sample is taken to vary like the others; NaN where every class is one.
    """
    degrees = moments.counts - 1
    pooled = moments.spread.sum() / degrees.sum() if degrees.any() else np.nan
    return np.where(degrees > 0, moments.spread / np.maximum(degrees, 1), pooled)


def allowed(moments: Moments, chance: float = 0.05) -> Floats:
    """Return (k,) the variances nearest to that of all classes together that the samples of each
    class allow, but for a small chance shared among the classes.

    Of n samples that spread over r dimensions the variance is that of a chi-square variable of
    (n - 1) r degrees of freedom; r is at most that of the class means, in which collapse is seen.
    From `ENOUGH` degrees on a variance is what it seems.
    """
    own, n = variances(moments), moments.counts
    degrees = (n - 1) * min(moments.d, moments.k - 1)
    few = (degrees > 0) & (degrees < ENOUGH)
    pooled = moments.spread.sum() / max(int((n - 1).sum()), 1)
    f, share = degrees[few], chance / (2 * moments.k)
    result = own.copy()
    result[few] = np.clip(
        pooled, own[few] * f / chdtri(f, share), own[few] * f / chdtri(f, 1 - share)
    )
    return result


def mean_rate(errors: Ints, samples: Ints) -> tuple[float, float]:
    """Return the mean over the classes that have samples of the share that is wrong, and its
    standard deviation.
    """
    e, n = errors[samples > 0], samples[samples > 0]
    share = (e + 0.5) / (n + 1)  # of a class all right or all wrong the spread is not zero
    deviation = np.sqrt(np.sum(share * (1 - share) / n)) / len(n)
    return float(np.mean(e / n)), float(deviation)


def most_mean(errors: Ints, samples: Ints) -> float:
    """Return what the true mean of the error rates is hardly above: two standard deviations more
    than was counted, for a class that was right once in one sample may err often.
    """
    mean, deviation = mean_rate(errors, samples)
    return min(mean + 2 * deviation, 1.0)


def noise_share(moments: Moments) -> float:
    """Return which share of the squared distances of class means from their centre is sampling
    alone.

    A mean of n_c samples of variance s_c^2 varies by s_c^2 / n_c; about the mean of all k, 1 - 1/k
    of that is left. From 0 to 1; NaN where every class has one sample, and where all means
    coincide.
    """
    means = centered(moments)
    apart = float(np.vdot(means, means))
    if not apart:
        return np.nan
    sampled = (1 - 1 / moments.k) * float(np.sum(variances(moments) / moments.counts))
    return min(sampled / apart, 1.0)
