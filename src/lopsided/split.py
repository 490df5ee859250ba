"""Why a measured geometry is not the law: what the head cannot see, what is not of the law, and
what is of single classes.

With u(G) = G / ||G|| and E the average over permutations of classes of equal count that the law
treats alike, which is an orthogonal projection, a law S is its own average, so that exactly

    ||u(G) - u(S)||^2 = ||E u(G) - u(S)||^2 + ||u(G) - E u(G)||^2:

the misfit to the law, and what makes classes of equal count differ. Only that part of the class
means takes part which the head
can see: with L the logits W M' and A = W W', the Gram of the means projected on the span of the
classifiers is L' A^+ L.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lopsided.arrays import Floats, Ints
from lopsided.groups import Groups

#: Singular values of the classifiers' Gram below this share of the largest count as zero, where
#: SELI's own do not span as much.
CUTOFF = 1e-3
#: Entries of a law that differ by less, of its largest, are the same.
SAME = 1e-6


class Parts(NamedTuple):
    """A distance and its two orthogonal parts: distance^2 = law^2 + individual^2.

    Attributes:
        distance: root mean square over the runs of ||u(G) - u(S)||.
        law: ||E u(G) - u(S)||, the misfit to the law.
        individual: what makes classes of equal count that the law treats alike, and runs, differ.
    """

    distance: float
    law: float
    individual: float


@dataclass(frozen=True)
class Split:
    """Why a geometry is not the law.

    Attributes:
        visible: share of the energy (trace of the Gram) of the centred class means that the head
            can see.
        classifiers: of the Gram of the classifiers.
        embeddings: of the Gram of the visible, centred class means.
        logits: of the class logits.
    """

    visible: float
    classifiers: Parts
    embeddings: Parts
    logits: Parts

    @property
    def hidden(self) -> float:
        """Share of the energy of the class means that the head does not see; 0 where rounding
        leaves less.
        """
        return max(0.0, 1 - self.visible)


class Matrices(NamedTuple):
    """What a geometry of classes shows, as arrays.

    Attributes:
        classifiers: (k, k) Gram.
        embeddings: (k, k) Gram of the class means.
        logits: (k, k) W M'.
        counts: (k,) samples of each class.
        visible: (k, k) Gram of the centred class means as a head sees them that has other classes,
            too; None where it has no others.
    """

    classifiers: Floats
    embeddings: Floats
    logits: Floats
    counts: Ints
    visible: Floats | None = None


def split(runs: Sequence[Matrices], law: Matrices, cutoff: float | None = None) -> Split:
    """Split the distance of measured runs to a law; `Geometry.split` says how.

    Raises:
        ValueError: if a run is of other counts than the law.
    """
    wanted = aligned(law).counts
    goal = seen(aligned(law), cutoff)
    groups = Groups.of_columns(wanted, alike(goal, wanted))
    for run in runs:
        if not np.array_equal(aligned(run).counts, wanted):
            raise ValueError("law and geometries must be of the same counts, in any order")
    found = [seen(aligned(run), cutoff) for run in runs]
    parts = [_parts([one[i] for one in found], goal[i], groups) for i in range(3)]
    visible, energy = (
        sum(float(np.trace(one.embeddings)) for one in found),
        sum(float(np.trace(one.means)) for one in found),
    )
    return Split(visible / energy if energy else float("nan"), *parts)


class Seen(NamedTuple):
    """What of a geometry is compared with a law.

    Attributes:
        classifiers: (k, k) Gram.
        embeddings: (k, k) Gram of the visible, centred class means.
        logits: (k, k) centred over the classes.
        means: (k, k) Gram of the centred class means, visible or not.
    """

    classifiers: Floats
    embeddings: Floats
    logits: Floats
    means: Floats


def aligned(run: Matrices) -> Matrices:
    """Return the classes in the order of falling counts, so that runs whose classes have the same
    counts in other orders can be compared.
    """
    place = np.argsort(-run.counts, kind="stable")
    turn = np.ix_(place, place)
    A, B, L = (matrix[turn] for matrix in (run.classifiers, run.embeddings, run.logits))
    visible = None if run.visible is None else run.visible[turn]
    return Matrices(A, B, L, run.counts[place], visible)


def seen(run: Matrices, cutoff: float | None = None) -> Seen:
    """Return what of a geometry is compared with a law; its classes stay in their order."""
    A, B, L, counts, visible = run
    L = L - L.mean(axis=1, keepdims=True)
    if visible is None:
        visible = through(A, L, least_seen(counts) if cutoff is None else cutoff)
    return Seen(A, visible, L, about(B))


def through(A: Floats, L: Floats, least: float) -> Floats:
    """Return the Gram of centred class means as far as classifiers of Gram A span them, of which
    they have the logits L.
    """
    L = L - L.mean(axis=1, keepdims=True)
    return np.asarray(L.T @ np.linalg.pinv(A, rcond=least, hermitian=True) @ L)


def least_seen(counts: Ints) -> float:
    """Return the share of the largest singular value of the classifiers' Gram below which one
    counts as zero.
    """
    return min(CUTOFF, float(np.sqrt(counts.min() / counts.max())) / 10)


def seen_by(head: Floats, means: Floats, counts: Ints) -> Floats:
    """Return the (k, k) Gram of centred class means (k, d) as far as the classifiers of a head
    span them, of all classes of these counts.
    """
    values, vectors = np.linalg.eigh(head.T @ head)
    along = means @ vectors[:, values > least_seen(counts) * values[-1]]
    return np.asarray(along @ along.T)


def about(B: Floats) -> Floats:
    """Return a Gram of vectors about their mean."""
    rows = B.mean(axis=1, keepdims=True)
    return np.asarray(B - rows - rows.T + B.mean())


def _parts(runs: Sequence[Floats], goal: Floats, groups: Groups) -> Parts:
    units, law = [unit(run) for run in runs], unit(goal)
    mean = average(np.mean(units, axis=0), groups)
    distance = np.sqrt(np.mean([np.sum((unit - law) ** 2) for unit in units]))
    individual = np.sqrt(np.mean([np.sum((unit - mean) ** 2) for unit in units]))
    return Parts(float(distance), float(np.linalg.norm(mean - law)), float(individual))


def unit(matrix: Floats) -> Floats:
    """Return a matrix of Frobenius norm 1; NaN where it is zero."""
    norm = float(np.linalg.norm(matrix))
    return np.asarray(matrix / norm) if norm else np.full_like(matrix, np.nan)


def alike(law: Seen, counts: Ints) -> Ints:
    """Return (k,) for each class the first of its count that a law treats alike: exchanging the two
    leaves it as it is. Margins of their own tell classes of equal count apart.

    Args:
        law: a prediction.
        counts: (k,) falling.
    """
    scales = [float(np.abs(matrix).max(initial=0.0)) for matrix in law]
    own = np.stack(
        [matrix.diagonal() / (scale or 1.0) for matrix, scale in zip(law, scales, strict=True)]
    )
    first = np.arange(len(counts))
    for c in range(1, len(counts)):
        near = np.abs(own[:, :c] - own[:, [c]]).max(axis=0) <= SAME  # of the others few are
        others = np.flatnonzero(near & (first[:c] == np.arange(c)) & (counts[:c] == counts[c]))
        first[c] = next((f for f in others.tolist() if _exchangeable(law, scales, f, c)), c)
    return first


def _exchangeable(law: Seen, scales: Sequence[float], a: int, b: int) -> bool:
    """Return whether a law stays as it is when two classes change places."""
    turn = np.arange(len(law.logits))
    turn[[a, b]] = b, a
    return all(
        np.abs(row - other[turn]).max() <= SAME * scale
        for matrix, scale in zip(law, scales, strict=True)
        for row, other in ((matrix[a], matrix[b]), (matrix[:, a], matrix[:, b]))
    )


def average(matrix: Floats, groups: Groups) -> Floats:
    """Return the (k, k) average of a matrix over all permutations of the classes within each
    group.
    """
    place = groups.expand(np.arange(groups.m))
    member = np.equal.outer(np.arange(groups.m), place).astype(np.float64)
    sizes = groups.sizes.astype(np.float64)
    sums, own = member @ matrix @ member.T, member @ matrix.diagonal()
    blocks = np.outer(sizes, sizes)
    sums[np.diag_indices(groups.m)] -= own
    blocks[np.diag_indices(groups.m)] -= sizes
    means = np.divide(sums, blocks, out=np.zeros_like(sums), where=blocks > 0)
    result = means[np.ix_(place, place)]
    np.fill_diagonal(result, (own / sizes)[place])
    return np.asarray(result)
