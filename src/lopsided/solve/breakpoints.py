"""Breakpoints: the ridges at which the optimum loses rank, because classes collapse or a direction
between groups of classes vanishes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from lopsided.arrays import Floats, require_flag
from lopsided.problem import Problem
from lopsided.singular import singular_values
from lopsided.solve.minimize import finish
from lopsided.solve.path import largest_ridge, require_width
from lopsided.solve.reduced import Reduced

#: Ridges closer than this share are one; where no closed form knows a threshold, to which share it
#: is found.
TIE, ROOT = 1e-9, 1e-7
#: Where the search for thresholds ends, relative to the ridge from which all is zero.
LEAST = 1e-8
#: The relative duality gap of the solutions, and singular values that are zero beside the largest.
TOLERANCE, ZERO = 1e-12, 1e-13
#: Ridges at which all directions are looked at before each is searched for.
POINTS = 60


class Breakpoint(NamedTuple):
    """A ridge at which the optimum loses rank.

    Attributes:
        ridge: the threshold.
        classes: (r,) the classes that share one classifier and one mean from there on; all of them
            at the ridge of the zero solution, none where a direction between groups vanishes.
    """

    ridge: float
    classes: np.ndarray[tuple[int], np.dtype[np.int64]]


def breakpoints(problem: Problem, *, directions: bool = True) -> list[Breakpoint]:
    """Return the ridges at which groups of interchangeable classes collapse, those at which a
    direction between groups vanishes, and the one from which all is zero, ascending.

    A group of k_j >= 2 classes of count v shares one classifier and one mean iff ridge >= weight *
    scale * sqrt(v): at collapse its classes have equal shares in each sample, which cancel in the
    directions of zero sum, so that the gradient there is the label's. Where a singular value of the
    matrix between groups vanishes has no closed form: it is the root of that singular value below,
    and of the ridge minus the gradient's singular value above, to seven digits.

    Source: Hong and Ling 2023 for STEP imbalance, both thresholds; any groups derived here.

    Args:
        problem: its own ridge is not read.
        directions: whether to look for the directions between groups, at 60 ridges and
            some ten more each.

    Example:
        >>> from lopsided import Counts
        >>> problem = Problem(Counts([500] * 5 + [100] * 5), ridge=1.0)
        >>> for ridge, classes in breakpoints(problem):
        ...     print(round(ridge, 5), classes.tolist())
        10.0 [5, 6, 7, 8, 9]
        13.81595 []
        22.36068 [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]

    Raises:
        ValueError: for soft targets and additive margins, of whose collapse no form is known, and
            where the problem's width may be too small for its optima.
    """
    require_flag(directions, "directions")
    reduced = Reduced.of(problem)
    require_width(problem, "breakpoints are")
    if not reduced.labels:
        raise ValueError(
            "where classes of soft targets collapse is not known in closed form; solve the path and"
            " read the ranks"
        )
    margin = None if problem.adjustment is None else problem.adjustment.additive_margin
    if margin is not None and np.any(margin):
        raise ValueError(
            "with additive margins the collapse of a group has no closed form; solve the path and"
            " read the ranks"
        )
    j = reduced.multiple
    weight = reduced.mass / (reduced.sizes * reduced.counts)
    thresholds = (weight * reduced.own * np.sqrt(reduced.counts))[j]
    label = reduced.groups.expand(np.arange(len(reduced.sizes)))
    points = [
        Breakpoint(float(t), np.flatnonzero(label == g)) for t, g in zip(thresholds, j, strict=True)
    ]
    none = np.zeros(0, np.int64)
    if directions:
        points += [Breakpoint(ridge, none) for ridge in _vanishing(problem, reduced)]
    last = Breakpoint(largest_ridge(problem), np.arange(problem.k))
    below = [point for point in points if point.ridge < last.ridge * (1 - TIE)]
    return [*sorted(below, key=lambda point: point.ridge), last]


def _vanishing(problem: Problem, reduced: Reduced) -> Iterator[float]:
    """Yield the ridges at which a singular value of the matrix between groups vanishes."""
    top, start = float(np.log(largest_ridge(problem))), None

    @cache  # so that the signs seen are those that the search starts from
    def rooms(logarithm: float) -> Floats:
        """Return the singular values or, where they are zero, how far those of the gradient, which
        are the ridge as long as they are not, stay below the ridge: of the two the larger, as a
        share, since neither is zero to the last digit.
        """
        nonlocal start
        ridge = float(np.exp(logarithm))
        start = finish(problem.at(ridge), reduced, start, "newton", TOLERANCE).point
        gradient = reduced.adjoint(reduced.fit(reduced.margins(start)).residual).across
        values, room = singular_values(start.across), singular_values(gradient) - ridge
        largest = max(values[0], np.abs(start.within).max(initial=0))
        alive = values > largest * np.maximum(ZERO, -room / ridge)
        return np.asarray(np.where(alive, values, room))

    scan = np.linspace(top, top + np.log(LEAST), POINTS)
    seen = np.array([rooms(x) for x in scan])
    for place in range(len(reduced.sizes) - 1):
        for i in np.flatnonzero((seen[:-1, place] < 0) & (seen[1:, place] > 0)):
            root = brentq(
                lambda x, place: float(rooms(x)[place]),
                *(scan[i], scan[i + 1]),
                args=(place,),
                xtol=ROOT / 10,
            )
            yield float(np.exp(root))
