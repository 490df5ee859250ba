"""Signals: a process told to terminate leaves as from an error, so that it lets go of its workers
and of half-written files, and Ctrl-C can be held off.
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
def terminate_on_sigterm() -> Iterator[None]:
    """Let SIGTERM in this block raise `SystemExit(143)`, so that files and workers are cleaned up
    on the way out.

    Only the main thread can; in another the block is as it would be without.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)
