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
from lopsided.solve.minimize import minimize
from lopsided.solve.path import largest_ridge
from lopsided.solve.solution import Solution


def layer_peeled(weights: npt.ArrayLike, e_w: float, e_h: float) -> Solution:
    """Solve the layer-peeled model.

    Args:
        weights: (k,) samples of each class, or any positive numbers in their proportion.
        e_w: bound of the mean squared norm of the classifiers.
        e_h: bound of the mean squared norm of the features.

    Returns:
        The solution of the ridge problem whose optimum just meets the bounds. Its W and M have
        equal norms; scaling W by (e_w / e_h)^{1/4} and M by the inverse gives each its own bound.
        Minorities share one classifier from ridge = their weight on.

    Raises:
        ValueError: if a number is not positive and finite.

    Example:
        >>> bounded = layer_peeled([20] * 5 + [1] * 5, e_w=1, e_h=5)
        >>> energy = float(np.sum(bounded.W**2))
        >>> bool(bounded.problem.ridge > 1), round(energy, 6) == round(10 * 5**0.5, 6)
        (True, True)
    """
    w = require_finite(weights, "weights", positive=True)
    require_finite([e_w, e_h], "the bounds e_w and e_h", positive=True)
    radius = len(w) * np.sqrt(e_w * e_h)
    problem = Problem(Counts([1] * len(w)), Adjustment(weight=w), ridge=1.0)
    top = float(np.log(largest_ridge(problem)))

    def excess(log_ridge: float) -> float:
        point = minimize(problem.at(float(np.exp(log_ridge))), tolerance=1e-9)
        nuclear = singular_values(point.point.across).sum() + point.reduced.times @ np.abs(
            point.point.within
        )
        return float(nuclear - radius)

    low = top - 1
    while excess(low) < 0:
        low -= 2
    return minimize(problem.at(float(np.exp(brentq(excess, low, top, xtol=1e-8)))), tolerance=1e-9)
