"""What heads tell of themselves: sizes under PyTorch's own names, and a line for `print`."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lopsided.arrays import Floats, require_whole
from lopsided.steer.checks import check_features
from lopsided.steer.precision import exact, full_default, lifted


class Sized(nn.Module):
    """A head with a (k, d) `weight`."""

    weight: Tensor

    @property
    def in_features(self) -> int:
        """Feature dimensions d."""
        return int(self.weight.shape[1])

    @property
    def out_features(self) -> int:
        """Classes k."""
        return int(self.weight.shape[0])

    def extra_repr(self) -> str:
        """Name the sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}"


def require_sizes(d: int, k: int) -> None:
    """Refuse what are no feature dimensions and classes of a head.

    Raises:
        ValueError: naming which.
    """
    require_whole("dimensions d", d, 1)
    require_whole("classes k", k, 2)


def held(vectors: Floats) -> Tensor:
    """Return vectors (k, d) as a new head holds them.

    Raises:
        ValueError: if one is too long for the type of new tensors; the class is named.
    """
    dtype = full_default()
    if (wrong := ~(np.abs(vectors) <= torch.finfo(dtype).max).all(axis=1)).any():
        raise ValueError(
            f"classifiers must be numbers that {dtype} holds, that of class {int(wrong.argmax())}"
            " is not"
        )
    # A copy: a buffer changes, as frames on their way do. No tensor is made of a turned view.
    return torch.tensor(np.ascontiguousarray(vectors), dtype=dtype)


def linear(features: Tensor, weight: Tensor) -> Tensor:
    """Return the (..., k) products of (..., d) features with (k, d) classifiers, at least float32
    and not rounded below it.

    Raises:
        ValueError: if the last axis of the features is not d long.
        TypeError: if they are not floating point.
    """
    check_features(features, weight.shape[1])
    h, w = lifted(features, weight)
    with exact(h.device):
        return functional.linear(h, w)
