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
ALIKE = 1e-7
#: Relative duality gap of optima that are compared: what a larger one leaves of a geometry decides
#: where the path is flat.
FINE = 1e-10
#: By what share a ridge is moved, to see whether those beside it fit alike.
STEP = 0.05
#: Ridges that a better fit is looked for at, from one of the grid to the one after the next.
MARKS = 13
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


@np.errstate(under="ignore")
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
    problem: Problem, geometry: Geometry, *, smallest: float = 1e-8, points: int = 100
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
        points: log-spaced ridges tried; each that fits better than those beside it is refined. With
            fewer a better fit between two of them may be missed.

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
    require_width(problem, "the path that is matched is")
    require_whole("points", points, 2)
    if not 0 < require_number(smallest, "smallest") < LARGEST:
        raise ValueError(
            f"a ridge is looked for from a share above 0 and below {LARGEST}, got"
            f" smallest={smallest!r}"
        )
    geometry = _centered(geometry, problem)
    top = largest_ridge(problem)
    grid = np.geomspace(LARGEST * top, float(smallest) * top, points)
    solutions = path(problem, grid.tolist(), tolerance=FINE)
    badness = np.array([_distance(s, geometry) for s in solutions])
    best = int(np.argmin(badness))
    if not np.isfinite(badness[best]):
        raise ValueError("no optimum has a distance to the geometry: some part of it is zero")
    if np.ptp(badness[np.isfinite(badness)]) <= ALIKE:
        raise ValueError(
            f"all ridges fit alike, at a distance of {badness[best]:.3g}, so that none can be told:"
            " the optima have one shape at every ridge, as those of equal counts or of two classes"
        )
    reduced, places = Reduced.of(problem), np.log(grid)
    tried = dict(zip(places.tolist(), zip(badness.tolist(), solutions, strict=True), strict=True))

    def look(place: float, near: Solution) -> float:
        there = problem.at(float(np.exp(place)))
        found = finish(there, reduced, near.point, "newton", FINE)
        distance = _distance(found, geometry)
        tried[float(place)] = distance, found
        return distance

    beside = np.pad(badness, 1, constant_values=np.inf) + ALIKE
    for i in np.flatnonzero((badness <= beside[:-2]) & (badness <= beside[2:])).tolist():
        near = solutions[i]
        # Distances jump where classes part, so that a descent could end beside the best.
        marks = np.linspace(places[min(i + 1, points - 1)], places[max(i - 1, 0)], MARKS)
        best = int(np.argmin([look(place, near) for place in marks[1:-1]]))
        bounds = marks[best], marks[best + 2]
        end = minimize_scalar(
            look, args=(near,), bounds=bounds, method="bounded", options={"xatol": 1e-4}
        ).x
        for place in (end - STEP, end + STEP):
            if places[-1] <= place <= places[0]:
                look(place, near)
    value, solution = min(tried.values(), key=lambda pair: pair[0])
    # Of one shape, not merely as near: a network fits the ridges of a flat valley alike. Towards
    # the limit of a vanishing ridge the optima have one shape too: there the search ends.
    found = _centered(solution.geometry, problem)
    alike = np.exp(
        [
            place
            for place, (other, near) in tried.items()
            if other <= value + ALIKE and _distance(near, found) <= ALIKE
        ]
    )
    if max(alike) / min(alike) > 1 + STEP / 2 and min(alike) > grid[-1]:
        raise ValueError(
            f"several ridges from {min(alike):.3g} to {max(alike):.3g} fit alike, at a distance of"
            f" {value:.3g}, so that none of them can be told: the optima have one shape"
            " there, as where all minorities share one classifier"
        )
    return Match(solution.problem.ridge, solution, found.distance(geometry))


def require_width(problem: Problem, what: str) -> None:
    """Refuse a width in which some optimum along the ridge has no room.

    Raises:
        ValueError: naming what is of these optima, and the width that they may need.
    """
    needed = min(problem.k - 1, problem.targets.m)
    if problem.width is not None and problem.width < needed:
        raise ValueError(f"{what} of optima that may need width {needed}, got {problem.width}")


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
