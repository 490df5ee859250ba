"""Signals: a process told to terminate, or whose terminal is closed, leaves as from an error, so
that it lets go of its workers and of half-written files, and signals can be held off.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

#: By which a process is told to end: by a scheduler, and by a terminal that is closed.
TOLD = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]


@contextmanager
def signals_held() -> Iterator[None]:
    """Let no Ctrl-C reach this thread in the block, nor ever a process that is started in it, and
    answer SIGTERM and SIGHUP after it: a process that is half started complains of what it lacks.
    Windows holds no Ctrl-C off.
    """
    heard: list[int] = []
    try:
        with _interrupts_held(), _handled(TOLD, lambda number, _: heard.append(number)):
            yield
    finally:
        for number in heard:
            signal.raise_signal(number)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def leave_on_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP, of a terminal that is closed, in this block raise `SystemExit`, with
    143 and 129, so that files and workers are cleaned up on the way out.

    A signal that is ignored stays so, as SIGHUP under nohup. Only the main thread can; in another
    the block is as it would be without. Where what is raised is lost, as in a callback of the
    garbage collector or a library in C that loads, it is raised again at the end of the block.
    """
    heard: list[int] = []

    def leave(number: int, _: FrameType | None) -> None:
        heard.append(number)
        sys.exit(128 + number)

    with _handled(TOLD, leave):
        yield
    if heard:
        sys.exit(128 + heard[0])


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM, SIGHUP and Ctrl-C end the process at once in this block, which waits for others
    outside of Python, where no handler of Python's runs, and has nothing to clean up.
    """
    with _handled([*TOLD, signal.SIGINT], signal.SIG_DFL):
        yield


@contextmanager
def _handled(numbers: Sequence[signal.Signals], handler: Any) -> Iterator[None]:
    """Handle signals so in the block, in the main thread, but for those that are ignored, and those
    that a program around Python handles, whose handler Python cannot put back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    left = signal.SIG_IGN, None
    heard = [number for number in numbers if signal.getsignal(number) not in left]
    before = [signal.signal(number, handler) for number in heard]
    try:
        yield
    finally:
        for number, own in zip(heard, before, strict=True):
            signal.signal(number, own)
