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

from lopsided.arrays import Floats, Ints, require_noun
from lopsided.measure.checks import head_of, labels_of, rows_of
from lopsided.measure.logits import logits_of
from lopsided.measure.state.blocks import (
    Batch,
    Block,
    block_size,
    blocks,
    seen_in_sums,
)
from lopsided.measure.state.center import centered
from lopsided.measure.state.decisions import Decisions
from lopsided.measure.state.deviations import Reference
from lopsided.measure.state.means import Means
from lopsided.measure.state.moments import Moments
from lopsided.measure.state.rivals import Rivals
from lopsided.measure.state.scatter import Projected
from lopsided.measure.state.turn import Shared, Turn, both
from lopsided.measure.state.whitening import Whitening


class SecondPass(Shared):
    """The second reading of the same samples.

    Attributes:
        decisions: errors, margins and nearest class means, where answers or a head are given.

    Args:
        first: means, or moments, of the first pass; classes without samples in it have none in the
            second, and no mean is near.
        weight: (k, d) weight of a linear head, for decisions, which is copied unless it is
            read-only; k (d + r) more multiplications a sample. Of any other head give the answers
            to `update`.
        bias: (k,) bias of the head.
        whitening: of the means of the classes with samples, where it is known.

    Raises:
        TypeError: if the first pass is no `Means`, or the whitening no `Whitening`.
        ValueError: if no class has a sample, the head does not fit, or a bias lacks its weight.

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
        require_noun(first, Means, "the first pass")
        if whitening is not None:
            require_noun(whitening, Whitening, "the whitening", "Whitening.of makes one of means")
        if weight is None and bias is not None:
            raise ValueError("a bias was given without its weight")
        self.decisions = Decisions(first.k)
        self._first, self._seen = first, np.flatnonzero(first.counts)
        # Of when the means were whitened: a first pass that goes on has others.
        self._began = first.counts.copy()
        self._whitening = Whitening.of(first.take(self._seen)) if whitening is None else whitening
        self._head = None if weight is None else _kept(*head_of(weight, bias, first.k, first.d))
        self._reference: Reference | None = None
        # Both that it may be, by whether features are narrow, for all of one first pass.
        self._references: dict[bool, Reference] = {}
        self._counts: Ints = np.zeros(first.k, np.int64)
        self._spread: Floats = np.zeros(first.k)
        # Of the scatter: tr(S E^+) and (P tilt)' S (P tilt).
        self._traces: Floats = np.zeros(2)
        # Samples whose sums have not been corrected for the reference yet.
        self._raw: Ints = np.zeros(first.k, np.int64)
        self._turn = Turn()

    @cached_property
    def _rivals(self) -> Rivals:
        apart = centered(self._first.take(self._seen))
        return Rivals(self._first.means, self._seen, apart, self._head)

    def update(
        self,
        features: npt.ArrayLike,
        labels: npt.ArrayLike,
        logits: npt.ArrayLike | None = None,
        *,
        linear: bool = False,
    ) -> None:
        """Take in a batch of the samples that the first pass saw; the order may differ.

        Args:
            features: (b, d).
            labels: (b,) classes 0..k-1.
            logits: (b, k) answers of the network; by default those of the head given, where one
                was.
            linear: whether the logits are known to be a linear head's own answers, of which those
                of a squared loss look like probabilities.

        Raises:
            ValueError: if shapes do not fit, a label is out of range or a feature is not finite,
                sample and class are named; or probabilities came instead of logits. The state is
                as it was.
            TypeError: if the arrays do not hold numbers.
        """
        y = labels_of(labels, self._first.k)
        x = rows_of(features, y, self._first.d, "features", finite=False)
        z = None if logits is None else logits_of(logits, y, self._first.k, linear=linear)
        if not seen_in_sums(x):
            rows_of(x, y, self._first.d, "features")
        self.fold([(x, y)], z)

    def fold(self, batches: Iterable[Batch], logits: npt.NDArray[Any] | None = None) -> None:
        """Take in batches, and answers to all their samples, that have been checked."""
        traces, spread, start = np.zeros(2), np.zeros(self._first.k), 0
        counts, decisions = np.zeros(self._first.k, np.int64), Decisions(self._first.k)
        for block in blocks(batches, self._first.d, block_size(self._first.d), single=True):
            y, stop = block.labels, start + len(block.labels)
            reference = self._referred(block)
            if (seen := reference.look_in_single(block) if block.single else None) is None:
                rows_of(block.rows, y, self._first.d, "features")
                block = block.doubled() if block.single else block
                seen = reference.look(block)
            traces += seen.traces
            spread += np.bincount(y, weights=seen.squares, minlength=len(spread))
            counts += np.bincount(y, minlength=len(counts))
            if logits is not None or self._head is not None:
                self._decide(block, None if logits is None else logits[start:stop], decisions)
            start = stop
        with self._turn:
            self._traces += traces
            self._counts += counts
            self._raw += counts
            self._spread += spread
            self.decisions.merge(decisions)

    def _referred(self, block: Block) -> Reference:
        """Return what deviations are taken from, which the first block decides."""
        with self._turn:
            if self._reference is None:
                if block.narrow not in self._references:
                    made = Reference(self._first, self._whitening, narrow=block.narrow)
                    self._references[block.narrow] = made
                self._reference = self._references[block.narrow]
            return self._reference

    def _decide(self, block: Block, logits: npt.NDArray[Any] | None, decisions: Decisions) -> None:
        """Take in what is answered to a block, whose memory may be overwritten."""
        rivals, nearest = self._rivals, None
        apart = rivals.centred(block)
        if len(self._whitening.tilt):  # where all means coincide none is the nearest
            nearest = rivals.nearest.ranks(block.rows, None, apart).best
        if logits is not None:
            decisions.update(logits, block.labels, nearest, linear=True)  # looked at already
        elif rivals.head is not None:
            answer = rivals.head.ranks(block.rows, block.labels, apart)
            decisions.add(block.labels, answer.own - answer.top, answer.best, nearest)

    def merge(self, other: SecondPass) -> None:
        """Take in the second pass over other samples under the same first pass.

        Raises:
            ValueError: if the two first passes differ.
            TypeError: if it is no second pass.
        """
        require_noun(other, SecondPass, "what is merged into a second pass")
        if not np.array_equal(self._first.means, other._first.means):
            raise ValueError(
                "second passes merge only under one first pass; merge the first passes before the"
                " second ones start"
            )
        with both(self._turn, other._turn):
            counts, spread, traces = other.sums()
            self._counts += counts
            self._spread += spread
            self._traces += traces
            self.decisions.merge(other.decisions)

    def sums(self) -> tuple[Ints, Floats, Floats]:
        """Return what adds up over disjoint samples: counts (k,), spreads (k,) and two traces of
        the scatter.
        """
        with self._turn:
            if self._reference is not None and self._raw.any():
                spread, traces = self._reference.excess(self._raw, float(self._traces[0]))
                self._spread -= spread
                self._traces -= traces
                self._raw[:] = 0
            return self._counts, self._spread, self._traces

    def joint(
        self, counts: Ints, spread: Floats, traces: Floats, decisions: Decisions
    ) -> SecondPass:
        """Return a second pass with other sums under the same first pass."""
        result = copy(self)
        result._raw, result._reference = np.zeros_like(counts), None
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
            _ = self._rivals
        k = self._first.k
        return self.joint(np.zeros(k, np.int64), np.zeros(k), np.zeros(2), Decisions(k))

    def moments(self) -> Moments:
        """Return the moments with the projected scatter.

        Raises:
            ValueError: if the second pass saw more or fewer samples of a class than the first,
                which is named, or the first pass went on after the second began.
        """
        went_on = self._began != self._first.counts
        if went_on.any():
            raise ValueError(
                f"the first pass took in samples of class {int(np.argmax(went_on))} after the"
                " second began, whose means are others now; begin the second when the first has"
                " ended"
            )
        wrong = self._counts != self._first.counts
        if wrong.any():
            c = int(np.argmax(wrong))
            raise ValueError(
                f"the second pass saw {self._counts[c]:,} samples of class {c} and the first"
                f" {self._first.counts[c]:,}; both must read the same data"
            )
        closed = Moments(self._first.k, self._first.d, scatter="none")
        counts, spread, traces = self.sums()
        closed.counts, closed.spread = counts.copy(), spread.copy()
        # The first pass may go on over more samples; what lies in files cannot.
        first = self._first.copy() if self._first.means.flags.writeable else self._first
        closed.means, closed.rests = first.means, first.rests
        trace, toward = traces.tolist()
        closed.scatter = Projected(trace, toward, self._whitening)
        return closed


def _kept(weight: Floats, bias: Floats | None) -> tuple[Floats, Floats | None]:
    """Return a head as it is now: training goes on writing to the memory of its parameters."""
    if weight.flags.writeable:
        weight = weight.copy()
    return weight, None if bias is None else bias.copy()
