"""Supervised contrastive loss."""

from __future__ import annotations

import math

import numpy.typing as npt
import torch
from torch import Tensor

from lopsided.arrays import require_number, require_whole, unit_rows
from lopsided.labels import Ignore
from lopsided.steer.checks import check_features, check_tensor
from lopsided.steer.directions import directions
from lopsided.steer.losses.base import Loss, Reduction
from lopsided.steer.precision import exact, full_precision


class SupervisedContrastive(Loss):
    """Pull the features of a class together, push all others away; a sample is an anchor against
    the rest of its batch.

    The loss of an anchor is the mean, over the others of its class in the batch, of -log softmax of
    their cosines / temperature among all others. An anchor whose class has no other sample in the
    batch has loss zero and "mean" does not count it; a batch without any pair has loss zero. A
    sample left out is neither an anchor nor among the others.

    With prototypes each batch has fixed samples more, `copies` of them for every class, as partners
    and among the others, but no anchors. They steer the class means to their own geometry;
    `predict.prototype_means` is the limit of many copies.

    Source: Khosla et al. 2020 (arXiv 2004.11362), equation 2. With features of non-negative entries
    its optimum is an orthogonal
    frame for any class counts: Kini et al. 2023 (arXiv 2306.07960), Theorem 1. Prototypes: Gill,
    Vakilian and Thrampoulidis 2023 (arXiv 2310.00893).

    Args:
        temperature: positive.
        prototypes: (k, d) unit vectors, one a class; None for none.
        copies: of each prototype.
        ignore_index: as in `AdjustedCrossEntropy`.
        reduction: "mean" over the anchors that have a partner, "sum" or "none".

    Raises:
        ValueError: if the temperature is not positive, a prototype no unit vector, or the reduction
            unknown.
        TypeError: if a label to leave out is not a whole number.

    Example:
        >>> features = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
        >>> loss = SupervisedContrastive(temperature=1.0)(features, torch.tensor([0, 0, 1]))
        >>> round(float(loss), 4)  # log(1 + 1 / e)
        0.3133
    """

    def __init__(
        self,
        temperature: float = 0.1,
        prototypes: npt.ArrayLike | None = None,
        copies: int = 1,
        *,
        ignore_index: Ignore = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(ignore_index, reduction)
        if not 0 < require_number(temperature, "temperature") < math.inf:
            raise ValueError(f"temperature must be a positive finite number, got {temperature}")
        self.temperature = temperature
        #: Float64 of shape (k, d), no buffer, so that no move to half precision rounds them.
        self.prototypes = None if prototypes is None else unit_rows(prototypes, "prototypes")
        require_whole("copies of each prototype", copies, 1)
        self.copies = copies

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of (n, d) features, normalised here, and (n,) or (n, 1) labels.

        Raises:
            ValueError: if a shape does not fit or a label is negative; the sample is named.
            TypeError: if the features are whole numbers, or the labels are not.
        """
        check_tensor(features, "features")
        if features.ndim != 2:
            raise ValueError(f"features must have shape (n, d), got {tuple(features.shape)}")
        k, d = torch.iinfo(torch.int64).max, features.shape[1]
        if self.prototypes is not None:
            k, d = self.prototypes.shape
        check_features(features, d)
        labels, kept = self.read(labels, len(features), k)
        if kept is not None:
            features = features.where(kept[:, None], 0.0)
        h = directions(full_precision(features))
        with exact(h.device):
            cosines = h @ h.T
        outside = torch.eye(len(h), dtype=torch.bool, device=h.device)
        if kept is not None:
            outside = outside | ~kept
        # A finite stand-in for "not among the others": cosines / temperature never come near it,
        # and 0 * it is 0.
        similarity = (cosines / self.temperature).masked_fill(
            outside, -torch.finfo(h.dtype).max / 4
        )
        partners = (labels[:, None] == labels) & ~outside
        if kept is not None:
            partners = partners & kept[:, None]
        number = partners.sum(1)
        if self.prototypes is None:
            shares = similarity.log_softmax(1).masked_fill(~partners, 0.0).sum(1)
            return self.reduce(-shares / number.clamp_min(1), kept=number > 0)
        fixed = torch.as_tensor(self.prototypes, dtype=h.dtype, device=h.device)
        with exact(h.device):
            beside = (h @ fixed.T) / self.temperature
        total = torch.cat([similarity, beside + math.log(self.copies)], 1).logsumexp(1)
        found = similarity.masked_fill(~partners, 0.0).sum(1)
        found = found + self.copies * beside.gather(1, labels[:, None])[:, 0]
        return self.reduce(total - found / (number + self.copies), kept)

    def extra_repr(self) -> str:
        """Name the temperature, the prototypes and the configuration."""
        fixed = "" if self.prototypes is None else f"prototypes={self.prototypes.shape}, "
        return f"temperature={self.temperature}, {fixed}{super().extra_repr()}"
