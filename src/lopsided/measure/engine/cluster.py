"""Dask: a cluster whose scheduler stands already. Merges run where the states are, and what a dead
worker held is done again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from lopsided.files import UnfitError, opened, reading, require_file
from lopsided.measure.engine.tree import planted
from lopsided.measure.engine.work import Work, deadly
from lopsided.needs import need

#: Bytes that the file of a scheduler may have.
_MOST = 2**20


class Cluster:
    """The workers of a Dask scheduler.

    Args:
        client: of `distributed`, which its maker closes; or the address of a scheduler
            (`tcp://HOST:PORT`, `tls://HOST:PORT`), or the path of its file.

    Raises:
        ValueError: if the file tells no address, or it is a cluster and not its client, or a client
            that does not wait for answers.
    """

    def __init__(self, client: Any) -> None:
        self._library = need("distributed", "'lopsided[cluster]'")
        self._own = isinstance(client, str | Path)
        if isinstance(client, Path):
            _require_address(client)
            client = self._library.Client(scheduler_file=str(client))
        elif self._own:
            client = self._library.Client(client)
        elif not hasattr(client, "submit"):
            raise ValueError(
                f"a cluster of Dask works by its client, got a {type(client).__name__}: give"
                " distributed.Client(cluster)"
            )
        elif client.asynchronous:
            raise ValueError(
                "a measurement waits for its answers, and this client of Dask is asynchronous: give"
                " one that is not, outside of its event loop"
            )
        self._client = client

    def run(self, work: Work, done: Callable[[int], object]) -> list[Any]:
        """Return what is kept of each part."""
        tag = uuid4().hex

        def submit(kind: str, i: int, function: Callable[..., Any], *arguments: Any) -> Any:
            # What merges comes before what reads more, lest states pile up.
            return self._client.submit(
                function,
                *arguments,
                key=(f"{work.name}-{kind}-{tag}", i),
                pure=False,
                priority=0 if kind == "task" else 1,
            )

        roots, told = planted(work, submit)
        ready = self._library.as_completed(told)
        del told  # what was told is let go of, lest its task is done again when a worker dies
        try:
            for each in ready:
                done(each.result())
            return [root.result() for root in roots]
        except self._library.KilledWorker as error:
            kind, i = error.task
            task = work.tasks[i] if "-task-" in kind else f"what {kind} merges"
            raise deadly(task, error.allowed_failures + 1) from error
        finally:
            # After an error what is waited for would still be done, task by task.
            self._client.cancel([*roots, *ready.futures])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._own:
            self._client.close()


def _require_address(path: Path) -> None:
    with reading(path):
        with opened(path, require_file(path)) as file:
            text = file.read(_MOST)
        try:
            address = json.loads(text)["address"]
        except (ValueError, LookupError, TypeError, RecursionError):
            address = None
        if not isinstance(address, str):
            raise UnfitError(
                "tells no address of a Dask scheduler: of one that has just started wait until it"
                " has written its file"
            )
