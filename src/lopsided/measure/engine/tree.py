"""The order of merging: neighbours by pairs, level by level; an odd one at the end goes up as it
is.

It depends on the number of leaves alone, never on who is ready first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from operator import getitem
from typing import Any

from lopsided.measure.engine.work import Work, abroad

#: Takes what a task is for, its number, a function and its arguments, which may be handles of
#: tasks before it; returns a handle.
Submit = Callable[..., Any]


class Tree:
    """Merges leaves as they come, and holds no more states than wait for their neighbours.

    Args:
        size: number of leaves.
        merge: two states into a third.

    Example:
        >>> tree = Tree(3, lambda a, b: f"({a}{b})")
        >>> for i in (2, 1, 0):
        ...     tree.add(i, "abc"[i])
        >>> tree.root
        '((ab)c)'
    """

    def __init__(self, size: int, merge: Callable[[Any, Any], Any]) -> None:
        self._size, self._merge = size, merge
        self._waiting: dict[tuple[int, int], Any] = {}
        self.root: Any = None

    def add(self, i: int, state: Any) -> None:
        """Take in leaf `i`."""
        size, level = self._size, 0
        while size > 1:
            neighbour = i ^ 1
            if neighbour < size:
                if (level, neighbour) not in self._waiting:
                    self._waiting[level, i] = state
                    return
                other = self._waiting.pop((level, neighbour))
                state = self._merge(state, other) if i < neighbour else self._merge(other, state)
            i, size, level = i // 2, (size + 1) // 2, level + 1
        self.root = state


def planted(work: Work, submit: Submit) -> tuple[list[Any], list[Any]]:
    """Submit the tasks of a work and all merges in the same order.

    Returns:
        Handles of what is kept of each part, and one a task that tells its number when it is done.
        Those of the states are not held: an engine lets go of a state once it is merged.
    """
    function = abroad(work)
    leaves = [submit("task", i, function, task) for i, task in enumerate(work.tasks)]
    told = [submit("done", i, _number, i, leaf) for i, leaf in enumerate(leaves)]
    number, roots = count(), []
    for part in range(work.parts):
        level = [submit(f"part{part}", i, _part, leaf, part) for i, leaf in enumerate(leaves)]
        while len(level) > 1:
            level = [
                submit("merge", next(number), work.merge, *pair) if len(pair) > 1 else pair[0]
                for pair in _pairs(level)
            ]
        roots.append(submit("keep", part, work.keep, part, level[0]))
    return roots, told


def _pairs(states: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (states[i : i + 2] for i in range(0, len(states), 2))


def _number(i: int, _: object) -> int:
    return i


def _part(parts: Sequence[Any], part: int) -> Any:
    return getitem(parts, part)
