"""Class means of a batch, of the classes that it has."""

from __future__ import annotations

import torch
from torch import Tensor


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
    counted = torch.ones_like(labels, dtype=values.dtype)
    if kept is not None:
        counted = kept.to(values.dtype)
        values = values.where(kept.view(-1, *[1] * (values.ndim - 1)), 0.0)
    number = values.new_zeros(k).index_add(0, labels, counted)
    return values.new_zeros(k, *values.shape[1:]).index_add(0, labels, values), number


def over_classes(values: Tensor, labels: Tensor, kept: Tensor | None, k: int) -> Tensor:
    """Return the mean over the classes present of the mean over their samples, of (n,) values."""
    total, number = class_sums(values, labels, kept, k)
    return (total / number.clamp_min(1)).sum() / (number > 0).sum().clamp_min(1)
