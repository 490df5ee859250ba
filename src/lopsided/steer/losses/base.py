"""What losses share: which samples count, and how their losses become one number."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from lopsided.labels import Ignore, sentinels
from lopsided.steer.labels import read_labels

#: "mean" divides by the number of samples, "weighted-mean" by the sum of their weights, as
#: PyTorch's own "mean" does.
Reduction = Literal["mean", "weighted-mean", "sum", "none"]


class Loss(nn.Module):
    """A loss of samples: leaves out the marked ones and reduces the others.

    Args:
        ignore_index: label of samples to leave out, or several of them; None for none. One that is
            a class's is left out too.
        reduction: "mean", "weighted-mean", "sum" or "none". The mean of no samples is zero.

    Raises:
        TypeError: if a label to leave out is not a whole number.
        ValueError: if the reduction is unknown.
    """

    def __init__(self, ignore_index: Ignore, reduction: Reduction) -> None:
        super().__init__()
        if reduction not in get_args(Reduction):
            raise ValueError(
                f"reduction must be one of {', '.join(get_args(Reduction))}, got {reduction!r}"
            )
        #: The labels to leave out, as plain numbers: a compiler takes those of NumPy for tensors.
        self.ignore_index: Ignore = sentinels(ignore_index)
        self.reduction: Reduction = reduction

    def read(
        self, labels: Tensor, n: int, k: int, what: str = "labels"
    ) -> tuple[Tensor, Tensor | None]:
        """Return the (n,) classes of samples, and which count; see `read_labels`."""
        return read_labels(labels, n, k, self.ignore_index, what)

    def reduce(
        self, losses: Tensor, kept: Tensor | None = None, weights: Tensor | None = None
    ) -> Tensor:
        """Reduce the losses of samples to one number.

        Args:
            losses: (n,) weighted losses.
            kept: (n,) which samples count; None for all.
            weights: (n,) weights of the samples, already in `losses`; None for ones.

        Returns:
            A scalar, or for "none" the losses themselves, zero where a sample does not count.
        """
        if kept is not None:
            losses = losses.where(kept, 0.0)
        if self.reduction == "none":
            return losses
        return losses.sum() / self.divisor(losses, kept, weights)

    def divisor(
        self, losses: Tensor, kept: Tensor | None, weights: Tensor | None
    ) -> Tensor | float:
        """Return what the sum of the losses is divided by; arguments as in `reduce`."""
        if self.reduction == "sum":
            return 1
        if self.reduction == "weighted-mean" and weights is not None:
            total = (weights if kept is None else weights * kept).sum()
            return total.clamp_min(torch.finfo(losses.dtype).tiny)
        return max(len(losses), 1) if kept is None else kept.sum().clamp_min(1)

    def extra_repr(self) -> str:
        """Name the configuration that every loss has."""
        return f"ignore_index={self.ignore_index}, reduction={self.reduction!r}"
