"""Work: tasks over data, and how what they return becomes one.

An engine runs the tasks of a work wherever it likes, again where a worker dies, and merges what
they return in the order of `lopsided.measure.engine.tree`, which depends on their number alone. So
every engine gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Protocol, Self


def as_it_is(_: int, state: Any) -> Any:
    """Return a merged state to the caller."""
    return state


@dataclass(frozen=True)
class Work:
    """Tasks and how their answers are merged. All functions can be pickled and change nothing that
    they are given, for an engine may call them twice.

    Attributes:
        name: of the work, for those who watch a cluster.
        function: from a task to its parts, states that are merged apart from each other.
        tasks: small, at least one; `str` says where a task reads.
        merge: two states of one part into a third.
        keep: from the number of a part and its merged state to what the caller is given; called
            where the state lies.
        parts: that each task returns.
    """

    name: str
    function: Callable[[Any], Sequence[Any]]
    tasks: Sequence[Any]
    merge: Callable[[Any, Any], Any]
    keep: Callable[[int, Any], Any] = as_it_is
    parts: int = 1


class Engine(Protocol):
    """Where tasks run; a context that lets go of what it started."""

    def run(self, work: Work, done: Callable[[int], object]) -> list[Any]:
        """Return what is kept of each part.

        Args:
            work: to do.
            done: told the number of each task that is done.

        Raises:
            ChildProcessError: if workers died of a task again and again; the task is named.
            Exception: what a task raised, which is not tried again.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def abroad(work: Work) -> Callable[[Any], Sequence[Any]]:
    """Return the function of a work for workers that others started, where another lopsided may be
    installed, whose numbers need not be these.
    """
    from lopsided import __version__

    return partial(_at_version, __version__, work.function)


def _at_version(version: str, function: Callable[[Any], Sequence[Any]], task: Any) -> Sequence[Any]:
    from lopsided import __version__

    if version != __version__:
        raise ValueError(
            f"a worker has lopsided {__version__} and this process {version}: install one version"
            " for all, and start the workers again"
        )
    return function(task)


def deadly(task: object, times: int) -> ChildProcessError:
    """Return the error for a task of which workers die."""
    return ChildProcessError(
        f"{times} workers in turn were ended from outside while they read {task}, as happens where"
        " memory is short or a file cannot be read; nothing was measured: look at this part of the"
        " data, or give each worker more memory"
    )
