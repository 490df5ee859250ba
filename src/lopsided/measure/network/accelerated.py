"""Moments on an accelerator: the rule of `lopsided.measure.state.moments`, in torch and on the
device, so that no feature leaves it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lopsided.arrays import LARGEST
from lopsided.measure.checks import labels_of
from lopsided.measure.network.tensors import to_numpy
from lopsided.measure.state.blocks import left_over
from lopsided.measure.state.moments import SUMMED, Moments
from lopsided.measure.state.scatter import Pooled
from lopsided.needs import torch


class DeviceMoments:
    """The state of `Moments` as float64 tensors.

    Args:
        start: moments to go on from.
        device: where the tensors live; it must know float64.
    """

    def __init__(self, start: Moments, device: Any) -> None:
        def put(array: np.ndarray[Any, Any]) -> Any:
            return torch().tensor(array, device=device)

        self.counts, self.spread = put(start.counts), put(start.spread)
        self.means, self.rests = put(start.means), put(start.rests)
        self.scatter = put(start.scatter.matrix()) if isinstance(start.scatter, Pooled) else None
        self.device = self.counts.device

    def update(self, features: Any, labels: Any) -> None:
        """Take in a batch, as `Moments.update` does.

        Raises:
            ValueError: if shapes do not fit, a label is out of range or a feature is not finite;
                the sample is named.
            TypeError: if the tensors do not hold numbers of the right kind.
        """
        k, d = self.means.shape
        checked = labels_of(to_numpy(labels), k)
        if features.is_complex() or features.dtype == torch().bool:
            raise TypeError(f"features must be real numbers, got dtype {features.dtype}")
        if features.ndim != 2 or features.shape != (len(checked), d):
            raise ValueError(
                f"features must have shape (b, {d}) with one label a row, got"
                f" {tuple(features.shape)} and {checked.shape}"
            )
        x, y = (
            features.to(self.device, torch().float64),
            torch().tensor(checked, device=self.device),
        )
        broken = ~(x.abs() < LARGEST).all(dim=1)
        if bool(broken.any()):
            i = int(broken.long().argmax())
            problem = (
                f"numbers beyond {LARGEST:g}" if bool(x[i].isfinite().all()) else "NaN or infinity"
            )
            raise ValueError(
                f"features must be finite, sample {i} of the batch (class {int(y[i])}) has"
                f" {problem}"
            )
        if not len(y):
            return
        present, index = torch().unique(y, return_inverse=True)
        added = torch().bincount(index)
        had = self.counts[present]
        old = (had / (had + added).double())[:, None]
        order = torch().arange(len(y), device=self.device)
        start = x[
            torch().zeros_like(added).scatter_reduce_(0, index, order, "amin", include_self=False)
        ]
        x = x - start[index]
        rest = torch().zeros_like(start).index_add_(0, index, x) / added[:, None]
        delta = rest - (self.means[present] - start + self.rests[present])
        x -= (rest - old.sqrt() * delta)[index]
        self.counts[present] += added
        joined = rest - old * delta
        self.means[present] = total = start + joined
        self.rests[present] = left_over(start, joined, total)
        self.spread.index_add_(0, y, x.square().sum(dim=1))
        if self.scatter is not None:
            self.scatter.addmm_(x.T, x)

    def moments(self) -> Moments:
        """Return the state as NumPy moments."""
        k, d = self.means.shape
        result = Moments(k, d, scatter="none")
        for name in SUMMED:
            setattr(result, name, getattr(self, name).cpu().numpy().copy())
        if self.scatter is not None:
            result.scatter = Pooled(np.asfortranarray(np.triu(self.scatter.cpu().numpy())))
        return result
