"""Half precision is how values are stored, never how losses, rules and heads compute.

They compute, and answer, in float32, or in float64 where they are given it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Self

import torch
from torch import Tensor, nn

from lopsided.measure.network.tensors import has_float64


def is_half(dtype: torch.dtype) -> bool:
    """Whether a type holds floating-point numbers in less than 32 bits."""
    return dtype.is_floating_point and dtype.itemsize < 4


def full_precision(values: Tensor) -> Tensor:
    """Return half-precision values as float32, others as they are."""
    return values.float() if is_half(values.dtype) else values


def lifted(*values: Tensor) -> tuple[Tensor, ...]:
    """Return floating-point tensors in the type that holds all of them, at least float32."""
    full = [full_precision(value) for value in values]
    wide = torch.float64 if any(value.dtype == torch.float64 for value in full) else torch.float32
    return tuple(value.to(wide) for value in full)


def full_default() -> torch.dtype:
    """Return the type of new tensors, at least float32: models are built under half-precision
    defaults too.
    """
    return torch.float64 if torch.get_default_dtype() == torch.float64 else torch.float32


def exact(device: torch.device) -> AbstractContextManager[Any]:
    """Return a context in which products keep the precision of their factors, also where autocast
    is on.
    """
    return torch.autocast(device.type, enabled=False) if _autocasts(device.type) else nullcontext()


# What depends on the device alone is found out once, and is not compiled.


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def holds_float64(device: torch.device) -> bool:
    """Whether a device can hold float64."""
    return has_float64(device)


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _autocasts(kind: str) -> bool:
    return torch.amp.is_autocast_available(kind)


class KeepsPrecision(nn.Module):
    """A module whose buffers stay in float32 when the module is moved to half precision.

    A frame that is rounded has other angles, and a running mean in half precision stops running.
    """

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        before = dict(self._buffers)
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, buffer in before.items():
            moved = self._buffers[name]
            if (
                buffer is not None
                and moved is not None
                and is_half(moved.dtype)
                and not is_half(buffer.dtype)
            ):
                self._buffers[name] = buffer.to(moved.device)
        return self
