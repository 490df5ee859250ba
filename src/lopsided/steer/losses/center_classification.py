"""Center classification: the class means of a batch are told apart by a fixed frame."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from lopsided.arrays import require_number
from lopsided.labels import Ignore
from lopsided.steer.checks import check_features, check_tensor
from lopsided.steer.class_sums import class_sums
from lopsided.steer.losses.base import Loss
from lopsided.steer.precision import full_precision


class CenterClassification(Loss):
    """Cross-entropy of the mean of each class present, its logits given by a head that does not
    learn; the mean over the classes present.

    A class of a thousand pixels counts as one of ten. It is meant beside the cross-entropy of the
    samples, of which it is no part.

    Source: Zhong et al. 2023 (arXiv 2301.01100), for segmentation.

    Args:
        head: features to logits, such as a `FixedHead`.
        weight: factor of the loss, positive.
        ignore_index: as in `AdjustedCrossEntropy`.

    Raises:
        ValueError: if the weight is not positive.
        TypeError: if the head has no (k, d) weight, or a label to leave out is not a whole number.

    Example:
        >>> from lopsided import predict
        >>> from lopsided.steer import FixedHead
        >>> loss = CenterClassification(FixedHead(predict.etf(3), d=2), weight=1.0)
        >>> round(float(loss(torch.zeros(2, 2), torch.tensor([0, 2]))), 4)  # log 3
        1.0986
    """

    def __init__(
        self, head: nn.Module, weight: float = 0.4, *, ignore_index: Ignore = -100
    ) -> None:
        super().__init__(ignore_index, "mean")
        if not 0 < require_number(weight, "weight") < math.inf:
            raise ValueError(f"weight must be a positive finite number, got {weight}")
        frame = getattr(head, "weight", None)
        if not isinstance(frame, Tensor) or frame.ndim != 2:
            raise TypeError(
                "the head must be a layer with a weight of shape (k, d), such as a FixedHead, got"
                f" {type(head).__name__}"
            )
        self.head, self.weight = head, weight

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of (n, d) features and (n,) labels, or of (b, d, height, width) maps and
        (b, height, width) labels.

        Raises:
            ValueError: if a shape does not fit or a label is out of range; the sample is named.
            TypeError: if the features are whole numbers, or the labels are not.
        """
        frame = self.head.weight
        assert isinstance(frame, Tensor)
        k, d = frame.shape
        check_tensor(features, "features")
        check_tensor(labels, "labels")
        if features.ndim > 2:
            features = features.movedim(1, -1)
            if labels.shape != features.shape[:-1]:
                raise ValueError(
                    f"labels must have shape {tuple(features.shape[:-1])} beside maps of features,"
                    f" got {tuple(labels.shape)}"
                )
            features, labels = features.flatten(0, -2), labels.flatten()
        check_features(features, d, rows=True)
        labels, kept = self.read(labels, len(features), k)
        total, number = class_sums(full_precision(features), labels, kept, k)
        logits: Tensor = self.head(total / number.clamp_min(1)[:, None])
        classes = torch.arange(k, device=logits.device)
        losses = functional.cross_entropy(logits, classes, reduction="none")
        present = number > 0
        return self.weight * losses.where(present, 0.0).sum() / present.sum().clamp_min(1)

    def extra_repr(self) -> str:
        """Name the factor and the configuration."""
        return f"weight={self.weight}, {super().extra_repr()}"
