"""Focal loss: cross-entropy that fades for samples already right."""

from __future__ import annotations

import math

from torch import Tensor

from lopsided.adjustment import Adjustment
from lopsided.arrays import require_number
from lopsided.labels import Ignore
from lopsided.steer.losses.base import Reduction
from lopsided.steer.losses.blocks import cross_entropy
from lopsided.steer.losses.logits import SoftmaxLoss


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
        TypeError: if gamma is no number, or a label to leave out no whole one.

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
        super().__init__(
            Adjustment() if adjustment is None else adjustment, ignore_index, reduction
        )
        if not 0 <= require_number(gamma, "gamma") < math.inf:
            raise ValueError(f"gamma must be a finite number of at least 0, got {gamma}")
        self.gamma = gamma

    def of_labels(self, logits: Tensor, labels: Tensor, kept: Tensor | None) -> Tensor:
        """Return the loss of labels."""
        losses = cross_entropy(self.terms, logits, labels)
        if kept is not None:  # one left out may have an infinite loss, whose slope is no number
            losses = losses.where(kept, 0.0)
        losses = self._faded(losses)
        weights = self.terms.weights(labels, losses)
        return self.reduce(losses if weights is None else losses * weights, kept, weights)

    def of_distributions(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the expected loss over labels drawn from the distributions."""
        losses = self._faded(self.terms.every_label(logits, None)[0])
        weight = self.terms.tensors(losses.device, losses.dtype).weight
        losses = losses if weight is None else losses * weight
        return self.reduce((targets.to(losses.dtype) * losses).sum(1))

    def _faded(self, losses: Tensor) -> Tensor:
        """Return cross-entropies times what was missed to the power of gamma."""
        miss = -(-losses).expm1()
        # A power below one has no slope at zero: there the loss is zero too, and takes no part.
        # What is no number stays none.
        wrong = ~(miss <= 0)
        return (miss.where(wrong, 1.0) ** self.gamma * losses).where(wrong, 0.0)

    def extra_repr(self) -> str:
        """Name the exponent and the configuration."""
        return f"gamma={self.gamma}, {super().extra_repr()}"
