"""The path of optima over ridges: solve it, find where it starts and where groups collapse, match a
measured geometry to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from lopsided.arrays import real_array, require_noun, require_number, require_whole
from lopsided.geometry import Distances, Geometry
from lopsided.problem import Problem, require_problem
from lopsided.singular import singular_values
from lopsided.solve.certificate import best_bias
from lopsided.solve.methods.narrow import STARTS
from lopsided.solve.minimize import finish, narrowed, require_settings
from lopsided.solve.reduced import Reduced
from lopsided.solve.solution import Solution

#: Distances along a path that differ by less are one.
ALIKE = 1e-9
#: Where the search for a match begins, relative to the ridge from which the optimum is zero.
LARGEST = 0.99


class Match(NamedTuple):
    """The point of a path nearest to a geometry.

    Attributes:
        ridge: where it is.
        solution: the optimum there.
        distances: of its geometry to the given one.
    """

    ridge: float
    solution: Solution
    distances: Distances


def largest_ridge(problem: Problem) -> float:
    """Return the smallest ridge at which the optimum is zero: the largest singular value of the
    gradient at zero logits.

    Source: Thrampoulidis et al. 2022 (arXiv 2208.05512); for plain cross-entropy it is
    that of the SEL matrix.

    Example:
        >>> from lopsided import Counts
        >>> round(largest_ridge(Problem(Counts([100, 100, 9, 9]), ridge=1.0)), 9)
        10.0
    """
    reduced = Reduced.of(problem)
    origin = reduced.zero()
    if reduced.biased:
        origin = origin._replace(bias=best_bias(reduced, origin))
    across, within, _ = reduced.adjoint(reduced.fit(reduced.margins(origin)).residual)
    return float(max(singular_values(across)[0], np.max(np.abs(within) / reduced.times, initial=0)))


def path(
    problem: Problem, ridges: Sequence[float], *, tolerance: float = 1e-8, method: str = "newton"
) -> list[Solution]:
    """Solve a problem at several ridges, each solve warm-started from the larger ridge before it.

    The variables are the logits, in which the problem is convex: a warm start at collapsed classes
    is no saddle.

    Args:
        problem: its own ridge is not read.
        ridges: positive, in any order.
        tolerance: relative duality gap to reach.
        method: a name in `METHODS`.

    Returns:
        One solution a ridge, in the order given; where the problem's width is too small for the
        optimum, the best of 8 local minima.

    Raises:
        ValueError: if a ridge is not positive and finite, or as `minimize` for method and
            tolerance.

    Example:
        >>> from lopsided import Counts
        >>> problem = Problem(Counts([100, 100, 1, 1]), ridge=1.0)
        >>> [len(s.W[0]) for s in path(problem, [20.0, 5.0, 0.1])]
        [0, 2, 3]
    """
    wanted = real_array(ridges, "ridges")
    if wanted.ndim != 1 or not ((wanted > 0) & np.isfinite(wanted)).all():
        raise ValueError(f"the ridges of a path must be positive finite numbers, got {ridges!r}")
    tolerance = require_settings(method, tolerance)
    reduced, found, before = Reduced.of(problem), {}, None
    for ridge in sorted(set(wanted.tolist()), reverse=True):
        found[ridge] = finish(problem.at(ridge), reduced, before, method, tolerance)
        before = found[ridge].point
    return [
        narrowed(problem.at(ridge), found[ridge], tolerance, STARTS) for ridge in wanted.tolist()
    ]


def match(
    problem: Problem, geometry: Geometry, *, smallest: float = 1e-8, points: int = 25
) -> Match:
    """Find the ridge whose optimum is nearest to a geometry, in the root of the sum of the three
    squared distances, class means of both about their unweighted mean.

    That of a measured network's means is of no account to its head, and is left out by
    `measure.geometry`; an optimum's need not be zero.

    Args:
        problem: its own ridge is not read.
        geometry: measured or predicted, of as many classes.
        smallest: where the search ends, relative to the ridge from which the optimum is zero; below
            0.99, where it begins.
        points: log-spaced ridges tried before the best is refined.

    Raises:
        TypeError: if it is no problem or no geometry.
        ValueError: if the numbers of classes differ, the problem's width may be too small for its
            optima, the geometry is zero, all ridges fit alike, as with equal counts or two classes,
            or those of a range do, as where minorities have collapsed, or the search has no range.
    """
    require_problem(problem)
    require_noun(geometry, Geometry, "what a path is matched to")
    if geometry.k != problem.k:
        raise ValueError(f"the geometry has {geometry.k} classes, the problem {problem.k}")
    needed = min(problem.k - 1, problem.targets.m)
    if problem.width is not None and problem.width < needed:
        raise ValueError(
            f"the path that is matched is of optima that may need width {needed}, got"
            f" {problem.width}"
        )
    require_whole("points", points, 2)
    if not 0 < require_number(smallest, "smallest") < LARGEST:
        raise ValueError(
            f"a ridge is looked for from a share above 0 and below {LARGEST}, got"
            f" smallest={smallest!r}"
        )
    geometry = _centered(geometry, problem)
    top = largest_ridge(problem)
    grid = np.geomspace(LARGEST * top, float(smallest) * top, points)
    solutions = path(problem, grid.tolist())
    badness = [_distance(s, geometry) for s in solutions]
    best = int(np.argmin(badness))
    if not np.isfinite(badness[best]):
        raise ValueError("no optimum has a distance to the geometry: some part of it is zero")
    if np.ptp([value for value in badness if np.isfinite(value)]) <= ALIKE:
        raise ValueError(
            f"all ridges fit alike, at a distance of {badness[best]:.3g}, so that none can be told:"
            " the optima have one shape at every ridge, as those of equal counts or of two classes"
        )
    # Towards the limit of a vanishing ridge the optima have one shape too: there the search ends.
    alike = grid[np.abs(np.array(badness) - badness[best]) <= ALIKE]
    if len(alike) > 1 and alike[-1] > grid[-1]:
        raise ValueError(
            f"all ridges from {alike[-1]:.3g} to {alike[0]:.3g} fit alike, at a distance of"
            f" {badness[best]:.3g}, so that none of them can be told: the optima have one shape"
            " there, as where all minorities share one classifier"
        )
    ends = np.log(grid[[min(best + 1, points - 1), max(best - 1, 0)]])
    near, reduced = solutions[best].point, solutions[best].reduced

    def at(log_ridge: float) -> Solution:
        return finish(problem.at(float(np.exp(log_ridge))), reduced, near, "newton", 1e-8)

    refined = minimize_scalar(
        lambda x: _distance(at(x), geometry),
        bounds=(ends[0], ends[1]),
        method="bounded",
        options={"xatol": 1e-4},
    )
    solution = at(float(refined.x)) if refined.fun < badness[best] else solutions[best]
    found = _centered(solution.geometry, problem).distance(geometry)
    return Match(solution.problem.ridge, solution, found)


def _centered(geometry: Geometry, problem: Problem) -> Geometry:
    """Return a geometry with its embeddings about their mean: of classes, and of label sets, which
    are measured about the mean of some of them.
    """
    if problem.targets.kind != "label sets":
        return geometry.about_mean()
    W, M = geometry.vectors()
    return Geometry.of_factors(W, M - M.mean(axis=0), geometry.source)


def _distance(solution: Solution, geometry: Geometry) -> float:
    """Return the distance of all three parts; an optimum of zero is infinitely far."""
    distances = _centered(solution.geometry, solution.problem).distance(geometry)
    return float(np.nan_to_num(np.linalg.norm(distances), nan=np.inf))
