"""Turns: threads that add to one state do so one after the other, so that no sample of theirs is
lost.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy, deepcopy
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


#: In the memo of a deep copy: its states are for a pickle, and nobody adds to them.
_PICKLED: Any = "pickled"


class Shared:
    """A state that threads add to in turn: a copy and a pickle of it are taken in a turn, too, and
    hold what is added in one as a whole or not at all.
    """

    _turn: Turn
    _apart = False

    def __copy__(self) -> Self:
        return self._twin(copy, {})

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        twin = self._twin(lambda parts: deepcopy(parts, memo), memo)
        if _PICKLED in memo:
            twin._apart = True
        return twin

    def __getstate__(self) -> dict[str, Any]:
        if self._apart:
            return {name: part for name, part in vars(self).items() if name != "_apart"}
        with self._turn:  # a pickle is written later, while others add
            return deepcopy(dict(vars(self)), {_PICKLED: True, id(self): self})

    def _twin(self, copied: Callable[[Any], Any], memo: dict[int, Any]) -> Self:
        twin = memo[id(self)] = type(self).__new__(type(self))
        with self._turn:
            # What is computed once and kept, as rivals are, may come meanwhile.
            own = type(self).__getstate__ is not Shared.__getstate__
            parts = copied(self.__getstate__() if own else dict(vars(self)))
        put = getattr(twin, "__setstate__", vars(twin).update)
        put(parts)
        return twin


@contextmanager
def both(a: Turn, b: Turn) -> Iterator[None]:
    """Take two turns, in an order that is the same for all threads, lest two wait for each
    other.
    """
    first, second = sorted((a, b), key=id)
    with first, second:
        yield
