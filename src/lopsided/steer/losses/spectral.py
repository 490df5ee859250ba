"""Spectral contrastive loss with labels as context."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lopsided.labels import Ignore
from lopsided.steer.checks import check_features, check_tensor, visible
from lopsided.steer.losses.base import Loss
from lopsided.steer.precision import exact, full_precision


class SpectralContrastive(Loss):
    """-2 sum_c pi_c ||mu_c||^2 + ||F'F / n||^2 of the (n, d) features F of a batch, pi_c the share
    and mu_c the mean of class c.

    Its least value is minus the number of classes in the batch, where features are at orthogonal
    class means of squared length 1 / pi_c: `predict.spectral_contrastive`, rare classes longest.
    In d dimensions fewer than classes it is -d.
    The second term is the mean of (f . f')^2 over all pairs of the batch, a sample with itself
    included: in batches of b samples that biases it by about 1 / b of the mean of ||f||^4.

    Source: Zhai et al. 2025 (arXiv 2505.01557) for the theory; labels as context derived here.

    Args:
        ignore_index: as in `AdjustedCrossEntropy`.

    Raises:
        TypeError: if a label to leave out is not a whole number.

    Example:
        >>> features = torch.tensor([[2.0**0.5, 0.0], [0.0, 2.0**0.5]])
        >>> round(float(SpectralContrastive()(features, torch.tensor([0, 1]))), 6)
        -2.0
    """

    def __init__(self, *, ignore_index: Ignore = -100) -> None:
        super().__init__(ignore_index, "mean")

    def forward(self, features: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the loss of a batch; zero where all samples are left out.

        Args:
            features: (n, d).
            labels: (n,) or (n, 1).
            weights: (n,) finite and non-negative, of the samples; None for equal ones.

        Raises:
            ValueError: if a shape does not fit, or a label is negative, the sample is named; or a
                weight is negative or not finite.
            TypeError: if the features are whole numbers, or the labels are not.
        """
        check_tensor(features, "features")
        if features.ndim != 2:
            raise ValueError(f"features must have shape (n, d), got {tuple(features.shape)}")
        check_features(features, features.shape[1])
        labels, kept = self.read(labels, len(features), torch.iinfo(torch.int64).max)
        h = full_precision(features)
        if weights is not None:
            check_tensor(weights, "weights")
            if weights.shape != (len(h),):
                raise ValueError(f"weights must have shape ({len(h)},), got {tuple(weights.shape)}")
            if visible(weights) and not bool(((weights >= 0) & (weights < math.inf)).all()):
                raise ValueError("weights must be finite numbers of at least 0")
        share = h.new_ones(len(h)) if weights is None else weights.to(h)
        if kept is not None:
            h, share = h.where(kept[:, None], 0.0), share * kept
        tiny = torch.finfo(h.dtype).tiny
        share = share / share.sum().clamp_min(tiny)
        # A sample's own class: its share of all, and the sum of its features.
        same = (labels[:, None] == labels).to(h) * share
        with exact(h.device):
            means = (same @ h) / same.sum(1, keepdim=True).clamp_min(tiny)
            second = (h * share[:, None]).T @ h
        return second.square().sum() - 2 * (share * means.square().sum(1)).sum()
