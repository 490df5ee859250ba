"""Contexts that change what all threads of a process share."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

#: Held while something is drawn in a style of matplotlib's, of which a process has one: several
#: threads would draw in each other's, and the last one would put back that of another.
DRAWING = threading.RLock()

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
    lock, stack, inside = threading.Lock(), ExitStack(), 0

    @functools.wraps(context)
    @contextmanager
    def shared() -> Iterator[None]:
        nonlocal inside
        with lock:
            if not inside:
                stack.enter_context(context())
            inside += 1
        try:
            yield
        finally:
            with lock:
                inside -= 1
                if not inside:
                    stack.close()

    return shared
