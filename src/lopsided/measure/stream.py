"""Stream: moments of torch features, batch by batch."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lopsided.measure.collapse import Classes, Collapse
from lopsided.measure.decisions import Decisions
from lopsided.measure.moments import Moments
from lopsided.measure.needs import torch


class Stream:
    """The state of a measurement of torch features: `update` with every batch, `compute` when you like.

    Autograd graphs are cut, any float type comes in, sums are float64.

    Args:
        k: number of classes.
        d: feature dimensions.
        scatter: "pooled" for NC1 in one pass (d^2 operations a sample), "none" for everything else (d operations a sample).

    Example:
        >>> import torch
        >>> stream = Stream(k=2, d=2)
        >>> stream.update(torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 0, 1]))
        >>> stream.compute(weight=torch.eye(2)).nc1
        0.08333333333333331
    """

    def __init__(self, k: int, d: int, scatter: Literal["pooled", "none"] = "pooled") -> None:
        self.moments = Moments(k, d, scatter)
        self.decisions = Decisions(k)
        self._scatter: Literal["pooled", "none"] = scatter

    def update(self, features: Any, labels: Any, logits: Any = None) -> None:
        """Take in a batch.

        Args:
            features: (b, d) tensor.
            labels: (b,) integer tensor of classes 0..k-1.
            logits: (b, k) tensor of the head's answers, for errors and margins.

        Raises:
            ValueError: if shapes do not fit, a label is out of range or a number is not finite; sample and class are named. The
                state is as it was.
            TypeError: if a tensor does not hold numbers of the right kind.
        """
        y = to_numpy(labels)
        if logits is not None:
            trial = Decisions(self.moments.k)
            trial.update(to_numpy(logits), y)
        self.moments.update(to_numpy(features), y)
        if logits is not None:
            self.decisions.merge(trial)

    def merge(self, other: Stream) -> None:
        """Take in the samples of another stream.

        Raises:
            ValueError: if the two have different shapes or keep different things.
        """
        self.moments.merge(other.moments)
        self.decisions.merge(other.decisions)

    def compute(self, weight: Any = None, bias: Any = None, classes: Classes = "all") -> Collapse:
        """Return what the samples so far show; the stream can go on.

        Args:
            weight: (k, d) weight of the head, for all that concerns classifiers.
            bias: (k,) bias of the head.
            classes: "all", or "seen" to leave out classes without samples.

        Raises:
            ValueError: if a class has no sample under classes="all", or the head does not fit.
        """
        w = None if weight is None else to_numpy(weight)
        b = None if bias is None else to_numpy(bias)
        decisions = self.decisions if self.decisions.counts.any() else None
        return Collapse.of(self.moments, w, b, decisions, classes)

    def reset(self) -> None:
        """Forget all samples."""
        self.moments = Moments(self.moments.k, self.moments.d, self._scatter)
        self.decisions = Decisions(self.moments.k)


def to_numpy(tensor: Any) -> npt.NDArray[Any]:
    """Return a tensor as an array that shares its memory where it can; types that NumPy lacks become float32."""
    if isinstance(tensor, torch().Tensor):
        tensor = tensor.detach()
        if tensor.is_floating_point() and tensor.dtype not in (torch().float32, torch().float64):
            tensor = tensor.float()
        return np.asarray(tensor.cpu().numpy())
    return np.asarray(tensor)
