"""Tensors: how they become arrays, and which devices know float64."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.arrays import plain_array, require_dense
from lopsided.needs import torch

#: Classifiers that are looked at where it would take long to look at all.
CLASSES = 256


def to_numpy(tensor: Any) -> npt.NDArray[Any]:
    """Return a tensor as an array that shares its memory where it can; types that NumPy lacks
    become float32.
    """
    if isinstance(tensor, torch().Tensor):
        tensor = _dense(tensor)
        if tensor.is_floating_point() and tensor.dtype not in (torch().float32, torch().float64):
            tensor = tensor.float()
        return np.asarray(tensor.cpu().resolve_conj().resolve_neg().numpy())
    return plain_array(tensor, "what is measured")


def as_array(tensor: Any) -> Any:
    """Return what is not a tensor as an array, and a tensor cut from its graph."""
    if isinstance(tensor, torch().Tensor):
        return _dense(tensor)
    return plain_array(tensor, "what is measured")


def is_spread(tensor: Any) -> bool:
    """Return whether a tensor is a part of one that several processes hold (DTensor)."""
    return hasattr(tensor, "full_tensor")


def has_values(tensor: Any) -> bool:
    """Return whether a tensor has values to look at, row by row: one that is vectorised stands for
    many, others for derivatives, and a nested one has rows of several lengths.
    """
    functorch = torch()._C._functorch
    inside = functorch.is_functorch_wrapped_tensor(tensor)
    return not (inside or functorch.is_legacy_batchedtensor(tensor) or tensor.is_nested)


def _dense(tensor: Any) -> Any:
    """Return a tensor cut from its graph.

    Raises:
        TypeError: if it is sparse, has no numbers, or is a part of one.
    """
    if is_spread(tensor):
        raise TypeError(
            "what is measured must be whole, got a tensor that is spread over processes; give"
            " its full_tensor()"
        )
    if tensor.is_meta:
        raise TypeError("what is measured must be dense numbers, got a tensor on device meta")
    require_dense(tensor, "what is measured")
    return tensor.detach()


@functools.cache
def has_float64(device: Any) -> bool:
    """Return whether a device can hold float64, which mps and some others cannot.

    Raises:
        RuntimeError: if there is no such device.
    """
    torch().zeros(1, device=device)
    try:
        torch().zeros(1, dtype=torch().float64, device=device).add_(1)
    except (TypeError, RuntimeError, NotImplementedError):
        return False
    return True


def some(tensor: Any, axis: int, most: int) -> Any:
    """Return at most so many of the rows or columns, evenly chosen."""
    n = tensor.shape[axis]
    if n <= most:
        return tensor
    even = torch().arange(most, device=tensor.device) * (n - 1) // (most - 1)
    return tensor.index_select(axis, even)
