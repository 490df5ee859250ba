"""Watch: measure a network while it trains, from the features that training computes anyway.

    with measure.watch(model, counts=counts) as watch:
        for epoch in range(epochs):
            for images, labels in loader:
                loss = criterion(model(images), labels)
                watch.labels(labels)
                ...
            print(watch.epoch().verdict())

A hook on the head sees features and logits as they pass; the model is not changed. The features of one epoch come from a network
that moves from batch to batch; with a small learning rate the blur is small, and a pass of `measure.diagnose` has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from lopsided.counts import Counts
from lopsided.geometry import Geometry
from lopsided.labels import Ignore
from lopsided.measure import sync
from lopsided.measure.collapse import Classes, Collapse
from lopsided.measure.head import find_head
from lopsided.measure.loggers import Logger
from lopsided.measure.replay import Replay
from lopsided.measure.stream import Stream


class Watch:
    """A measurement of the forward passes of a model; use as a context, so that its hooks are removed.

    Attributes:
        stream: the state of the current epoch, a `Stream` or a `Replay`.
        head: the watched layer.
        head_name: its name in the model.
        history: the scalars of every epoch closed.

    Args:
        model: a torch module.
        head: the last layer, with a (k, d) weight; by default the last linear layer of the model, which a message names.
        counts: training samples of each class; they tell minorities and check the head's width.
        predictions: geometries to log the distance to, by name.
        loggers: where the scalars of each epoch go.
        scatter: "pooled" or "none" as in `Stream`; "replay" keeps the features of the epoch in memory, which is faster.
        classes: as in `Stream.compute`.
        during: whether forward passes in training mode or in evaluation mode are measured.
        ignore: the label, or labels, of positions without a class, such as -100; without it such labels are refused.
        labels_from: the keyword argument of the model that holds the labels, if they pass through it; then do not call `labels`.
        trouble: told of errors inside forward passes, which otherwise end the pass.

    Raises:
        ValueError: if no linear layer is found, the head is not in the model or has no weight matrix, or its width is not counts.k.
    """

    def __init__(
        self,
        model: Any,
        head: Any = None,
        counts: Counts | None = None,
        *,
        predictions: Mapping[str, Geometry] | None = None,
        loggers: Sequence[Logger] = (),
        scatter: Literal["pooled", "replay", "none"] = "pooled",
        classes: Classes = "all",
        during: Literal["train", "eval"] = "train",
        ignore: Ignore = None,
        labels_from: str = "labels",
        trouble: Callable[[Exception], None] | None = None,
    ) -> None:
        self.head_name, self.head = find_head(model, head, counts)
        self.counts, self.predictions, self.history = counts, dict(predictions or {}), list[dict[str, float]]()
        self._model, self._loggers, self._classes = model, loggers, classes
        self._training, self._keyword = during == "train", labels_from
        self._trouble = trouble
        k, d = self.head.weight.shape
        if scatter == "replay":
            self.stream: Stream | Replay = Replay(k, d, ignore)
        else:
            self.stream = Stream(k, d, scatter, self.head.weight.device, ignore)
        self._hooks: list[Any] = []
        self._seen: tuple[Any, Any] | None = None
        self._given: Any = None

    @property
    def passes(self) -> int:
        """Forward passes that no labels were told of yet."""
        return int(self._seen is not None)

    def __enter__(self) -> Watch:
        self._hooks = [
            self._model.register_forward_pre_hook(self._before_model, with_kwargs=True),
            self.head.register_forward_hook(self._after_head),
        ]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()
        for logger in self._loggers:
            logger.close()

    def _before_model(self, _model: Any, _args: Any, kwargs: dict[str, Any]) -> None:
        self._seen, self._given = None, kwargs.get(self._keyword)

    def _after_head(self, _head: Any, inputs: tuple[Any, ...], output: Any) -> None:
        if self._model.training == self._training:
            self._seen = inputs[0].detach(), output.detach()
            if self._given is not None:
                try:
                    self.labels(self._given)
                except Exception as error:
                    if self._trouble is None:
                        raise
                    self._trouble(error)

    def labels(self, labels: Any) -> None:
        """Say what the classes of the last forward pass were.

        Args:
            labels: (b,) integers, or (b, t) for a head that sees (b, t, d); `None` for a pass that is not to be measured.

        Raises:
            ValueError: if no forward pass came before, or the batch cannot be used (see `Stream.update`).
        """
        if labels is None:
            self._seen = None
            return
        if self._model.training != self._training:
            return
        if self._seen is None:
            raise ValueError(f"labels came without a forward pass through the head {self.head_name!r}")
        (features, logits), self._seen = self._seen, None
        self.stream.update(features, labels, logits)

    def epoch(self) -> Collapse:
        """Close the epoch: return and log what its samples show, over all processes where there are several, and start anew.

        Raises:
            ValueError: if a class had no sample under classes="all".
        """
        joined = self.stream.sync() if sync.available() else self.stream
        collapse = joined.compute(self.head.weight, getattr(self.head, "bias", None), self._classes, self.counts)
        self.history.append(collapse.scalars(self.predictions))
        for logger in self._loggers if sync.first() else ():
            logger.log(self.history[-1], len(self.history))
        self.stream.reset()
        return collapse

    def __repr__(self) -> str:
        k, d = self.head.weight.shape
        return f"Watch(head={self.head_name!r}, k={k}, d={d}, epochs={len(self.history)})"


def watch(model: Any, head: Any = None, counts: Counts | None = None, **options: Any) -> Watch:
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
