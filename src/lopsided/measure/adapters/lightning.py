"""Lightning: a callback that measures the geometry of the network in every training epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lopsided.counts import Counts
from lopsided.measure.needs import need
from lopsided.measure.watch import Watch

Callback: Any = need("lightning.pytorch", "lightning").Callback


class GeometryCallback(Callback):  # type: ignore[misc]
    """Watches the module's head and logs the scalars of each epoch as `geometry/NAME`.

    Attributes:
        watch: the measurement, from the start of training on; `watch.history` holds the scalars.
        collapse: the result of the last epoch closed.

    Args:
        counts: training samples of each class.
        head: name of the head in the module, as `named_modules` has it; by default the last linear layer.
        labels: gives the labels of a batch; by default its second entry.
        options: more arguments of `Watch`.
    """

    def __init__(
        self,
        counts: Counts | None = None,
        head: str | None = None,
        labels: Callable[[Any], Any] = lambda batch: batch[1],
        **options: Any,
    ) -> None:
        super().__init__()
        self._counts, self._head, self._labels, self._options = counts, head, labels, options
        self.watch: Watch | None = None
        self.collapse: Any = None

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Hook the head."""
        head = None if self._head is None else pl_module.get_submodule(self._head)
        self.watch = Watch(pl_module, head, self._counts, **self._options)
        self.watch.__enter__()

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Tell the labels."""
        if self.watch is not None:
            self.watch.labels(self._labels(batch))

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Close the epoch and log its scalars."""
        if self.watch is not None:
            self.collapse = self.watch.epoch()
            # Every process holds the joint result already, so Lightning has nothing to average.
            pl_module.log_dict({f"geometry/{name}": value for name, value in self.watch.history[-1].items()}, sync_dist=False)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Remove the hooks."""
        if self.watch is not None:
            self.watch.__exit__()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Remove the hooks."""
        self.on_train_end(trainer, pl_module)
