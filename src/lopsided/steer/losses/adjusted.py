"""The cross-entropy of an `Adjustment`: one loss for the whole family that predict and solve
read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from lopsided.adjustment import ARRAYS, Adjustment
from lopsided.arrays import plain_array, require_number
from lopsided.counts import Counts, CountsLike
from lopsided.labels import Ignore
from lopsided.steer.losses.base import Reduction
from lopsided.steer.losses.blocks import cross_entropy, in_blocks, total
from lopsided.steer.losses.logits import SoftmaxLoss


class AdjustedCrossEntropy(SoftmaxLoss):
    """Cross-entropy with the weights, scales, shifts and margins of an adjustment.

    With logits z of a sample of label y, in nats:

        weight_y * CE(samples_y * columns * (z - additive_margin_y e_y) + shift, y)

    * `reduction="mean"` divides by the number of samples. PyTorch's weighted cross-entropy divides
      by the sum of the weights in the batch, which makes the step of a sample depend on which
      others it was drawn with; "weighted-mean" does that.
    * Samples left out have loss zero and do not count; the mean over none is zero, with a gradient
      of zeros.
    * Smoothing mixes the uniform distribution into the one-hot target. There each class has its own
      weight, as in PyTorch; scale and margin are those of the label. So "weighted-mean", "sum" and
      "none" of an adjustment of weights alone are PyTorch's "mean", "sum" and "none".
    * Soft targets, (n, k) distributions, give the expected loss over labels drawn from them; with
      weight, scale and margin of each. Their "weighted-mean" divides by the number of samples, as
      PyTorch's does.
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
        if not 0 <= require_number(label_smoothing, "label_smoothing") <= 1:
            raise ValueError(f"label_smoothing must be from 0 to 1, got {label_smoothing}")
        self.adjustment = adjustment
        self.label_smoothing = label_smoothing
        self._weighs = adjustment.weight is not None and np.ndim(adjustment.weight) > 0

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
        `Adjustment.named`.

        Args:
            name: a key of `lopsided.adjustment.EXPONENTS`.
            counts: of the training set, or its labels: texts, or whole numbers with a 0 among them,
                for no count is 0 and class 0 has samples.
            label_smoothing: as in the class.
            ignore_index: as in the class.
            reduction: as in the class.
            exponents: of the member; by default its own.

        Raises:
            ValueError: for an unknown name, an exponent that `EXPONENTS` does not list of it, or
                numbers that may be labels as well as counts.

        Example:
            >>> AdjustedCrossEntropy.from_counts("cdt", [100, 1], gamma=0.5).adjustment
            Adjustment(scale=[1.0, 0.1])
            >>> AdjustedCrossEntropy.from_counts("cdt", torch.tensor([1, 0, 0, 0, 0])).adjustment
            Adjustment(scale=[1.0, 0.5])
        """
        return cls(
            Adjustment.named(name, _counted(counts), **exponents),
            label_smoothing=label_smoothing,
            ignore_index=ignore_index,
            reduction=reduction,
        )

    def of_labels(self, logits: Tensor, labels: Tensor, kept: Tensor | None) -> Tensor:
        """Return the loss of labels, block by block where that is faster."""
        if self.label_smoothing and self._weighs:
            return self.reduce(*self._smoothed(logits, labels, kept))
        if self.reduction != "none" and in_blocks(logits):
            shares = self._shares(logits, labels, kept)
            return total(self.terms, logits, labels, shares, self.label_smoothing)
        losses = cross_entropy(self.terms, logits, labels, self.label_smoothing)
        weights = self.terms.weights(labels, losses)
        return self.reduce(losses if weights is None else losses * weights, kept, weights)

    def of_distributions(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the expected loss over labels drawn from the distributions."""
        wide = torch.promote_types(logits.dtype, torch.float32)
        weight = self.terms.tensors(logits.device, wide).weight
        eps, one = self.label_smoothing, torch.ones((), dtype=wide, device=logits.device)
        uniform = one if weight is None else weight
        losses, mean = self.terms.every_label(logits, uniform if eps else None)
        if weight is not None:
            losses = losses * weight
        if mean is not None:
            losses = (1 - eps) * losses + eps * mean
        return self.reduce((targets.to(losses.dtype) * losses).sum(1))

    def _smoothed(
        self, logits: Tensor, labels: Tensor, kept: Tensor | None
    ) -> tuple[Tensor, Tensor | None, Tensor]:
        """Return losses of samples, which count, and their weights, where each class has its own
        weight in the uniform part of a smoothed target.
        """
        losses, eps = -self.terms.adjusted(logits, labels).log_softmax(1), self.label_smoothing
        weight = self.terms.tensors(losses.device, losses.dtype).weight
        assert weight is not None
        weighted = losses * weight
        own = weighted.gather(1, labels[:, None]).squeeze(1)
        return (1 - eps) * own + eps * weighted.mean(1), kept, weight[labels]

    def _shares(self, logits: Tensor, labels: Tensor, kept: Tensor | None) -> Tensor:
        """Return what each sample's loss before its weight counts in the loss."""
        ones = logits.new_ones(len(labels), dtype=torch.promote_types(logits.dtype, torch.float32))
        weights = self.terms.weights(labels, ones)
        shares = (ones if weights is None else weights) / self.divisor(ones, kept, weights)
        return shares if kept is None else shares.where(kept, 0.0)

    def extra_repr(self) -> str:
        """Name the terms that are not neutral, and the configuration."""
        given = [name for name in ARRAYS if getattr(self.adjustment, name) is not None]
        return (
            f"{', '.join(given) or 'plain'}, label_smoothing={self.label_smoothing},"
            f" {super().extra_repr()}"
        )


def _counted(given: Any) -> Counts:
    """Return the counts that are given, or those of the labels that are."""
    if isinstance(given, Counts | Mapping | str):
        return Counts.of(given)
    values = plain_array(given, "counts or labels")
    if values.dtype.kind not in "OUT" and not (values.dtype.kind in "iu" and (values == 0).any()):
        return Counts.of(given)
    counts = Counts.from_labels(given)
    if counts.n == counts.k:
        raise ValueError(
            "each of these numbers is there once: counts of which one is 0 (see"
            " steer.counts_with_absent), or labels, then give Counts.from_labels(labels)?"
        )
    return counts
