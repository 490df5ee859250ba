"""What a block of neighbouring roots of the secular equation sees: near poles one by one, far ones
as proxies, those farther still as one polynomial.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
        self._levels = levels(poles, weights) if far else []
        if far:
            starts = np.arange(0, len(poles) - 1, LEAF)
            stops = np.minimum(starts + LEAF + 1, len(poles))
            self._seen = Seen.by(self._levels, poles, starts, stops)
            self._bounds, self._near = (
                np.searchsorted(column, np.arange(len(starts) + 1))
                for column in (self._seen.stretch, self._seen.near)
            )

    def around(self, block: Ints, number: int) -> Sources:
        """Return what the gaps of a block see, the block of this number where poles are
        replaced.
        """
        poles, weights = self._poles, self._weights
        first, last = int(block[0]), int(block[-1]) + 1
        if not self._levels:
            every = np.arange(len(poles))
            return Sources(poles, every, np.zeros(len(poles)), weights, first, 1.0, None)
        length = float(poles[last] - poles[first])
        span = slice(self._bounds[number], self._bounds[number + 1])
        proxies: list[Cell] = []
        farther: list[Cell] = []
        for level, cell, smooth in zip(
            self._seen.level[span],
            self._seen.cell[span],
            self._seen.farther[span],
            strict=True,
        ):
            of = self._levels[level]
            (farther if smooth else proxies).append(
                (of.starts[cell], of.lengths[cell], of.weights[cell])
            )
        leaves = self._seen.leaf[slice(*self._near[number : number + 2])]
        kept = (leaves[:, None] * LEAF + np.arange(LEAF)).ravel()
        kept = kept[kept < len(poles)]
        anchors, offsets, masses = _proxies(proxies)
        return Sources(
            poles,
            np.concatenate([kept, anchors]),
            np.concatenate([np.zeros(len(kept)), offsets]),
            np.concatenate([weights[kept], masses]),
            first,
            length,
            _polynomial(poles, first, length, *_proxies(farther)),
        )


#: First pole, length and weights.
Cell = tuple[int, float, Floats]


def _proxies(cells: list[Cell]) -> tuple[Ints, Floats, Floats]:
    """Return anchors, offsets and weights of the proxies of cells."""
    if not cells:
        return np.empty(0, np.int64), np.empty(0), np.empty(0)
    starts, lengths, weights = zip(*cells, strict=True)
    offsets = np.multiply.outer(np.array(lengths), (1 + NODES) / 2)
    return np.repeat(starts, ORDER), offsets.ravel(), np.concatenate(weights)


def _polynomial(
    poles: Floats, first: int, length: float, anchors: Ints, offsets: Floats, weights: Floats
) -> Floats:
    """Return (ORDER, 3) coefficients of what proxies add to f on a stretch of x, and to its
    derivative from the left and from the right.
    """
    x = (1 + NODES) * length / 2
    inverse = 1 / ((poles[anchors] - poles[first]) + (offsets - x[:, None]))
    left = anchors < first
    squares = inverse**2
    values = [inverse @ weights, squares @ (weights * left), squares @ (weights * ~left)]
    return np.asarray(TRANSFORM @ np.column_stack(values))


@dataclass(frozen=True, eq=False)
class Sources:
    """Poles, proxies and polynomial that a block sees.

    Attributes:
        poles: all poles of the equation.
        anchors: (s,) a pole by each source, to which exact distances can be taken.
        offsets: (s,) of the source from its anchor; 0 for poles themselves.
        weights: (s,) of the sources.
        first: the pole at which the stretch begins.
        length: of the stretch.
        polynomial: (ORDER, 3) coefficients of the rest, if there is any.
    """

    poles: Floats
    anchors: Ints
    offsets: Floats
    weights: Floats
    first: int
    length: float
    polynomial: Floats | None

    def seen_from(self, pole: Ints, side: Floats) -> View:
        """Return the equation as seen from a pole for each root, mirrored where `side` is -1."""
        distance = (self.poles[self.anchors] - self.poles[pole][:, None]) + self.offsets
        distance *= side[:, None]
        return View(self, distance, distance <= 0, self.poles[pole] - self.poles[self.first], side)


@dataclass(frozen=True, eq=False)
class View:
    """The equation around one pole for each root, in the direction of its root.

    Attributes:
        sources: what is seen.
        distance: (b, s) of the sources.
        own: (b, s) which of them are on the pole's own side.
        place: (b,) of the poles in the stretch.
        side: (b,) 1 where the root lies right of its pole, else -1.
    """

    sources: Sources
    distance: Floats
    own: npt.NDArray[np.bool_]
    place: Floats
    side: Floats

    def value(self, x: Floats) -> Floats:
        """Return f at distances x from the poles."""
        return np.asarray(
            (1 / (self.distance - x[:, None])) @ self.sources.weights
            + self.side * self._rest(x)[:, 0]
        )

    def evaluate(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Return f at distances x, and the parts of its derivative that come from the pole's own
        side and from the other side.
        """
        weights, rest = self.sources.weights, self._rest(x)
        inverse = self.distance - x[:, None]
        np.reciprocal(inverse, out=inverse)
        f = inverse @ weights + self.side * rest[:, 0]
        np.square(inverse, out=inverse)
        total = inverse @ weights
        inverse *= self.own
        toward = inverse @ weights
        right = self.side < 0
        return (
            f,
            toward + np.where(right, rest[:, 2], rest[:, 1]),
            total - toward + np.where(right, rest[:, 1], rest[:, 2]),
        )

    def _rest(self, x: Floats) -> Floats:
        """Return (b, 3) values of the polynomial."""
        if self.sources.polynomial is None:
            return np.zeros((len(x), 3))
        where = (self.place + self.side * x) * (2 / self.sources.length) - 1
        return np.asarray(polynomials(where) @ self.sources.polynomial)
