"""What is done to a block of samples in the cache: logits to softmax, softmax to gradient."""

from __future__ import annotations

import math

import torch
from torch import Tensor

#: A class counts as no less probable, against the likeliest, than this times the smallest normal
#: number (in float32: 2e-31): what
#: follows from less would be subnormal, on which processors take twenty times as long.
SMALLEST = 2.0**24


def least(dtype: torch.dtype) -> float:
    """Return the logarithm of the least probability, against the likeliest class, that a class
    counts with.
    """
    return math.log(SMALLEST * torch.finfo(dtype).tiny)


def adjusted(
    z: Tensor,
    y: Tensor,
    into: Tensor,
    columns: Tensor | None,
    sample: Tensor | None,
    shift: Tensor | None,
    less: Tensor | None,
) -> Tensor:
    """Return adjusted logits, which are `into` where there is anything to adjust."""
    a = z if sample is None else torch.mul(z, sample, out=into)
    if columns is not None and shift is not None:
        a = torch.addcmul(shift, a, columns, out=into)
    elif columns is not None:
        a = torch.mul(a, columns, out=into)
    elif shift is not None:
        a = torch.add(a, shift, out=into)
    return a if less is None else torch.scatter_add(a, 1, y, -less, out=into)


def wrote_softmax(a: Tensor, y: Tensor, into: Tensor, loss: Tensor) -> bool:
    """Write the softmax of a block and its losses, unless that is slow or loses digits."""
    range_ = -least(a.dtype)
    low, high = torch.aminmax(a[:1])
    if not high - low < range_:
        return False
    torch.softmax(a, 1, out=into)
    torch.gather(into, 1, y, out=loss)
    loss.log_().neg_()
    return not bool((loss > range_).any())  # the share of an own class is no normal number


def write_clamped_softmax(
    a: Tensor, y: Tensor, into: Tensor, loss: Tensor, smoothing: float
) -> None:
    """Write the softmax of a block, in which no class is impossible, and its losses."""
    own, top = a.gather(1, y), a.amax(1, keepdim=True)
    own -= top
    torch.sub(a, top, out=into)
    if smoothing:
        own = (1 - smoothing) * own + smoothing * into.mean(1, keepdim=True)
    total = into.clamp_min_(least(a.dtype)).exp_().sum(1, keepdim=True)
    torch.sub(total.log(), own, out=loss)
    into.mul_(total.reciprocal_())


def write_gradient(
    p: Tensor,
    into: Tensor,
    y: Tensor,
    rows: Tensor | None,
    columns: Tensor | None,
    smoothing: float,
) -> None:
    """Write the gradient of a block from its softmax, which may be the same array."""
    less = torch.full_like(y, smoothing - 1, dtype=p.dtype)
    if rows is not None:
        torch.mul(p, rows, out=into)
        less *= rows
    into.scatter_add_(1, y, less)
    if smoothing:
        into.sub_(smoothing / into.shape[1] if rows is None else smoothing / into.shape[1] * rows)
    if columns is not None:
        into.mul_(columns)
