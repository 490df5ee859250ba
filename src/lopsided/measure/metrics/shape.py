"""The shape of k vectors: lengths, angles, and the distance to a simplex.

Each is a function of a `Gram`, so it says the same thing of a trained network, of a prediction and
of a certified optimum.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats
from lopsided.gram import Gram
from lopsided.groups import Groups
from lopsided.measure.metrics.pairs import cosines
from lopsided.measure.metrics.undefined import Undefined
from lopsided.pairing import Pairing, ZeroMatrixError
from lopsided.shape import norm_spread


def equinorm(gram: Gram) -> float:
    """Return the coefficient of variation of the lengths, their standard deviation over their mean;
    0 for equal lengths.

    Source: NC2 of Papyan, Han and Donoho 2020.

    Raises:
        Undefined: if all vectors are zero.
    """
    spread = norm_spread(gram)
    if np.isnan(spread):
        raise Undefined("all vectors are zero, so their lengths have no coefficient of variation")
    return spread


def equiangularity(gram: Gram, *, form: Literal["simplex", "spread"] = "simplex") -> float:
    """Return how far the angles between different classes are from equal.

    Source: NC2 of Papyan, Han and Donoho 2020, both forms.

    Args:
        gram: of the vectors.
        form: "simplex" is the mean over pairs of |cos + 1 / (k - 1)|, zero for a simplex ETF;
            "spread" the standard deviation of the cosines, zero for any equal angles.

    Raises:
        Undefined: if a vector is zero (the class is named).
        ValueError: if the form is unknown.
    """
    if form not in ("simplex", "spread"):
        raise ValueError(f"form must be 'simplex' or 'spread', got {form!r}")
    if form == "simplex":
        return _mean(gram, lambda c: np.abs(c + 1 / (gram.k - 1)))
    center = _mean(gram, lambda c: c)
    return float(np.sqrt(_mean(gram, lambda c: (c - center) ** 2)))


def gnc2(gram: Gram) -> float:
    """Return the coefficient of variation over pairs of log(1 / |m_c - m_c'|), m the vectors scaled
    to unit length.

    Zero for hyperspherical uniformity where a simplex has no room (k > d + 1).

    Source: Wu and Papyan 2024 (arXiv 2405.17767), GNC2.

    Raises:
        Undefined: if a vector is zero, two point the same way, which leaves no distance between
            them, or the logarithms average to zero.
    """

    def logarithm(cosine: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            # A class with itself carries no weight, but rounding may make its cosine exceed one.
            return np.asarray(-np.log(np.maximum(2 - 2 * cosine, 0)) / 2)

    mean = _mean(gram, logarithm)
    if not np.isfinite(mean):
        raise Undefined(
            "two vectors point the same way, so the logarithm of their distance is not defined"
        )
    if mean == 0:
        raise Undefined("the logarithms average to zero and have no coefficient of variation")
    return float(np.sqrt(_mean(gram, lambda c: (logarithm(c) - mean) ** 2)) / abs(mean))


def etf_distance(matrix: Pairing) -> float:
    """Return the scale-free distance ||A/||A|| - C/||C|||| to the simplex, C = I - 11'/k; of a Gram
    or of the class logits.

    Source: NC2 and, on the logits, NC3 in the form of Zhu et al. 2021.

    Raises:
        Undefined: if the matrix is zero.
    """
    k = matrix.k
    simplex = Pairing.paired(
        Groups.single(k), np.full((1, 1), -1 / k), np.ones((1, 1)), np.array([1 - 1 / k])
    )
    try:
        return matrix.distance(simplex)
    except ZeroMatrixError as error:
        raise Undefined(str(error)) from error


def minority_cosine(
    gram: Gram, minorities: npt.ArrayLike, *, form: Literal["mean", "max"] = "mean"
) -> float:
    """Return the mean or the largest cosine between the vectors of different minority classes; 1 is
    minority collapse.

    Source: Fang et al. 2021 (arXiv 2101.12699).

    Args:
        gram: of the classifiers.
        minorities: numbers of the minority classes, at least two.
        form: "mean" or "max" over the pairs.

    Raises:
        Undefined: if there are fewer than two minorities, or one has a vector of zero.
        ValueError: if the form is unknown.
    """
    index = np.asarray(minorities, np.int64)
    if form not in ("mean", "max"):
        raise ValueError(f"form must be 'mean' or 'max', got {form!r}")
    if len(index) < 2:
        raise Undefined(
            f"minority cosines take at least two minority classes, got {len(index)}; training"
            " counts say which they are"
        )
    groups = gram.groups.of_class(index)
    part = Gram.paired(
        Groups.each(len(index)), gram.left[groups], gram.right[groups], gram.diagonal[groups]
    )
    try:
        if form == "mean":
            return _mean(part, lambda c: c)
        return max(float(tile[pairs > 0].max(initial=-1.0)) for tile, pairs in cosines(part))
    except Undefined as error:
        raise error.named(index) from None


def norms(gram: Gram) -> Floats:
    """Return (k,) lengths."""
    return gram.norms()


def _mean(gram: Gram, function: Callable[[Floats], Floats]) -> float:
    """Return the mean of a function of the cosine over all pairs of distinct classes."""
    total = 0.0
    for tile, pairs in cosines(gram):
        total += float(np.sum(np.where(pairs > 0, function(tile), 0) * pairs))
    return total / (gram.k * (gram.k - 1))
