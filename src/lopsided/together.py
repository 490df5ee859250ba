"""Contexts that change what all threads of a process share, and locks of theirs.

A process that is forked has the memory of all threads and only the one that forked: what the others
held would be held for ever there, and what they would have put back would stay.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Any
from weakref import WeakSet


class Alone:
    """A lock for one thread at a time, which may take it again; forked processes find it free of
    the threads that they lack.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _LOCKS.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def forked(self) -> None:
        """Be free, unless the thread that forked is inside."""
        if self._lock.acquire(blocking=False):
            self._lock.release()
        else:
            self._lock = threading.RLock()


#: All that there are.
_LOCKS: WeakSet[Alone] = WeakSet()


def _forked() -> None:
    for lock in list(_LOCKS):
        lock.forked()


def at_fork(call: Callable[[], None]) -> None:
    """Call a function in each process that is forked, where the system can fork."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=call)


at_fork(_forked)

#: Held while something is drawn in a style of matplotlib's, of which a process has one: several
#: threads would draw in each other's, and the last one would put back that of another.
DRAWING = Alone()
#: What matplotlib warns of where a font lacks a sign, and draws a box: its number, and its name.
LACKING = r"Glyph (\d+) .*missing from"

Context = Callable[[], AbstractContextManager[Any]]


def together(context: Context) -> Context:
    """Return a context for several threads at once: the first of them enters the given one, and the
    last one leaves it.

    Were each to put back what it found, one would put back for good what another has changed for a
    while.

    Example:
        >>> told = ExitStack()
        >>> shared = together(lambda: told)
        >>> with shared():
        ...     _ = told.callback(print, "left")
        ...     with shared():
        ...         print("inside")
        inside
        left
    """
    lock, stack, inside = Alone(), ExitStack(), list[int]()

    @functools.wraps(context)
    @contextmanager
    def shared() -> Iterator[None]:
        thread = threading.get_ident()
        with lock:
            if not inside:
                stack.enter_context(context())
            inside.append(thread)
        try:
            yield
        finally:
            with lock:
                inside.remove(thread)
                if not inside:
                    stack.close()

    def forked() -> None:
        others = bool(inside)
        inside[:] = [thread for thread in inside if thread == threading.get_ident()]
        if others and not inside:
            with suppress(RuntimeError):  # a forked process cannot use CUDA's random states
                stack.close()

    at_fork(forked)
    return shared
