"""Turns: threads that add to one state do so one after the other, so that no sample of theirs is
lost.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, Self


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


class Shared:
    """A state that threads add to in turn: a copy and a pickle of it are taken in a turn, too, and
    hold what is added in one as a whole or not at all.
    """

    _turn: Turn

    def __copy__(self) -> Self:
        return self._twin(dict)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self._twin(lambda parts: deepcopy(parts, memo))

    def __getstate__(self) -> dict[str, Any]:
        with self._turn:  # a pickle is written later, while others add
            return deepcopy(dict(vars(self)))

    def _twin(self, copied: Callable[[dict[str, Any]], dict[str, Any]]) -> Self:
        twin = type(self).__new__(type(self))
        with self._turn:
            # What is computed once and kept, as rivals are, may come meanwhile.
            vars(twin).update(copied(dict(vars(self))))
        return twin


@contextmanager
def both(a: Turn, b: Turn) -> Iterator[None]:
    """Take two turns, in an order that is the same for all threads, lest two wait for each
    other.
    """
    first, second = sorted((a, b), key=id)
    with first, second:
        yield
