"""Far fields: many distant poles replaced by a few, so that sums over poles cost less than one term
a pole.

A cell is a stretch of neighbouring poles. Seen from x at least the cell's length away, sum_j w_j /
(v_j - x) over the cell equals, to about 1e-15 of its terms' sizes, the same sum over `ORDER` proxy
poles at Chebyshev nodes, since 1 / (v - x) is there an analytic function of v that a polynomial
interpolates (error 5.8^-ORDER). Positions are offsets from the cell's first pole, whose distance to
any other pole is one exact subtraction: large poles cost no digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev

from lopsided.arrays import Floats

#: Proxy poles of a cell.
ORDER = 20
#: Poles of the smallest cells.
LEAF = 64

_NODES = np.cos((np.arange(ORDER) + 0.5) * np.pi / ORDER)
_TRANSFORM = 2 / ORDER * chebyshev.chebvander(_NODES, ORDER - 1).T
_TRANSFORM[0] /= 2


@dataclass(frozen=True, eq=False)
class Cell:
    """Neighbouring poles start..stop-1 and their proxies.

    Attributes:
        start: first pole.
        stop: one past the last pole.
        length: distance of the last pole from the first.
        offsets: (ORDER,) positions of the proxies from the first pole.
        weights: (ORDER,) their weights.
        halves: the two cells that this one consists of; none for a leaf.
    """

    start: int
    stop: int
    length: float
    offsets: Floats
    weights: Floats
    halves: tuple[Cell, ...]

    @classmethod
    def tree(cls, poles: Floats, weights: Floats, start: int = 0, stop: int | None = None) -> Cell:
        """Build the cell of poles start..stop-1, ascending, and the cells within it."""
        stop = len(poles) if stop is None else stop
        length = float(poles[stop - 1] - poles[start])
        halves: tuple[Cell, ...] = ()
        inner, mass = poles[start:stop] - poles[start], weights[start:stop]
        if stop - start > LEAF:
            middle = (start + stop) // 2
            halves = (
                cls.tree(poles, weights, start, middle),
                cls.tree(poles, weights, middle, stop),
            )
            inner = np.concatenate(
                [half.offsets + (poles[half.start] - poles[start]) for half in halves]
            )
            mass = np.concatenate([half.weights for half in halves])
        spread = mass @ chebyshev.chebvander(2 * inner / length - 1, ORDER - 1) @ _TRANSFORM
        return cls(start, stop, length, (1 + _NODES) * length / 2, spread, halves)

    def far_from(self, poles: Floats, start: int, stop: int) -> Iterator[Cell]:
        """Yield the largest cells within this one that are far from the stretch start..stop-1 of
        poles.

        What is not covered by them is near: leaves that are less than their own length away.
        """
        gap = (
            poles[self.start] - poles[stop - 1]
            if self.start >= stop
            else poles[start] - poles[self.stop - 1]
        )
        if (self.start >= stop or self.stop <= start) and gap >= self.length:
            yield self
        else:
            for half in self.halves:
                yield from half.far_from(poles, start, stop)
