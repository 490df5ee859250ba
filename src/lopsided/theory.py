"""Theory: where a problem leads, and the only place that decides which theory holds."""

from __future__ import annotations

from lopsided import predict
from lopsided.geometry import Geometry
from lopsided.problem import Problem


def foresee(problem: Problem) -> Geometry:
    """Return the optimum of a problem: the closed form where one speaks of it, else what the solver certifies.

    Raises:
        ValueError: if no form speaks and the problem is not the solver's; all reasons are given.

    Example:
        >>> from lopsided import Counts
        >>> tail = Problem(Counts([50, 5, 1]), ridge=0.0)
        >>> foresee(tail).source.name, foresee(tail.at(0.1)).source.name
        ('SELI', 'UFM optimum')
    """
    try:
        return predict.geometry(problem)
    except predict.NoFormError as silence:
        from lopsided import solve  # slow to import, and often not needed

        try:
            return solve.minimize(problem).geometry
        except ValueError as error:
            raise ValueError(f"{error}; and {silence}") from None
