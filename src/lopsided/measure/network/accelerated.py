"""Moments and decisions on an accelerator: the rules of `lopsided.measure.state`, in torch and on
the device, so that no feature leaves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.arrays import LARGEST, Floats, Ints, require_flag
from lopsided.measure.checks import rows_of
from lopsided.measure.logits import ENOUGH, are_probabilities, logits_of
from lopsided.measure.network.tensors import to_numpy
from lopsided.measure.state.blocks import left_over
from lopsided.measure.state.moments import SUMMED, Moments
from lopsided.measure.state.scatter import Pooled
from lopsided.needs import torch


class DeviceMoments:
    """The state of `Moments`, its large parts as float64 tensors.

    Args:
        start: moments to go on from.
        device: where the tensors live; it must know float64.
    """

    def __init__(self, start: Moments, device: Any) -> None:
        self.counts, self.spread = start.counts.copy(), start.spread.copy()
        self.device = torch().empty(0, device=device).device
        self.means, self.rests = self._put(start.means), self._put(start.rests)
        kept = start.scatter
        self.scatter = self._put(kept.matrix()) if isinstance(kept, Pooled) else None

    def _put(self, array: npt.NDArray[Any]) -> Any:
        return torch().tensor(array, device=self.device)

    def features(self, rows: Any, labels: Ints) -> Any:
        """Return a copy on the device of features (b, d), one row a checked label.

        Raises:
            ValueError: if a number is not finite; sample and class are named.
            TypeError: if they are not real numbers.
        """
        return self._kept(rows, labels, "features")

    def logits(self, rows: Any, labels: Ints, *, linear: bool = False) -> Any:
        """Return a copy on the device of logits (b, k), one row a checked label.

        Raises:
            ValueError: as `features`, or if they are probabilities.
            TypeError: as `features`.
        """
        kept = self._kept(rows, labels, "logits")
        require_flag(linear, "linear")
        if not linear and are_probabilities(to_numpy(kept[:ENOUGH])):
            logits_of(to_numpy(kept), labels, kept.shape[1])
        return kept

    def _kept(self, rows: Any, labels: Ints, what: str) -> Any:
        """Return a copy of finite rows; the device is waited for, so that the copy is there
        whatever stream reads it.
        """
        t = torch()
        given = rows
        if not isinstance(rows, t.Tensor):  # no tensor is made of a view that is turned
            given = t.as_tensor(np.ascontiguousarray(rows), device="cpu")
        real = not given.is_complex() and given.dtype != t.bool
        if real:
            common = given.dtype in (t.float16, t.bfloat16, t.float32, t.float64)
            kept = given.to(self.device, given.dtype if common else t.float64, copy=True)
            if not kept.numel() or float(t.linalg.vector_norm(kept, t.inf)) < LARGEST:
                return kept
        told = rows_of(to_numpy(given), labels, given.shape[1], what)  # says what is wrong
        return t.as_tensor(told, device=self.device)

    def fold(self, batches: Sequence[tuple[Any, Ints]]) -> None:
        """Join checked batches, each (b, d) rows and labels (b,), by the rule of `Moments`."""
        if not batches:
            return
        x = torch().cat([rows.double() for rows, _ in batches])
        present, first, place, added = np.unique(
            np.concatenate([labels for _, labels in batches]),
            return_index=True,
            return_inverse=True,
            return_counts=True,
        )
        had = self.counts[present]
        classes, index = self._put(present), self._put(place)
        old = self._put(had / (had + added))[:, None]
        start = x[self._put(first)]
        x -= start[index]
        rest = torch().zeros_like(start).index_add_(0, index, x) / self._put(added)[:, None]
        delta = rest - (self.means[classes] - start + self.rests[classes])
        x -= (rest - old.sqrt() * delta)[index]
        joined = rest - old * delta
        self.means[classes] = total = start + joined
        self.rests[classes] = left_over(start, joined, total)
        if self.scatter is not None:
            self.scatter.addmm_(x.T, x)
        squares = x.new_zeros(len(present)).index_add_(0, index, x.square().sum(dim=1))
        # Waits for the device: what was summed may be overwritten from here on.
        self.spread[present] += squares.cpu().numpy()
        self.counts[present] += added

    def moments(self) -> Moments:
        """Return the state as NumPy moments."""
        k, d = self.means.shape
        result = Moments(k, d, scatter="none")
        for name in SUMMED:
            part = torch().as_tensor(getattr(self, name), device="cpu")
            setattr(result, name, np.array(to_numpy(part)))
        if self.scatter is not None:
            result.scatter = Pooled(np.asfortranarray(np.triu(self.scatter.cpu().numpy())))
        return result


def against(batches: Sequence[Any], labels: Ints) -> tuple[Floats, Ints]:
    """Return of checked logits, batches of (b, k), each sample's own one minus the largest other,
    and the class of that: what `Decisions.add` takes.

    Args:
        batches: tensors on one device.
        labels: (n,) classes of all their samples.
    """
    z = torch().cat(batches)
    y = torch().tensor(labels, device=z.device)[:, None]
    own = z.gather(1, y).double()
    z.scatter_(1, y, -torch().inf)
    other = z.argmax(dim=1, keepdim=True)
    margin = own - z.gather(1, other).double()
    return to_numpy(margin[:, 0]), to_numpy(other[:, 0])
