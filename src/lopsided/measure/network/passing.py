"""Passing: what passes through the head of a model, one forward pass at a time.

Its features and logits are held until the labels come. What is wrong with it is found while it is
fresh, and said when the labels come: a pass that nobody labels does no harm.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy.typing as npt

from lopsided.counts import Counts
from lopsided.labels import Ignore, sentinels
from lopsided.measure.checks import sentence_of
from lopsided.measure.network.affine import Affine, stored
from lopsided.measure.network.aligned import Call, Pass, laid, one_of
from lopsided.measure.network.answered import require_own
from lopsided.measure.network.candidates import rivals, that_answered, without_features
from lopsided.measure.network.causal import causal
from lopsided.measure.network.head import axes_of, heads, lone
from lopsided.measure.network.hearing import Heard, Hearing, channels_last
from lopsided.measure.network.positions import batch_first
from lopsided.measure.network.returned import tensors_of
from lopsided.measure.network.tensors import to_numpy
from lopsided.measure.pull import Pull

_log = logging.getLogger("lopsided")

#: What is said of a temperature, which may learn.
_FACTOR = re.compile(r"times \S+")


class Passing:
    """What passes through a model and its head; use as a context, so that hooks are removed.

    Attributes:
        name: of the head in the model.
        head: the layer; a guess gives way to the layer that makes the model's output.
        affine: what the head multiplies.
        shape: k and d of the head.
        device: where its weight is.
        passes: forward passes since the last labels.
        hearing: the hooks, and how many passes they did not listen to.
        made: in a sentence, what the model makes of its head's answers, or nothing.

    Args:
        model: a torch module.
        head: the layer, if known.
        counts: training samples of each class, which the head must fit.
        ignore: labels to leave out.
        shift: by how many positions the labels lie ahead; `None` if nobody said.
        keyword: argument of the model that holds labels.
        listening: tells whether a pass is to be held.
        finished: called after each pass held, with the labels that came by keyword, or `None`.
    """

    def __init__(
        self,
        model: Any,
        head: Any = None,
        counts: Counts | None = None,
        *,
        ignore: Ignore = None,
        shift: int | None = None,
        keyword: str = "labels",
        listening: Callable[[], bool] = lambda: True,
        finished: Callable[[Any], None] = lambda labels: None,
    ) -> None:
        if shift is not None and (type(shift) is not int or shift < 0):
            raise ValueError(f"shift must be a number of positions, 0 or more, got {shift!r}")
        self._model, self._marks, self._shift = model, sentinels(ignore), shift
        self._finished, self._chosen = finished, head is not None
        self._layers, self._guessed, self._counts = heads(model, head, counts), head is None, counts
        self._lone = lone(model) if self._guessed else ""
        self._become(list(self._layers)[-1])
        self._settled, self.made, self._lie_alike, self._pull = 0, "", False, Pull()
        self.hearing = Hearing(model, self._layers, keyword, pull=self._pull, listening=listening)
        self.forget()

    def _become(self, name: str) -> None:
        self.name, self.head = name, self._layers[name]
        self.affine = Affine(name, self.head)
        weight, _ = stored(self.head)
        # A weight that is kept elsewhere between the passes comes to their device in each.
        (k, d), self.device = weight.shape, "cpu" if weight.is_meta else weight.device
        self.shape = (k, d) if self._counts is None or self._counts.k == k else (d, k)
        if self._guessed:
            _log.warning("watching the last linear layer %r (%d -> %d)", name, d, k)

    def forget(self) -> None:
        """Drop what is held, and start counting passes anew."""
        self.passes, self._problem = 0, ""
        self._held: Pass | None = None
        self.hearing.forget()

    def why_nothing(self) -> str:
        """Return why no pass was measured."""
        if self.passes:
            several = f"{self.passes} forward pass{'es' * (self.passes > 1)} came without labels"
            return self._problem or f"{several}; say them by labels() after each pass"
        if skipped := self.hearing.skipped:
            passes = "the one forward pass was" if skipped == 1 else "all forward passes were"
            others = f"{passes} made in the other mode"
            return f"{others}; see model.train(), model.eval() and during=..."
        return "no forward pass went through the model, or all labels said to leave out"

    def __enter__(self) -> Passing:
        self.hearing.begin(self.name, self, self._settle)
        return self

    def __exit__(self, *_: object) -> None:
        self.hearing.end()
        self.forget()

    def _settle(self, heard: Heard) -> None:
        """Hold the call that labels will belong to, or why there is none; weights are still its
        own.
        """
        calls, output = heard.calls, heard.output
        if heard.depth is None and self.name not in calls:
            return
        self.passes, self._held, self._problem = self.passes + 1, None, ""
        try:
            answers = [channels_last(answer.detach(), self.head) for answer in tensors_of(output)]
            often = self._settled & (self._settled - 1) == 0  # at first, and seldom later
            told = without_features(calls, answers) if often else answers
            if self._guessed and calls.keys() != {self.name}:  # what is made of answers costs
                found = that_answered(self._layers, calls, told)
                if found is not None and found != self.name:
                    self._become(found)
            call = one_of(calls.get(self.name, []), answers, self.name)
            if often:
                sizes = {tensor.numel() for tensor in tensors_of(output, 1)}
                self._check(call, *rivals(self.name, self._layers, calls, told), sizes)
            self._held = Pass(call, answers, heard.inputs, heard.told)
            self._settled += 1
        except Exception as error:  # a forward pass never fails because somebody looks
            self._problem = sentence_of(error)
        if heard.depth == 0:
            self._finished(heard.labels)

    def _check(
        self, call: Call, others: Sequence[str], answers: Sequence[Any], sizes: Collection[int]
    ) -> None:
        """Compare a call with the head's weights and with what the model returned, where others ran
        in the pass that can be the head too.

        Raises:
            ValueError: if the head is not linear, or the model's output is in another order or
                comes from elsewhere.
        """
        features, logits = call.features, call.logits
        if features.shape[:-1] != logits.shape[:-1]:
            raise ValueError(
                f"the head {self.name!r} answers {tuple(logits.shape)} for features"
                f" {tuple(features.shape)}, not one row for each"
            )
        self.shape = logits.shape[-1], features.shape[-1]
        self.affine.compare(
            features.reshape(-1, features.shape[-1]),
            logits.reshape(-1, logits.shape[-1]),
            call.precision,
        )
        told = require_own(
            self.name,
            logits,
            answers,
            guessed=self._guessed,
            chosen=self._chosen,
            rivals=others,
            lone=self._lone if logits.shape[:-1].numel() in sizes else "",
        )
        if told and _FACTOR.sub("", told) != _FACTOR.sub("", self.made):
            _log.warning("%s; the head's own answers are measured", told)
        self.made = told
        if self._guessed:
            self._guessed = False
            self.hearing.only(self.name)

    def samples(
        self, labels: Any, *, by_keyword: bool = False
    ) -> tuple[Any, npt.NDArray[Any], Any]:
        """Return features, labels and logits of the pass that labels belong to; count passes anew.

        Args:
            labels: of the pass, as `lopsided.measure.Watch.labels` takes them.
            by_keyword: whether the model itself was given them.

        Raises:
            ValueError: if there was no pass, or more than one, or the labels cannot be laid beside
                its features.
        """
        held, problem, passes = self._held, self._problem, self.passes
        self.forget()
        if not passes:
            raise ValueError(
                f"labels came without a forward pass through the head {self.name!r}; each pass is "
                "labelled once. A training step that was compiled before the measurement began "
                "hides its passes: begin first"
            )
        if passes > 1 and not by_keyword:
            raise ValueError(
                f"{passes} forward passes went through the head {self.name!r} since the last "
                "labels; label each one as it is made, and say labels(None) after one that has none"
            )
        if held is None:
            raise ValueError(problem)
        known = causal(self._model, self.name) if by_keyword or held.told else ""
        given = to_numpy(labels)
        batch = tuple(held.call.features.shape[:-1])
        if axes_of(self.head) > 2 and given.shape == (*batch[:1], 1, *batch[1:]):
            given = given[:, 0]  # masks, as images, have an axis of channels
        # Of axes as long as each other nothing tells which is which, but batches of others before.
        alike = len(batch) == 2 and given.shape == batch and axes_of(self.head) == 2
        unclear = alike and batch[0] == batch[1] > 1 and not self._lie_alike
        time_first = bool(self._shift or unclear) and not batch_first(self._model.modules())
        features, y, logits = laid(
            given, held, self._shift, self._marks, known, time_first=time_first
        )
        self._lie_alike |= alike and batch[0] != batch[1]
        if y.shape[:1] == held.call.logits.shape[:1] and y.shape != logits.shape:
            self._pull.labelled(held.call.heard, y, self._shift or 0)
        return self.affine.features(features), y, logits
