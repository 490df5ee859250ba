"""Lifelines: a worker process ends when the process that started it ends, however that ended.

Of a parent that is killed one thing is sure: its pipes close. So each worker waits for that in a
thread. Ctrl-C is the parent's to answer.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import current_process, get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from lopsided.signals import signals_held

P = ParamSpec("P")
T = TypeVar("T")


class Workers(ProcessPoolExecutor):
    """A pool of fresh interpreters that end with this process, and at once if its `with` block is
    left by an error.

    Args:
        processes: at most so many.
        start: called in each worker before its first task, with the arguments.
        arguments: of `start`.

    Raises:
        ValueError: in a process that may start none, as the workers of a `multiprocessing.Pool`.
    """

    def __init__(
        self, processes: int, start: Callable[..., object] | None = None, *arguments: Any
    ) -> None:
        if current_process().daemon:
            raise ValueError(
                "this process is a daemon of multiprocessing, as the workers of its Pool are, and"
                " may start no processes: leave out their number, or start this one by"
                " concurrent.futures.ProcessPoolExecutor"
            )
        # Forked workers would hold the writing end too, and share the threads of torch.
        context = get_context("spawn")
        self._line, self._end = context.Pipe(duplex=False)
        self._begun, self._made = context.Event(), dict[int, BaseProcess]()
        given = (self._line, self._begun, start, arguments)
        super().__init__(processes, context, _start, given)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start a task, and perhaps a worker for it."""
        with signals_held():
            future = super().submit(fn, *args, **kwargs)
        self._made.update(self._processes or {})  # which are forgotten with the last of them
        return future

    @property
    def stillborn(self) -> bool:
        """Whether the workers, which have ended, did so by themselves before any could begin, as
        where the script that each imports first ends in an error there.
        """
        codes = (process.exitcode for process in self._made.values())
        return not self._begun.is_set() and any(code is not None and code > 0 for code in codes)

    @property
    def bereaved(self) -> bool:
        """Whether a worker has ended, which the thread that reads answers does not see while it
        waits for the rest of one that this worker began.
        """
        return any(process.exitcode is not None for process in self._made.values())

    def let_go(self) -> None:
        """End the workers at once; what they were at fails with `BrokenExecutor`."""
        self._end.close()
        # Of an answer that a worker was writing half is left, and whoever reads it waits for the
        # rest as long as anybody holds the end that is written to: when the workers have gone, this
        # process.
        if self._result_queue is not None:
            self._result_queue._writer.close()  # type: ignore[attr-defined]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is not None:
                self.let_go()
            self.shutdown(wait=True, cancel_futures=kind is not None)
        finally:
            self._end.close()
            self._line.close()


def hold_on_to_parent(*lines: Connection) -> None:
    """Let this process end when its parent has ended, or when the other end of a line is closed.

    Made to be the initializer of a worker. In a process that has no parent of Python's making only
    the lines count.
    """
    parent = parent_process()
    held = [*lines, *([] if parent is None else [parent.sentinel])]
    threading.Thread(target=_end_after, args=(held,), name="lifeline", daemon=True).start()


def _end_after(held: list[Any]) -> None:
    wait(held)
    os._exit(1)  # nobody is left to hear why


def _start(
    line: Connection, begun: Event, start: Callable[..., object] | None, arguments: tuple[Any, ...]
) -> None:
    begun.set()
    hold_on_to_parent(line)
    if start is not None:
        start(*arguments)
