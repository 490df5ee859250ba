"""Several centers a class: a sample is drawn to the nearest of its own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lopsided.arrays import real_array, require_noun
from lopsided.geometry import Geometry
from lopsided.labels import Ignore
from lopsided.steer.checks import check_features
from lopsided.steer.directions import directions
from lopsided.steer.losses.base import Loss, Reduction
from lopsided.steer.precision import exact, full_precision


class MultipleCenters(Loss):
    """One minus the cosine to the nearest center of the own class.

    The centers do not learn: they are the embeddings of `predict.multiple_centers`. Their vectors
    are no buffer, so that no move to half precision rounds them.

    Source: Yan et al. 2024 for the frame; this loss is defined here.

    Args:
        frame: of `predict.multiple_centers`.
        centers: (k,) how many each class has, as given there.
        d: feature dimensions, at least sum of centers + k - 1.
        seed: of the orientation of the frame.
        ignore_index: as in `AdjustedCrossEntropy`.
        reduction: "mean" over samples, "sum" or "none".

    Raises:
        ValueError: if the centers are not those of the frame, d is too small (the least is named),
            or the reduction is unknown.

    Example:
        >>> from lopsided import predict
        >>> frame = predict.multiple_centers([90, 10], [1, 2], angle=0.3)
        >>> loss = MultipleCenters(frame, [1, 2], d=4)
        >>> features = 3 * torch.as_tensor(loss.vectors[1:2])
        >>> abs(round(float(loss(features, torch.tensor([1]))), 6))
        0.0
    """

    def __init__(
        self,
        frame: Geometry,
        centers: npt.ArrayLike,
        d: int,
        *,
        seed: int = 0,
        ignore_index: Ignore = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(ignore_index, reduction)
        require_noun(frame, Geometry, "the frame")
        number = real_array(centers, "centers")
        # A center is nearest to the classifier of its class.
        logits = frame.logits.matrix()
        own = np.bincount(logits.argmax(axis=0), minlength=frame.k) if logits.any() else number
        if number.shape != (frame.k,) or number.sum() != frame.m or (number != own).any():
            raise ValueError(
                f"centers must be those of the frame, {frame.m} in all"
                f"{f', {own.tolist()}' if logits.any() else ''}, got {centers!r}"
            )
        least = frame.m + frame.k - 1
        if d < least:
            raise ValueError(
                f"{frame.m} centers of {frame.k} classes take {least} dimensions, d={d} is too"
                " small"
            )
        #: (m, d) unit vectors, and (m,) their classes.
        self.vectors = frame.vectors(d, seed)[1]
        self.classes = np.repeat(np.arange(frame.k), number.astype(np.int64))
        self.k = frame.k

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of (n, d) features and (n,) or (n, 1) labels.

        Raises:
            ValueError: if a shape does not fit or a label is out of range; the sample is named.
            TypeError: if the features are whole numbers, or the labels are not.
        """
        check_features(features, self.vectors.shape[1], rows=True)
        labels, kept = self.read(labels, len(features), self.k)
        if kept is not None:
            features = features.where(kept[:, None], 0.0)
        h = directions(full_precision(features))
        centers = torch.as_tensor(self.vectors, dtype=h.dtype, device=h.device)
        own = torch.as_tensor(self.classes, device=h.device) == labels[:, None]
        with exact(h.device):
            nearest = (h @ centers.T).masked_fill(~own, -2.0).amax(1)
        return self.reduce(1 - nearest, kept)
