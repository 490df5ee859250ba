"""Engines whose workers die where a test wants them to: by SIGKILL, of real processes."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

#: Seconds before a death that is not the first: a nanny of Dask does not start a worker again that
#: dies while it still starts.
_PAUSE = 1.0


def die(mark: Path, times: int) -> None:
    """Kill this process, if it was not killed here so many times."""
    died = mark.read_text() if mark.exists() else ""
    if len(died) < times:
        mark.write_text(died + "x")
        time.sleep(_PAUSE if died else 0.0)
        os.kill(os.getpid(), signal.SIGKILL)


def at_a_task(mark, times, where, function, task):
    with (mark.parent / "calls").open("a") as calls:
        calls.write(f"{task}\n")
    if where in str(task):
        die(mark, times)
    return function(task)


def in_a_call(mark, times, function, *arguments):
    die(mark, times)
    return function(*arguments)


class Deadly:
    """An engine of which workers die.

    Args:
        engine: that does the work.
        folder: where deaths and calls are counted.
        tasks: name of a work -> words in the task that is deadly.
        calls: "WORK merge" or "WORK keep": of which works these are deadly.
        times: so often.
        before: called with the name of each work.
    """

    def __init__(self, engine, folder, tasks=None, calls=(), times=1, before=lambda name: None):
        self.engine, self.folder, self.tasks = engine, folder, tasks or {}
        self.calls, self.times, self.before = calls, times, before

    def run(self, work, done):
        self.before(work.name)
        mark, where = self.folder / f"deaths of {work.name}", self.tasks.get(work.name, "no task")
        changed = replace(work, function=partial(at_a_task, mark, self.times, where, work.function))
        for call in self.calls:
            if work.name == call.partition(" ")[0]:
                field = call.partition(" ")[2]
                function = partial(
                    in_a_call, mark.with_name(f"deaths of {call}"), self.times, getattr(work, field)
                )
                changed = replace(changed, **{field: function})
        return self.engine.run(changed, done)

    def deaths(self):
        return sum(len(mark.read_text()) for mark in self.folder.glob("deaths of *"))

    def calls_of(self, words):
        return sum(words in line for line in (self.folder / "calls").read_text().splitlines())

    def __enter__(self):
        self.engine.__enter__()
        return self

    def __exit__(self, *error):
        self.engine.__exit__(*error)


def fails_at_once(folder: Path, i: int) -> list[int]:
    """Fail as the second of several tasks, of which each other leaves a file when it is done."""
    if i == 1:
        raise ValueError("no number")
    time.sleep(0.1)
    (folder / str(i)).touch()
    return [i]


def dies_within_its_answer(folder: Path, i: int) -> list[int]:
    """Return the number of a task; the first process of all that answers dies in the middle."""
    mark = folder / "first"
    if not mark.exists():
        mark.touch()
        answer_by_halves(lambda: os.kill(os.getpid(), signal.SIGKILL))
    return [i]


def stops_within_its_answer(mark: Path) -> None:
    """Leave a file in the middle of the answer, and go on with it after an hour."""

    def stop() -> None:
        mark.touch()
        time.sleep(3600)

    answer_by_halves(stop)


def answer_by_halves(between) -> None:
    """Let this process do something after the beginning of each answer that it writes."""

    def write(connection, content) -> None:
        os.write(connection.fileno(), content[:8])
        between()

    Connection._send = write
