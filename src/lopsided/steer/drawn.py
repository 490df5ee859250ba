"""Random starts of heads and losses."""

from __future__ import annotations

import torch
from torch import Tensor

from lopsided.arrays import require_whole
from lopsided.steer.precision import full_default


def drawn(*shape: int, seed: int) -> Tensor:
    """Return standard normal numbers, in at least float32, on the device of new tensors.

    They are drawn on the CPU, where a seed gives the same numbers for every device.

    Raises:
        ValueError: if the seed is no whole number of at least 0.
    """
    order = torch.Generator().manual_seed(require_whole("seed", seed, 0))
    numbers = torch.randn(shape, generator=order, dtype=full_default(), device="cpu")
    return numbers.to(torch.get_default_device())
