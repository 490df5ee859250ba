"""Induced collapse: samples at the center of their class, centers apart from each other."""

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
from lopsided.steer.precision import exact, lifted


class InducedCollapse(Loss):
    """pull * the mean over the classes present of the mean of ‖h - m_c‖^2 of their samples, - push
    * the mean over all classes of the angle to the nearest other center, + center * ‖m̄‖^2.

    The k centers m learn; angles are of centers less their mean m̄. The second term alone is least
    where the smallest angle is largest, for d >= k - 1 at the simplex ETF; of two classes that
    angle is pi wherever the centers are. It is meant beside a cross-entropy, of which it is no
    part.

    Source: Liu et al. 2023 (arXiv 2302.12453).

    Args:
        k: classes.
        d: feature dimensions.
        pull: of the first term, not negative.
        push: of the second, not negative.
        center: of the third, not negative.
        seed: of the first centers, normal.
        ignore_index: as in `AdjustedCrossEntropy`.

    Raises:
        ValueError: if k or d is below 2, or a factor negative.
        TypeError: if a label to leave out is not a whole number.

    Example:
        >>> loss = InducedCollapse(k=2, d=2, pull=1.0, push=0.0, center=0.0)
        >>> loss.weight.data = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
        >>> loss(torch.tensor([[3.0, 0.0]]), torch.tensor([0])).item()
        4.0
    """

    def __init__(
        self,
        k: int,
        d: int,
        pull: float = 0.05,
        push: float = 0.1,
        center: float = 0.01,
        *,
        seed: int = 0,
        ignore_index: Ignore = -100,
    ) -> None:
        super().__init__(ignore_index, "mean")
        require_whole("classes k", k, 2)
        require_whole("dimensions d", d, 2)
        for name, factor in (("pull", pull), ("push", push), ("center", center)):
            if not 0 <= require_number(factor, name) < math.inf:
                raise ValueError(f"{name} must be a finite number of at least 0, got {factor}")
        self.pull, self.push, self.center = pull, push, center
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
        h, m = lifted(features, self.weight)
        middle = m.mean(0)
        units = directions(m - middle)
        with exact(m.device):
            cosines = units @ units.T
        itself = torch.eye(k, dtype=torch.bool, device=m.device)
        nearest = units[cosines.masked_fill(itself, -torch.inf).argmax(1)]
        within = over_classes((h - m[labels]).square().sum(1), labels, kept, k)
        apart = _angles(units, nearest).mean()
        return self.pull * within - self.push * apart + self.center * middle.square().sum()

    def extra_repr(self) -> str:
        """Name the factors and the configuration."""
        return f"pull={self.pull}, push={self.push}, center={self.center}, {super().extra_repr()}"


def _angles(u: Tensor, v: Tensor) -> Tensor:
    """Return the angles of vectors of length one, whose arc cosine has no slope where they meet or
    oppose, and half the digits near there.
    """
    # Two classes are opposite wherever their centers are: what is left there is rounding.
    apart, along = _length(u - v, 0.0), _length(u + v, 8 * torch.finfo(u.dtype).eps)
    return 2 * torch.atan2(apart, along.where(apart + along > 0, 1.0))  # zero vectors have none


def _length(vectors: Tensor, least: float) -> Tensor:
    """Return lengths; those up to the least are zero, with all their derivatives."""
    squares = vectors.square().sum(1)
    there = squares > least**2
    return squares.where(there, 1.0).sqrt().where(there, 0.0)
