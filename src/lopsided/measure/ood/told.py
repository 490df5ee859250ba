"""Told apart: how well a score separates samples of other distributions, and whom it takes for
them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, real_array, require_number, require_whole, resized
from lopsided.measure.checks import labels_of
from lopsided.needs import need


class Separation(NamedTuple):
    """How well a score tells samples of other distributions from those of the training one.

    Attributes:
        auroc: probability that a sample of the training distribution has the larger score; ties
            count half.
        fpr95: share of the others that pass where 95 % of the samples of the training distribution
            do.
    """

    auroc: float
    fpr95: float


def separation(inside: npt.ArrayLike, outside: npt.ArrayLike) -> Separation:
    """Return how well scores tell two sets of samples apart, by scikit-learn.

    Args:
        inside: (n,) scores of samples of the training distribution.
        outside: (m,) scores of others.

    Raises:
        ValueError: if there are none of either, or a score is not finite.
        ImportError: if scikit-learn is not installed.

    Example:
        >>> separation([0.9, 0.8, 0.7, 0.4], [0.5, 0.1])
        Separation(auroc=0.875, fpr95=0.5)
    """
    known, other = (
        _scores(scores, what)
        for scores, what in ((inside, "scores inside"), (outside, "scores outside"))
    )
    if not (known.size and other.size):
        raise ValueError(
            "scores are compared on samples inside and outside the training distribution, got"
            f" {known.size} and {other.size}"
        )
    metrics = need("sklearn.metrics", "'lopsided[reproduce]'")
    truth = np.repeat([1, 0], [known.size, other.size])
    scores = np.concatenate([known, other])
    false, true, _ = metrics.roc_curve(truth, scores, drop_intermediate=False)
    passed = int(np.argmax(true >= 0.95))
    return Separation(float(metrics.roc_auc_score(truth, scores)), float(false[passed]))


def rejected(
    scores: npt.ArrayLike, labels: npt.ArrayLike, k: int, *, share: float = 0.05
) -> Floats:
    """Return (k,) the share of the samples of each class that are taken for samples of another
    distribution where a share of all samples is.

    The threshold lies on a sample, or on several of one score, which are drawn at random as far as
    the share goes: each counts by its probability, so that exactly the share of all is taken.

    Args:
        scores: (n,) of held-out samples of the training distribution.
        labels: (n,) classes 0..k-1.
        k: number of classes.
        share: of all samples, those with the least scores.

    Returns:
        `share` for each class where a score knows no favourites; NaN for a class without samples.

    Raises:
        ValueError: if the numbers of scores and labels differ, or the share is not between 0 and 1.

    Example:
        >>> rejected([0.9, 0.8, 0.7, 0.1], [0, 0, 1, 1], k=2, share=0.25)
        array([0. , 0.5])
    """
    if not 0 < (share := require_number(share, "the share")) < 1:
        raise ValueError(f"the share must be between 0 and 1, got {share}")
    require_whole("classes k", k, 1)
    values, y = _scores(scores, "scores"), labels_of(labels, k)
    if len(values) != len(y) or not len(y):
        raise ValueError(f"there must be one label a score, got {len(values)} and {len(y)}")
    taken = share * len(values)
    threshold = np.sort(values)[min(int(taken), len(values) - 1)]
    below, at = values < threshold, values == threshold
    out = below + at * (taken - below.sum()) / at.sum()
    seen, counts = np.bincount(y, out, minlength=k), np.bincount(y, minlength=k)
    return np.asarray(np.divide(seen, counts, out=np.full(k, np.nan), where=counts > 0))


def _scores(given: npt.ArrayLike, what: str) -> Floats:
    """Return (n,) finite scores.

    Raises:
        ValueError: if there is not one a sample, or one is not finite; the sample is named.
        TypeError: if they are no real numbers.
    """
    array = np.atleast_1d(real_array(given, what))
    if array.ndim > 1:
        raise ValueError(f"{what} must be one number a sample, got shape {array.shape}")
    if not (fine := np.isfinite(array)).all():
        i = int(np.argmin(fine))
        raise ValueError(f"{what} must be finite, that of sample {i} is {array[i]}")
    return array


def nc5(class_means: npt.ArrayLike, outside: npt.ArrayLike) -> float:
    """Return NC5, the mean over classes of |cos(mu_c, mu_out)|; 0 where samples of another
    distribution are orthogonal to the class means.

    Both are as they are, not centred.

    Args:
        class_means: (k, d) of the training samples.
        outside: (d,) mean feature of samples of another distribution.

    Raises:
        ValueError: if the shapes do not fit, or a mean is zero or not finite; it is named.
        TypeError: if they are no real numbers.

    Source: Ammar et al. 2024 (arXiv 2310.06823).

    Example:
        >>> nc5([[1.0, 0.0], [0.0, 1.0]], [0.0, 2.0])
        0.5
    """
    means, other = real_array(class_means, "class means"), real_array(outside, "the other mean")
    if means.ndim != 2 or not len(means) or other.shape != means.shape[1:]:
        raise ValueError(
            "class means (k, d) and the mean (d,) of other samples must have one width, got shapes"
            f" {means.shape} and {other.shape}"
        )
    rows = resized(np.vstack([means, other]), axis=1)
    lengths = np.linalg.norm(rows, axis=1)
    if not (fine := np.isfinite(lengths) & (lengths > 0)).all():
        c = int(np.argmin(fine))
        whose = f"class {c}" if c < len(means) else "the others"
        raise ValueError(f"NC5 is of cosines, and the mean of {whose} has none")
    units = rows / lengths[:, None]
    return float(np.abs(units[:-1] @ units[-1]).mean())
