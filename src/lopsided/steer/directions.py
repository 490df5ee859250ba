"""Directions and lengths of vectors of any size."""

from __future__ import annotations

import math

import torch
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


def lengths(vectors: Tensor) -> Tensor:
    """Return the (...,) lengths of (..., d) vectors.

    Example:
        >>> import torch
        >>> lengths(torch.tensor([[3e-30, 4e-30], [3e30, 4e30], [0.0, 0.0]]))
        tensor([5.0000e-30, 5.0000e+30, 0.0000e+00])
    """
    size = _size(vectors, -1)
    found: Tensor = torch.linalg.vector_norm(vectors / size, dim=-1) * size.squeeze(-1)
    return found


def resized(values: Tensor, dim: int | tuple[int, ...]) -> Tensor:
    """Return values over the largest of them along axes, where that is so small or so large that
    squares would leave the type.
    """
    return values / _size(values, dim)


def _size(values: Tensor, dim: int | tuple[int, ...]) -> Tensor:
    """Return the largest value along axes where squares would leave the type, else one."""
    largest = values.detach().abs().amax(dim, keepdim=True)
    beyond = ((largest > 0) & (largest < SMALL)) | ((largest > LARGE) & (largest < math.inf))
    return largest.where(beyond, 1.0)
