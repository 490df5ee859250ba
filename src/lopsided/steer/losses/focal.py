"""Focal loss: cross-entropy that fades for samples already right."""

from __future__ import annotations

import math

from torch import Tensor

from lopsided.adjustment import Adjustment
from lopsided.labels import Ignore
from lopsided.steer.losses.base import Reduction, SoftmaxLoss
from lopsided.steer.losses.blocks import cross_entropy


class Focal(SoftmaxLoss):
    """The multi-class focal loss, weight_y (1 - p_y)^gamma (-log p_y), of the softmax p of adjusted
    logits.

    Everything is computed from log p, so no logit is too large: where p_y rounds to 1 loss and
    gradient are 0.

    Source: Lin et al. 2017 (arXiv 1708.02002), equation 5; gamma = 0 is cross-entropy.

    Args:
        gamma: focusing exponent, at least 0.
        adjustment: of the logits; its weights are the paper's alpha.
        ignore_index: as in `AdjustedCrossEntropy`.
        reduction: as in `AdjustedCrossEntropy`.

    Raises:
        ValueError: if gamma is negative or not finite, or the reduction unknown.
        TypeError: if a label to leave out is not a whole number.

    Example:
        >>> import torch
        >>> round(float(Focal(gamma=2.0)(torch.zeros(1, 2), torch.tensor([0]))), 4)  # log(2) / 4
        0.1733
    """

    def __init__(
        self,
        gamma: float,
        adjustment: Adjustment | None = None,
        *,
        ignore_index: Ignore = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(adjustment or Adjustment(), ignore_index, reduction)
        if not 0 <= gamma < math.inf:
            raise ValueError(f"gamma must be a finite number of at least 0, got {gamma}")
        self.gamma = gamma

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss.

        Args:
            logits: (n, k), or (n, k, ...) of which every place is a sample.
            labels: (n,) or (n, 1), or (n, ...).

        Raises:
            ValueError: if a shape does not fit or a label is out of range; the sample is named.
            TypeError: if the logits are whole numbers, or the labels are not.
        """
        if getattr(logits, "ndim", 0) > 2:
            return self.places(logits, labels)
        self.check(logits)
        labels, kept = self.read(labels, *logits.shape)
        losses = cross_entropy(self.terms, logits, labels)
        miss = -(-losses).expm1()
        # A power below one has no slope at zero: there the loss is zero too, and takes no part.
        wrong = miss > 0
        losses = (miss.where(wrong, 1.0) ** self.gamma * losses).where(wrong, 0.0)
        weights = self.terms.weights(labels, losses)
        return self.reduce(losses if weights is None else losses * weights, kept, weights)

    def extra_repr(self) -> str:
        """Name the exponent and the configuration."""
        return f"gamma={self.gamma}, {super().extra_repr()}"
