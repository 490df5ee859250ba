"""Turns: threads that add to one state do so one after the other, so that no sample of theirs is
lost.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turn:
    """A lock that goes with a state: a copy or a pickle of the state has a lock of its own."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[type[Turn], tuple[()]]:
        return Turn, ()


@contextmanager
def both(a: Turn, b: Turn) -> Iterator[None]:
    """Take two turns, in an order that is the same for all threads, lest two wait for each
    other.
    """
    first, second = sorted((a, b), key=id)
    with first, second:
        yield
