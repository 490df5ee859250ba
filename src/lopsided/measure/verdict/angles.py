"""Which classifiers are merging: nearer to each other than a prediction or chance would put
them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, Ints
from lopsided.measure.metrics.pairs import Array, tiles
from lopsided.measure.verdict.chance import closest_cosine

#: Classifiers less than 60 degrees apart are called merging; a simplex keeps all of them more than
#: 90 degrees apart.
MERGING = 0.5
#: Classifiers shorter than this share of the longest are zero, and so are differences.
ROUNDING = 1e-12
#: So many merging pairs are listed.
LISTED = 5

#: Two classes and the cosine of their classifiers.
Pair = tuple[int, int, float]


class Angles(NamedTuple):
    """How near the classifiers point to each other.

    Attributes:
        zero: classes whose classifier is zero.
        same: whether all classifiers are the same, so that no answer depends on the sample.
        closest: the two classes whose classifiers point most nearly the same way, where two have
            any.
        merging: the closest pair that is merging, if one is.
        pairs: the closest few that are, closest first.
        number: how many are.
        members: the classes of all merging pairs.
        threshold: the cosine from which a pair may be called merging.
    """

    zero: Ints
    same: bool
    closest: Pair | None
    merging: Pair | None
    pairs: list[Pair]
    number: int
    members: Ints
    threshold: float


def are_same(weight: Floats) -> bool:
    """Return whether all of the (k, d) classifiers are the same, up to rounding."""
    return bool(np.ptp(weight, axis=0).max() <= ROUNDING * max(weight.max(), -weight.min()))


def angles(weight: Floats, mean: Floats | None = None) -> Angles:
    """Return which of the (k, d) classifiers are merging; k^2 d in tiles, without a list of all
    pairs.

    A pair merges if its cosine is above MERGING and above what the closest of k random directions
    in d dimensions reach, both as the classifiers are and about their mean: a part that all share
    moves all logits of a sample alike and no softmax, and beside one long classifier all others
    look alike about the mean.

    Args:
        weight: (k, d).
        mean: (d,) mean classifier, of classes that are not among them too; by default their own.
    """
    k, d = weight.shape
    lengths = np.linalg.norm(weight, axis=1)
    zero = lengths <= ROUNDING * lengths.max()
    about = weight - (weight.mean(axis=0) if mean is None else mean)
    same = bool(np.abs(about).max() <= ROUNDING * np.abs(weight).max())
    threshold = max(MERGING, closest_cosine(k, d))
    plain, relative = _directions(weight), _directions(about)
    members, number = np.zeros(k, bool), 0
    closest: list[Pair] = []
    merging: list[Pair] = []
    for rows, columns, cosines in tiles(plain, plain):
        cosines[zero[rows]] = cosines[:, zero[columns]] = -np.inf
        if rows == columns:
            cosines[np.tril_indices(len(cosines))] = -np.inf
        top = cosines.max()
        at = rows.start, columns.start
        if np.isfinite(top) and (not closest or top > closest[0][2] - ROUNDING):
            closest = _closest(cosines, cosines > top - 2 * ROUNDING, at, closest, 1)
        if top > threshold:
            others = relative[rows] @ relative[columns].T
            merges = np.minimum(cosines, others) > threshold
            members[rows] |= merges.any(axis=1)
            members[columns] |= merges.any(axis=0)
            number += int(merges.sum())
            merging = _closest(cosines, merges, at, merging, LISTED)
    found = np.flatnonzero(members)
    first, merged = (pairs[0] if pairs else None for pairs in (closest, merging))
    return Angles(np.flatnonzero(zero), same, first, merged, merging, number, found, threshold)


def _directions(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    result = np.zeros_like(vectors)
    np.divide(vectors, lengths, out=result, where=lengths > ROUNDING * lengths.max())
    return result


def _closest(
    cosines: Array,
    asked: npt.NDArray[np.bool_],
    at: tuple[int, int],
    best: list[Pair],
    most: int,
) -> list[Pair]:
    """Return the closest of the pairs asked for in a tile and of the best so far, at most so many;
    the first of equal ones.
    """
    a, b = np.nonzero(asked)
    values = cosines[a, b].round(12)
    if len(values) > most:
        near = values >= np.partition(values, -most)[-most]
        a, b, values = a[near], b[near], values[near]
    order = np.argsort(-values, kind="stable")[:most]
    found = np.clip(cosines[a[order], b[order]], -1, 1)
    numbers = ((part[order] + start).tolist() for part, start in zip((a, b), at, strict=True))
    rows = zip(*numbers, found.tolist(), strict=True)
    return sorted([*best, *rows], key=lambda pair: (-round(pair[2], 12), *pair[:2]))[:most]
