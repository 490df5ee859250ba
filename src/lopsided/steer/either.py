"""Either: NumPy arrays and torch tensors at one door, each answered with its own kind, in at least
float32.

torch is imported for tensors alone.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lopsided.arrays import Floats, plain_array


def is_tensor(values: Any) -> bool:
    """Whether these are a torch tensor, told without importing torch."""
    return any(kind.__module__ == "torch" for kind in type(values).__mro__)


def full(values: Any, what: str) -> Any:
    """Return floating-point numbers in at least float32.

    Raises:
        TypeError: if they are neither a NumPy array nor a torch tensor, or not floating point.
    """
    if is_tensor(values):
        if not values.is_floating_point():
            raise TypeError(f"{what} must be floating point, got {values.dtype}")
        from lopsided.steer.precision import full_precision

        return full_precision(values)
    if not isinstance(values, np.ndarray):
        raise TypeError(
            f"{what} must be a NumPy array or a torch tensor, got {type(values).__name__}"
        )
    values = plain_array(values, what)
    if values.dtype.kind != "f":
        raise TypeError(f"{what} must be floating point, got {values.dtype}")
    return values.astype(np.float32) if values.dtype.itemsize < 4 else values


def like(values: Floats, other: Any) -> Any:
    """Return numbers in the kind, type and place of others."""
    return other.new_tensor(values) if is_tensor(other) else values.astype(other.dtype)


def lengths(rows: Any) -> Any:
    """Return the (k, 1) lengths of rows, none of whose squares leaves its type."""
    if is_tensor(rows):
        from lopsided.steer import directions

        return directions.lengths(rows)[:, None]
    most = np.abs(rows).max(axis=1, keepdims=True)
    size = np.where(most > 0, most, np.ones_like(most))
    return np.linalg.norm(rows / size, axis=1, keepdims=True) * size


def seen(values: Any) -> bool:
    """Whether values may be looked at: those of an array always."""
    if not is_tensor(values):
        return True
    from lopsided.steer.checks import visible

    return visible(values)


def finite(*parts: Any) -> bool:
    """Whether all numbers of arrays or tensors are finite."""
    return all(bool((abs(part) < math.inf).all()) for part in parts)


def left_type(found: Any, *given: Any) -> bool:
    """Whether finite numbers have led to some that are not, where they may be looked at."""
    return seen(found) and not finite(found) and finite(*given)


def largest(values: Any) -> float:
    """Return the largest number that the type of an array or tensor holds."""
    if is_tensor(values):
        import torch

        return torch.finfo(values.dtype).max
    return float(np.finfo(values.dtype).max)
