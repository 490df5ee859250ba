"""What every loss does at its door and on its way out: check the input, reduce the losses of the samples.

Values on a GPU are not looked at, because that would make the device wait; there an impossible label ends in the framework's own
device assertion. Under `torch.compile` only shapes and types are checked.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

#: "mean" divides by the number of samples, "weighted-mean" by the sum of their weights, as PyTorch's own "mean" does.
Reduction = Literal["mean", "weighted-mean", "sum", "none"]


def check_reduction(reduction: str) -> None:
    """Refuse an unknown reduction.

    Raises:
        ValueError: naming the reductions that exist.
    """
    if reduction not in get_args(Reduction):
        raise ValueError(f"reduction must be one of {', '.join(get_args(Reduction))}, got {reduction!r}")


def check_logits(logits: Tensor, k: int | None) -> None:
    """Refuse logits that are not floating point of shape (n, k).

    Args:
        logits: what the loss was given.
        k: number of classes of the loss; None for any.

    Raises:
        ValueError: if the shape is wrong.
        TypeError: if the logits are whole numbers.
    """
    if logits.ndim != 2:
        raise ValueError(f"logits must have shape (n, k), got {tuple(logits.shape)}; flatten further axes into samples")
    if not logits.is_floating_point():
        raise TypeError(f"logits must be floating point, got {logits.dtype}")
    if k is not None and logits.shape[1] != k:
        raise ValueError(f"the loss is for {k} classes, but the logits have {logits.shape[1]} columns")


def check_labels(labels: Tensor, n: int, k: int, ignore_index: int | None = None) -> bool:
    """Refuse labels that are not n whole numbers from 0 to k-1 (or the ignored label).

    Returns:
        Whether they are known to be all from 0 to k-1; without a look at the values nothing is known.

    Raises:
        ValueError: if the shape is wrong or a label is out of range; the sample is named.
        TypeError: if the labels are not integers.
    """
    if labels.shape != (n,):
        raise ValueError(f"labels must have shape ({n},) beside logits or features of {n} samples, got {tuple(labels.shape)}")
    if labels.is_floating_point() or labels.dtype == torch.bool:
        raise TypeError(f"labels must be integers, got {labels.dtype}")
    if torch.compiler.is_compiling() or labels.device.type != "cpu":
        return False
    if len(labels):
        low, high = torch.aminmax(labels)
        if low >= 0 and high < k:
            return True
    wrong = (labels < 0) | (labels >= k)
    if ignore_index is not None:
        wrong &= labels != ignore_index
    if wrong.any():
        sample = int(wrong.nonzero()[0])
        raise ValueError(f"labels must be from 0 to {k - 1}, got {int(labels[sample])} for sample {sample}")
    return False


def check_soft_targets(targets: Tensor, n: int, k: int) -> None:
    """Refuse targets that are not n distributions over k classes.

    Raises:
        ValueError: if the shape is wrong, or a row has a negative entry or does not sum to one; the sample is named.
    """
    if targets.shape != (n, k):
        raise ValueError(f"soft targets must have the logits' shape ({n}, {k}), got {tuple(targets.shape)}")
    if torch.compiler.is_compiling() or targets.device.type != "cpu":
        return
    right = (targets >= 0).all(dim=1) & ((targets.sum(dim=1, dtype=torch.float64) - 1).abs() < 0.01)
    if not right.all():
        sample = int((~right).nonzero()[0])
        raise ValueError(f"soft targets must be non-negative and sum to 1, those of sample {sample} are {targets[sample].tolist()}")


def full_precision(values: Tensor) -> Tensor:
    """Return half-precision values as float32, others as they are."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def reduce(losses: Tensor, reduction: Reduction, kept: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
    """Reduce the losses of samples to one number.

    Args:
        losses: (n,) weighted losses, zero for samples left out.
        reduction: how.
        kept: (n,) which samples count; None for all.
        weights: (n,) weights of the samples, already in `losses`; None for ones.

    Returns:
        A scalar, or `losses` themselves for "none". The mean of no samples is zero.
    """
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    if reduction == "weighted-mean" and weights is not None:
        total = (weights if kept is None else weights * kept).sum()
        return losses.sum() / total.clamp_min(torch.finfo(losses.dtype).tiny)
    if kept is None:
        return losses.sum() / max(len(losses), 1)
    return losses.sum() / kept.sum().clamp_min(1)
