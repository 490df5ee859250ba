"""Kept: features and labels of a network's forward passes, kept to be read again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Ints
from lopsided.memory import require_memory

#: Batches are joined to blocks of so many rows at least.
ROWS = 4096


class Kept:
    """Samples in memory, in blocks; iterating yields (features (b, d), labels (b,)).

    Attributes:
        what: they are.
        shared: whether other processes have others, which belong to them.
        rows: sequences or images that they are positions of, or as many as there are samples.

    Example:
        >>> kept = Kept("training")
        >>> kept.add(np.ones((3, 2), np.float32), np.array([0, 1, 1]))
        >>> [features.shape for features, _ in kept]
        [(3, 2)]
    """

    def __init__(self, what: str) -> None:
        self.what, self.shared, self.rows, self._size = what, False, 0, 0
        self._blocks: list[tuple[npt.NDArray[Any], Ints]] = []
        self._loose: list[tuple[npt.NDArray[Any], Ints]] = []

    def add(self, features: npt.NDArray[Any], labels: Ints) -> None:
        """Take in a batch.

        Raises:
            MemoryError: if all of them take more than half of this machine's memory.
        """
        self._size += features.nbytes
        require_memory(float(self._size), f"the features of the {self.what} samples")
        self._loose.append((features.copy(), labels))  # its memory may be used again
        if sum(len(y) for _, y in self._loose) >= ROWS:
            self._join()

    def _join(self) -> None:
        if self._loose:
            features, labels = zip(*self._loose, strict=True)
            self._blocks.append((np.concatenate(features), np.concatenate(labels)))
            self._loose = []

    def __iter__(self) -> Iterator[tuple[npt.NDArray[Any], Ints]]:
        self._join()
        yield from self._blocks

    def __len__(self) -> int:
        """Return the number of samples."""
        return sum(len(labels) for _, labels in (*self._blocks, *self._loose))
