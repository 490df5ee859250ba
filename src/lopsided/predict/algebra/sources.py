"""What a block of neighbouring roots of the secular equation sees: near poles one by one, far ones
as proxies, those farther still as one polynomial.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lopsided.arrays import Floats, Ints
from lopsided.predict.algebra.farfield import (
    LEAF,
    NODES,
    ORDER,
    TRANSFORM,
    Seen,
    levels,
    polynomials,
)


class Field:
    """The poles, and the cells that stand for them, as blocks of `LEAF` gaps see them.

    Args:
        poles: ascending, distinct.
        weights: positive.
        far: whether to replace far poles.
    """

    def __init__(self, poles: Floats, weights: Floats, far: bool) -> None:
        self._poles, self._weights = poles, weights
        self._far = far
        if far:
            cells = levels(poles, weights)
            starts = np.arange(0, len(poles) - 1, LEAF)
            stops = np.minimum(starts + LEAF + 1, len(poles))
            self._seen = Seen.by(cells, poles, starts, stops)
            before = np.cumsum([0] + [len(level.starts) for level in cells])
            self._cell = before[self._seen.level] + self._seen.cell
            self._cells = Cells(
                *(
                    np.concatenate([getattr(level, part) for level in cells])
                    for part in ("starts", "lengths", "weights")
                )
            )
            self._bounds, self._near = (
                np.searchsorted(column, np.arange(len(starts) + 1))
                for column in (self._seen.stretch, self._seen.near)
            )

    def around(self, numbers: Ints) -> Sources:
        """Return what the gaps of some blocks see; where no poles are replaced, all gaps are one
        block.
        """
        poles, weights = self._poles, self._weights
        if not self._far:
            every = np.arange(len(poles))[None]
            return Sources(
                poles, every, np.zeros(every.shape), weights[None], numbers, np.ones(1), None
            )
        first = numbers * LEAF
        length = poles[np.minimum(first + LEAF, len(poles) - 1)] - poles[first]
        span = slice(self._bounds[numbers[0]], self._bounds[numbers[-1] + 1])
        cells, farther = self._cell[span], self._seen.farther[span]
        row = self._seen.stretch[span] - numbers[0]
        near = slice(self._near[numbers[0]], self._near[numbers[-1] + 1])
        kept = (self._seen.leaf[near, None] * LEAF + np.arange(LEAF)).ravel()
        there = kept < len(poles)
        mine = np.repeat(self._seen.near[near] - numbers[0], LEAF)[there]
        kept = kept[there]
        anchors, offsets, masses = self._cells.proxies(cells[~farther])
        table = _table(
            len(numbers),
            np.concatenate([mine, np.repeat(row[~farther], ORDER)]),
            np.concatenate([kept, anchors]),
            np.concatenate([np.zeros(len(kept)), offsets]),
            np.concatenate([weights[kept], masses]),
        )
        smooth = _table(
            len(numbers), np.repeat(row[farther], ORDER), *self._cells.proxies(cells[farther])
        )
        return Sources(poles, *table, first, length, _polynomial(poles, first, length, *smooth))


def _table(
    count: int, row: Ints, anchors: Ints, offsets: Floats, weights: Floats
) -> tuple[Ints, Floats, Floats]:
    """Return sources as tables, a row a block; what is missing lies infinitely far away."""
    order = np.argsort(row, kind="stable")
    lengths = np.bincount(row, minlength=count)
    place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    shape = (count, int(lengths.max(initial=0)))
    table = np.zeros(shape, np.int64), np.full(shape, np.inf), np.zeros(shape)
    for whole, part in zip(table, (anchors, offsets, weights), strict=True):
        whole[row[order], place] = part[order]
    return table


class Cells(NamedTuple):
    """The cells of all levels.

    Attributes:
        starts: (c,) first pole of each.
        lengths: (c,) of each.
        weights: (c, ORDER) of its proxies.
    """

    starts: Ints
    lengths: Floats
    weights: Floats

    def proxies(self, cells: Ints) -> tuple[Ints, Floats, Floats]:
        """Return anchors, offsets and weights of the proxies of some cells."""
        offsets = self.lengths[cells, None] * ((1 + NODES) / 2)
        return np.repeat(self.starts[cells], ORDER), offsets.ravel(), self.weights[cells].ravel()


def _polynomial(
    poles: Floats, first: Ints, length: Floats, anchors: Ints, offsets: Floats, weights: Floats
) -> Floats:
    """Return (b, ORDER, 3) coefficients of what proxies add to f on stretches of x, and to its
    derivative from the left and from the right.
    """
    x = (1 + NODES) * length[:, None] / 2
    apart = poles[anchors] - poles[first][:, None]
    inverse = 1 / (apart[:, None] + (offsets[:, None] - x[:, :, None]))
    left = anchors < first[:, None]
    by = np.stack([weights, weights * left, weights * ~left], axis=2)
    values = np.concatenate([inverse @ by[:, :, :1], inverse**2 @ by[:, :, 1:]], axis=2)
    return np.asarray(TRANSFORM @ values)


@dataclass(frozen=True, eq=False)
class Sources:
    """Poles, proxies and polynomials that blocks of gaps see.

    Attributes:
        poles: all poles of the equation.
        anchors: (b, s) a pole by each source, to which exact distances can be taken.
        offsets: (b, s) of the source from its anchor; 0 for poles themselves.
        weights: (b, s) of the sources.
        first: (b,) the pole at which each stretch begins.
        length: (b,) of the stretches.
        polynomial: (b, ORDER, 3) coefficients of the rest, if there is any.
    """

    poles: Floats
    anchors: Ints
    offsets: Floats
    weights: Floats
    first: Ints
    length: Floats
    polynomial: Floats | None

    def seen_from(self, pole: Ints, side: Floats) -> View:
        """Return the equation as seen from a pole for each root, mirrored where `side` is -1."""
        distance = self.poles[self.anchors][:, None] - self.poles[pole][:, :, None]
        distance += self.offsets[:, None]
        distance *= side[:, :, None]
        own = (distance <= 0).astype(np.float64)  # to multiply by, faster than what is boolean
        place = self.poles[pole] - self.poles[self.first][:, None]
        return View(self, distance, own, place, side)


@dataclass(frozen=True, eq=False)
class View:
    """The equation around one pole for each root, in the direction of its root; r roots a block.

    Attributes:
        sources: what is seen.
        distance: (b, r, s) of the sources.
        own: (b, r, s) 1 where they are on the pole's own side, else 0.
        place: (b, r) of the poles in the stretch.
        side: (b, r) 1 where the root lies right of its pole, else -1.
    """

    sources: Sources
    distance: Floats
    own: Floats
    place: Floats
    side: Floats

    def value(self, x: Floats) -> Floats:
        """Return f at distances x from the poles."""
        return np.asarray(
            self._sums(1 / (self.distance - x[:, :, None])) + self.side * self._rest(x)[..., 0]
        )

    def evaluate(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Return f at distances x, and the parts of its derivative that come from the pole's own
        side and from the other side.
        """
        rest = self._rest(x)
        inverse = self.distance - x[:, :, None]
        np.reciprocal(inverse, out=inverse)
        f = self._sums(inverse) + self.side * rest[..., 0]
        np.square(inverse, out=inverse)
        total = self._sums(inverse)
        inverse *= self.own
        toward = self._sums(inverse)
        right = self.side < 0
        return (
            f,
            toward + np.where(right, rest[..., 2], rest[..., 1]),
            total - toward + np.where(right, rest[..., 1], rest[..., 2]),
        )

    def _sums(self, terms: Floats) -> Floats:
        """Return (b, r) sums over the sources by their weights."""
        return np.asarray((terms @ self.sources.weights[:, :, None])[..., 0])

    def _rest(self, x: Floats) -> Floats:
        """Return (b, r, 3) values of the polynomials."""
        if self.sources.polynomial is None:
            return np.zeros((*x.shape, 3))
        where = (self.place + self.side * x) * (2 / self.sources.length[:, None]) - 1
        return np.asarray(polynomials(where) @ self.sources.polynomial)
