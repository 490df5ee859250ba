"""Hyperspherical uniformity gap: proxies apart, samples at their proxy."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lopsided.arrays import require_number, require_whole
from lopsided.labels import Ignore
from lopsided.steer.checks import check_features
from lopsided.steer.class_sums import over_classes
from lopsided.steer.directions import directions
from lopsided.steer.drawn import drawn
from lopsided.steer.losses.base import Loss
from lopsided.steer.precision import exact, holds_float64, lifted


class UniformityGap(Loss):
    """alpha * mean over pairs of 1 / ‖w_c - w_c'‖^2 + beta * mean over the classes present of the
    mean distance ‖h / ‖h‖ - w_c‖ of their samples.

    The k proxies w are unit vectors that learn by the first term alone; in the second they are held
    fixed. With d >= k - 1 the least value is alpha (k - 1) / (2 k), where the proxies are a simplex
    ETF and all samples lie on theirs; with less room they spread as evenly as the sphere allows.
    Every class counts alike, whatever its number of samples. The distance is not squared: its slope
    does not vanish at zero.

    Source: Liu et al. 2023 (arXiv 2303.06484).

    Args:
        k: number of classes.
        d: feature dimensions.
        alpha: of the first term, positive.
        beta: of the second term, positive.
        seed: of the first proxies, normal.
        ignore_index: as in `AdjustedCrossEntropy`.

    Raises:
        ValueError: if k or d is below 2, or a factor not positive.
        TypeError: if a label to leave out is not a whole number.

    Example:
        >>> loss = UniformityGap(k=2, d=2)
        >>> loss.weight.data = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
        >>> loss(torch.tensor([[3.0, 0.0]]), torch.tensor([0])).item()
        0.25
    """

    def __init__(
        self,
        k: int,
        d: int,
        alpha: float = 1.0,
        beta: float = 1.0,
        *,
        seed: int = 0,
        ignore_index: Ignore = -100,
    ) -> None:
        super().__init__(ignore_index, "mean")
        require_whole("classes k", k, 2)
        require_whole("dimensions d", d, 2)
        given = require_number(alpha, "alpha"), require_number(beta, "beta")
        if not all(0 < each < math.inf for each in given):
            raise ValueError(
                f"alpha and beta must be positive finite numbers, got {alpha} and {beta}"
            )
        self.alpha, self.beta = alpha, beta
        self.weight = nn.Parameter(drawn(k, d, seed=seed))

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of (n, d) features and (n,) or (n, 1) labels.

        Raises:
            ValueError: if a shape does not fit or a label is out of range; the sample is named.
            TypeError: if the features are whole numbers, or the labels are not.
        """
        k, d = self.weight.shape
        check_features(features, d, rows=True)
        labels, kept = self.read(labels, len(features), k)
        if kept is not None:
            features = features.where(kept[:, None], 0.0)
        h, raw = lifted(features, self.weight)
        h, w = directions(h), directions(raw)
        # Many proxies in few dimensions lie so close that single precision holds no digit of their
        # squared distances, whose reciprocals are then infinite, or negative.
        unit = directions(raw.double()) if holds_float64(raw.device) else w
        with exact(h.device):
            squares = 2 - 2 * (unit @ unit.T)
        pairs = torch.triu_indices(k, k, 1, device=w.device)
        apart = squares[pairs[0], pairs[1]].reciprocal().mean().to(w.dtype)
        distance = torch.linalg.vector_norm(h - w.detach()[labels], dim=1)
        return self.alpha * apart + self.beta * over_classes(distance, labels, kept, k)

    def extra_repr(self) -> str:
        """Name the factors and the configuration."""
        return f"alpha={self.alpha}, beta={self.beta}, {super().extra_repr()}"
