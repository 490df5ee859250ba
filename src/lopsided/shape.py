"""Shape: what a Gram or a geometry looks like, in one definition each.

Metrics of networks, targets of steering, tables, plots and claims read these, so that they say the
same thing of a prediction, a certified optimum and a trained network.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats
from lopsided.geometry import Geometry
from lopsided.gram import Gram
from lopsided.groups import numbers_of
from lopsided.pairing import Pairing


class Contrast(NamedTuple):
    """How majority classes differ from minority classes; NaN where there is no such pair, or a
    vector of it is zero.

    Attributes:
        norm_ratio: mean squared length of majority vectors over that of minority vectors.
        majority: mean cosine of two different majority classes.
        minority: mean cosine of two different minority classes; 1 is minority collapse.
        across: mean cosine of a majority and a minority class.
    """

    norm_ratio: float
    majority: float
    minority: float
    across: float


def contrast(
    gram: Gram, minorities: npt.ArrayLike, majorities: npt.ArrayLike | None = None
) -> Contrast:
    """Return how the vectors of majority classes differ from those of minority classes.

    Args:
        gram: of classifiers or class means.
        minorities: numbers of the minority classes, as `Counts.minorities` has them.
        majorities: of the majority classes; by default all others.

    Example:
        >>> from lopsided import Counts, predict
        >>> counts = Counts.step(k=10, minority=5, ratio=10)
        >>> frame = predict.seli(counts).classifiers
        >>> [round(value, 4) for value in contrast(frame, counts.minorities)]
        [2.6721, -0.144, 0.0334, -0.1387]
    """
    few = _by_group(gram, minorities)
    many = gram.groups.sizes - few if majorities is None else _by_group(gram, majorities)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (many @ gram.diagonal / many.sum()) / (few @ gram.diagonal / few.sum())
    return Contrast(
        float(ratio),
        _mean_cosine(gram, many, many),
        _mean_cosine(gram, few, few),
        _mean_cosine(gram, many, few),
    )


def _by_group(gram: Gram, classes: npt.ArrayLike) -> Floats:
    """Return how many of some classes each group has."""
    chosen = np.zeros(gram.k, bool)
    chosen[numbers_of(classes, gram.k)] = True
    groups = gram.groups.of_class(np.flatnonzero(chosen))
    return np.bincount(groups, minlength=gram.groups.m).astype(np.float64)


def _mean_cosine(gram: Gram, first: Floats, second: Floats) -> float:
    """Return the mean cosine over pairs of different classes, given how many classes of each group
    are on either side.
    """
    same = first is second
    pairs = first.sum() * (second.sum() - same)
    lengths, used = np.sqrt(gram.diagonal), (first + second) > 0
    if pairs <= 0 or not lengths[used].all():
        return float("nan")
    a, b = (
        np.divide(side, lengths, out=np.zeros_like(side), where=used) for side in (first, second)
    )
    total = (a @ gram.left) @ (b @ gram.right)
    if same:  # a class with itself is no pair
        total -= (a / np.where(used, lengths, 1.0)) @ np.einsum("gq,gq->g", gram.left, gram.right)
    return float(total / pairs)


def norm_spread(gram: Gram) -> float:
    """Return the standard deviation of the lengths over their mean, 0 for equal lengths; NaN if all
    are zero.
    """
    norms, sizes = np.sqrt(gram.diagonal), gram.groups.sizes
    mean = np.average(norms, weights=sizes)
    return (
        float(np.sqrt(np.average((norms - mean) ** 2, weights=sizes)) / mean)
        if mean > 0
        else float("nan")
    )


def angle_spread(gram: Gram) -> float:
    """Return the root mean square deviation of the cosines of all pairs from the simplex's -1 / (k
    - 1).

    NaN where a vector is zero.
    """
    norms = np.sqrt(gram.diagonal)
    if not (norms > 0).all():
        return float("nan")
    k, one = gram.k, np.ones((len(norms), 1))
    unit, other = gram.left / norms[:, None], gram.right / norms[:, None]
    excess = Pairing.paired(
        gram.groups, np.hstack([unit, one / (k - 1)]), np.hstack([other, one]), np.zeros_like(norms)
    )
    return excess.frobenius() / float(np.sqrt(k * (k - 1)))


def alignment_spread(geometry: Geometry) -> float:
    """Return the root mean square distance between the unit vectors of w_c and mu_c; NaN where one
    is zero.
    """
    return float(np.sqrt(np.mean(np.maximum(2 - 2 * geometry.alignment(), 0))))


def margins(logits: Pairing) -> Floats:
    """Return (p,) the smallest margin z_y - z_c of each group's class means, in tiles of groups.

    Raises:
        ValueError: if the columns are not the classes.
    """
    lowest = np.empty(logits.groups.m)
    single = logits.groups.sizes == 1
    for start in range(0, logits.groups.m, 1024):
        tile = np.arange(start, min(start + 1024, logits.groups.m))
        rivals = logits.left @ logits.right[tile].T
        rivals[tile, tile - start] = np.where(single[tile], -np.inf, rivals[tile, tile - start])
        lowest[tile] = logits.own[tile] - rivals.max(axis=0)
    return lowest


def relative_margins(geometry: Geometry) -> Floats:
    """Return (k,) the smallest margin z_y - z_c of each class mean, relative to that of the simplex
    ETF of equal norms.

    (k - 1) min over c != y of (w_y - w_c) . mu_y / (||W|| ||M||). The smallest of them is at most
    1, and 1 for the ETF: the least ||W|| ||M|| with all margins 1 is the UF-SVM of balanced
    classes.
    """
    squares = [
        float(gram.groups.sizes @ gram.diagonal)
        for gram in (geometry.classifiers, geometry.embeddings)
    ]
    return geometry.logits.groups.expand(
        (geometry.k - 1) * margins(geometry.logits) / np.sqrt(squares[0] * squares[1])
    )
