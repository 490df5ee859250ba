"""Signals: a process told to terminate, or whose terminal is closed, leaves as from an error, so
that it lets go of its workers and of half-written files, and Ctrl-C can be held off.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def ctrl_c_held() -> Iterator[None]:
    """Let no Ctrl-C reach this thread in the block, nor ever a process that is started in it."""
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
    the block is as it would be without.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    told = [signal.SIGTERM, signal.SIGHUP] if hasattr(signal, "SIGHUP") else [signal.SIGTERM]
    heard = [number for number in told if signal.getsignal(number) is not signal.SIG_IGN]
    before = [signal.signal(number, _leave) for number in heard]
    try:
        yield
    finally:
        for number, handler in zip(heard, before, strict=True):
            signal.signal(number, handler)


def _leave(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)
