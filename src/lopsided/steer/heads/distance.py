"""A head whose logits are distances to prototypes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lopsided.steer.checks import check_features
from lopsided.steer.directions import lengths
from lopsided.steer.drawn import drawn
from lopsided.steer.heads.sized import Sized, require_sizes
from lopsided.steer.precision import full_default, lifted


class PrototypeHead(Sized):
    """Logits that are minus half the distance to a learned prototype of each class, with a learned
    temperature for each dimension: z_c = -1/2 ||(h - w_c) / T||, at least float32.

    The distance is not squared. For T = 1 the slope of a logit has length 1/2 wherever the feature
    and the prototype are: a class has no length by which it could push more than another. That of
    the difference of two logits is sin(angle / 2), of the angle at which the feature sees the two
    prototypes: those that are near each other and far from the features teach a network nothing.
    A batch takes n k d numbers of memory. No linear map answers so: `measure` has no classifiers to
    see.

    Source: Sharma et al. 2023 (arXiv 2302.00491), where prototypes start at the class means of a
    network that is trained already.

    Args:
        d: feature dimensions.
        k: classes.
        means: (k, d) where the prototypes start, best of trained features; None for random ones of
            unit variance, about sqrt(d) long, as features behind a batch norm are.
        seed: of the random ones.

    Raises:
        ValueError: if d or k is no whole number or too small, or the means are not of shape (k, d),
            or not finite.
        TypeError: if they are no tensor.

    Example:
        >>> head = PrototypeHead(d=2, k=2, means=torch.tensor([[0.0, 0.0], [3.0, 4.0]]))
        >>> head(torch.zeros(1, 2)).tolist()
        [[-0.0, -2.5]]
    """

    def __init__(self, d: int, k: int, *, means: Tensor | None = None, seed: int = 0) -> None:
        super().__init__()
        require_sizes(d, k)
        if means is None:
            start = drawn(k, d, seed=seed)
        else:
            check_features(means, d)
            if means.shape != (k, d) or not means.isfinite().all():
                raise ValueError(
                    f"means must be finite and of shape ({k}, {d}), got {tuple(means.shape)}"
                )
            start = means.detach().clone()
        start = start.to(full_default())
        if not (start.is_meta or start.isfinite().all()):
            raise ValueError(f"means must be numbers that {start.dtype} holds")
        self.weight = nn.Parameter(start)
        self.temperature = nn.Parameter(torch.ones(d, dtype=full_default()))

    def forward(self, features: Tensor) -> Tensor:
        """Return (..., k) logits of (..., d) features, none above zero.

        Raises:
            ValueError: if the last axis of the features is not d long.
            TypeError: if they are not floating point.
        """
        check_features(features, self.weight.shape[1])
        h, prototypes, temperature = lifted(features, self.weight, self.temperature)
        # Not by products of matrices, which lose small distances between long vectors.
        apart = (h[..., None, :] - prototypes) / temperature
        return -lengths(apart) / 2
