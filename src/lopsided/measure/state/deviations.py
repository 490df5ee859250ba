"""Deviations of samples from the means of their classes, as far as a second pass looks at them.

They are taken from the means rounded to the features' precision, single or double, r off the mean,
which is exact to the deviation's own last digit. Over all samples of a class that adds n r r' to
their scatter, and is taken off at the end (derived here). It never cancels: the features lie on the
grid of that precision and so scatter by more than their mean lies off it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, Ints
from lopsided.measure.state.blocks import Array, Block
from lopsided.measure.state.means import Means
from lopsided.measure.state.whitening import Whitening

#: By how much more than their part in the span of the class means, a dimension, deviations may
#: scatter: where a direction that tells nothing of the classes is heavier, the rounding of its
#: products would be seen in that part.
HEAVY = 16.0
#: Squares below this are near the end of single precision.
TINY = 1e-30
#: Corrections below this share of a trace are not seen in it.
UNSEEN = 1e-12


class Seen(NamedTuple):
    """What a second pass sees of some deviations.

    Attributes:
        squares: (b,) their squared lengths.
        traces: (2,) tr(S E^+) and (P tilt)' S (P tilt) of their scatter S.
    """

    squares: npt.NDArray[np.floating]
    traces: Floats


class Reference:
    """What the deviations are taken from.

    Args:
        first: means of the first pass.
        whitening: of its classes with samples.
        narrow: whether the features have single precision or less.
    """

    def __init__(self, first: Means, whitening: Whitening, *, narrow: bool) -> None:
        self._first, self._whitening = first, whitening
        self.points: Array = first.means
        if narrow and np.abs(first.means).max() < 1 / TINY:
            self.points = first.means.astype(np.float32)
            with np.errstate(over="ignore"):
                self._columns = whitening.columns.astype(np.float32)
                self._tilt = whitening.tilt.astype(np.float32)
        self._weight = float(np.vdot(whitening.columns, whitening.columns))

    @property
    def single(self) -> bool:
        """Whether it is in single precision."""
        return self.points.dtype == np.float32

    def look(self, block: Block) -> Seen:
        """Return what is seen of a block, in double precision."""
        points = self.points[block.labels] if self.single else _own(self.points, block)
        x = np.subtract(block.rows, points, out=block.taken)
        inside = x @ self._whitening.columns
        traces = np.vdot(inside, inside), np.square(inside @ self._whitening.tilt).sum()
        return Seen(np.vecdot(x, x), np.array(traces))

    def look_in_single(self, block: Block) -> Seen | None:
        """Return what is seen of a block, in single precision; `None` if that would not do."""
        if not self.single:
            return None
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            x = np.subtract(block.rows, _own(self.points, block), out=block.taken)
            squares = np.vecdot(x, x)
            inside = x @ self._columns
            trace = float(np.vecdot(inside, inside).sum(dtype=np.float64))
            along = np.square(inside @ self._tilt).sum(dtype=np.float64)
            total = float(squares.sum(dtype=np.float64))
        # Where a number is not finite, neither is this.
        if not total * self._weight <= HEAVY * x.shape[1] * trace < np.inf:
            return None
        low = squares < TINY
        if low.any() and x[low].any():
            return None
        return Seen(squares, np.array([trace, along]))

    def excess(self, counts: Ints, trace: float) -> tuple[Floats, Floats]:
        """Return by how much the reference adds to the spreads (k,) and the traces (2,) of all
        samples of some classes, zero where that is not seen beside the trace.
        """
        off = self._first.rests
        if self.single:
            off = self._first.means - self.points + off
        spread = counts * np.vecdot(off, off)
        if spread.sum() * self._weight <= UNSEEN * trace:
            return spread, np.zeros(2)
        inside = off @ self._whitening.columns
        along = np.square(inside @ self._whitening.tilt)
        return spread, np.array([counts @ np.vecdot(inside, inside), counts @ along])


def _own(points: Array, block: Block) -> Array:
    """Return (b, d) the point of each sample, in the block's memory."""
    return np.take(points, block.labels, axis=0, out=block.taken, mode="clip")
