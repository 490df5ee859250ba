"""Small batches that wait for each other: to take one in costs as much as several hundred samples.

They have been checked, and are copied, since whoever gave them may overwrite them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lopsided.arrays import Ints
from lopsided.measure.network.accelerated import DeviceMoments, against
from lopsided.measure.state.decisions import Decisions
from lopsided.measure.state.moments import Moments

#: Samples that are taken in together, and numbers at most: as serve a core's cache, and as keep a
#: device busy.
TOGETHER, NUMBERS = 1024, 2**21
ON_DEVICE = 4 * TOGETHER, 2 * NUMBERS


class Waiting:
    """Batches that are not in the state yet.

    Args:
        state: what they will be taken into.
    """

    def __init__(self, state: Moments | DeviceMoments) -> None:
        self._state = state
        self._together, self._numbers = (
            (TOGETHER, NUMBERS) if isinstance(state, Moments) else ON_DEVICE
        )
        self._features: list[tuple[Any, Ints]] = []
        self._logits: list[tuple[Any, Ints]] = []
        self._samples, self._held = 0, 0
        #: Whether all logits are known to be a linear head's own.
        self._linear = True

    def __len__(self) -> int:
        """Number of samples."""
        return self._samples

    @property
    def full(self) -> bool:
        """Whether they are to wait no longer."""
        return self._samples >= self._together or self._held >= self._numbers

    def add(self, x: Any, y: Ints, z: Any = None, *, linear: bool = False) -> None:
        """Let features (b, d), labels (b,) and perhaps logits (b, k) wait, of which it may be known
        that they are a linear head's own.

        Arrays are copied where they are few; tensors are the caller's copies already.
        """
        if not len(y):
            return
        many = isinstance(self._state, DeviceMoments) or len(y) >= self._together
        self._features.append((x if many else np.array(x), y))
        self._samples += len(y)
        self._held += math.prod(x.shape) + (0 if z is None else math.prod(z.shape))
        if z is not None:
            self._logits.append((z if many else np.array(z), y))
            self._linear &= linear

    def bring(self, decisions: Decisions) -> None:
        """Take them into the state, and what they answer into decisions.

        Raises:
            ValueError: if all their answers are probabilities, as those of one small batch may be
                by chance; then all wait on, lest a result without answers follows.
        """
        if self._logits:
            rows = [part for part, _ in self._logits]
            labels = np.concatenate([part for _, part in self._logits])
            if isinstance(self._state, Moments):
                decisions.update(np.concatenate(rows), labels, linear=self._linear)
            else:
                decisions.add(labels, *against(rows, labels), None)
        features, self._features, self._logits = self._features, [], []
        self._samples, self._held, self._linear = 0, 0, True
        self._state.fold(features)
