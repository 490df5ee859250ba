"""Group alignment: every group counts alike, and a class looks the same in all of them."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from lopsided.arrays import require_number, require_whole
from lopsided.labels import Ignore
from lopsided.steer.checks import check_features, check_logits, check_tensor, lasting
from lopsided.steer.class_sums import class_sums
from lopsided.steer.losses.base import Loss
from lopsided.steer.precision import lifted


class GroupAligned(Loss):
    """The sum over groups of their mean cross-entropies, + weight * 2 / d times the sum over
    classes and groups of ‖μ_yg - μ_y‖^2, μ_yg the mean feature of a class in a group, μ_y the mean
    of these.

    For two groups the second term is weight * the sum over classes of ‖μ_y0 - μ_y1‖^2 / d, as
    published; for more it is defined here. The paper's classifier does not learn, as that of a
    `FixedHead`. Groups and cells of class and group without samples in the batch are skipped, and
    `skipped` counts these cells, but under `torch.vmap`, where it stays as it was.

    Source: Lu et al. 2024.

    Args:
        groups: number of groups, such as two: samples that have the shortcut of their class, and
            those that have not.
        weight: of the second term, not negative.
        ignore_index: label or group of samples to leave out, or several of them; None for none.

    Raises:
        ValueError: if there are fewer than two groups, or the weight is negative or not finite.
        TypeError: if a label to leave out is not a whole number.

    Example:
        >>> loss, logits = GroupAligned(), torch.zeros(3, 2)
        >>> features = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 5.0]])
        >>> value = loss(logits, features, torch.tensor([0, 0, 1]), torch.tensor([0, 1, 0]))
        >>> round(float(value), 4), int(loss.skipped)  # 2 log 2 + 2^2 / 2; no class 1 in group 1
        (3.3863, 1)
    """

    skipped: Tensor

    def __init__(
        self, groups: int = 2, weight: float = 1.0, *, ignore_index: Ignore = -100
    ) -> None:
        super().__init__(ignore_index, "mean")
        if not 0 <= require_number(weight, "weight") < math.inf:
            raise ValueError(f"weight must be a finite number of at least 0, got {weight}")
        self.groups, self.weight = require_whole("groups", groups, 2), weight
        #: Cells of class and group that the last batch had no sample of.
        self.register_buffer("skipped", torch.zeros((), dtype=torch.int64), persistent=False)

    def forward(self, logits: Tensor, features: Tensor, labels: Tensor, groups: Tensor) -> Tensor:
        """Return the loss.

        Args:
            logits: (n, k).
            features: (n, d), of which these are the logits.
            labels: (n,) or (n, 1) classes.
            groups: (n,) or (n, 1), from 0 to groups - 1.

        Raises:
            ValueError: if a shape does not fit, or a label or group is out of range; the sample is
                named.
            TypeError: if logits or features are whole numbers, or labels or groups are not.
        """
        check_logits(logits, None)
        check_tensor(features, "features")
        n, k = logits.shape
        if features.ndim != 2 or len(features) != n:
            raise ValueError(f"features must have shape ({n}, d), got {tuple(features.shape)}")
        check_features(features, features.shape[1])
        labels, kept = self.read(labels, n, k)
        groups, known = self.read(groups, n, self.groups, "groups")
        if known is not None:
            kept = known if kept is None else known & kept
        z, h = lifted(logits, features)
        losses = functional.cross_entropy(z, labels, reduction="none")
        total, number = class_sums(losses, groups, kept, self.groups)
        fit = (total / number.clamp_min(1)).sum()

        total, number = class_sums(h, labels * self.groups + groups, kept, k * self.groups)
        means = (total / number.clamp_min(1)[:, None]).view(k, self.groups, -1)
        there = (number > 0).view(k, self.groups, 1)
        if (skipped := lasting((~there).sum())) is not None:
            self.skipped = skipped
        middle = means.sum(1, keepdim=True) / there.sum(1, keepdim=True).clamp_min(1)
        apart = (means - middle).where(there, 0.0).square().sum()
        return fit + self.weight * 2 / h.shape[1] * apart

    def extra_repr(self) -> str:
        """Name the groups, the weight and the configuration."""
        return f"groups={self.groups}, weight={self.weight}, {super().extra_repr()}"
