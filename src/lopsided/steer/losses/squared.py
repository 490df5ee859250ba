"""Squared losses: on one-hot targets, and dot-regression on cosines."""

from __future__ import annotations

from torch import Tensor

from lopsided.labels import Ignore
from lopsided.steer.losses.base import Reduction
from lopsided.steer.losses.logits import LogitLoss
from lopsided.steer.precision import full_precision


class SquaredError(LogitLoss):
    """Half the squared distance between logits and the one-hot label, 1/2 ||z - e_y||^2, or the
    distribution that is given, a sample.

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

    def of_labels(self, logits: Tensor, labels: Tensor, kept: Tensor | None) -> Tensor:
        """Return the loss of labels."""
        z = full_precision(logits)
        error = z.scatter_add(1, labels[:, None], z.new_full((len(z), 1), -1.0))
        return self.reduce(0.5 * error.square().sum(1), kept)

    def of_distributions(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return half the squared distances to the distributions."""
        z = full_precision(logits)
        return self.reduce(0.5 * (z - targets.to(z.dtype)).square().sum(1))


class DotRegression(LogitLoss):
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

    def of_labels(self, logits: Tensor, labels: Tensor, kept: Tensor | None) -> Tensor:
        """Return the loss of labels; the logits are cosines."""
        own = full_precision(logits).gather(1, labels[:, None]).squeeze(1)
        return self.reduce(0.5 * (own - 1).square(), kept)

    def of_distributions(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the expected loss over labels drawn from the distributions."""
        z = full_precision(logits)
        return self.reduce(0.5 * (targets.to(z.dtype) * (z - 1).square()).sum(1))
