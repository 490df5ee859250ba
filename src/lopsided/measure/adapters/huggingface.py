"""Hugging Face: a `TrainerCallback` that measures the geometry of the network in every training epoch."""

from __future__ import annotations

from typing import Any

from lopsided.counts import Counts
from lopsided.measure.needs import need
from lopsided.measure.watch import Watch

TrainerCallback: Any = need("transformers", "transformers").TrainerCallback


class GeometryCallback(TrainerCallback):  # type: ignore[misc]
    """Watches the model's head and adds the scalars of each epoch to the trainer's log history as `geometry/NAME`.

    The labels are those that the trainer gives the model as the keyword `labels`; -100 marks positions without a class.

    Attributes:
        watch: the measurement, from the start of training on; `watch.history` holds the scalars.
        collapse: the result of the last epoch closed.

    Args:
        counts: training samples of each class.
        head: name of the head in the model, as `named_modules` has it; by default the last linear layer.
        options: more arguments of `Watch`.
    """

    def __init__(self, counts: Counts | None = None, head: str | None = None, **options: Any) -> None:
        self._counts, self._head, self._options = counts, head, {"ignore": -100} | options
        self.watch: Watch | None = None
        self.collapse: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Hook the head."""
        head = None if self._head is None else model.get_submodule(self._head)
        self.watch = Watch(model, head, self._counts, **self._options)
        self.watch.__enter__()

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Close the epoch and log its scalars."""
        if self.watch is not None:
            self.collapse = self.watch.epoch()
            scalars = {f"geometry/{name}": value for name, value in self.watch.history[-1].items()}
            state.log_history.append({**scalars, "epoch": state.epoch, "step": state.global_step})

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Remove the hooks."""
        if self.watch is not None:
            self.watch.__exit__()
