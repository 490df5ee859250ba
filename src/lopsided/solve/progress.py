"""A line of progress on a terminal, for solves of more than two seconds; silent in a pipe."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_PATIENCE = 2.0


class Watch:
    """Shows the relative duality gap on its way to a tolerance.

    Example:
        >>> with Watch(1e-10) as told:
        ...     told(1e-3)
    """

    def __init__(self, tolerance: float) -> None:
        """Start the clock."""
        self._tolerance, self._begin = tolerance, time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, gap: float) -> None:
        """Show a gap, if the solve has taken long enough and somebody looks."""
        if time.monotonic() - self._begin < _PATIENCE or not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        if self._bar is None:
            columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("")
            self._bar.start()
        assert self._task is not None
        self._bar.update(
            self._task, description=f"solving: relative gap {gap:.0e}, wanted {self._tolerance:.0e}"
        )
