"""The cross-entropy of an `Adjustment`: one loss for the whole family that predict and solve read."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lopsided.adjustment import ARRAYS, Adjustment
from lopsided.steer.losses.blocks import cross_entropy
from lopsided.steer.losses.checks import Reduction, check_labels, check_logits, check_reduction, check_soft_targets, reduce
from lopsided.steer.losses.terms import Terms


class AdjustedCrossEntropy(nn.Module):
    """Cross-entropy with the weights, scales, shifts and margins of an adjustment.

    With logits z of a sample of label y, in nats:

        weight_y * CE(samples_y * columns * (z - additive_margin_y e_y) + shift, y)

    * `reduction="mean"` divides by the number of samples. PyTorch's weighted cross-entropy divides by the sum of the weights in
      the batch, which makes the step of a sample depend on which others it was drawn with; "weighted-mean" does that.
    * Ignored samples have loss zero and do not count; the mean over none is zero.
    * Smoothing mixes the uniform distribution into the one-hot target; the label still decides weight, scale and margin.
    * Soft targets, (n, k) distributions, give the expected loss over labels drawn from them; with weight, scale and margin of each.
    * Half-precision logits are computed in float32.

    Source: Behnia et al. 2023 (arXiv 2303.07608), equation 2, with the additive margin of Cao et al. 2019 (arXiv 1906.07413).

    Args:
        adjustment: of the logits; `Adjustment()` gives plain cross-entropy.
        label_smoothing: from 0 to 1.
        ignore_index: label of samples to leave out; None for none.
        reduction: "mean", "weighted-mean", "sum" or "none".

    Raises:
        ValueError: if the smoothing is out of range or the reduction unknown.

    Example:
        >>> from lopsided import Adjustment, Counts
        >>> loss = AdjustedCrossEntropy(Adjustment.logit_adjusted(Counts([90, 10])))
        >>> round(float(loss(torch.zeros(1, 2), torch.tensor([1]))), 4)  # log(100 / 10)
        2.3026
    """

    def __init__(
        self,
        adjustment: Adjustment,
        *,
        label_smoothing: float = 0.0,
        ignore_index: int | None = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__()
        check_reduction(reduction)
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"label_smoothing must be from 0 to 1, got {label_smoothing}")
        self.adjustment = adjustment
        self.label_smoothing = label_smoothing
        self.ignore_index = ignore_index
        self.reduction: Reduction = reduction
        self.terms = Terms(adjustment)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss.

        Args:
            logits: (n, k).
            targets: (n,) labels, or (n, k) distributions.

        Raises:
            ValueError: if a shape does not fit or a target is out of range; the sample is named.
            TypeError: if the logits are whole numbers, or (n,) targets are not.
        """
        check_logits(logits, self.terms.k)
        n, k = logits.shape
        if targets.ndim == 2:
            check_soft_targets(targets, n, k)
            shares = targets.to(torch.promote_types(logits.dtype, torch.float32))
            losses = (shares * self.terms.every_label(logits, self.label_smoothing)).sum(1)
            weight = self.terms.weight
            return reduce(losses, self.reduction, weights=None if weight is None else shares @ weight.to(shares.dtype).expand(k))
        inside = check_labels(targets, n, k, self.ignore_index)
        kept = None if inside or self.ignore_index is None else targets != self.ignore_index
        labels = (targets if kept is None else targets.where(kept, 0)).long()
        losses = cross_entropy(self.terms, logits, labels, self.label_smoothing)
        weights = self.terms.weights(labels, losses)
        if weights is not None:
            losses = losses * weights
        return reduce(losses if kept is None else losses.where(kept, 0.0), self.reduction, kept, weights)

    def extra_repr(self) -> str:
        """Name the terms that are not neutral, and the configuration."""
        given = [name for name in ARRAYS if getattr(self.adjustment, name) is not None]
        return f"{', '.join(given) or 'plain'}, label_smoothing={self.label_smoothing}, reduction={self.reduction!r}"
