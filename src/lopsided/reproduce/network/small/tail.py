"""Networks that end in linear layers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from lopsided.arrays import Floats, Ints
from lopsided.reproduce.network.small.fit import Fit, array, perceptron, tensors, train


class TailState(NamedTuple):
    """A network with a linear tail after some steps.

    Attributes:
        step: of descent.
        weights: of the tail, from its first layer to its last.
        before: features that enter the tail.
        behind: what its last layer sees.
        loss: half the squared distance to the one-hot labels, a sample.
    """

    step: int
    weights: list[Floats]
    before: Floats
    behind: Floats
    loss: float


def tailed(
    x: Floats, y: Ints, sizes: Sequence[int], tail: Sequence[int], fit: Fit, at: Sequence[int]
) -> list[TailState]:
    """Train a perceptron with a tail of linear layers without biases under the squared loss.

    Args:
        x: (n, inputs).
        y: (n,) classes.
        sizes: inputs, hidden units and features, behind all of which is a ReLU.
        tail: features and the outputs of each linear layer.
        fit: how.
        at: steps to look at; 0 is the start.
    """
    torch.manual_seed(fit.seed)
    body = perceptron(sizes).append(nn.ReLU())
    linear = [nn.Linear(before, after, bias=False) for before, after in itertools.pairwise(tail)]
    layers = nn.Sequential(*linear)
    inputs, labels = tensors(x, y)
    wanted, seen = functional.one_hot(labels).float(), list[TailState]()

    def observe(step: int) -> None:
        if step not in at:
            return
        with torch.no_grad():
            before = body(inputs)
            behind = layers[:-1](before)
            loss = (layers[-1](behind) - wanted).square().sum() / 2 / len(y)
            weights = [array(layer.weight) for layer in linear]
            seen.append(TailState(step, weights, array(before), array(behind), float(loss)))

    def loss(chosen: torch.Tensor) -> torch.Tensor:
        outputs = layers(body(inputs[chosen]))
        return functional.mse_loss(outputs, wanted[chosen], reduction="sum") / 2 / len(chosen)

    observe(0)
    train([body, layers], loss, len(y), fit, observe)
    return seen
