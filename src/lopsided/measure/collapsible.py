"""Collapsible: whether inputs let a network of one hidden layer collapse, whatever its width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, require_flag, require_squares
from lopsided.measure.checks import all_of

#: A gap of conditions, of which the largest possible is 1, that rounding of a solver leaves.
CLOSE = 1e-7


@dataclass(frozen=True, eq=False)
class Collapsible:
    """Which classes a neuron can hold constant while it is off on all others.

    Attributes:
        possible: (k,) whether there is one.
        gaps: (k,) the least value that the largest violation of the conditions can have; 0 where
            there is a neuron, at most 1.
        neurons: (k, d) weights with these violations, of (d + 1) the last a bias.
        multipliers: (k, n) the proof that no weights have less: of absolute sum 1 and, off the
            class, at least 0. Signed by minus one off the class they weigh the inputs to zero, and
            those of the class sum to the gap.
    """

    possible: npt.NDArray[np.bool_]
    gaps: Floats
    neurons: Floats
    multipliers: Floats


def collapsible(inputs: npt.ArrayLike, labels: npt.ArrayLike, *, bias: bool = False) -> Collapsible:
    """Tell for each class whether a ReLU neuron can be 1 on all of its samples and off on all
    others.

    Where every class has such a neuron, a network of one hidden layer collapses exactly, to the
    orthogonal frame, whatever its width; in general it takes n_c <= d. Each class is a linear
    programme: the least e with |X_c b - 1| <= e and X_other b <= e, whose multipliers prove it. Of
    two hidden layers give what the first makes of the inputs.

    Source: Hong and Ling 2024 (arXiv 2409.01832) for the question; the test derived here, a
    sufficient one.

    Args:
        inputs: (n, d), or the features that a layer makes of them.
        labels: (n,) classes.
        bias: whether the neurons have one.

    Raises:
        ValueError: if inputs and labels do not fit, a number is not finite, or a class has no
            sample.
        TypeError: if labels are no whole numbers, or `bias` is neither True nor False.

    Example:
        >>> inputs = [[1.0, 0.0], [1.0, 0.5], [0.0, 1.0], [-1.0, 1.0]]
        >>> collapsible(inputs, [0, 0, 1, 1]).possible
        array([ True, False])
        >>> collapsible(inputs, [0, 0, 1, 1], bias=True).possible
        array([ True,  True])
    """
    require_flag(bias, "bias")
    x, y, k = all_of(inputs, labels, "inputs")
    require_squares(x, "inputs")
    # Each dimension in its own unit: the solver takes numbers below 1e-9 for zero.
    d, scale = x.shape[1], np.abs(x).max(axis=0)
    x = x / (scale := np.where(scale > 0, scale, 1.0))
    x = np.hstack([x, np.ones((len(x), 1))]) if bias else x
    found = [_neuron(x, y == c) for c in range(k)]
    gaps, neurons, multipliers = (np.stack(part) for part in zip(*found, strict=True))
    neurons[:, :d] /= scale
    return Collapsible(gaps < CLOSE, gaps, neurons, multipliers)


def _neuron(x: Floats, own: npt.NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """Return the least violation, the weights that have it, and the multipliers that prove it."""
    from scipy.optimize import linprog  # slow to import

    d = x.shape[1]
    inside, outside = x[own], x[~own]
    sides = np.vstack([inside, -inside, outside])
    table = np.hstack([sides, -np.ones((len(sides), 1))])
    most = np.concatenate([np.ones(len(inside)), -np.ones(len(inside)), np.zeros(len(outside))])
    goal = np.append(np.zeros(d), 1.0)
    end = linprog(goal, table, most, bounds=[(None, None)] * d + [(0, None)], method="highs")
    if end.x is None:  # which has a solution always: no weights and a violation of 1
        raise ArithmeticError(f"the linear programme was not solved: {end.message}")
    weights = -end.ineqlin.marginals
    above, below, others = np.split(weights, [len(inside), 2 * len(inside)])
    multipliers = np.empty(len(x))
    multipliers[own], multipliers[~own] = below - above, others
    return np.asarray(max(end.x[-1], 0.0)), end.x[:-1], multipliers
