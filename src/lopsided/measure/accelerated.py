"""Moments on an accelerator: the rule of `lopsided.measure.moments`, in torch and on the device, so that no feature leaves it."""

from __future__ import annotations

from typing import Any

import numpy as np

from lopsided.measure.moments import Moments
from lopsided.measure.needs import torch
from lopsided.measure.scatter import Pooled


class DeviceMoments:
    """The state of `Moments` as float64 tensors.

    Args:
        start: moments to go on from.
        device: where the tensors live; it must know float64.
    """

    def __init__(self, start: Moments, device: Any) -> None:
        def put(array: np.ndarray[Any, Any]) -> Any:
            return torch().tensor(array, device=device)

        self.counts, self.means, self.spread = put(start.counts), put(start.means), put(start.spread)
        self.scatter = put(start.scatter.matrix()) if isinstance(start.scatter, Pooled) else None
        self.device = self.counts.device

    def update(self, features: Any, labels: Any) -> None:
        """Take in a batch, as `Moments.update` does.

        Raises:
            ValueError: if shapes do not fit, a label is out of range or a feature is not finite; the sample is named.
        """
        k, d = self.means.shape
        x, y = features.to(self.device, torch().float64), labels.to(self.device)
        if x.ndim != 2 or x.shape[1] != d or y.shape != x.shape[:1]:
            raise ValueError(f"features must have shape (b, {d}) with one label a row, got {tuple(x.shape)} and {tuple(y.shape)}")
        if y.is_floating_point() or y.is_complex():
            raise TypeError(f"labels must be whole numbers, got dtype {y.dtype}")
        outside, broken = (y < 0) | (y >= k), ~torch().isfinite(x).all(dim=1)
        if bool((outside | broken).any()):
            if bool(outside.any()):
                i = int(outside.long().argmax())
                raise ValueError(f"labels must be from 0 to {k - 1}, got {int(y[i])} for sample {i} of the batch")
            i = int(broken.long().argmax())
            raise ValueError(f"features must be finite, sample {i} of the batch (class {int(y[i])}) has NaN or infinity")
        if not len(y):
            return
        present, index = torch().unique(y, return_inverse=True)
        added = torch().bincount(index)
        had = self.counts[present]
        old = (had / (had + added).double())[:, None]
        mean = torch().zeros(len(present), d, dtype=x.dtype, device=x.device).index_add_(0, index, x) / added[:, None]
        delta = mean - self.means[present]
        x = x - (mean - old.sqrt() * delta)[index]
        self.counts[present] += added
        self.means[present] = mean - old * delta
        self.spread.index_add_(0, y, x.square().sum(dim=1))
        if self.scatter is not None:
            self.scatter.addmm_(x.T, x)

    def moments(self) -> Moments:
        """Return the state as NumPy moments."""
        k, d = self.means.shape
        result = Moments(k, d, scatter="none")
        result.counts, result.means, result.spread = (t.cpu().numpy().copy() for t in (self.counts, self.means, self.spread))
        if self.scatter is not None:
            result.scatter = Pooled(np.asfortranarray(np.triu(self.scatter.cpu().numpy())))
        return result
