"""Class means of a batch, of the classes that it has."""

from __future__ import annotations

import torch
from torch import Tensor

from lopsided.steer.precision import holds_float64


def class_sums(
    values: Tensor, labels: Tensor, kept: Tensor | None, k: int
) -> tuple[Tensor, Tensor]:
    """Return the sums of the samples of each class, and their number.

    Args:
        values: (n, ...) one row a sample.
        labels: (n,) classes.
        kept: (n,) which samples count; None for all.
        k: classes.

    Returns:
        (k, ...) sums, zero for a class without samples, and the (k,) numbers.
    """
    if kept is not None:
        values = values.where(kept.view(-1, *[1] * (values.ndim - 1)), 0.0)
    # Samples are added one after another: in single precision those of a class of millions of
    # pixels would be rounded to steps of the sum, and their number stop at 2^24.
    wide = values.double() if holds_float64(values.device) else values
    counted = torch.ones_like(labels, dtype=wide.dtype) if kept is None else kept.to(wide.dtype)
    total = wide.new_zeros(k, *wide.shape[1:]).index_add(0, labels, wide)
    number = wide.new_zeros(k).index_add(0, labels, counted)
    return total.to(values.dtype), number.to(values.dtype)


def over_classes(values: Tensor, labels: Tensor, kept: Tensor | None, k: int) -> Tensor:
    """Return the mean over the classes present of the mean over their samples, of (n,) values."""
    total, number = class_sums(values, labels, kept, k)
    return (total / number.clamp_min(1)).sum() / (number > 0).sum().clamp_min(1)
