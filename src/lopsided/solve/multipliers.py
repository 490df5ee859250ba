"""The method of multipliers for the max-margin problem of labels: cross-entropy at a positive ridge
is the penalty, and what its shares multiply each margin with is kept while the margins grow.

A cell of offset o and margin R has the share exp(R + o), nearly, which is its multiplier in the
conditions of optimality. With the offset R + o + c the cell has the same multiplier at the margin
-c. What comes back as it was has the margin -c wherever the multiplier is not zero, and so is
optimal among all that have margins of -c or less. The larger c, the fewer steps: the penalty is
steeper beside it. A multiplier that goes to zero because its margin is below -c by little takes
long, so it goes twice as far.

Source: the exponential method of multipliers, Bertsekas 1982, chapter 5; its use here is our own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from lopsided.arrays import Floats
from lopsided.solve.methods.newton import newton
from lopsided.solve.reduced import Point, Reduced

#: The first margin, by what it grows each step, and the last, beyond which each step takes longer
#: than the steps that it saves.
FIRST, GROWTH, LAST = 100.0, 3.0, 2700.0
#: How many times as far a multiplier falls, once margins have grown.
HASTE = 2.0
#: A multiplier is not smaller than the largest times exp of this, lest a cell is forgotten.
LEAST = -40.0
#: So small that shares are exponentials of margins; optima do not depend on it.
_RIDGE = 1e-6
_STEPS = 40
#: Of more groups of classes each step takes many seconds, and none is taken.
GROUPS = 16


def multiplied(reduced: Reduced, tolerance: float) -> Iterator[tuple[Point, Floats]]:
    """Yield ever better points of the max-margin problem of labels, each with the (p, m)
    multipliers of its cells.

    Args:
        reduced: of labels; its offsets and masses, which the limit does not know, are left out.
        tolerance: relative duality gap of each step.
    """
    free = reduced.biased and not reduced.penalty
    none = np.zeros_like(reduced.offset)
    penalised = replace(reduced, mass=np.ones_like(reduced.mass), offset=none, biased=free)
    point, margin = None, FIRST
    for _ in range(_STEPS if reduced.groups.m <= GROUPS else 0):
        point, _ = newton(_RIDGE, penalised, point, tolerance)
        margins = penalised.margins(point)
        yield point, penalised.fit(margins).residual
        larger = min(GROWTH * margin, LAST)
        slack = np.minimum(margins + margin, 0.0) if margin == LAST else 0.0
        shares = penalised.offset + margins + (HASTE - 1) * slack
        there = penalised.copies > 0
        least = LEAST + shares[there].max()
        offset = np.where(there, np.maximum(shares, least) + larger, 0.0)
        penalised = replace(penalised, offset=offset)
        scale, margin = larger / margin, larger
        point = Point(*(scale * part for part in point))
