"""Engines whose workers die where a test wants them to: by SIGKILL, of real processes."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path


def die(mark: Path, times: int) -> None:
    """Kill this process, if it was not killed here so many times."""
    died = mark.read_text() if mark.exists() else ""
    if len(died) < times:
        mark.write_text(died + "x")
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
        calls: names of works whose merge, and what comes after, is deadly.
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
        if work.name in self.calls:
            merge, keep = (
                partial(in_a_call, mark.with_name(f"{mark.name}, {name}"), self.times, function)
                for name, function in (("merge", work.merge), ("keep", work.keep))
            )
            changed = replace(changed, merge=merge, keep=keep)
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
