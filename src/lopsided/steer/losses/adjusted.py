"""The cross-entropy of an `Adjustment`: one loss for the whole family that predict and solve
read.
"""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor

from lopsided.adjustment import ARRAYS, Adjustment
from lopsided.counts import CountsLike
from lopsided.labels import Ignore, sentinels
from lopsided.steer.checks import check_soft_targets, check_tensor
from lopsided.steer.losses.base import Reduction, SoftmaxLoss
from lopsided.steer.losses.blocks import cross_entropy, in_blocks, total


class AdjustedCrossEntropy(SoftmaxLoss):
    """Cross-entropy with the weights, scales, shifts and margins of an adjustment.

    With logits z of a sample of label y, in nats:

        weight_y * CE(samples_y * columns * (z - additive_margin_y e_y) + shift, y)

    * `reduction="mean"` divides by the number of samples. PyTorch's weighted cross-entropy divides
      by the sum of the weights in the batch, which makes the step of a sample depend on which
      others it was drawn with; "weighted-mean" does that.
    * Samples left out have loss zero and do not count; the mean over none is zero, with a gradient
      of zeros.
    * Smoothing mixes the uniform distribution into the one-hot target; the label still decides
      weight, scale and margin. With "weighted-mean" each class has its own weight in the uniform
      part, as in PyTorch.
    * Soft targets, (n, k) distributions, give the expected loss over labels drawn from them; with
      weight, scale and margin of each.
    * Half-precision logits are computed in float32, also under autocast. The terms are kept in
      float64, wherever the loss is moved.
    * Logits that look like probabilities are warned of, once.

    Source: Behnia et al. 2023 (arXiv 2303.07608), equation 2, with the additive margin of Cao et
    al. 2019 (arXiv 1906.07413).

    Args:
        adjustment: of the logits; `Adjustment()` gives plain cross-entropy.
        label_smoothing: from 0 to 1.
        ignore_index: label of samples to leave out, or several of them; None for none. One that is
            a class's is left out too.
        reduction: "mean", "weighted-mean", "sum" or "none".

    Raises:
        ValueError: if the smoothing is out of range or the reduction unknown.
        TypeError: if a label to leave out is not a whole number.

    Example:
        >>> import torch
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
        ignore_index: Ignore = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(adjustment, ignore_index, reduction)
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"label_smoothing must be from 0 to 1, got {label_smoothing}")
        self.adjustment = adjustment
        self.label_smoothing = label_smoothing

    @classmethod
    def from_counts(
        cls,
        name: str,
        counts: CountsLike,
        *,
        label_smoothing: float = 0.0,
        ignore_index: Ignore = -100,
        reduction: Reduction = "mean",
        **exponents: float,
    ) -> Self:
        """Return the loss of a named member of the family, such as "vs" with its gamma and tau; see
        `Adjustment.named`. Labels become counts by `Counts.from_labels`.

        Raises:
            ValueError: for an unknown name, or an exponent that the member does not have.

        Example:
            >>> AdjustedCrossEntropy.from_counts("cdt", [100, 1], gamma=0.5).adjustment
            Adjustment(scale=[1.0, 0.1])
        """
        return cls(
            Adjustment.named(name, counts, **exponents),
            label_smoothing=label_smoothing,
            ignore_index=ignore_index,
            reduction=reduction,
        )

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss.

        Args:
            logits: (n, k), or (n, k, ...) of which every place is a sample.
            targets: (n,) or (n, 1) labels, or (n, k) distributions in floating point; (n, ...)
                labels or (n, k, ...) distributions for places.

        Raises:
            ValueError: if a shape does not fit or a target is out of range, the sample is named; or
                if labels to leave out were named and distributions given.
            TypeError: if the logits are whole numbers, or the labels are not.
        """
        if getattr(logits, "ndim", 0) > 2:
            return self.places(logits, targets)
        self.check(logits)
        check_tensor(targets, "targets")
        if targets.ndim == 2 and targets.is_floating_point():
            return self._expected(logits, targets)
        labels, kept = self.read(targets, *logits.shape)
        if self.reduction == "weighted-mean" and self.label_smoothing:
            return self.reduce(*self._smoothed(logits, labels, kept))
        if self.reduction != "none" and in_blocks(logits):
            shares = self._shares(logits, labels, kept)
            return total(self.terms, logits, labels, shares, self.label_smoothing)
        losses = cross_entropy(self.terms, logits, labels, self.label_smoothing)
        weights = self.terms.weights(labels, losses)
        return self.reduce(losses if weights is None else losses * weights, kept, weights)

    def _smoothed(
        self, logits: Tensor, labels: Tensor, kept: Tensor | None
    ) -> tuple[Tensor, Tensor | None, Tensor]:
        """Return losses of samples, which count, and their weights, by PyTorch's rule: each class
        has its own weight in the uniform part of a smoothed target.
        """
        a = self.terms.adjusted(logits, labels)
        losses = a.logsumexp(1, keepdim=True) - a
        weight = self.terms.tensors(a.device, a.dtype).weight
        weight = torch.ones((), dtype=a.dtype, device=a.device) if weight is None else weight
        weighted, eps = losses * weight, self.label_smoothing
        own = weighted.gather(1, labels[:, None]).squeeze(1)
        return (1 - eps) * own + eps * weighted.mean(1), kept, weight.expand(a.shape[1])[labels]

    def _shares(self, logits: Tensor, labels: Tensor, kept: Tensor | None) -> Tensor:
        """Return what each sample's loss before its weight counts in the loss."""
        ones = torch.ones(len(labels), dtype=torch.promote_types(logits.dtype, torch.float32))
        weights = self.terms.weights(labels, ones)
        shares = (ones if weights is None else weights) / self.divisor(ones, kept, weights)
        return shares if kept is None else shares.where(kept, 0.0)

    def _expected(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss under (n, k) distributions."""
        check_soft_targets(targets, *logits.shape)
        if any(mark >= 0 for mark in sentinels(self.ignore_index)):
            raise ValueError(
                f"ignore_index={self.ignore_index} marks labels, and soft targets have none; drop"
                " samples before the loss"
            )
        losses = self.terms.every_label(logits, self.label_smoothing)
        shares, weight = (
            targets.to(losses.dtype),
            self.terms.tensors(losses.device, losses.dtype).weight,
        )
        return self.reduce(
            (shares * losses).sum(1), weights=None if weight is None else (shares * weight).sum(1)
        )

    def extra_repr(self) -> str:
        """Name the terms that are not neutral, and the configuration."""
        given = [name for name in ARRAYS if getattr(self.adjustment, name) is not None]
        return (
            f"{', '.join(given) or 'plain'}, label_smoothing={self.label_smoothing},"
            f" {super().extra_repr()}"
        )
