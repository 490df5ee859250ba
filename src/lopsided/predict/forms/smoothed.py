"""Label smoothing of balanced classes: the simplex ETF, smaller."""

from __future__ import annotations

from lopsided.counts import Counts
from lopsided.papers import cite
from lopsided.predict.form import Form, counts_of, equal, on_classes, positive, unadjusted
from lopsided.predict.forms.balanced import balanced
from lopsided.problem import Problem
from lopsided.targets import Targets


def _speaks(problem: Problem) -> str:
    smoothed = ("the targets must be smoothed", problem.targets.smoothing > 0)
    return on_classes(problem, positive(problem), smoothed, unadjusted(problem), equal(problem))


def _examples() -> tuple[Problem, ...]:
    given = ((0.1, 0.3), (0.3, 0.5))
    return tuple(
        Problem(Targets.smoothed(Counts([6, 6, 6]), smoothing), ridge=ridge)
        for smoothing, ridge in given
    )


FORM = Form(
    "smoothed",
    lambda problem: balanced(counts_of(problem), problem.ridge, problem.targets.smoothing),
    _speaks,
    _examples,
    cite("zhou2022") + "; scale derived here",
)
