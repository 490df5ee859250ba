"""Far fields: many distant poles replaced by a few, so that sums over poles cost less than one term
a pole.

A cell is a stretch of neighbouring poles. Seen from x at least the cell's length away, sum_j w_j /
(v_j - x) over the cell equals, to about 1e-15 of its terms' sizes, the same sum over `ORDER` proxy
poles at Chebyshev nodes, since 1 / (v - x) is there an analytic function of v that a polynomial
interpolates (error 5.8^-ORDER). Seen from a whole stretch of x, no longer than its distance from
the cell, the sum is a polynomial of x too. Positions are offsets from a pole, whose distance to any
other pole is one exact subtraction: large poles cost no digits.

Source: Greengard and Rokhlin 1987 for the two expansions; Dutt, Gu and Rokhlin 1996 for Chebyshev
polynomials in one dimension.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, Ints

#: Proxy poles of a cell.
ORDER = 20
#: Poles of the smallest cells.
LEAF = 64

NODES = np.cos((np.arange(ORDER) + 0.5) * np.pi / ORDER)
#: Values at the nodes -> coefficients of Chebyshev polynomials, and its transpose.
TRANSFORM = 2 / ORDER * np.cos(np.multiply.outer(np.arccos(NODES), np.arange(ORDER))).T
TRANSFORM[0] /= 2


def polynomials(x: Floats) -> Floats:
    """Return the Chebyshev polynomials of degree below `ORDER` at x in [-1, 1], on a last axis."""
    x = np.maximum(np.minimum(x, 1), -1)
    found = np.ones((ORDER, *x.shape))
    found[1], double = x, 2 * x
    for degree in range(2, ORDER):
        np.multiply(double, found[degree - 1], out=found[degree])
        found[degree] -= found[degree - 2]
    return np.moveaxis(found, 0, -1)


@dataclass(frozen=True, eq=False)
class Level:
    """The cells of one size, from left to right.

    Attributes:
        starts: (c,) first pole of each.
        stops: (c,) one past its last pole.
        lengths: (c,) distance of its last pole from its first; a little more than 0 for one pole.
        weights: (c, ORDER) of its proxies, which lie at (1 + NODES) length / 2 from its first pole.
    """

    starts: Ints
    stops: Ints
    lengths: Floats
    weights: Floats

    @classmethod
    def leaves(cls, poles: Floats, weights: Floats) -> Level:
        """Return the cells of `LEAF` neighbours."""
        starts = np.arange(0, len(poles), LEAF)
        stops = np.minimum(starts + LEAF, len(poles))
        index = np.minimum(starts[:, None] + np.arange(LEAF), len(poles) - 1)
        inside = starts[:, None] + np.arange(LEAF) < stops[:, None]
        return cls._spread(
            poles, starts, stops, poles[index] - poles[starts][:, None], weights[index] * inside
        )

    def doubled(self, poles: Floats) -> Level:
        """Return the cells of two of these each, the last perhaps of one."""
        starts, stops = self.starts[::2], np.append(self.stops[1::2], self.stops[-1:])
        stops = stops[: len(starts)]
        offsets = (1 + NODES) * self.lengths[:, None] / 2
        pad = len(self.starts) % 2
        offsets = np.pad(offsets + self._from(poles, starts), ((0, pad), (0, 0)))
        weights = np.pad(self.weights, ((0, pad), (0, 0)))
        shape = (len(starts), 2 * ORDER)
        return self._spread(poles, starts, stops, offsets.reshape(shape), weights.reshape(shape))

    def _from(self, poles: Floats, starts: Ints) -> Floats:
        """Return how far the first pole of each cell is from that of the double cell it is in."""
        return (poles[self.starts] - poles[np.repeat(starts, 2)[: len(self.starts)]])[:, None]

    @classmethod
    def _spread(
        cls, poles: Floats, starts: Ints, stops: Ints, inner: Floats, mass: Floats
    ) -> Level:
        lengths = poles[stops - 1] - poles[starts]
        # One pole alone is the last of all; its proxies stay where it is.
        before = poles[starts] - poles[np.maximum(starts - 1, 0)]
        lengths = np.where(lengths > 0, lengths, 2.0**-60 * before)
        basis = polynomials(2 * inner / lengths[:, None] - 1)
        return cls(starts, stops, lengths, np.einsum("cp,cpo->co", mass, basis) @ TRANSFORM)


def levels(poles: Floats, weights: Floats) -> list[Level]:
    """Return all levels, the largest cells first."""
    found = [Level.leaves(poles, weights)]
    while len(found[-1].starts) > 1:
        found.append(found[-1].doubled(poles))
    return found[::-1]


@dataclass(frozen=True, eq=False)
class Seen:
    """Which cells stand for the poles that stretches of poles see from afar.

    Attributes:
        level: (p,) of each pair of a stretch and a cell.
        cell: (p,) in that level.
        stretch: (p,), ascending.
        farther: (p,) whether the cell is as far away as the stretch is long, too.
        leaf: (q,) of each pair of a stretch and a smallest cell that is near.
        near: (q,) the stretch, ascending.
    """

    level: Ints
    cell: Ints
    stretch: Ints
    farther: npt.NDArray[np.bool_]
    leaf: Ints
    near: Ints

    @classmethod
    def by(cls, cells: list[Level], poles: Floats, starts: Ints, stops: Ints) -> Seen:
        """Find the largest cells that are their own length away from each stretch start..stop-1.

        Leaves that are less than their own length away are near.
        """
        lengths = poles[stops - 1] - poles[starts]
        stretch = np.arange(len(starts))
        cell = np.zeros(len(starts), np.int64)
        found = []
        for number, level in enumerate(cells):
            first, last = level.starts[cell], level.stops[cell]
            gap = np.where(
                first >= stops[stretch],
                poles[first] - poles[stops[stretch] - 1],
                np.where(
                    last <= starts[stretch], poles[starts[stretch]] - poles[last - 1], -np.inf
                ),
            )
            far = gap >= level.lengths[cell]
            smooth = gap[far] >= lengths[stretch[far]]
            found.append((np.full(len(smooth), number), cell[far], stretch[far], smooth))
            if number + 1 < len(cells):
                halves = 2 * cell[~far][:, None] + np.arange(2)
                there = halves < len(cells[number + 1].starts)
                stretch, cell = np.repeat(stretch[~far], 2)[there.ravel()], halves[there]
        numbers, standing, seeing, smooth = (
            np.concatenate(part) for part in zip(*found, strict=True)
        )
        order = np.argsort(seeing, kind="stable")
        nearest = np.argsort(stretch[~far], kind="stable")
        return cls(
            numbers[order],
            standing[order],
            seeing[order],
            smooth[order],
            cell[~far][nearest],
            stretch[~far][nearest],
        )
