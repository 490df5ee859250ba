"""Watch: measure a network while it trains, from the features that training computes anyway.

    with measure.watch(model, counts=counts) as watch:
        for epoch in range(epochs):
            for images, labels in loader:
                loss = criterion(model(images), labels)
                watch.labels(labels)
                ...
            print(watch.epoch().verdict())

A hook on the head sees features and logits as they pass; the model is not changed. The features of
one epoch come from a network that moves from batch to batch; with a small learning rate the blur is
small, and a pass of `measure.diagnose` has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from lopsided.counts import Counts, CountsLike
from lopsided.geometry import Geometry
from lopsided.labels import Ignore
from lopsided.measure.collapse import Classes, Collapse, require_choice
from lopsided.measure.counted import contradicted
from lopsided.measure.label_sets import LabelSets
from lopsided.measure.network import alike, sync
from lopsided.measure.network.affine import Map
from lopsided.measure.network.compiled import uncompiled
from lopsided.measure.network.loggers import Logger, loggers_of
from lopsided.measure.network.passing import Passing
from lopsided.measure.network.replay import Replay
from lopsided.measure.network.stream import Stream
from lopsided.measure.network_geometry import comparable, require_geometries, require_order


class Watch:
    """A measurement of the forward passes of a model; a context, so that its hooks are removed.

    Attributes:
        stream: the state of the current epoch, a `Stream` or a `Replay`.
        history: the scalars of every epoch closed; its length is the step that loggers are told, so
            a training that goes on extends it by what was there.

    Args:
        model: a torch module.
        head: the last layer, with a (k, d) weight; by default the last linear layer of the model,
            or the one as wide as it that makes the model's output; a message names it.
        counts: training samples of each class; they tell minorities and check the head's width.
        predictions: geometries to log the distance to, by name.
        loggers: where the scalars of each epoch go.
        scatter: "pooled" or "none" as in `Stream`; "replay" keeps the features of the epoch in
            memory, which is faster.
        classes: as in `Stream.compute`.
        during: whether forward passes in training mode or in evaluation mode are measured; the head
            is measured as the last step of training left it, or as the evaluation began with it.
        ignore: the label, or labels, of positions without a class, such as -100; without it such
            labels are refused.
        shift: 1 where position t of a sequence was trained on the label of t + 1; known of causal
            models of Hugging Face.
        sets: where samples have several labels, the sets there are, as in `Stream`: labels are then
            (b, k) rows of 0 and 1, without any to `ignore`; the embeddings of sets are measured,
            and the head is compared by `sets.geometry(weight, watch.stream.moments.means)` before
            the epoch is closed.
        labels_from: the keyword argument of the model that holds the labels, if they pass through
            it; then do not call `labels`.
        trouble: told of errors in what came with a forward pass, which otherwise end the pass.

    Raises:
        ValueError: if no linear layer is found, the head is not in the model or has no weight
            matrix, its width is not counts.k, or a prediction is for other classes than counts.
        TypeError: if a logger lacks a method of `Logger`, or a prediction is no geometry.
    """

    def __init__(
        self,
        model: Any,
        head: Any = None,
        counts: CountsLike | None = None,
        *,
        predictions: Mapping[str, Geometry] | None = None,
        loggers: Sequence[Logger] = (),
        scatter: Literal["pooled", "replay", "none"] = "pooled",
        classes: Classes = "all",
        during: Literal["train", "eval"] = "train",
        ignore: Ignore = None,
        shift: int | None = None,
        sets: LabelSets | None = None,
        labels_from: str = "labels",
        trouble: Callable[[Exception], None] | None = None,
    ) -> None:
        if scatter not in ("pooled", "replay", "none") or during not in ("train", "eval"):
            raise ValueError(
                "scatter must be 'pooled', 'replay' or 'none', and during 'train' or 'eval', got"
                f" {scatter!r} and {during!r}"
            )
        require_choice(classes)
        if sets is not None and (scatter == "replay" or counts is not None or predictions):
            raise ValueError(
                "label sets have their own counts, no prediction by class and a stream: leave out"
                " counts and predictions, and let scatter be 'pooled' or 'none'"
            )
        require_geometries(predictions or {})
        counts = None if counts is None else Counts.of(counts)
        require_order(predictions or {}, counts)
        if counts is not None and classes == "all":  # else it is known when the epoch is closed
            comparable(predictions or {}, counts.k)
        self._model, self._training, self._scatter, self._ignore = (
            model,
            during == "train",
            scatter,
            ignore,
        )
        self._loggers, self._classes, self._sets = loggers_of(loggers), classes, sets
        self._passing = Passing(
            model,
            head,
            counts,
            ignore=ignore,
            shift=shift,
            keyword=labels_from,
            listening=self._listens,
            finished=self._finished,
        )
        self._told, self._trouble = False, trouble
        #: What the head multiplied when an evaluation began: weights that are only lent for it, as
        #: a moving average's are, may be taken back before the epoch is closed.
        self._evaluated: Map | None = None
        self._read = alike.Read()
        self.counts, self.predictions, self.history = (
            counts,
            dict(predictions or {}),
            list[dict[str, float]](),
        )
        self._begin()

    def _begin(self) -> None:
        self.stream: Stream | Replay
        (k, d), sets, device = self._kinds(), self._sets, self._passing.device
        if self._scatter == "replay":
            self.stream = Replay(k, d, self._ignore)
        else:
            self.stream = Stream(k, d, self._scatter, device, self._ignore, sets)

    def _kinds(self) -> tuple[int, int]:
        """Return how many kinds of samples there are, classes or sets, and the dimensions."""
        (k, d), sets = self._passing.shape, self._sets
        if sets is not None and sets.k != k:
            raise ValueError(f"the label sets are of {sets.k} labels, the head answers {k}")
        return (k if sets is None else sets.m), d

    @property
    def passes(self) -> int:
        """Forward passes that no labels were told of yet."""
        return self._passing.passes

    @property
    def head(self) -> Any:
        """The watched layer."""
        return self._passing.head

    @property
    def head_name(self) -> str:
        """Its name in the model."""
        return self._passing.name

    def __enter__(self) -> Watch:
        self._passing.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._passing.__exit__()
        for logger in self._loggers:
            logger.close()

    def _listens(self) -> bool:
        return bool(self._model.training) == self._training

    def _finished(self, labels: Any) -> None:
        if labels is None:
            return
        try:
            self._take(*self._passing.samples(labels, by_keyword=True))
        except Exception as error:
            if self._trouble is None:
                raise
            self._trouble(error)

    @uncompiled
    def labels(self, labels: Any) -> None:
        """Say what the classes of the last forward pass were.

        Args:
            labels: (b,) or (b, 1) integers, or (b, t) for a head that sees (b, t, d); (b, k) of 0
                and 1 under `sets`; `None` for a pass that is not to be measured.

        Raises:
            ValueError: if there was no forward pass, or more than one, or the pass or the labels
                cannot be used: a head that is not linear or ran several times, labels that do not
                lie beside its features, one that is out of range. The sentence says what to do;
                nothing of the pass is measured.
            TypeError: if the labels are not whole numbers.
        """
        if labels is None:
            self._passing.forget()
        elif self._listens():
            self._take(*self._passing.samples(labels))

    def _take(self, features: Any, labels: Any, logits: Any) -> None:
        if self._kinds() != (self.stream.k, self.stream.d) and not self.stream.n:
            self._begin()
        if not self.stream.n:
            self._evaluated = None if self._training else self._multiplied()
            self._read = alike.Read()
        self.stream.update(features, labels, logits if self._sets is None else None, linear=True)
        if not self._training and sync.available():
            self._read.add(features, labels, logits)

    def _multiplied(self) -> Map:
        """Return what the head multiplies now, in memory of its own."""
        whole = self._sets is None  # a head answers labels, not sets of them
        weight, bias = self._passing.affine.weight_and_bias() if whole else (None, None)
        weight, bias = (None if p is None else p.detach().clone() for p in (weight, bias))
        return weight, bias

    def epoch(self) -> Collapse:
        """Close the epoch: return and log what its samples show, and start anew, also where they
        are refused.

        Where there are several processes, it is of the samples of all of them; samples that all of
        them evaluated alike count once.

        Raises:
            ValueError: if nothing was measured (it says why), a class had no sample under
                classes="all", a prediction is for another number of classes, or processes have
                networks of their own.
        """
        together = sync.available()
        if not (together or self.stream.n):
            raise ValueError(f"nothing was measured in this epoch: {self._passing.why_nothing()}")
        # In training the same samples are steps of their own.
        evaluated, read = (self._evaluated, self._read) if self.stream.n else (None, alike.Read())
        try:
            shared = together and (self._training or not read.by_all())
            joined = self.stream.sync() if shared else self.stream
            weight, bias = evaluated or self._multiplied()
            if together and weight is not None:
                alike.require_one_head(weight, used=bool(self.stream.n))
            collapse = joined.compute(weight, bias, self._classes, self.counts)
            if self.counts is not None and not self._told:
                self._told = contradicted(collapse, self.counts, one_epoch=self._training)
            self.history.append(collapse.scalars(self.predictions))
        finally:  # an epoch that is refused, or whose logger fails, is no part of the next one
            self.stream.reset()
            self._passing.hearing.skipped = 0
        for logger in self._loggers if sync.first() else ():
            logger.log(self.history[-1], len(self.history))
        return collapse

    def __repr__(self) -> str:
        shape = f"k={self.stream.k}, d={self.stream.d}"
        return f"Watch(head={self.head_name!r}, {shape}, epochs={len(self.history)})"


def watch(model: Any, head: Any = None, counts: CountsLike | None = None, **options: Any) -> Watch:
    """Watch a model while it trains; see `Watch` for the options.

    Example:
        >>> import torch
        >>> model = torch.nn.Linear(3, 2)
        >>> with watch(model, head=model) as watching:
        ...     _ = model(torch.eye(3))
        ...     watching.labels(torch.tensor([0, 1, 1]))
        ...     collapse = watching.epoch()
        >>> collapse
        Collapse(n=3, k=2, d=3)
    """
    return Watch(model, head, counts, **options)
