"""The multi-layer perceptron with batch normalisation; the paper's has 6 layers of width 2048."""

from __future__ import annotations

import itertools
import math

from torch import nn


def mlp(shape: tuple[int, int, int], width: int, depth: int) -> tuple[nn.Module, int]:
    """Return `depth` layers (linear, batch norm, ReLU) of `width` units, and the number of
    features.
    """
    sizes = [math.prod(shape)] + [width] * depth
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in itertools.pairwise(sizes):
        # Batch norm subtracts any bias again.
        layers += [nn.Linear(before, after, bias=False), nn.BatchNorm1d(after), nn.ReLU()]
    return nn.Sequential(*layers), width
