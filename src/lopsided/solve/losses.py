"""The loss of each class at an optimum: what the ridge costs the rare ones."""

from __future__ import annotations

import numpy as np

from lopsided.arrays import Floats, require_noun
from lopsided.solve.reduced import classes, contexts
from lopsided.solve.solution import Solution


def class_losses(solution: Solution) -> Floats:
    """Return the loss of a sample of each class, or of each context, in nats, at the optimum.

    The loss is the problem's own with its adjustment, before the weights. For plain cross-entropy a
    sample of class c has the chance p_c of its own label with 1 - p_c = ridge Pi_cc / sqrt(n_c), Pi
    the polar factor of X N^(1/2); as the ridge vanishes the loss tends to ridge ||mu_c||^2, mu_c
    the class means of SELI. Rare classes lose most, and from sqrt(n_c) on merge with the others of
    their count.

    Source: Pinto et al. 2024 for the effect; both laws derived here.

    Args:
        solution: of `minimize` or a path.

    Raises:
        TypeError: if it is no solution.
        ValueError: at ridge 0, where every loss is what it is in the limit: zero for classes.

    Returns:
        (k,) losses of classes, or (m,) of contexts, whose targets' entropy is part of them.

    Example:
        >>> from lopsided import solve
        >>> optimum = solve.minimize(solve.Problem([50, 20, 7, 3, 1], ridge=0.5))
        >>> class_losses(optimum).round(4)
        array([0.0637, 0.0999, 0.1651, 0.2432, 0.3918])
    """
    require_noun(solution, Solution, "what has losses", "solve.minimize finds one")
    if not solution.problem.ridge:
        if not solution.reduced.labels:
            raise ValueError(
                "at ridge 0, the limit of a vanishing ridge, the logits grow without bound; solve"
                " at a positive ridge"
            )
        raise ValueError(
            "at ridge 0, the limit of a vanishing ridge, the loss of every class vanishes; solve at"
            " a positive ridge, or see by what it vanishes, ridge ||mu_c||^2, in"
            " predict.seli(counts).embeddings.squared_norms()"
        )
    reduced, point = solution.reduced, solution.point
    shifted = reduced.margins(point) + reduced.offset
    if reduced.labels:
        return np.asarray(reduced.groups.expand(classes.losses(shifted, reduced.copies)[0]))
    value, _, _ = contexts.losses(shifted, reduced.targets)
    return np.asarray(value * reduced.mass / reduced.counts)
