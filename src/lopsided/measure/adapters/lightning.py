"""Lightning: a callback that measures the geometry of the network in every epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lopsided.counts import CountsLike
from lopsided.measure.adapters.bystander import Bystander
from lopsided.measure.network.loggers import Logger
from lopsided.needs import need

Callback: Any = need("lightning.pytorch", "lightning").Callback


class GeometryCallback(Bystander, Callback):  # type: ignore[misc]
    """Watches the module's head and logs the scalars of each epoch as `geometry/NAME`, beside
    callbacks of other heads as `geometry/HEAD/NAME`.

    With `during="eval"` each validation is measured instead, on its first loader, and logged as
    `val_geometry/NAME`; the sanity check is not. Steps are epochs, from 1, or for a validation the
    optimisation steps before it. A training is never ended: what could not be measured is in
    `unmeasured`, and told in the log once. Checkpoints keep `history` and `unmeasured`.

    Attributes:
        watch: the measurement, while there is one.
        collapse: the last result.
        history: the scalars of each step of the last training that was measured.
        unmeasured: the reason for each step that was not.

    Args:
        counts: training samples of each class.
        head: name of the head in the module, as `named_modules` has it; by default the last linear
            layer.
        labels: where the labels of a batch are: a key, an index, or a function of the batch; by
            default its second entry, or `labels` or `label` of a mapping.
        loggers: where the scalars go beside Lightning's own loggers.
        options: more arguments of `Watch`; `classes` is "seen" by default.

    Raises:
        TypeError: if `Watch` has no such option.
    """

    def __init__(
        self,
        counts: CountsLike | None = None,
        head: str | None = None,
        labels: Callable[[Any], Any] | str | int | None = None,
        loggers: Sequence[Logger] = (),
        **options: Any,
    ) -> None:
        super().__init__(counts, head, loggers, options)
        self._labels, self._begun, self._ended = labels, False, True

    @property
    def state_key(self) -> str:
        """What tells the callback from others of its kind in a checkpoint."""
        key: str = self._generate_state_key(head=self._head, evaluates=self._evaluates)
        return key

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"history": self.history, "unmeasured": self.unmeasured}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what a checkpoint kept."""
        self.history, self.unmeasured = state_dict["history"], state_dict["unmeasured"]

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Hook the head; a training that goes on, or from a checkpoint, keeps what was there."""
        # Not every step of an optimizer by hand is counted, epochs are. Of the last training a
        # validation before the first step is left.
        if not (trainer.global_step or trainer.current_epoch):
            self.history = {step: told for step, told in self.history.items() if not step}
            self.unmeasured = {step: told for step, told in self.unmeasured.items() if not step}
        if not self._evaluates:
            self._open(pl_module)
            self._begun = False

    def on_train_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        """Tell of an epoch that another run began."""
        if not self._evaluates and not self._begun and batch_idx:
            self._resumed(trainer.current_epoch + 1)
        self._begun = True

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Tell the labels."""
        self._ended = trainer.is_last_batch
        if not self._evaluates:
            self._label(lambda: _labels_in(batch, self._labels))

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Close the epoch and log its scalars."""
        if not self._evaluates:
            if not self._ended:
                self._stopped(trainer.current_epoch + 1)
            scalars = self._finish(trainer.current_epoch + 1, trainer.train_dataloader)
            self._log(trainer, pl_module, "geometry", scalars)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Remove the hooks."""
        if not self._evaluates:
            self._close()

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """Hook the head."""
        if self._evaluates and not trainer.sanity_checking:
            self._open(pl_module)

    def on_validation_batch_end(
        self,
        trainer: Any,
        pl_module: Any,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Tell the labels of the first loader."""
        if self._evaluates and not trainer.sanity_checking:
            if dataloader_idx:
                self._tell("validation loaders other than the first", "left out of the measurement")
            self._label(lambda: None if dataloader_idx else _labels_in(batch, self._labels))

    def on_validation_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Close the validation and log its scalars."""
        if self._evaluates and not trainer.sanity_checking:
            loaders = trainer.val_dataloaders
            first = loaders[0] if isinstance(loaders, list | tuple) and loaders else loaders
            scalars = self._finish(trainer.global_step, first)
            self._log(trainer, pl_module, "val_geometry", scalars)
            self._close()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Remove the hooks."""
        self._close()

    def _log(self, trainer: Any, pl_module: Any, prefix: str, scalars: dict[str, float]) -> None:
        # Lightning would average what two callbacks log under one name. Every process holds the
        # joint result already, so there is nothing to average either.
        lead = self._under(prefix, trainer.callbacks)
        pl_module.log_dict({f"{lead}/{name}": scalars[name] for name in scalars}, sync_dist=False)


def _labels_in(batch: Any, where: Callable[[Any], Any] | str | int | None) -> Any:
    """Return the labels of a batch.

    Raises:
        ValueError: if they are not where they are looked for.
    """
    if callable(where):
        return where(batch)
    try:
        if where is not None:
            return batch[where]
        if isinstance(batch, Mapping):
            return batch["labels"] if "labels" in batch else batch["label"]
        return batch[1]
    except (KeyError, IndexError, TypeError) as error:
        place = repr(where) if where is not None else "'labels', 'label' or the second place"
        raise ValueError(
            f"a batch ({type(batch).__name__}) has no labels at {place}: say which key, index or"
            " function gives them (labels=...)"
        ) from error
