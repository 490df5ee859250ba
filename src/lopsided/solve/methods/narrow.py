"""A narrow network: fewer feature dimensions than the optimum wants, a problem that is not convex.

Solved on explicit factors without the symmetry, which a narrow optimum need not have, from several
starts: the truncated convex optimum and random ones. The convex optimum is a lower bound for every
width, so the result says how far from optimal it can be.
"""

from __future__ import annotations

import numpy as np

from lopsided.arrays import Floats, svd
from lopsided.groups import Groups
from lopsided.problem import Problem
from lopsided.solve.certificate import Certificate, prove
from lopsided.solve.methods.factors import narrow
from lopsided.solve.reduced import Point, Reduced

_STARTS = 4


def narrow_optimum(
    problem: Problem, width: int, dual: float, logits: Floats
) -> tuple[Reduced, Point, Certificate]:
    """Return the best local minimum of a given width, its reduced problem, and bounds of the
    optimum of that width.

    Args:
        problem: the problem.
        width: d, feature dimensions.
        dual: lower bound of the convex problem.
        logits: (k, m) optimal logits without the limit on the width, the first start.
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
    best: tuple[Point, float] | None = None
    for seed in range(_STARTS):
        rng = np.random.default_rng(seed)
        blend = (
            convex
            if seed == 0
            else rng.standard_normal(convex.shape) * np.linalg.norm(convex) / np.sqrt(convex.size)
        )
        left, values, right = svd(blend)
        root = np.sqrt(values[:width])
        noise = 1e-3 * root.max() * rng.standard_normal((convex.shape[1], width))
        point = narrow(
            problem.ridge,
            reduced,
            left[:, :width] * root,
            (right[:width].T * root) + noise,
            reduced.zero(),
        )
        value = prove(problem.ridge, reduced, point).primal
        if best is None or value < best[1]:
            best = point, value
    assert best is not None
    return reduced, best[0], Certificate(best[1], dual)
