"""The layer-peeled model: the norms of classifiers and features are bounded instead of penalised.

    min (1/n) sum_i CE(W h_i, y_i)   such that   ||W||^2 <= k E_W  and  sum_c mean of ||h||^2 over
    class c <= k E_H

A class's features count alike however many they are, so in the logits it is min sum_c n_c CE(x_c)
with ||X||_* <= k sqrt(E_W E_H): a ridge problem with counts 1 and the counts as loss weights,
whose ridge is found by root search.

Source: Fang, He, Long and Su 2021 (arXiv 2101.12699), program (7); minority collapse at a finite
imbalance ratio, section 4.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from lopsided.adjustment import Adjustment
from lopsided.arrays import require_finite
from lopsided.counts import Counts
from lopsided.problem import Problem
from lopsided.singular import singular_values
from lopsided.solve.minimize import LEAST, minimize
from lopsided.solve.path import largest_ridge
from lopsided.solve.solution import Solution

#: How near the norms of the solution come to their bounds.
MET = 1e-4


def layer_peeled(weights: npt.ArrayLike, e_w: float, e_h: float) -> Solution:
    """Solve the layer-peeled model.

    Args:
        weights: (k,) samples of each class, or any positive numbers in their proportion.
        e_w: bound of the mean squared norm of the classifiers.
        e_h: bound of the mean over the classes of the mean squared norm of their features.

    Returns:
        The solution of the ridge problem whose optimum just meets the bounds. Its W and M have
        equal norms; scaling W by (e_w / e_h)^{1/4} and M by the inverse gives each its own bound.
        Minorities share one classifier from ridge = their weight on.

    Raises:
        ValueError: if a number is not positive and finite, or the bounds are so small that the
            optimum cannot be told from zero, or so large that its ridge leaves float64.

    Example:
        >>> bounded = layer_peeled([20] * 5 + [1] * 5, e_w=1, e_h=5)
        >>> energy = float(np.sum(bounded.W**2))
        >>> bool(bounded.problem.ridge > 1), round(energy, 6) == round(10 * 5**0.5, 6)
        (True, True)
    """
    w = require_finite(weights, "weights", positive=True)
    bounds = require_finite([e_w, e_h], "the bounds e_w and e_h", positive=True)
    radius = len(w) * float(np.prod(np.sqrt(bounds)))  # of roots, whose product is a float
    problem = Problem(Counts([1] * len(w)), Adjustment(weight=w), ridge=1.0)
    top = float(np.log(largest_ridge(problem)))

    def nuclear(solution: Solution) -> float:
        within = solution.reduced.times @ np.abs(solution.point.within)
        return float(singular_values(solution.point.across).sum() + within)

    def at(log_ridge: float) -> Solution:
        return minimize(problem.at(float(np.exp(log_ridge))), tolerance=1e-9)

    def excess(log_ridge: float) -> float:
        return nuclear(at(log_ridge)) - radius

    low = top - 1
    while excess(low) < 0:
        low -= 2
        if low < np.log(LEAST):
            raise ValueError(
                f"bounds e_w={e_w:g} and e_h={e_h:g} are so large that the ridge of their optimum"
                " leaves float64; the limit is that of a vanishing ridge"
            )
    found = at(brentq(excess, low, top, xtol=1e-8))
    if abs(nuclear(found) - radius) > MET * radius:
        raise ValueError(
            f"bounds e_w={e_w:g} and e_h={e_h:g} are so small that the optimum cannot be told from"
            " zero"
        )
    return found
