"""A narrow network: fewer feature dimensions than the optimum wants, a problem that is not convex.

Solved on explicit factors without the symmetry, which a narrow optimum need not have. Which class
stands beside which is combinatorial, so the first starts are the truncated convex optimum and
random ones, and the others the best found so far with two classes exchanged, or one in another
direction. The convex optimum is a lower bound for every width, so the result says how far from
optimal it can be.
"""

from __future__ import annotations

import numpy as np

from lopsided.arrays import Floats
from lopsided.groups import Groups
from lopsided.problem import Problem
from lopsided.singular import svd
from lopsided.solve.certificate import Certificate, prove
from lopsided.solve.methods.factors import narrow
from lopsided.solve.progress import Watch
from lopsided.solve.reduced import Point, Reduced

#: Starts where none are asked for: of up to so many classes 2^k, at most the one number, of more
#: the other.
FEW, MANY_STARTS, STARTS = 16, 128, 8
#: Starts that know nothing of each other, the convex optimum among them.
INDEPENDENT = 8
#: Shorter than this share of the longest is what descent leaves of zero; objectives that differ by
#: less are one.
TRACE, SAME = 1e-6, 1e-12
#: How often two classes are exchanged, rather than one turned.
EXCHANGED = 0.6


def narrow_optimum(
    problem: Problem,
    width: int,
    dual: float,
    logits: Floats,
    starts: int | None,
    tolerance: float,
) -> tuple[Reduced, Point, Certificate]:
    """Return the best local minimum of a given width, its reduced problem, and bounds of the
    optimum of that width.

    Args:
        problem: the problem.
        width: d, feature dimensions.
        dual: lower bound of the convex problem.
        logits: (k, m) optimal logits without the limit on the width, the first start.
        starts: how many local minima are compared; None for as many as a second or two allow.
        tolerance: relative gap to the lower bound below which no other start is tried.
    """
    reduced = Reduced.of(
        problem,
        Groups.each(problem.k)
        if problem.counts is not None and not problem.targets.smoothing
        else None,
    )
    if reduced.labels:
        logits = logits[np.ix_(reduced.groups.first, reduced.groups.first)]
    convex = reduced.point_of(logits, logits.diagonal().copy()).across
    if starts is None:
        starts = min(2**problem.k, MANY_STARTS) if problem.k <= FEW else STARTS
    best: tuple[Point, float] | None = None
    with Watch(tolerance) as told:
        for seed in range(starts):
            rng = np.random.default_rng(seed)
            if best is None:
                left, right = _factors(convex, width)
            elif seed < INDEPENDENT:
                size = np.linalg.norm(convex) / np.sqrt(convex.size)
                left, right = _factors(rng.standard_normal(convex.shape) * size, width)
            else:
                left, right = _moved(*_factors(best[0].across, width), reduced.labels, rng)
            # A start of lower rank, or with symmetries, would keep them.
            right = right + 1e-3 * np.abs(right).max() * rng.standard_normal(right.shape)
            point = narrow(problem.ridge, reduced, left, right, reduced.zero())
            value = prove(problem.ridge, reduced, point).primal
            if best is None or value < best[1]:
                best = point, value
            certificate = Certificate(best[1], dual)
            told(certificate.relative_gap)
            if certificate.exhausts(tolerance):
                break
    assert best is not None
    point = _without_traces(best[0])
    value = prove(problem.ridge, reduced, point).primal
    if value > best[1] * (1 + SAME):
        point, value = best
    return reduced, point, Certificate(value, dual)


def _without_traces(point: Point) -> Point:
    """Return a point whose classes, or embeddings, that descent has all but left are zero."""
    across = point.across.copy()
    for each in (across, across.T):
        lengths = np.linalg.norm(each, axis=1)
        each[lengths <= TRACE * lengths.max()] = 0
    return point._replace(across=across)


def _factors(matrix: Floats, width: int) -> tuple[Floats, Floats]:
    left, values, right = svd(matrix)
    root = np.sqrt(values[:width])
    return left[:, :width] * root, right[:width].T * root


def _moved(
    left: Floats, right: Floats, labels: bool, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Exchange two classes, or turn one; where columns are no classes their embeddings stay."""
    parts = (left, right) if labels else (left,)
    a, b = rng.choice(len(left), 2, replace=False)
    if rng.random() < EXCHANGED:
        for part in parts:
            part[[a, b]] = part[[b, a]]
        return left, right
    direction = rng.standard_normal(left.shape[1])
    for part in parts:
        part[a] = direction * (np.linalg.norm(part[a]) / np.linalg.norm(direction))
    return left, right
