"""Shortcut loss: a primed head answers the class, and its prime alone the shortcut."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional

from lopsided.arrays import require_number
from lopsided.labels import Ignore
from lopsided.steer.checks import check_logits
from lopsided.steer.losses.base import Loss, Reduction
from lopsided.steer.precision import lifted


class ShortcutLoss(Loss):
    """CE(z, y) + weight * CE(z - z_0, a): the logits under a prime are to answer the class y, and
    what the prime adds to them the shortcut a.

    z - z_0 does not depend on the features, so that the second term moves nothing but what the head
    makes of the primes.

    Source: Wang et al. 2024 (arXiv 2405.05587).

    Args:
        weight: of the second term, not negative.
        ignore_index: label of samples to leave out of both terms, and shortcut of those to leave
            out of the second, or several of them; None for none.
        reduction: "mean" (each term over its own samples), "sum" or "none".

    Raises:
        ValueError: if the weight is negative or not finite, or the reduction unknown.
        TypeError: if a label to leave out is not a whole number.

    Example:
        >>> import torch
        >>> from lopsided.steer import PrimedHead
        >>> head, loss, h = PrimedHead(d=8, k=3), ShortcutLoss(), torch.randn(4, 8)
        >>> labels, shortcuts = torch.tensor([0, 1, 2, 2]), torch.tensor([0, 1, 2, 0])
        >>> loss(head(h, shortcuts), head(h), labels, shortcuts).shape
        torch.Size([])
    """

    def __init__(
        self, weight: float = 0.8, *, ignore_index: Ignore = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(ignore_index, reduction)
        if not 0 <= require_number(weight, "weight") < math.inf:
            raise ValueError(f"weight must be a finite number of at least 0, got {weight}")
        self.weight = weight

    def forward(
        self, logits: Tensor, unprimed: Tensor, labels: Tensor, shortcuts: Tensor
    ) -> Tensor:
        """Return the loss.

        Args:
            logits: (n, k), of the features and their primes.
            unprimed: (n, k), of the features alone.
            labels: (n,) or (n, 1) classes.
            shortcuts: (n,) or (n, 1) classes that the shortcuts point to.

        Raises:
            ValueError: if a shape does not fit, or a label or shortcut is out of range; the sample
                is named.
            TypeError: if the logits are whole numbers, or the labels are not.
        """
        check_logits(logits, None)
        check_logits(unprimed, None)
        if unprimed.shape != logits.shape:
            raise ValueError(
                f"logits with and without primes must have one shape, got {tuple(logits.shape)} and"
                f" {tuple(unprimed.shape)}"
            )
        n, k = logits.shape
        labels, kept = self.read(labels, n, k)
        shortcuts, known = self.read(shortcuts, n, k, "shortcuts")
        if kept is not None:
            known = kept if known is None else known & kept
        z, plain = lifted(logits, unprimed)
        own = functional.cross_entropy(z, labels, reduction="none")
        led = functional.cross_entropy(z - plain, shortcuts, reduction="none")
        return self.reduce(own, kept) + self.weight * self.reduce(led, known)

    def extra_repr(self) -> str:
        """Name the weight and the configuration."""
        return f"weight={self.weight}, {super().extra_repr()}"
