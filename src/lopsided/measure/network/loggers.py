"""Where the scalars of a measurement go: anything with the two methods of `Logger`."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from lopsided.needs import need
from lopsided.plain import plain


class Logger(Protocol):
    """Takes scalars, step by step."""

    def log(self, scalars: Mapping[str, float], step: int) -> None:
        """Take the scalars of one step."""

    def close(self) -> None:
        """Finish; may be called again, and `log` after it."""


def loggers_of(loggers: Iterable[Logger]) -> tuple[Logger, ...]:
    """Return loggers, refused before the training where they could only fail after an epoch.

    Raises:
        TypeError: if these are no list, or one lacks a method of `Logger`.
    """
    if not isinstance(loggers, Iterable):
        raise TypeError(f"loggers must be a list of loggers, got a {type(loggers).__name__}")
    found = tuple(loggers)
    for logger in found:
        methods = (getattr(logger, name, None) for name in ("log", "close"))
        if isinstance(logger, type) or not all(map(callable, methods)):
            raise TypeError(
                "a logger has the methods log(scalars, step) and close(), got"
                f" {logger!r:.60}; of a function such as wandb.log make a Tracker(wandb.log)"
            )
    return found


class JsonLines:
    """One JSON object a line; numbers that are not finite, which JSON lacks, become null.

    The file is open only while a line is written: lines are there at once, runs can follow each
    other, and nothing is left open.

    Args:
        path: file to append to; its folder is made.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.open("a").close()  # a path that cannot be written is told now, not after an epoch

    def log(self, scalars: Mapping[str, float], step: int) -> None:
        """Write a line, a new one also where a killed process left half of one."""
        line = json.dumps(
            {"step": step} | {name: plain(value) for name, value in scalars.items()},
            allow_nan=False,
        )
        with self.path.open("a+b") as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                line = line if file.read() == b"\n" else f"\n{line}"
            file.write(f"{line}\n".encode())

    def close(self) -> None:
        """Do nothing: no file is open."""


class Tracker:
    """Scalars for whatever has a function log(figures, step=step).

    As have W&B (`wandb.log`), MLflow (`mlflow.log_metrics`), trackio (`trackio.log`) and Accelerate
    (`accelerator.log`). Runs are begun and ended by their owner. Figures that are not finite, which
    not all of them take, are left out.

    The step is the epoch. W&B has one count of steps for all that it is told, and drops what comes
    with an earlier one than before: in a loop that logs to it batch by batch, the epoch goes among
    the figures, as below.

    Args:
        log: the function.

    Example:
        >>> told = []
        >>> Tracker(lambda figures, step: told.append((step, figures))).log({"nc1": 0.5}, 3)
        >>> told
        [(3, {'geometry/nc1': 0.5})]
        >>> log = print  # here wandb.log
        >>> Tracker(lambda figures, step: log({**figures, "epoch": step})).log({"nc1": 0.5}, 3)
        {'geometry/nc1': 0.5, 'epoch': 3}
    """

    def __init__(self, log: Callable[..., object]) -> None:
        self._log = log

    def log(self, scalars: Mapping[str, float], step: int) -> None:
        """Log the figures, under names that begin with geometry/."""
        finite = {name: float(value) for name, value in scalars.items() if math.isfinite(value)}
        self._log({f"geometry/{name}": value for name, value in finite.items()}, step=step)

    def close(self) -> None:
        """Do nothing: the run is its owner's."""


class TensorBoard:
    """Scalars for tensorboard; an event file is opened when there is something to write.

    Args:
        folder: of the event files.

    Raises:
        ImportError: if tensorboard is not installed.
    """

    def __init__(self, folder: str | Path) -> None:
        need("tensorboard", "tensorboard")
        self._folder = str(folder)
        self._writer: Any = None

    def log(self, scalars: Mapping[str, float], step: int) -> None:
        """Write one value a scalar."""
        if self._writer is None:
            summaries = need("torch.utils.tensorboard", "'lopsided[torch]' tensorboard")
            self._writer = summaries.SummaryWriter(self._folder)
        for name, value in scalars.items():
            self._writer.add_scalar(f"geometry/{name}", value, step)

    def close(self) -> None:
        """Close the event file; `log` opens another one."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
