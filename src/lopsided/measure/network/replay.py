"""Replay: an epoch of torch features kept in memory, so that they can be measured in two passes.

Two passes cost a third of one pass that keeps the (d, d) scatter, and large blocks less than small
batches; the price is memory for the features of an epoch, n d numbers of the type they come in.
Everything is summed when `compute` is called.

Features are copied, for a buffer may be filled again with the next batch.
"""

from __future__ import annotations

from copy import copy
from typing import Any

from lopsided.counts import CountsLike
from lopsided.labels import Ignore, sentinels
from lopsided.measure.checks import NOTHING, rows_of, samples_of
from lopsided.measure.collapse import Classes, Collapse
from lopsided.measure.logits import logits_of
from lopsided.measure.network import sync
from lopsided.measure.network.compiled import uncompiled
from lopsided.measure.network.tensors import to_numpy
from lopsided.measure.state.blocks import Batch, blocks
from lopsided.measure.state.decisions import Decisions
from lopsided.measure.state.means import Means
from lopsided.measure.state.second import SecondPass

#: Samples whose logits are looked at at once.
ROWS = 1024


class Replay:
    """Features kept for two passes; used like a `Stream`.

    Args:
        k: number of classes.
        d: feature dimensions.
        ignore: as in `Stream`.

    Example:
        >>> import torch
        >>> replay = Replay(k=2, d=2)
        >>> features = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 2.0]])
        >>> replay.update(features, torch.tensor([0, 0, 1]))
        >>> round(replay.compute(weight=torch.eye(2)).nc1, 12)
        0.083333333333
    """

    def __init__(self, k: int, d: int, ignore: Ignore = None) -> None:
        self.k, self.d = k, d
        self._marks = sentinels(ignore)
        self._features: list[Batch] = []
        self._logits: list[Batch] = []
        #: Whether all logits are known to be a linear head's own.
        self._linear = True
        self._joined, self._group = False, None

    @property
    def n(self) -> int:
        """Samples kept."""
        return sum(len(labels) for _, labels in self._features)

    @uncompiled
    def update(
        self, features: Any, labels: Any, logits: Any = None, *, linear: bool = False
    ) -> None:
        """Keep a batch; arguments and errors as in `Stream.update`.

        Raises:
            ValueError: if shapes do not fit, a label is out of range or a number is not finite,
                sample and class are named; or probabilities came instead of logits. The state is
                as it was.
            TypeError: if a tensor does not hold numbers of the right kind.
        """
        x, given = to_numpy(features), None if logits is None else to_numpy(logits)
        x, y, z = samples_of(x, to_numpy(labels), given, (self.k, self.d), self._marks)
        x = rows_of(x, y, self.d, "features").copy()  # whose memory may be used again
        if z is not None:
            self._logits.append((logits_of(z, y, self.k, linear=linear).copy(), y))
            self._linear &= linear
        self._features.append((x, y))

    def sync(self, group: Any = None) -> Replay:
        """Return a replay whose `compute` joins the samples of all processes of the group; every
        process must call both.
        """
        joined = copy(self)
        joined._joined, joined._group = True, group
        return joined

    def compute(
        self,
        weight: Any = None,
        bias: Any = None,
        classes: Classes = "all",
        counts: CountsLike | None = None,
    ) -> Collapse:
        """Return what the samples kept show; arguments and errors as in `Stream.compute`.

        Raises:
            ValueError: if there is no sample, a class has none under classes="all", or head or
                counts do not fit.
        """
        first, decisions = Means(self.k, self.d), Decisions(self.k)
        first.fold(self._features)
        for block in blocks(self._logits, self.k, ROWS):
            decisions.update(block.rows, block.labels, linear=self._linear)
        if self._joined:
            first, decisions = (
                sync.means(first, self._group),
                sync.decisions(decisions, self._group),
            )
        if not first.n:
            raise ValueError(NOTHING)
        if classes == "all":
            first.require_every_class()
        second = SecondPass(first)
        second.fold(self._features)
        if self._joined:
            second = sync.second_pass(second, self._group)
        w, b = (None if part is None else to_numpy(part) for part in (weight, bias))
        return Collapse.of(
            second.moments(), w, b, decisions if decisions.counts.any() else None, classes, counts
        )

    def reset(self) -> None:
        """Forget all samples."""
        self._features, self._logits, self._linear = [], [], True
