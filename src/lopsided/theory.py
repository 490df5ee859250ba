"""Theory: where a problem leads, and the only place that decides which theory holds."""

from __future__ import annotations

from lopsided import predict
from lopsided.geometry import Geometry
from lopsided.problem import Problem, require_problem

#: The relative duality gap above which a point is not handed out as the optimum.
PROVED = 1e-6


def foresee(problem: Problem) -> Geometry:
    """Return the optimum of a problem: the closed form where one speaks of it, else what the solver
    certifies.

    Raises:
        TypeError: if it is no problem.
        ValueError: if no form speaks and the problem is not the solver's, all reasons are given; or
            if the solver could not prove its optimum.

    Example:
        >>> from lopsided import Counts
        >>> tail = Problem(Counts([50, 5, 1]), ridge=0.0)
        >>> foresee(tail).source.name, foresee(tail.at(0.1)).source.name
        ('SELI', 'UFM optimum')
    """
    require_problem(problem)
    try:
        return predict.geometry(problem)
    except predict.NoFormError as silence:
        from lopsided import solve  # slow to import, and often not needed

        try:
            solution = solve.minimize(problem)
        except ValueError as error:
            raise ValueError(f"{error}; and {silence}") from None
        if solution.certificate.relative_gap > PROVED:
            raise ValueError(
                f"the optimum of this problem could not be proved: {solution.message}; see"
                " solve.minimize"
            ) from None
        return solution.geometry
