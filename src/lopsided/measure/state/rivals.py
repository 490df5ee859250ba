"""Rivals: the largest logit beside a sample's own, and the nearest class mean, of many classes.

Scores are looked at in column tiles, so that no (b, k) array exists. In single precision a sample
whose answer is nearer than rounding is looked at again in double precision.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np

from lopsided.arrays import Floats, Ints
from lopsided.measure.state.blocks import Array, Block

#: Classes looked at at once.
TILE = 1024
#: A score of d products may be off by so much times sqrt(d) + 2 (Higham 2002, in the mean).
ROUNDING = 4 * float(np.finfo(np.float32).eps)


class Ranks(NamedTuple):
    """The best scores of some samples, in double precision where they were looked at in it.

    Attributes:
        own: (b,) score of the sample's own class; minus infinity where none was said.
        best: (b,) the class of the largest score of all others.
        top: (b,) that score.
        runner: (b,) the largest score of the rest.
    """

    own: Floats
    best: Ints
    top: Floats
    runner: Floats


class Scores:
    """Scores of classes, (h - shift)' row + offset.

    Args:
        rows: (k, d).
        offsets: (k,); minus infinity for a class that never wins.
        shift: (d,), or `None` for zero.
        centre: (d,) about which features are looked at in single precision.
    """

    def __init__(self, rows: Floats, offsets: Floats, shift: Floats | None, centre: Floats) -> None:
        self._rows, self._offsets, self._shift, self._centre = rows, offsets, shift, centre

    @cached_property
    def _single(self) -> tuple[Array, Array, float, float] | None:
        """Return rows and offsets in single precision, about the centre and less what all classes
        share, and how large they are; `None` where they are beyond it.
        """
        finite = np.isfinite(self._offsets)
        shift = self._centre if self._shift is None else self._centre - self._shift
        apart = self._rows - self._rows[finite].mean(axis=0)
        offsets = self._offsets + apart @ shift
        offsets -= offsets[finite].mean()
        with np.errstate(over="ignore", under="ignore"):
            longest = float(np.sqrt(np.vecdot(apart, apart).max()))
            rows, slim = apart.astype(np.float32), offsets.astype(np.float32)
        if not (np.isfinite(rows).all() and np.isfinite(slim[finite]).all()):
            return None
        return rows, slim, longest, float(np.abs(offsets[finite]).max())

    def ranks(self, x: Array, own: Ints | None, apart: Array | None) -> Ranks:
        """Return the best scores of samples.

        Args:
            x: (b, d) samples in double precision, or in single.
            own: (b,) their classes, if those are not to count among the others.
            apart: (b, d) the samples less the centre, where single precision is to be used.
        """
        single = None if apart is None else self._single
        if apart is None or single is None:
            x = x.astype(np.float64, copy=False)
            x = x if self._shift is None else x - self._shift
            return _ranks(x, self._rows, self._offsets, own)
        rows, offsets, longest, largest = single
        with np.errstate(over="ignore", invalid="ignore"):
            found = _ranks(apart, rows, offsets, own)
            lengths = np.sqrt(np.vecdot(apart, apart))
            slack = ROUNDING * ((np.sqrt(x.shape[1]) + 2) * longest * lengths + largest)
            gap = found.top - found.runner
            if own is not None:
                gap = np.minimum(gap, np.abs(found.own - found.top))
            close = np.flatnonzero(~(gap > slack))
        if len(close):
            again = self.ranks(x[close], None if own is None else own[close], None)
            for array, better in zip(found, again, strict=True):
                array[close] = better
        return found


def _ranks(x: Array, rows: Array, offsets: Array, own: Ints | None) -> Ranks:
    b, k = len(x), len(rows)
    memory = np.empty(b * min(TILE, k), x.dtype)
    samples, best = np.arange(b), np.zeros(b, np.int64)
    mine, top, runner = (np.full(b, -np.inf) for _ in range(3))
    for start in range(0, k, TILE):
        stop = min(start + TILE, k)
        z = memory[: b * (stop - start)].reshape(b, stop - start)
        np.matmul(x, rows[start:stop].T, out=z)
        z += offsets[start:stop]
        if own is not None:
            here = np.flatnonzero((own >= start) & (own < stop))
            mine[here] = z[here, own[here] - start]
            z[here, own[here] - start] = -np.inf
        place = z.argmax(axis=1)
        value = z[samples, place]
        z[samples, place] = -np.inf
        np.maximum(runner, np.maximum(z.max(axis=1), np.minimum(top, value)), out=runner)
        best = np.where(value > top, place + start, best)
        np.maximum(top, value, out=top)
    return Ranks(mine, best, top, runner)


class Rivals:
    """Head and class means, between which the answers of samples are decided.

    Args:
        means: (k, d) class means.
        known: (c,) the classes that have one.
        apart: (c, d) their means less their centre.
        head: weight (k, d) and bias (k,), if the answers are those of a linear head.
    """

    def __init__(
        self, means: Floats, known: Ints, apart: Floats, head: tuple[Floats, Floats | None] | None
    ) -> None:
        k, d = means.shape
        centre = means[known[0]] - apart[0]
        with np.errstate(over="ignore", under="ignore"):
            self._slim = centre.astype(np.float32)
        rows, offsets = np.zeros((k, d)), np.full(k, -np.inf)
        rows[known] = apart
        offsets[known] = -np.vecdot(apart, apart) / 2
        self._centre = centre
        self.nearest = Scores(rows, offsets, centre, self._slim.astype(np.float64))
        self.head: Scores | None = None
        if head is not None:
            weight, bias = head
            offsets = np.zeros(k) if bias is None else bias
            self.head = Scores(weight, offsets, None, self._slim.astype(np.float64))

    def centred(self, block: Block) -> Array | None:
        """Return a block's samples less the centre, if it is in single precision.

        Its rows stay as they are: near answers are looked at in them.
        """
        if not block.single or not np.isfinite(self._slim).all():
            return None
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(np.subtract(block.rows, self._slim, out=block.taken))
