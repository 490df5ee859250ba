"""The engine of one process: tasks in turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from lopsided.measure.engine.tree import Tree
from lopsided.measure.engine.work import Work


class Here:
    """Runs everything in this process."""

    def run(self, work: Work, done: Callable[[int], object]) -> list[Any]:
        """Return what is kept of each part."""
        trees = [Tree(len(work.tasks), work.merge) for _ in range(work.parts)]
        for i, task in enumerate(work.tasks):
            for tree, state in zip(trees, work.function(task), strict=True):
                tree.add(i, state)
            done(i)
        return [work.keep(part, tree.root) for part, tree in enumerate(trees)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was started."""
