"""Random starts of heads and losses."""

from __future__ import annotations

import torch
from torch import Tensor

from lopsided.steer.precision import full_default


def drawn(*shape: int, seed: int) -> Tensor:
    """Return standard normal numbers, in at least float32, on the device of new tensors.

    They are drawn on the CPU, where a seed gives the same numbers for every device.
    """
    order = torch.Generator().manual_seed(seed)
    numbers = torch.randn(shape, generator=order, dtype=full_default(), device="cpu")
    return numbers.to(torch.get_default_device())
