"""torchmetrics: the measurement as a `Metric`, alone or in a `MetricCollection`."""

from __future__ import annotations

from typing import Any, Literal

from lopsided.counts import Counts
from lopsided.measure.collapse import Classes, Collapse
from lopsided.measure.needs import need
from lopsided.measure.stream import Stream

Metric: Any = need("torchmetrics", "torchmetrics").Metric


class GeometryMetric(Metric):  # type: ignore[misc]
    """The scalars of a measurement.

    In a `MetricCollection` call it by keywords, so that each metric takes what it needs:
    `collection.update(features=h, preds=logits, target=labels)`. A batch has no geometry of its own, so `forward` returns nothing.
    `compute` joins all processes itself.

    Args:
        k: number of classes.
        d: feature dimensions.
        head: layer with the weight (k, d) and bias at the time of `compute`; without one, only what features show is measured.
        scatter: as in `Stream`.
        classes: as in `Stream.compute`.
        counts: training samples of each class.
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
        counts: Counts | None = None,
    ) -> None:
        super().__init__(sync_on_compute=False)
        self.stream = Stream(k, d, scatter)
        self._measured, self._counts = classes, counts
        # In a tuple the head is no submodule, and does not follow the metric through devices and state dicts.
        self._head = (head,)

    def update(self, features: Any, target: Any, preds: Any = None) -> None:
        """Take in features (b, d), labels (b,) and, for errors and margins, logits (b, k)."""
        self.stream.update(features, target, preds)

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Take in a batch; no value of the batch alone."""
        self.update(*args, **kwargs)
        return {}

    def collapse(self) -> Collapse:
        """Return the whole result, over all processes where there are several."""
        distributed = need("torch.distributed", "'lopsided[torch]'")
        joined = (
            self.stream.sync(self.process_group) if distributed.is_available() and distributed.is_initialized() else self.stream
        )
        (head,) = self._head
        weight, bias = (None, None) if head is None else (head.weight, getattr(head, "bias", None))
        return joined.compute(weight, bias, self._measured, self._counts)

    def compute(self) -> dict[str, Any]:
        """Return the scalars."""
        tensor = need("torch", "'lopsided[torch]'").tensor
        return {name: tensor(value, dtype=tensor(0.0).double().dtype) for name, value in self.collapse().scalars().items()}

    def reset(self) -> None:
        """Forget all samples."""
        super().reset()
        self.stream.reset()
