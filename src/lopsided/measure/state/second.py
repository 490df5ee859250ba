"""SecondPass: what becomes cheap or exact once the class means are known.

NC1 sees the within-class scatter only in the span of the class means. A first pass finds the means;
a second one projects every deviation on their span, at d r multiplications a sample for r <= min(k,
d), and never forms the (d, d) scatter, which costs d^2 / 2. With k = 10 and d = 512 that is 25
times less; from k = d / 2 on one pass is as fast. It takes data that can be read twice. The nearest
class mean of a sample (NC4) is known in a second pass only.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, Ints
from lopsided.measure.checks import head_of, labels_of, rows_of
from lopsided.measure.state.blocks import CACHED, Batch, block_size, blocks
from lopsided.measure.state.center import centered
from lopsided.measure.state.decisions import Decisions
from lopsided.measure.state.means import Means
from lopsided.measure.state.moments import Moments
from lopsided.measure.state.scatter import Projected
from lopsided.measure.state.turn import Turn, both
from lopsided.measure.state.whitening import Whitening


class SecondPass:
    """The second reading of the same samples.

    Attributes:
        decisions: errors, margins and nearest class means, where answers or a head are given.

    Args:
        first: means, or moments, of the first pass; classes without samples in it have none in the
            second, and no mean is near.
        weight: (k, d) weight of a linear head, for decisions; k (d + r) more multiplications a
            sample. Of any other head give the answers to `update`.
        bias: (k,) bias of the head.
        whitening: of the means of the classes with samples, where it is known.

    Raises:
        ValueError: if no class has a sample, or the head does not fit.

    Example:
        >>> features, labels = [[-1.0], [1.0], [4.0], [6.0]], [0, 0, 1, 1]
        >>> first = Means(k=2, d=1)
        >>> first.update(features, labels)
        >>> second = SecondPass(first)
        >>> second.update(features, labels)
        >>> from lopsided.measure.metrics import nc1
        >>> round(nc1(second.moments()), 12)
        0.08
    """

    def __init__(
        self,
        first: Means,
        weight: npt.ArrayLike | None = None,
        bias: npt.ArrayLike | None = None,
        *,
        whitening: Whitening | None = None,
    ) -> None:
        self.decisions = Decisions(first.k)
        self._first, self._seen = first, np.flatnonzero(first.counts)
        self._whitening = Whitening.of(first.take(self._seen)) if whitening is None else whitening
        self._head = None if weight is None else head_of(weight, bias, first.k, first.d)
        # A block of half a megabyte stays in the cache; a product with many columns is faster with
        # many rows.
        self._block = min(max(CACHED // first.d, len(self._whitening.tilt), 1), block_size(first.d))
        self._counts: Ints = np.zeros(first.k, np.int64)
        self._spread: Floats = np.zeros(first.k)
        # Of the scatter: tr(S E^+) and (P tilt)' S (P tilt).
        self._traces: Floats = np.zeros(2)
        self._turn = Turn()

    @cached_property
    def _near(self) -> tuple[Floats, Floats, Floats]:
        """Return P' m, P' E m (k, r) and |m|^2 / 2 (k,) of the centred means m; classes without
        samples are infinitely far.
        """
        means = centered(self._first.take(self._seen))
        k, r = self._first.k, len(self._whitening.tilt)
        own, other, height = np.zeros((k, r)), np.zeros((k, r)), np.full(k, np.inf)
        own[self._seen] = means @ self._whitening.columns
        other[self._seen] = means @ (means.T @ own[self._seen])
        height[self._seen] = np.vecdot(means, means) / 2
        return own, other, height

    def update(
        self, features: npt.ArrayLike, labels: npt.ArrayLike, logits: npt.ArrayLike | None = None
    ) -> None:
        """Take in a batch of the samples that the first pass saw; the order may differ.

        Args:
            features: (b, d).
            labels: (b,) classes 0..k-1.
            logits: (b, k) answers of the network; by default those of the head given, where one
                was.

        Raises:
            ValueError: if shapes do not fit, a label is out of range or a feature is not finite;
                sample and class are named. The state is as it was.
            TypeError: if the arrays do not hold numbers.
        """
        y = labels_of(labels, self._first.k)
        x = rows_of(features, y, self._first.d, "features")
        self.fold([(x, y)], None if logits is None else rows_of(logits, y, self._first.k, "logits"))

    def fold(self, batches: Iterable[Batch], logits: npt.NDArray[Any] | None = None) -> None:
        """Take in batches, and answers to all their samples, that have been checked."""
        start = 0
        for x, taken, y in blocks(batches, self._first.d, self._block):
            self._fold(x, taken, y, None if logits is None else logits[start : start + len(y)])
            start += len(y)

    def _fold(self, x: Floats, taken: Floats, y: Ints, logits: npt.NDArray[Any] | None) -> None:
        """Take in a block of samples, with as much memory to work in."""
        deviations = np.subtract(
            x, np.take(self._first.means, y, axis=0, out=taken, mode="clip"), out=taken
        )
        inside = deviations @ self._whitening.columns
        traces = np.vdot(inside, inside), np.square(inside @ self._whitening.tilt).sum()
        spread = np.bincount(
            y, weights=np.vecdot(deviations, deviations), minlength=len(self._counts)
        )
        with self._turn:
            self._traces += traces
            self._counts += np.bincount(y, minlength=len(self._counts))
            self._spread += spread
        if logits is None and self._head is not None:
            weight, bias = self._head
            logits = x @ weight.T if bias is None else x @ weight.T + bias
        if logits is not None:
            nearest = None
            if len(self._whitening.tilt):  # where all means coincide none is the nearest
                own, other, height = self._near
                inside += own[y]
                nearest = (inside @ other.T - height).argmax(axis=1)
            self.decisions.update(logits, y, nearest)

    def merge(self, other: SecondPass) -> None:
        """Take in the second pass over other samples under the same first pass.

        Raises:
            ValueError: if the two first passes differ.
        """
        if not np.array_equal(self._first.means, other._first.means):
            raise ValueError(
                "second passes merge only under one first pass; merge the first passes before the"
                " second ones start"
            )
        with both(self._turn, other._turn):
            self._counts += other._counts
            self._spread += other._spread
            self._traces += other._traces
        self.decisions.merge(other.decisions)

    def sums(self) -> tuple[Ints, Floats, Floats]:
        """Return what adds up over disjoint samples: counts (k,), spreads (k,) and two traces of
        the scatter.
        """
        return self._counts, self._spread, self._traces

    def joint(
        self, counts: Ints, spread: Floats, traces: Floats, decisions: Decisions
    ) -> SecondPass:
        """Return a second pass with other sums under the same first pass."""
        result = copy(self)
        result._counts, result._spread, result._traces, result.decisions = (
            counts,
            spread,
            traces,
            decisions,
        )
        return result

    def fresh(self) -> SecondPass:
        """Return a second pass over no samples yet under the same first pass; what is prepared is
        shared.
        """
        if self._head is not None:
            _ = self._near
        k = self._first.k
        return self.joint(np.zeros(k, np.int64), np.zeros(k), np.zeros(2), Decisions(k))

    def moments(self) -> Moments:
        """Return the moments with the projected scatter.

        Raises:
            ValueError: if the second pass saw other samples than the first; the class is named.
        """
        wrong = self._counts != self._first.counts
        if wrong.any():
            c = int(np.argmax(wrong))
            raise ValueError(
                f"the second pass saw {self._counts[c]:,} samples of class {c} and the first"
                f" {self._first.counts[c]:,}; both must read the same data"
            )
        closed = Moments(self._first.k, self._first.d, scatter="none")
        closed.counts, closed.spread = self._counts.copy(), self._spread.copy()
        closed.means, closed.rests = self._first.means, self._first.rests
        trace, toward = self._traces.tolist()
        closed.scatter = Projected(trace, toward, self._whitening)
        return closed
