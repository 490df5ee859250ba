"""Directions: vectors of length one, whatever the size of those that came."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional

#: Sums of squares of numbers between these keep their digits in float32, and no length comes near
#: the least one that the framework divides by.
SMALL, LARGE = 1e-10, 1e15


def directions(vectors: Tensor, dim: int = -1) -> Tensor:
    """Return vectors divided by their lengths; zero stays zero.

    Example:
        >>> import torch
        >>> directions(torch.tensor([[3e-30, 4e-30], [3e30, 4e30], [0.0, 0.0]]))
        tensor([[0.6000, 0.8000],
                [0.6000, 0.8000],
                [0.0000, 0.0000]])
    """
    return functional.normalize(resized(vectors, dim), dim=dim)


def resized(values: Tensor, dim: int | tuple[int, ...]) -> Tensor:
    """Return values over the largest of them along axes, where that is so small or so large that
    squares would leave the type.
    """
    largest = values.detach().abs().amax(dim, keepdim=True)
    beyond = ((largest > 0) & (largest < SMALL)) | ((largest > LARGE) & (largest < math.inf))
    return values / largest.where(beyond, 1.0)
