"""Aligned exits: one head learns to read every layer of a residual network."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from lopsided.adjustment import Adjustment
from lopsided.arrays import real_array, require_callable
from lopsided.steer.losses.adjusted import AdjustedCrossEntropy


class AlignedExits(nn.Module):
    """The sum over layers of a weight times the loss of what one head answers to that layer.

    Layers grow alike (`measure.layer_cosines`), and a network can answer before its last layer,
    by the head that it has.

    Source: Jiang, Zhou and Zhu 2025 (arXiv 2406.14479).

    Args:
        weights: (L,) of the layers, first to last, at least 0 and not all 0; the head does not
            read layers of weight 0.
        loss: of logits and labels; None for plain cross-entropy.

    Raises:
        ValueError: if weights are no vector, negative, not finite, or all 0.
        TypeError: if the loss cannot be called.

    Example:
        >>> import torch
        >>> loss, head = AlignedExits([0.5, 1.0]), nn.Linear(2, 3)
        >>> h, y = torch.randn(4, 2), torch.tensor([0, 1, 2, 2])
        >>> bool(loss([h, h], head, y).isclose(1.5 * nn.functional.cross_entropy(head(h), y)))
        True
    """

    def __init__(
        self, weights: npt.ArrayLike, loss: Callable[[Tensor, Tensor], Tensor] | None = None
    ) -> None:
        super().__init__()
        given = real_array(weights, "weights")
        if given.ndim != 1 or not (np.isfinite(given) & (given >= 0)).all() or not given.any():
            raise ValueError(
                "weights must be one finite number of at least 0 for each layer, not all 0, got"
                f" {weights!r}"
            )
        #: Plain numbers, as a compiler takes them.
        self.weights = tuple(map(float, given))
        self.loss = AdjustedCrossEntropy(Adjustment()) if loss is None else loss
        require_callable(self.loss, "the loss")

    def forward(
        self, layers: Sequence[Tensor], head: Callable[[Tensor], Tensor], labels: Tensor
    ) -> Tensor:
        """Return the loss of the features of all layers, (n, d) each, and the (n,) labels.

        Raises:
            ValueError: if there are more layers or fewer than weights, or shapes differ; the layer
                is named.
        """
        if len(layers) != len(self.weights):
            raise ValueError(f"there are {len(self.weights)} weights, for {len(layers)} layers")
        for i, h in enumerate(layers):
            if h.shape != layers[0].shape:
                raise ValueError(
                    f"one head reads layers of one shape, got {tuple(layers[0].shape)} in layer 0"
                    f" and {tuple(h.shape)} in layer {i}"
                )
        total = layers[-1].new_zeros(())
        for weight, h in zip(self.weights, layers, strict=True):
            if weight:
                total = total + weight * self.loss(head(h), labels)
        return total

    def extra_repr(self) -> str:
        """Name the weights."""
        return f"weights={list(self.weights)}"
