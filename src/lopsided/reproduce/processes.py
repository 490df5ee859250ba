"""Processes: runs done in turn, or several at a time with a process each, of which none outlives
the one that started it.

A run whose process is killed, by whomever, is started again and goes on from its checkpoint; one
that fails says why, and the others go on. Ctrl-C, SIGTERM and SIGHUP end all.
"""

from __future__ import annotations

import os
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, NamedTuple, cast

from lopsided.files import printable
from lopsided.lifeline import hold_on_to_parent
from lopsided.reproduce.claim import AnyClaim
from lopsided.reproduce.context import Place
from lopsided.reproduce.record import name_of
from lopsided.signals import leave_on_signals, signals_held

Options = dict[str, Any]

#: A run is given up when it has lost so many processes, as one that is killed for its hunger for
#: memory does.
_STARTS = 3
#: Seconds that a process has to leave when it is told to, before it is killed.
_GRACE = 5.0


class Show(NamedTuple):
    """How runs speak to the user.

    Attributes:
        progress: takes the number of a run, the fraction done (None: as before), and what is being
            done.
        note: takes the number of a run and a sentence.
    """

    progress: Callable[[int, float | None, str], None]
    note: Callable[[int, str], None]

    def pass_on(self, run: int, told: Told) -> None:
        """Show what a run tells."""
        if told.kind == "progress":
            self.progress(run, told.fraction, told.text)
        elif told.kind == "note":
            self.note(run, told.text)
        else:
            self.progress(run, told.fraction, told.kind)


class Told(NamedTuple):
    """What a run tells: "progress", a "note" for the user, and at last that it is "done", or has
    "failed" and why.
    """

    kind: str
    text: str = ""
    fraction: float | None = None


def in_turn(claim: AnyClaim, todo: Sequence[Options], place: Place, show: Show) -> list[str]:
    """Run one after the other, and return a sentence for each that could not be done."""
    failures = []
    for run, options in enumerate(todo):
        end = do(claim, options, place, partial(show.pass_on, run))
        show.pass_on(run, end)
        if end.kind == "failed":
            failures.append(end.text)
    return failures


def at_once(
    claim: AnyClaim, todo: Sequence[Options], place: Place, show: Show, processes: int
) -> list[str]:
    """Run several at a time, each in a process of its own, and return a sentence for each that
    could not be done.
    """
    waiting, starts = deque(range(len(todo))), [0] * len(todo)
    running: dict[Connection, tuple[int, SpawnProcess]] = {}
    failures = []
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                run = waiting.popleft()
                starts[run] += 1
                line, process = _start(claim, todo[run], place, f"run {run}")
                running[line] = run, process
            for ready in cast("list[Connection]", wait(list(running))):
                run, process = running[ready]
                told = _hear(ready, process)
                if told.kind == "lost" and starts[run] < _STARTS:
                    waiting.appendleft(run)
                    show.note(
                        run, f"{told.text}; it is started again and goes on from its checkpoint"
                    )
                elif told.kind == "lost":
                    told = Told("failed", f"{told.text}, {_STARTS} times now: it is given up")
                show.pass_on(run, told)
                if told.kind == "failed":
                    failures.append(told.text)
                if told.kind in ("done", "failed", "lost"):
                    del running[ready]
                    ready.close()
                    _end([process])
    finally:
        _end([process for _, process in running.values()])
    return failures


def do(claim: AnyClaim, options: Options, place: Place, tell: Callable[[Told], None]) -> Told:
    """Do a run that has no record, and return how it ended."""
    try:
        context = place.context(
            name_of(claim.name, claim.configuration(options)),
            lambda fraction, text: tell(Told("progress", text, fraction)),
            lambda text: tell(Told("note", text)),
        )
        # By now another process may have done it.
        if claim.record_of(options, place.out) is None:
            claim.run(options, context)
    except Exception as error:  # whatever happens to one run, the others are to be done
        if os.environ.get("LOPSIDED_TRACEBACK"):
            traceback.print_exc()
        return Told("failed", sentence(error))
    return Told("done", fraction=1.0)


def sentence(error: Exception) -> str:
    """Return what an error says; where that alone is no sentence, what kind of error it is."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"cannot use {printable(str(error.filename))}: {error.strerror}"
    if isinstance(error, ValueError | ImportError | ArithmeticError | OSError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _start(
    claim: AnyClaim, options: Options, place: Place, name: str
) -> tuple[Connection, SpawnProcess]:
    # A fresh interpreter: a forked one would share torch's threads and hold the ends of other
    # lines. Being a daemon, it is never waited for when this process leaves.
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(
        target=_work, args=(claim, options, place, theirs), name=name, daemon=True
    )
    with signals_held():
        process.start()
    theirs.close()
    return ours, process


def _work(claim: AnyClaim, options: Options, place: Place, line: Connection) -> None:
    hold_on_to_parent()
    # Where the line is broken nobody is left to be told; Ctrl-C is the parent's to answer.
    with leave_on_signals(), suppress(OSError, KeyboardInterrupt):
        line.send(do(claim, options, place, line.send))


def _hear(line: Connection, process: SpawnProcess) -> Told:
    """Return what a process tells next; if it has ended without a word, that it is "lost"."""
    try:
        told: Told = line.recv()
    except (EOFError, OSError):
        process.join(_GRACE)
        code = process.exitcode
        how = f"signal {-code}" if code is not None and code < 0 else f"status {code}"
        return Told("lost", f"the process of the run was ended ({how})")
    return told


def _end(processes: Sequence[SpawnProcess]) -> None:
    """End processes, those that do not leave in time by force."""
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(_GRACE)
        process.kill()
        process.join()
        process.close()
