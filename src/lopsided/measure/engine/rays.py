"""Ray: a cluster that the caller joined by `ray.init`. What a dead worker held is done again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from lopsided.measure.engine.tree import planted
from lopsided.measure.engine.work import Work, deadly

#: Ray runs a task again so often when workers die of it, and so once more in all.
RETRIES = 3


class Rays:
    """The workers of Ray.

    Args:
        ray: the module `ray`, after `ray.init`.
    """

    def __init__(self, ray: Any) -> None:
        self._ray = ray

    def run(self, work: Work, done: Callable[[int], object]) -> list[Any]:
        """Return what is kept of each part."""
        call, leaves = self._ray.remote(_call), list[Any]()
        # To tell takes nobody's turn, or what is done would be told of when all of it is.
        turn, none = (call.options(max_retries=RETRIES, num_cpus=number) for number in (1, 0))

        def submit(kind: str, _i: int, function: Callable[..., Any], *arguments: Any) -> Any:
            handle = (none if kind == "done" else turn).remote(function, *arguments)
            if kind == "task":
                leaves.append(handle)
            return handle

        roots, told = planted(work, submit)
        waiting = dict(zip(told, zip(work.tasks, leaves, strict=True), strict=True))
        leaves.clear()  # a state is held as long as its handle
        try:
            while told:
                ready, told = self._ray.wait(told, num_returns=1)
                task, _ = waiting.pop(ready[0])
                done(self._answer(ready[0], task))
            return [self._answer(root, "what it merges") for root in roots]
        finally:
            for _, leaf in waiting.values():  # which after an error would still be done
                self._ray.cancel(leaf)

    def _answer(self, handle: Any, task: object) -> Any:
        try:
            return self._ray.get(handle)
        except self._ray.exceptions.RayError as error:
            # A task that was to take what another found fails by that other's error.
            cause = getattr(error, "cause", None) or error
            if isinstance(cause, self._ray.exceptions.RayError):
                raise deadly(task, RETRIES + 1) from error
            raise cause from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Ray is the caller's."""


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)
