"""Squared losses: on one-hot targets, and dot-regression on cosines."""

from __future__ import annotations

from torch import Tensor

from lopsided.labels import Ignore
from lopsided.steer.checks import check_logits
from lopsided.steer.losses.base import Loss, Reduction
from lopsided.steer.precision import full_precision


class SquaredError(Loss):
    """Half the squared distance between logits and the one-hot label, 1/2 ||z - e_y||^2, a sample.

    Source: Dang et al. 2023 (arXiv 2301.00437), for its geometry on imbalanced classes.

    Args:
        ignore_index: as in `AdjustedCrossEntropy`.
        reduction: "mean" over samples (never over classes), "sum" or "none".

    Example:
        >>> import torch
        >>> float(SquaredError()(torch.tensor([[0.0, 2.0]]), torch.tensor([1])))
        0.5
    """

    def __init__(self, *, ignore_index: Ignore = -100, reduction: Reduction = "mean") -> None:
        super().__init__(ignore_index, reduction)

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of (n, k) logits and (n,) or (n, 1) labels, or of (n, k, ...) logits and
        (n, ...) labels.

        Raises:
            ValueError: if a shape does not fit or a label is out of range; the sample is named.
            TypeError: if the logits are whole numbers, or the labels are not.
        """
        if getattr(logits, "ndim", 0) > 2:
            return self.places(logits, labels)
        check_logits(logits, None)
        labels, kept = self.read(labels, *logits.shape)
        z = full_precision(logits)
        error = z.scatter_add(1, labels[:, None], z.new_full((len(z), 1), -1.0))
        return self.reduce(0.5 * error.square().sum(1), kept)


class DotRegression(Loss):
    """Half the squared distance of the own cosine from one, 1/2 (cos(h, w_y) - 1)^2, a sample.

    It pulls features to a fixed frame and pushes nothing, so no class count enters its gradient.
    Give it cosines: a `FixedHead` of unit vectors on normalised features, or a `CosineHead` of
    temperature 1.

    Source: Yang et al. 2022 (arXiv 2203.09081).

    Args:
        ignore_index: as in `AdjustedCrossEntropy`.
        reduction: "mean" over samples, "sum" or "none".

    Example:
        >>> import torch
        >>> float(DotRegression()(torch.tensor([[0.0, -1.0]]), torch.tensor([0])))
        0.5
    """

    def __init__(self, *, ignore_index: Ignore = -100, reduction: Reduction = "mean") -> None:
        super().__init__(ignore_index, reduction)

    def forward(self, cosines: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of (n, k) cosines and (n,) or (n, 1) labels.

        Raises:
            ValueError: if a shape does not fit or a label is out of range; the sample is named.
            TypeError: if the cosines are whole numbers, or the labels are not.
        """
        check_logits(cosines, None)
        labels, kept = self.read(labels, *cosines.shape)
        own = full_precision(cosines).gather(1, labels[:, None]).squeeze(1)
        return self.reduce(0.5 * (own - 1).square(), kept)
