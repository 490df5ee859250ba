"""The shape of k vectors: lengths, angles, and the distance to a simplex.

Each is a function of a `Gram`, so it says the same thing of a trained network, of a prediction and
of a certified optimum.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats
from lopsided.frobenius import ZeroMatrixError
from lopsided.gram import Gram
from lopsided.groups import Groups, numbers_of
from lopsided.measure.metrics.pairs import Array, largest_cosine, mean_cosine, means
from lopsided.measure.metrics.undefined import Undefined
from lopsided.pairing import Pairing
from lopsided.shape import norm_spread

#: A figure below this is swept again in float64.
_SMALL = 1e-4
#: Squared distances of directions that rounding alone may leave.
_SAME = 32 * float(np.finfo(np.float64).eps)


def equinorm(gram: Gram, *, ddof: Literal[0, 1] = 0) -> float:
    """Return the coefficient of variation of the lengths, their standard deviation over their mean;
    0 for equal lengths.

    Source: NC2 of Papyan, Han and Donoho 2020.

    Args:
        gram: of the vectors.
        ddof: 0 divides the sum of squared deviations by k, as NumPy does; 1 by k - 1, as PyTorch
            does.

    Raises:
        Undefined: if all vectors are zero.
        ValueError: if `ddof` is neither.
    """
    if ddof not in (0, 1):
        raise ValueError(f"ddof must be 0 or 1, got {ddof!r}")
    spread = norm_spread(gram)
    if np.isnan(spread):
        raise Undefined("all vectors are zero, so their lengths have no coefficient of variation")
    return spread * float(np.sqrt(gram.k / (gram.k - ddof)))


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
    center = -1 / (gram.k - 1) if form == "simplex" else mean_cosine(gram)

    def deviation(tile: Array) -> Iterator[Array]:
        tile -= center
        yield (np.abs if form == "simplex" else np.square)(tile, out=tile)

    mean = float(means(gram, deviation)[0])
    if mean < _SMALL:
        mean = float(means(gram, deviation, single=False)[0])
    return mean if form == "simplex" else float(np.sqrt(mean))


def gnc2(gram: Gram) -> float:
    """Return the coefficient of variation over pairs of log(1 / |m_c - m_c'|), m the vectors scaled
    to unit length.

    Zero for hyperspherical uniformity where a simplex has no room (k > d + 1).

    Source: Wu and Papyan 2024 (arXiv 2405.17767), GNC2.

    Raises:
        Undefined: if a vector is zero, two point the same way to within 1e-7 of their length, where
            cosines do not hold the digits of their distance, or the logarithms average to zero.
    """
    # Variances of numbers about one of them keep their digits; this one is near their mean.
    near = -np.log(max(2 - 2 * mean_cosine(gram), _SMALL)) / 2
    least = np.inf

    def logarithm(tile: Array) -> Iterator[Array]:
        nonlocal least
        tile *= -2
        tile += 2
        least = min(least, float(tile.min()))
        # What is below is not told; rounding may even make it negative.
        np.log(np.maximum(tile, _SAME, out=tile), out=tile)
        tile *= -0.5
        tile -= near
        yield tile
        yield np.square(tile, out=tile)

    mean, square = means(gram, logarithm)
    if least < _SMALL or square - mean**2 < _SMALL * (mean + near) ** 2:
        least = np.inf  # which single precision may have told to be zero
        mean, square = means(gram, logarithm, single=False)
    if least <= _SAME:
        raise Undefined(
            "two vectors point the same way, so the logarithm of their distance is not defined"
        )
    variance, mean = max(square - mean**2, 0.0), mean + near
    if mean == 0:
        raise Undefined("the logarithms average to zero and have no coefficient of variation")
    return float(np.sqrt(variance) / abs(mean))


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
        ValueError: if the form is unknown, or a class is named twice.
    """
    index = numbers_of(minorities, gram.k)
    if len(np.unique(index)) < len(index):
        raise ValueError(f"each minority class is named once, got {index.tolist()}")
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
        return mean_cosine(part) if form == "mean" else largest_cosine(part)
    except Undefined as error:
        raise error.named(index) from None


def norms(gram: Gram) -> Floats:
    """Return (k,) lengths."""
    return gram.norms()
