"""Executors of `concurrent.futures`: one that somebody else made, and our own pool of processes,
which is made again when one of them dies.

States pass through this process and are merged here.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from lopsided.lifeline import Workers
from lopsided.measure.engine.tree import Tree
from lopsided.measure.engine.work import Work, abroad, deadly
from lopsided.together import together

#: A task is given up when so many workers died while it was theirs, the last time with nothing
#: else at work.
DEATHS = 3
#: Seconds between two looks whether the workers are all there.
LOOK = 1.0
#: What is said where no worker comes so far as to do anything.
NOT_BEGUN = (
    "no worker could begin, each ended by itself with the error that it wrote: it imports the"
    " script that starts it, so what a script does belongs under `if __name__ == '__main__':`, and"
    " one that is read from standard input cannot be imported; nothing was measured"
)


class Given:
    """An executor that the caller made and ends; where a worker of it dies, the measurement does.

    Args:
        executor: whose workers can import lopsided and reach the files.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def run(self, work: Work, done: Callable[[int], object]) -> list[Any]:
        """Return what is kept of each part."""
        trees = [Tree(len(work.tasks), work.merge) for _ in range(work.parts)]
        pending: dict[Future[Any], int] = {}
        function = abroad(work)
        try:
            for i, task in enumerate(work.tasks):
                pending[self._executor.submit(function, task)] = i
            while pending:
                for future in wait(pending, return_when=FIRST_COMPLETED).done:
                    # A future holds its state as long as it is held.
                    i = pending.pop(future)
                    _add(trees, i, future)
                    done(i)
        except BrokenExecutor as error:
            raise ChildProcessError(
                "a worker of the executor died, as happens where memory is short, or in a script"
                " whose processes are not started under `if __name__ == '__main__':`; nothing was"
                " measured: engine=N, a number of processes, starts workers that die again"
            ) from error
        finally:
            for future in pending:
                future.cancel()
        return [work.keep(part, tree.root) for part, tree in enumerate(trees)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """The executor is the caller's."""


class Pool:
    """Processes of this machine. One that is ended from outside costs the tasks that were at work,
    which are done again.

    Args:
        processes: at most so many.
    """

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._workers: Workers | None = None
        self._stillborn = False

    def run(self, work: Work, done: Callable[[int], object]) -> list[Any]:
        """Return what is kept of each part."""
        trees = [Tree(len(work.tasks), work.merge) for _ in range(work.parts)]
        waiting, alone = deque(range(len(work.tasks))), deque[int]()
        deaths = Counter[int]()
        pending: dict[Future[Any], int] = {}
        while waiting or alone or pending:
            lost = []
            try:
                while waiting and len(pending) <= self._processes:
                    pending[self._submit(work, waiting[0])] = waiting[0]
                    waiting.popleft()
                if alone and not pending:
                    pending[self._submit(work, alone[0])] = alone[0]
                    alone.popleft()
            except BrokenExecutor:  # all that are pending have ended, or soon will
                self._end()
            for future in self._ended(pending):
                i = pending.pop(future)
                if isinstance(future.exception(), BrokenExecutor):
                    lost.append(i)
                else:
                    _add(trees, i, future)
                    done(i)
            if not lost:
                continue
            self._end()
            if self._stillborn:
                raise ChildProcessError(NOT_BEGUN)
            deaths.update(lost)
            for i in sorted(lost, reverse=True):
                if deaths[i] >= DEATHS:
                    raise deadly(work.tasks[i], deaths[i])
                (alone if deaths[i] == DEATHS - 1 else waiting).appendleft(i)
        return [work.keep(part, tree.root) for part, tree in enumerate(trees)]

    def _submit(self, work: Work, i: int) -> Future[Any]:
        if self._workers is None:
            self._workers = Workers(self._processes)
        with _one_thread_each():
            return self._workers.submit(work.function, work.tasks[i])

    def _ended(self, pending: Collection[Future[Any]]) -> set[Future[Any]]:
        """Wait until some tasks have ended, also where a worker did in the middle of its answer."""
        ended = set[Future[Any]]()
        while pending and not (ended := wait(pending, LOOK, FIRST_COMPLETED).done):
            if self._workers is not None and self._workers.bereaved:
                self._workers.let_go()
        return ended

    def _end(self, *error: Any) -> None:
        workers, self._workers = self._workers, None
        if workers is not None:
            workers.__exit__(*(error or (None, None, None)))
            self._stillborn = workers.stillborn

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end(kind, error, trace)


def _add(trees: list[Tree], i: int, future: Future[Any]) -> None:
    for tree, state in zip(trees, future.result(), strict=True):
        tree.add(i, state)


@together
@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes started here keep to one thread of linear algebra, lest they fight for the
    cores.
    """
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
