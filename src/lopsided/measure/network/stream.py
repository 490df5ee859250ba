"""Stream: the measurement of torch features, batch by batch."""

from __future__ import annotations

import logging
from typing import Any, Literal

from lopsided.arrays import require_noun
from lopsided.counts import CountsLike
from lopsided.labels import Ignore, sentinels
from lopsided.measure.checks import NOTHING, rows_of, samples_of
from lopsided.measure.collapse import Classes, Collapse
from lopsided.measure.label_sets import LabelSets
from lopsided.measure.logits import logits_of
from lopsided.measure.network import saved
from lopsided.measure.network.accelerated import DeviceMoments
from lopsided.measure.network.compiled import uncompiled
from lopsided.measure.network.tensors import as_array, has_float64, to_numpy
from lopsided.measure.network.waiting import Waiting
from lopsided.measure.state.decisions import Decisions
from lopsided.measure.state.moments import Moments
from lopsided.measure.state.turn import Shared, Turn, both
from lopsided.needs import torch

_log = logging.getLogger("lopsided")

#: What to do where label sets differ.
ONE_LIST = "give all of them the measure.LabelSets.of the labels of the whole data set"


class Stream(Shared):
    """The state of a measurement of torch features: `update` with every batch, `compute` when you
    like.

    Autograd graphs are cut, any float type comes in (autocast's too), sums are float64. On the CPU
    the tensors' memory is read where it is; on an accelerator features stay there, unless it has no
    float64 (mps): then the state is on the CPU. Small batches wait for each other, a few thousand
    samples at most.

    Args:
        k: number of classes.
        d: feature dimensions.
        scatter: "pooled" for NC1 in one pass (d^2 / 2 multiplications a sample), "none" for
            everything else (d a sample). Data that can be read twice is measured faster by
            `SecondPass`.
        device: where the state lives; features from elsewhere are brought there.
        ignore: the label, or labels, of positions to leave out, such as -100; without it such
            labels are refused.
        sets: where samples have several labels, the sets there are, of `measure.LabelSets.of`; k
            is then their number, and labels are rows of 0 and 1. A head, whose rows are labels and
            not sets, is compared by `LabelSets.geometry` and `tag_wise`.

    Raises:
        ValueError: if k < 2, d < 1, `scatter` is unknown, or there are both `sets` and `ignore`.
        TypeError: if a label to leave out is no whole number.
        MemoryError: if the state would take more than half of this machine's memory.

    Example:
        >>> import torch
        >>> stream = Stream(k=2, d=2)
        >>> features = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 2.0]])
        >>> stream.update(features, torch.tensor([0, 0, 1]))
        >>> round(stream.compute(weight=torch.eye(2)).nc1, 12)
        0.083333333333
    """

    def __init__(
        self,
        k: int,
        d: int,
        scatter: Literal["pooled", "none"] = "pooled",
        device: Any = "cpu",
        ignore: Ignore = None,
        sets: LabelSets | None = None,
    ) -> None:
        if sets is not None:
            require_noun(sets, LabelSets, "sets", "LabelSets.of makes them of rows of 0 and 1")
        if sets is not None and k != sets.m:
            raise ValueError(f"there are {sets.m} label sets, so k must be {sets.m}, got {k}")
        self._marks, self._sets = sentinels(ignore), sets
        if sets is not None and self._marks:
            raise ValueError(
                "under sets= a label is a row of 0 and 1, and ignore= names no such row: leave"
                " ignore= out, and give only the samples that are to be measured"
            )
        self._state: Moments | DeviceMoments = Moments(k, d, scatter)
        k, d = self._state.means.shape
        self._empty: tuple[int, int, Literal["pooled", "none"]] = (k, d, scatter)
        self._decisions, self._waiting = Decisions(k), Waiting(self._state)
        self._turn = Turn()
        self.to(device)

    @property
    def n(self) -> int:
        """Samples taken in."""
        with self._turn:
            return int(self._state.counts.sum()) + len(self._waiting)

    @property
    def k(self) -> int:
        """Number of classes."""
        return self._empty[0]

    @property
    def d(self) -> int:
        """Feature dimensions."""
        return self._empty[1]

    @property
    def _numbered(self) -> str:
        """What the kinds of samples are."""
        sets = self._sets
        return "classes" if sets is None else f"{sets.m} sets of {sets.k} labels ({sets.digest})"

    @property
    def moments(self) -> Moments:
        """The moments so far; on an accelerator a copy of them."""
        with self._turn:
            self._take_in()
            return self._state if isinstance(self._state, Moments) else self._state.moments()

    @property
    def decisions(self) -> Decisions:
        """Errors and margins so far."""
        self._take_in()
        return self._decisions

    @decisions.setter
    def decisions(self, decisions: Decisions) -> None:
        self._take_in()
        self._decisions = decisions

    def to(self, device: Any) -> Stream:
        """Move the state to a device, or to the CPU for one without float64, and return the stream
        itself.
        """
        try:
            target = torch().device(device)
        except (RuntimeError, TypeError) as error:
            raise ValueError(
                f"device must be one that torch knows, such as 'cpu' or 'cuda:0', got {device!r}"
            ) from error
        on_cpu = target.type == "cpu" or not has_float64(target)
        with self._turn:
            self._become(self.moments if on_cpu else DeviceMoments(self.moments, target))
        return self

    def _become(self, state: Moments | DeviceMoments) -> None:
        self._state, self._waiting = state, Waiting(state)

    @uncompiled
    def update(
        self, features: Any, labels: Any, logits: Any = None, *, linear: bool = False
    ) -> None:
        """Take in a batch.

        Args:
            features: (b, d) tensor, or (b, t, d) of sequences.
            labels: (b,) or (b, t) integer tensor of classes 0..k-1, and of labels to leave out;
                under `sets` (b, labels) of 0 and 1.
            logits: (b, k) or (b, t, k) tensor of the head's answers, for errors and margins.
            linear: whether the logits are known to be a linear head's own answers, of which those
                of a squared loss look like probabilities.

        Raises:
            ValueError: if shapes do not fit, a label is out of range or a number is not finite,
                sample and class are named; or probabilities came instead of logits. The state is
                as it was.
            TypeError: if a tensor does not hold numbers of the right kind.
        """
        answers, given = None if logits is None else as_array(logits), to_numpy(labels)
        if self._sets is not None:
            if answers is not None:
                raise ValueError("a head answers labels and not sets of them: leave logits out")
            given = self._sets.numbers(given)
        x, y, z = samples_of(as_array(features), given, answers, (self.k, self.d), self._marks)
        if isinstance(self._state, Moments):
            x = rows_of(to_numpy(x), y, self.d, "features")
            z = None if z is None else logits_of(to_numpy(z), y, self.k, linear=linear)
        else:
            x = self._state.features(x, y)
            z = None if z is None else self._state.logits(z, y, linear=linear)
        with self._turn:
            self._waiting.add(x, y, z, linear=linear)
            if self._waiting.full:
                self._take_in()

    def _take_in(self) -> None:
        """Bring the batches that wait into the state."""
        with self._turn:
            if not len(self._waiting):
                return
            try:
                self._waiting.bring(self._decisions)
            except (KeyboardInterrupt, SystemExit):
                self._waiting = Waiting(self._state)  # lest some are taken in again
                _log.warning(
                    "taking in samples was interrupted: some figures of this stream are of fewer"
                    " samples than others; reset() it before you go on, in a watch by"
                    " watch.stream.reset()"
                )
                raise

    def merge(self, other: Stream) -> None:
        """Take in the samples of another stream, wherever that lives.

        Raises:
            ValueError: if the two have different shapes, keep different things or number different
                label sets.
        """
        if not isinstance(other, Stream):
            raise TypeError(f"only streams merge into a stream, got {type(other).__name__}")
        if self._numbered != other._numbered:
            raise ValueError(f"cannot merge {other._numbered} into {self._numbered}: {ONE_LIST}")
        with both(self._turn, other._turn):
            moments = self.moments
            moments.merge(other.moments)
            if not isinstance(self._state, Moments):
                self._become(DeviceMoments(moments, self._state.device))
            self._decisions.merge(other.decisions)

    def sync(self, group: Any = None) -> Stream:
        """Return a stream, on the CPU, of the samples of all processes of a torch.distributed
        group; this one stays as it is.

        Every process of the group must call it; shards may be uneven or empty.

        Raises:
            ValueError: the same in every process, if they hold different things or number different
                label sets, or one of them has answers that cannot be used.
        """
        from lopsided.measure.network import sync

        if self._sets is not None:
            sync.agree(self._numbered, group)
        try:
            self._take_in()
        except ValueError as error:  # the others wait for what this one has
            sync.agree("", group, problem=str(error))
        joint = Stream(*self._empty, ignore=self._marks, sets=self._sets)
        joint._become(sync.moments(self.moments, group))
        joint.decisions = sync.decisions(self.decisions, group)
        return joint

    def compute(
        self,
        weight: Any = None,
        bias: Any = None,
        classes: Classes = "all",
        counts: CountsLike | None = None,
    ) -> Collapse:
        """Return what the samples so far show; the stream can go on.

        Args:
            weight: (k, d) weight of the head, for all that concerns classifiers.
            bias: (k,) bias of the head.
            classes: "all", or "seen" to leave out classes without samples.
            counts: training samples of each class, where the samples measured are others.

        Raises:
            ValueError: if there is no sample, a class has none under classes="all", or head or
                counts do not fit.
        """
        if not self.n:
            raise ValueError(NOTHING)
        if self._sets is not None and weight is not None:
            raise ValueError(
                "the head's rows are labels and the kinds of samples sets of them: compare the two"
                " by sets.geometry(weight, stream.moments.means)"
            )
        w = None if weight is None else to_numpy(weight)
        b = None if bias is None else to_numpy(bias)
        with self._turn:  # lest moments and decisions are of different samples
            decisions = self.decisions if self.decisions.counts.any() else None
            return Collapse.of(self.moments, w, b, decisions, classes, counts)

    def reset(self) -> None:
        """Forget all samples."""
        device = "cpu" if isinstance(self._state, Moments) else self._state.device
        self.__init__(*self._empty, device, self._marks, self._sets)  # type: ignore[misc]

    def state_dict(self) -> dict[str, Any]:
        """Return the state as tensors on the CPU, fit for torch.save and safetensors."""
        with self._turn:
            state = saved.tensors_of(self.moments, self.decisions)
        return state if self._sets is None else state | {"sets": saved.on_cpu(self._sets.rows)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up the state that `state_dict` gave.

        Raises:
            ValueError: if the state is of a stream of another shape, kind or label sets, was cast
                to another type, or holds numbers that no measurement gives.
            TypeError: if it is none.
        """
        saved.require_like(state, self.state_dict())
        if self._sets is not None and (to_numpy(state["sets"]) != self._sets.rows).any():
            raise ValueError(f"the state is of other label sets than this stream's: {ONE_LIST}")
        device = "cpu" if isinstance(self._state, Moments) else self._state.device
        moments = Moments(*self._empty)
        saved.load(state, moments, self.decisions)
        self._become(moments)
        self.to(device)
