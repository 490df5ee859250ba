"""A bystander measures a training that somebody else runs, and never ends it.

`measure.watch` raises what it cannot measure: there the training loop is the caller's own. Inside a
trainer an exception would throw away hours of work for a figure. So whatever goes wrong here leaves
an epoch without figures, its reason is kept and logged once, and training goes on.
"""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lopsided.counts import Counts, CountsLike
from lopsided.measure.checks import sentence_of
from lopsided.measure.collapse import Collapse
from lopsided.measure.counted import size_of
from lopsided.measure.network import sync
from lopsided.measure.network.loggers import Logger, loggers_of
from lopsided.measure.network.watch import Watch

_log = logging.getLogger("lopsided")
#: Classes that a message names.
NAMED = 10


class Bystander:
    """What the callbacks of all frameworks have in common.

    Classes without samples are left out (`classes="seen"`) and named in the log once: samplers and
    short runs miss some.

    Attributes:
        watch: the measurement, while there is one.
        collapse: the last result.
        history: the scalars of each step that was measured.
        unmeasured: the reason for each step that was not.

    Args:
        counts: training samples of each class.
        head: name of the head in the model, as `named_modules` has it.
        loggers: where the scalars of each step go, from the first process.
        options: more arguments of `Watch`.

    Raises:
        TypeError: if `Watch` has no such option, or a logger lacks a method of `Logger`.
    """

    def __init__(
        self,
        counts: CountsLike | None,
        head: str | None,
        loggers: Sequence[Logger],
        options: dict[str, Any],
    ) -> None:
        counts = None if counts is None else Counts.of(counts)
        inspect.signature(Watch).bind(None, None, counts, **options)
        self._counts, self._head, self._loggers = counts, head, loggers_of(loggers)
        self._options = {"classes": "seen"} | options
        self.watch: Watch | None = None
        self.collapse: Collapse | None = None
        self.history: dict[int, dict[str, float]] = {}
        self.unmeasured: dict[int, str] = {}
        self._problem = ""
        self._told: set[str] = set()

    @property
    def _evaluates(self) -> bool:
        return self._options.get("during") == "eval"

    def __getstate__(self) -> dict[str, Any]:
        # Hooks on a model stay where the model is.
        return self.__dict__ | {"watch": None}

    def _open(self, model: Any) -> None:
        """Hook the head of a model."""
        self._close()
        self._problem = ""
        try:
            head = None if self._head is None else model.get_submodule(self._head)
            watch = Watch(model, head, self._counts, trouble=self._note, **self._options)
            self.watch = watch.__enter__()
        except Exception as error:
            self._note(error)
            self._tell("this training is not measured", self._problem)

    def _label(self, labels: Callable[[], Any]) -> None:
        """Tell the classes of the last forward pass, unless the model was given them itself."""
        if self.watch is None or not self.watch.passes:
            return
        try:
            self.watch.labels(None if self._problem else labels())
        except Exception as error:
            self._note(error)

    def _finish(
        self, step: int, loader: Any = None, unseen: str = "", part: str = ""
    ) -> dict[str, float]:
        """Close a step: return and log its scalars, none if it could not be measured.

        Args:
            step: number of the step.
            loader: what gave the samples.
            unseen: why no sample came in, where the caller knows.
            part: what is measured, where a step measures several things; it goes before names.
        """
        lead = f"{part}/" if part else ""
        try:
            scalars = self._scalars(loader, unseen)
            named = {f"{lead}{name}": value for name, value in scalars.items()}
            for logger in self._loggers if sync.first() else ():
                logger.log(named, step)
        except Exception as error:
            self._problem = sentence_of(error)
            others = self.unmeasured.get(step) if part else None
            reason = f"{part}: {self._problem}" if part else self._problem
            self.unmeasured[step] = f"{others}; {reason}" if others else reason
            self._tell(f"step {step} is not measured", reason)
            self._discard()
            return {}
        self.history[step] = (self.history.get(step, {}) if part else {}) | named
        return scalars

    def _under(self, prefix: str, callbacks: Iterable[Any]) -> str:
        """Return what names in a trainer's own log begin with: the head's name too where others of
        its callbacks measure other heads, whose figures would have the same names.
        """
        heads = [
            other._head
            for other in callbacks
            if isinstance(other, Bystander) and other._evaluates == self._evaluates
        ]
        if heads.count(self._head) > 1:
            self._tell(
                "several callbacks measure one head",
                "their figures have the same names in the trainer's log; see `history` of each",
            )
        return f"{prefix}/{self._head}" if self._head is not None and len(heads) > 1 else prefix

    def _resumed(self, step: int) -> None:
        """Tell that a step was begun by another run."""
        self._tell(
            f"epoch {step} was resumed within",
            "its figures are of the samples after the checkpoint alone",
        )

    def _stopped(self, step: int) -> None:
        """Tell that a step ended before its time."""
        self._tell(
            f"epoch {step} was stopped within", "its figures are of the samples before that alone"
        )

    def _scalars(self, loader: Any, unseen: str) -> dict[str, float]:
        if self.watch is not None and unseen and not self.watch.stream.n:
            self._note(ValueError(unseen))
        if self._problem and sync.available():
            sync.agree("", problem=self._problem)  # the others wait to hear it
        if self.watch is None or self._problem:
            raise ValueError(self._problem)
        k = self.watch.stream.k
        self.collapse = self.watch.epoch()
        missed = sorted(set(range(k)) - set(self.collapse.classes.tolist()))
        if missed:
            names = ", ".join(map(str, missed[:NAMED])) + (", ..." if len(missed) > NAMED else "")
            self._tell(
                f"{len(missed)} classes without samples are left out of the measurement", names
            )
        n, size = self.collapse.moments.n, size_of(loader)
        if size < n < 2 * size:
            self._tell(
                f"{n:,} samples were measured of a data set of {size:,}",
                "its sampler repeats some, which weigh more, to give processes equal shares "
                "(drop_last=True cuts instead) or drawing them anew",
            )
        return self.watch.history[-1]

    def _discard(self) -> None:
        """Forget what came in since the last step."""
        if self.watch is not None:
            self._problem = ""
            self.watch.labels(None)
            self.watch.stream.reset()

    def _close(self) -> None:
        """Remove the hooks."""
        if self.watch is not None:
            self.watch.__exit__()
            self.watch = None
        for logger in self._loggers:
            logger.close()

    def _note(self, error: Exception) -> None:
        self._problem = self._problem or sentence_of(error)

    def _tell(self, what: str, why: str) -> None:
        """Log what is so and why, once for each reason, whatever the numbers in it."""
        kind = re.sub(r"\d+", "#", why)
        if kind not in self._told and sync.first():
            _log.warning("%s: %s", what, why)
        self._told.add(kind)
