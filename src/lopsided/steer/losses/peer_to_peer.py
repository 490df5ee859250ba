"""Peer to peer: each class mean is to find its own classifier, and each classifier its own mean."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lopsided.arrays import require_number
from lopsided.labels import Ignore
from lopsided.steer.checks import check_features, check_tensor
from lopsided.steer.class_sums import class_sums
from lopsided.steer.directions import directions
from lopsided.steer.losses.base import Loss
from lopsided.steer.precision import exact, lifted


class PeerToPeer(Loss):
    """The mean over the classes present of - log softmax_c'(cos(μ_c, w_c') / temperature) at c' = c
    - log softmax_c'(cos(μ_c', w_c) / temperature) at c' = c, the first over all classifiers, the
    second over the class means of the batch.

    With d >= k - 1 and all classes present it is least where class means and classifiers are one
    simplex ETF: 2 log(1 + (k - 1) exp(-k / ((k - 1) temperature))). Every class counts alike. It is
    meant beside a cross-entropy.

    Source: Zhang et al. 2024 (arXiv 2408.07253).

    Args:
        temperature: positive.
        ignore_index: as in `AdjustedCrossEntropy`.

    Raises:
        ValueError: if the temperature is not positive.
        TypeError: if a label to leave out is not a whole number.

    Example:
        >>> weight = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
        >>> value = PeerToPeer(temperature=1.0)(3 * weight, weight, torch.tensor([0, 1]))
        >>> round(float(value), 4)  # 2 log(1 + exp(-2))
        0.2539
    """

    def __init__(self, temperature: float = 0.1, *, ignore_index: Ignore = -100) -> None:
        super().__init__(ignore_index, "mean")
        if not 0 < require_number(temperature, "temperature") < math.inf:
            raise ValueError(f"temperature must be a positive finite number, got {temperature}")
        self.temperature = temperature

    def forward(self, features: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
        """Return the loss.

        Args:
            features: (n, d).
            weight: (k, d) classifiers of the head.
            labels: (n,) or (n, 1) classes.

        Raises:
            ValueError: if a shape does not fit or a label is out of range; the sample is named.
            TypeError: if features or weight are whole numbers, or the labels are not.
        """
        check_tensor(weight, "weight")
        if weight.ndim != 2:
            raise ValueError(f"weight must have shape (k, d), got {tuple(weight.shape)}")
        check_features(features, weight.shape[1], rows=True)
        if not weight.is_floating_point():
            raise TypeError(f"weight must be floating point, got {weight.dtype}")
        k = len(weight)
        labels, kept = self.read(labels, len(features), k)
        h, w = lifted(features, weight)
        total, number = class_sums(h, labels, kept, k)
        present = number > 0
        # The sum has the direction of the mean.
        with exact(h.device):
            cosines = directions(total) @ directions(w).T
        scores = cosines / self.temperature
        # Far below all others, but finite: what an infinite one leaves of no means is not a number.
        among = scores.masked_fill(~present[:, None], torch.finfo(scores.dtype).min / 2)
        losses = scores.logsumexp(1) + among.logsumexp(0) - 2 * scores.diagonal()
        return losses.where(present, 0.0).sum() / present.sum().clamp_min(1)

    def extra_repr(self) -> str:
        """Name the temperature and the configuration."""
        return f"temperature={self.temperature}, {super().extra_repr()}"
