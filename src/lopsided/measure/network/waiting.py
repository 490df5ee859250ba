"""Small batches that wait for each other: to take one in costs as much as several hundred samples.

They have been checked, and are copied, since whoever gave them may overwrite them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Ints
from lopsided.measure.state.decisions import Decisions
from lopsided.measure.state.moments import Moments

#: Samples that are taken in together, and numbers at most.
TOGETHER, NUMBERS = 1024, 2**21


class Waiting:
    """Batches that are not in the state yet."""

    def __init__(self) -> None:
        self._features: list[tuple[npt.NDArray[Any], Ints]] = []
        self._logits: list[tuple[npt.NDArray[Any], Ints]] = []

    def __len__(self) -> int:
        """Number of samples."""
        return sum(len(y) for _, y in self._features)

    @property
    def full(self) -> bool:
        """Whether they are to wait no longer."""
        held = sum(rows.size for rows, _ in self._features + self._logits)
        return len(self) >= TOGETHER or held >= NUMBERS

    def add(self, x: npt.NDArray[Any], y: Ints, z: npt.NDArray[Any] | None) -> None:
        """Let features (b, d), labels (b,) and perhaps logits (b, k) wait."""
        if not len(y):
            return
        kept = np.array if len(y) < TOGETHER else np.asarray
        self._features.append((kept(x), y))
        if z is not None:
            self._logits.append((kept(z), y))

    def bring(self, moments: Moments, decisions: Decisions) -> None:
        """Take them into a state."""
        if self._logits:
            logits, labels = (np.concatenate(parts) for parts in zip(*self._logits, strict=True))
            decisions.update(logits, labels)  # first: batches too small to tell may be refused here
        features, self._features, self._logits = self._features, [], []
        moments.fold(features)
