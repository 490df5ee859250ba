"""Hugging Face: a `TrainerCallback` that measures the geometry of the network in every epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from weakref import WeakSet

from lopsided.counts import CountsLike
from lopsided.measure.adapters.bystander import Bystander
from lopsided.measure.network.loggers import Logger
from lopsided.needs import need

TrainerCallback: Any = need("transformers", "transformers").TrainerCallback

#: Why there is nothing to measure, and what to do.
KEPT = "the model was not given the labels: the trainer keeps them, or they have other names"
ATTACH = "call callback.attach(trainer) before training"
PARALLEL = "DataParallel runs copies of the model in threads; start one process a GPU (torchrun)"

#: How near to its end an epoch is at its end, by rounding.
WHOLE = 1e-6

#: Callbacks that saw a training begin. A trainer does not show its callbacks to each other, but
#: hands the same state to all of them.
_BEGUN: WeakSet[GeometryCallback] = WeakSet()


class GeometryCallback(Bystander, TrainerCallback):  # type: ignore[misc]
    """Watches the model's head and logs the scalars of each epoch as `geometry/NAME`, beside
    callbacks of other heads as `geometry/HEAD/NAME`.

    Attach it to its trainer: `GeometryCallback(counts).attach(trainer)`. Then it sees labels also
    where the trainer keeps them from the model, its figures reach the trainer's trackers, and its
    hooks go where a training ends in an error, too. Given to the trainer as one of its `callbacks`
    it sees the labels that the model is given, and its figures reach the log history alone.

    With `during="eval"` each evaluation during training is measured instead, and logged as
    `eval_geometry/NAME`. Steps are epochs, from 1, or for an evaluation the optimisation steps
    before it. Of several data sets to evaluate, or with a prefix of their own, `history` and
    `loggers` have the scalars as `DATASET/NAME`. A training is never ended: what could not be
    measured is in `unmeasured`, and told in the log once. Labels of -100 mark positions without a
    class.

    Attributes:
        watch: the measurement, while there is one.
        collapse: the last result.
        history: the scalars of each step of the last training that was measured.
        unmeasured: the reason for each step that was not.

    Args:
        counts: training samples of each class.
        head: name of the head in the model, as `named_modules` has it; by default the last linear
            layer.
        loggers: where the scalars go beside the trainer's own trackers.
        options: more arguments of `Watch`; `classes` is "seen" by default, and `ignore` -100 but
            with `sets`.

    Raises:
        TypeError: if `Watch` has no such option.
    """

    def __init__(
        self,
        counts: CountsLike | None = None,
        head: str | None = None,
        loggers: Sequence[Logger] = (),
        **options: Any,
    ) -> None:
        # Rows of several labels have no such mark.
        marked = {} if options.get("sets") is not None else {"ignore": -100}
        super().__init__(counts, head, loggers, marked | options)
        self._trainer: Any = None
        self._state: Any = None
        self._begun = False

    def attach(self, trainer: Any) -> GeometryCallback:
        """Join a trainer, as a callback and between it and its loss and its training; return the
        callback itself.
        """
        if self._trainer is not trainer:
            self._trainer = trainer
            trainer.compute_loss = partial(self._compute_loss, trainer.compute_loss)
            trainer.train = partial(self._train, trainer.train)
            if self not in trainer.callback_handler.callbacks:
                trainer.add_callback(self)
        return self

    def _train(self, train: Any, *args: Any, **options: Any) -> Any:
        """Train as the trainer does, which tells nobody of a training that ends in an error or by
        Ctrl-C; no hook outlives it.
        """
        try:
            return train(*args, **options)
        except BaseException:
            self._leave()
            raise

    def _compute_loss(
        self, compute_loss: Any, model: Any, inputs: Any, *args: Any, **options: Any
    ) -> Any:
        """Compute the loss as the trainer does, which may take labels out of the inputs; tell
        them.
        """
        given = dict(inputs) if isinstance(inputs, Mapping) else {}
        result = compute_loss(model, inputs, *args, **options)
        self._label(lambda: _labels_in(given, self._trainer.label_names))
        return result

    def on_train_begin(
        self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any
    ) -> None:
        """Hook the head."""
        self.history, self.unmeasured = {}, {}
        self._state, self._begun = state, False
        _BEGUN.add(self)
        if args.n_gpu > 1:
            self._problem = PARALLEL
            self._tell("this training is not measured", PARALLEL)
        else:
            self._open(model)
        if self._trainer is None and args.report_to:
            self._tell("figures go to the log history only", f"for {args.report_to} {ATTACH}")

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Tell of an epoch that another run began."""
        batches = _length(kwargs.get("train_dataloader"))
        steps = max(math.ceil(batches / args.gradient_accumulation_steps), 1)
        skipped = state.global_step % steps if batches and not args.ignore_data_skip else 0
        # Later ones begin within an epoch by their steps where one was stopped within.
        if skipped and not (self._evaluates or self._begun):
            self._resumed(state.global_step // steps + 1)
        self._begun = True

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Close the epoch and log its scalars."""
        if not self._evaluates:
            loader, step = kwargs.get("train_dataloader"), math.ceil(state.epoch)
            if _length(loader) and state.epoch < step - WHOLE:
                self._stopped(step)
            scalars = self._end(step, loader)
            self._report("geometry", scalars, state, control)

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any
    ) -> None:
        """Close the evaluation, log its scalars and add them to what the evaluation returns."""
        if self._evaluates and (self.watch is not None or self._problem):
            ends = [name for name in metrics or () if name.endswith("_runtime")]
            prefix = min(ends, key=len).removesuffix("_runtime") if ends else "eval"
            part = "" if prefix == "eval" else prefix.removeprefix("eval_")
            scalars = self._end(state.global_step, kwargs.get("eval_dataloader"), part)
            logged = self._report(f"{prefix}_geometry", scalars, state, control)
            if metrics is not None:
                metrics.update(logged)

    def on_predict(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Forget what passed: predictions are not measured."""
        if self._evaluates:
            self._discard()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Remove the hooks."""
        self._leave()

    def _leave(self) -> None:
        self._close()
        self._state = None

    def _end(self, step: int, loader: Any, part: str = "") -> dict[str, float]:
        unseen = "" if self._trainer is not None else f"{KEPT}: {ATTACH}"
        return self._finish(step, loader, unseen, part)

    def _report(
        self, prefix: str, scalars: dict[str, float], state: Any, control: Any
    ) -> dict[str, float]:
        """Log scalars and return them as logged."""
        prefix = self._under(prefix, (other for other in _BEGUN if other._state is state))
        logged = {f"{prefix}/{name}": value for name, value in scalars.items()}
        if logged and self._trainer is not None:
            # Logging is announced to callbacks as the logging that was due, which still is.
            due = control.should_log
            self._trainer.log(dict(logged))
            control.should_log = due
        elif logged:
            state.log_history.append(logged | {"epoch": state.epoch, "step": state.global_step})
        return logged


def _length(loader: Any) -> int:
    """Return how many batches a loader has, or 0 if it does not say."""
    try:
        return len(loader)
    except TypeError:
        return 0


def _labels_in(inputs: Mapping[str, Any], names: Sequence[str]) -> Any:
    """Return the labels of a batch.

    Raises:
        ValueError: if they are under none of the names.
    """
    found = [inputs[name] for name in names if inputs.get(name) is not None]
    if not found:
        raise ValueError(
            f"a batch has no labels at {' or '.join(map(repr, names)) or 'any name'}, only "
            f"{', '.join(inputs)}: say which are the labels, TrainingArguments(label_names=[...])"
        )
    return found[0]
