"""torchmetrics: the measurement as a `Metric`, alone or in a `MetricCollection`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from lopsided.counts import Counts, CountsLike
from lopsided.labels import Ignore
from lopsided.measure.collapse import Classes, Collapse, require_choice
from lopsided.measure.network import alike
from lopsided.measure.network.affine import alone
from lopsided.measure.network.head import is_layer
from lopsided.measure.network.stream import Stream
from lopsided.needs import need, torch

Metric: Any = need("torchmetrics", "torchmetrics").Metric


class GeometryMetric(Metric):  # type: ignore[misc]
    """The scalars of a measurement.

    In a `MetricCollection` call it by keywords, so that each metric takes what it needs:
    `collection.update(features=h, preds=logits, target=labels)`. A batch has no geometry of its
    own, so `forward` returns nothing.

    The state is float64 whatever the metric is cast to, and follows it to devices that have
    float64. It is in `state_dict` after `persistent(True)`. A clone goes on measuring the same live
    head; a copy of a whole model measures the head of the copy; a pickle takes along the head as it
    is.

    Args:
        k: number of classes.
        d: feature dimensions.
        head: layer with the weight (k, d) and bias at the time of `compute`; without one, only what
            features show is measured.
        scatter: as in `Stream`.
        classes: as in `Stream.compute`.
        counts: training samples of each class.
        ignore: a label, or several, whose samples are left out.
        options: of `torchmetrics.Metric`, such as `process_group` and `sync_on_compute`.

    Raises:
        ValueError: if a shape or an option is not possible.
        TypeError: if a label to leave out is not a whole number, or the head is no layer with a
            weight.
    """

    full_state_update = False
    is_differentiable = False

    def __init__(
        self,
        k: int,
        d: int,
        head: Any = None,
        scatter: Literal["pooled", "none"] = "pooled",
        classes: Classes = "all",
        counts: CountsLike | None = None,
        ignore: Ignore = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if self.dist_sync_fn is not None:
            raise ValueError(
                "processes are joined by sums, not by gathering their states: leave out"
                " dist_sync_fn"
            )
        require_choice(classes)
        weighs = is_layer(head) or isinstance(getattr(head, "weight", None), torch().Tensor)
        if head is not None and not weighs:
            what = repr(head) if isinstance(head, str) else f"a {type(head).__name__}"
            raise TypeError(
                f"head must be the layer itself, with a weight (k, d), such as model.fc, got"
                f" {what}; leave it out to measure features alone"
            )
        self.stream = Stream(k, d, scatter, ignore=ignore)
        self._shape: tuple[int, int, Literal["pooled", "none"]] = (k, d, scatter)
        self._measured = classes
        self._counts = None if counts is None else Counts.of(counts)
        self._head = Reference(head)
        # No state is registered: torchmetrics would join each on its own, and share states between
        # metrics whose first batches agree.
        self._persistent["stream"] = False

    def update(
        self, features: Any, target: Any, preds: Any = None, *, linear: bool = False
    ) -> None:
        """Take in features (b, d), labels (b,) and, for errors and margins, logits (b, k); `linear`
        as in `Stream.update`.

        Raises:
            ValueError: if the metric is synchronised, or the batch cannot be used (see
                `Stream.update`).
            TypeError: if a tensor does not hold numbers of the right kind.
        """
        if self._is_synced:
            raise ValueError(
                "the metric holds the samples of all processes: call unsync before it takes in more"
            )
        self.stream.update(features, target, preds, linear=linear)

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Take in a batch; no value of the batch alone."""
        self.update(*args, **kwargs)
        return {}

    def collapse(self) -> Collapse:
        """Return the whole result, over all processes where there are several.

        Raises:
            ValueError: if there is no sample, or a class has none under classes="all", or head or
                counts do not fit, or the head is no linear map of the features, or processes have
                heads of their own.
        """
        synced, head = self._is_synced, self._head.module()
        weight, bias = (None, None) if head is None else _multiplied(head)
        with self.sync_context(should_sync=self._to_sync and not synced, should_unsync=not synced):
            return self.stream.compute(weight, bias, self._measured, self._counts)

    def compute(self) -> dict[str, Any]:
        """Return the scalars; errors as of `collapse`."""
        scalars, kind = self.collapse().scalars(), {"dtype": torch().float64, "device": "cpu"}
        return {name: torch().tensor(value, **kind) for name, value in scalars.items()}

    def reset(self) -> None:
        """Forget all samples."""
        super().reset()
        self.stream.reset()

    @property
    def metric_state(self) -> dict[str, Any]:
        """The state as tensors on the CPU."""
        return self.stream.state_dict()

    def merge_state(self, incoming_state: Any) -> None:
        """Take in the samples of another metric, or of its `metric_state`.

        Raises:
            ValueError: if it is neither, or of another shape or kind.
        """
        if isinstance(incoming_state, GeometryMetric):
            other = incoming_state.stream
        elif isinstance(incoming_state, dict):
            other = Stream(*self._shape)
            other.load_state_dict(incoming_state)
        else:
            raise ValueError(
                "a GeometryMetric merges with another or with the state of one, got"
                f" {type(incoming_state).__name__}"
            )
        self.stream.merge(other)
        self._changed()

    def state_dict(self, *args: Any, prefix: str = "", **options: Any) -> dict[str, Any]:
        """Return the state after `persistent(True)`, and nothing before, as torchmetrics has it."""
        result: dict[str, Any] = super().state_dict(*args, prefix=prefix, **options)
        if self._persistent["stream"]:
            result |= {prefix + name: tensor for name, tensor in self.metric_state.items()}
        return result

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **options: Any
    ) -> None:
        names = [name for name in self.metric_state if prefix + name in state_dict]
        if names:
            self.stream.load_state_dict({name: state_dict.pop(prefix + name) for name in names})
            self._changed()
        super()._load_from_state_dict(state_dict, prefix, *args, **options)

    def _changed(self) -> None:
        # What was computed no longer holds, and samples that came in without `update` are samples.
        self._computed: Any = None
        self._update_count: int = self._update_count + 1

    # `sync` caches what this returns, `unsync` puts it back.
    def _copy_state_dict(self) -> dict[str, Any]:
        return {"stream": self.stream}

    def _sync_dist(self, dist_sync_fn: Any = None, process_group: Any = None) -> None:
        group, head = process_group or self.process_group, self._head.module()
        joined = self.stream.sync(group)
        if head is not None:
            alike.require_one_head(_multiplied(head)[0], group, used=self.stream.n > 0)
        self.stream = joined

    @contextmanager
    def sync_context(self, *args: Any, should_unsync: bool = True, **kwargs: Any) -> Iterator[None]:
        """Join the processes, and part them again also where nothing could be computed."""
        self.sync(*args, **kwargs)
        try:
            yield
        finally:
            self.unsync(should_unsync=self._is_synced and should_unsync)

    def _apply(self, fn: Any, exclude_state: Any = "") -> Any:
        super()._apply(fn, exclude_state)
        self._computed = None  # it may have been cast
        self.stream.to(self.device)
        return self


def _multiplied(head: Any) -> tuple[Any, Any]:
    """Return the weight and the bias of a layer."""
    return alone(head) if is_layer(head) else (head.weight, getattr(head, "bias", None))


class Reference:
    """A layer that belongs to somebody else, held so that it is no submodule and is not copied.

    Args:
        module: the layer, or `None`.
        copies: of a deep copy under way, the objects copied by identity.
    """

    def __init__(self, module: Any, copies: dict[int, Any] | None = None) -> None:
        self._module, self._copies = module, copies

    def module(self) -> Any:
        """Return the layer, or its copy where both were copied together, in whatever order."""
        if self._copies is not None:
            self._module, self._copies = self._copies.get(id(self._module), self._module), None
        return self._module

    def __deepcopy__(self, memo: dict[int, Any]) -> Reference:
        return Reference(self.module(), memo)

    def __reduce__(self) -> tuple[Any, ...]:
        return Reference, (self.module(),)
