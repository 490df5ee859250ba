"""What losses, heads and rules do at their door: look at the shape, the type and, where that costs
nothing, the values.

Values on a GPU are not looked at, because that would make the device wait; there an impossible
label ends in the framework's own device assertion. Under `torch.compile` and `torch.vmap` there are
only shapes and types.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor
from torch._C import _functorch

from lopsided.measure.logits import ENOUGH, PERCENT, SLACK


def concrete(values: Tensor) -> bool:
    """Whether a tensor has values that may be looked at: nothing is traced, compiled or
    vectorised.
    """
    if torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None:
        return False
    if values.is_meta or torch._C._len_torch_dispatch_stack():
        return False
    while _functorch.is_gradtrackingtensor(values):
        values = _functorch.get_unwrapped(values)
    # Types with a dispatch of their own have no values (fake tensors) or only a part of them
    # (distributed ones).
    return (
        not _functorch.is_functorch_wrapped_tensor(values)
        and type(values).__torch_dispatch__ is Tensor.__torch_dispatch__
    )


def visible(values: Tensor) -> bool:
    """Whether values may be looked at and no device has to wait for it."""
    return values.device.type == "cpu" and concrete(values)


def again() -> bool:
    """Whether a call is made in the backward pass: a checkpoint makes it a second time."""
    return not torch.compiler.is_compiling() and torch._C._current_graph_task_id() != -1


def lasting(values: Tensor) -> Tensor | None:
    """Return values as a module may keep them beyond its call: a derivative's wrapper dies with
    the derivative, and what is vectorised is not one value but many, so that there is None.
    """
    if torch.compiler.is_compiling():
        return values
    while _functorch.is_gradtrackingtensor(values):
        values = _functorch.get_unwrapped(values)
    return None if _functorch.is_batchedtensor(values) else values


def check_tensor(values: object, what: str) -> None:
    """Refuse what is no tensor.

    Raises:
        TypeError: naming what it is instead.
    """
    if not isinstance(values, Tensor):
        raise TypeError(
            f"{what} must be a torch tensor, got {type(values).__name__}; torch.as_tensor makes one"
        )


def check_logits(logits: Tensor, k: int | None) -> None:
    """Refuse logits that are not floating point of shape (n, k).

    Args:
        logits: what the loss was given.
        k: number of classes of the loss; None for any.

    Raises:
        ValueError: if the shape is wrong.
        TypeError: if they are no tensor, or not floating point.
    """
    check_tensor(logits, "logits")
    if logits.ndim != 2 or not logits.shape[1]:
        raise ValueError(
            f"logits must have shape (n, k), got {tuple(logits.shape)}; flatten further axes into"
            " samples"
        )
    if not logits.is_floating_point():
        raise TypeError(f"logits must be floating point, got {logits.dtype}")
    if k is not None and logits.shape[1] != k:
        raise ValueError(
            f"the loss is for {k} classes, but the logits have {logits.shape[1]} columns"
        )


def check_features(features: Tensor, d: int, *, rows: bool = False) -> None:
    """Refuse features that are not floating point of shape (..., d).

    Args:
        features: what came.
        d: feature dimensions.
        rows: refuse other shapes than (n, d) too: beside n labels an axis more would be broadcast.

    Raises:
        ValueError: if the last axis is not d long or of no dimension, or there are axes too many.
        TypeError: if they are no tensor, or not floating point.
    """
    check_tensor(features, "features")
    if not features.ndim or features.shape[-1] != d or (rows and features.ndim != 2):
        raise ValueError(f"features must have shape (n, {d}), got {tuple(features.shape)}")
    if not d:
        raise ValueError(
            f"features must have one dimension or more, got shape {tuple(features.shape)}"
        )
    if not features.is_floating_point():
        raise TypeError(f"features must be floating point, got {features.dtype}")


def warn_of_places(logits: Tensor, targets: Tensor) -> None:
    """Say if a gradient is asked for of targets alone: where both are numbers from 0 to 1, nothing
    else tells that they have changed places.
    """
    if concrete(targets) and targets.requires_grad and not logits.requires_grad:
        # Past this, forward and the two frames by which a module calls it.
        warnings.warn(
            "the targets ask for a gradient and the logits for none: a loss is called with logits"
            " first, and Keras gives targets first; there give lambda targets, logits: loss(logits,"
            " targets)",
            stacklevel=5,
        )


def check_soft_targets(targets: Tensor, n: int, k: int) -> None:
    """Refuse targets that are not n distributions over k classes.

    Raises:
        ValueError: if the shape is wrong, or a row has a negative entry or does not sum to one; the
            sample is named.
    """
    if targets.shape != (n, k):
        raise ValueError(
            f"soft targets must have the logits' shape ({n}, {k}), got {tuple(targets.shape)} of"
            f" {targets.dtype}; labels are whole numbers"
        )
    if visible(targets) and not (right := _distributions(targets)).all():
        sample = int((~right).nonzero()[0])
        raise ValueError(
            f"soft targets must be non-negative and sum to 1, those of sample {sample} are"
            f" {targets[sample].tolist()}"
        )


def are_probabilities(logits: Tensor) -> bool:
    """Whether what came as (n, k) logits has been through a softmax.

    Every row is a distribution, perhaps in percent, and not all entries are none or all of it.
    Fewer than `ENOUGH` rows may be so by chance, and with one class all are.
    """
    if len(logits) < ENOUGH or logits.shape[1] == 1 or not visible(logits):
        return False
    whole = 100 if logits[0].sum(dtype=torch.float64) > PERCENT else 1
    if not bool(_distributions(logits, whole).all()):
        return False
    return not bool(((logits == 0) | (logits == whole)).all())


def _distributions(rows: Tensor, whole: int = 1) -> Tensor:
    """Return which rows are non-negative and sum to one, or to another whole."""
    sums = rows.sum(dim=1, dtype=torch.float64)
    return (rows >= 0).all(dim=1) & ((sums / whole - 1).abs() < SLACK)
