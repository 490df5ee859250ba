"""A perceptron under a linear head, trained on classes, and what each of its layers says of other
inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from lopsided.arrays import Floats, Ints
from lopsided.reproduce.network.small.fit import Fit, array, perceptron, tensors, train


@dataclass(frozen=True, eq=False)
class Classifier:
    """A trained network.

    Attributes:
        layers: inputs (n, d) to the features of each layer, the last of which the head reads.
        units: inputs to what each ReLU lets through, (n, units).
        weight: (k, d) of the head.
        bias: (k,) of the head.
    """

    layers: Callable[[Floats], list[Floats]]
    units: Callable[[Floats], list[Floats]]
    weight: Floats
    bias: Floats

    def answers(self, x: Floats) -> Ints:
        """Return (layers, n) the classes that the head reads in layers as wide as the last."""
        logits = [h @ self.weight.T + self.bias for h in self.layers(x)]
        return np.asarray(np.argmax(logits, axis=2))

    def probabilities(self, x: Floats) -> Floats:
        """Return (n, k) what the network believes."""
        logits = torch.as_tensor(self.layers(x)[-1] @ self.weight.T + self.bias)
        return array(logits.softmax(1))


def classifier(x: Floats, y: Ints, sizes: Sequence[int], fit: Fit) -> Classifier:
    """Train a classifier by cross-entropy; its layers are behind its ReLUs.

    Args:
        x: (n, inputs).
        y: (n,) labels 0..k-1.
        sizes: inputs, hidden units, feature dimensions.
        fit: how.
    """
    torch.manual_seed(fit.seed)
    body, head = perceptron(sizes).append(nn.ReLU()), nn.Linear(sizes[-1], int(y.max()) + 1)
    inputs, labels = tensors(x, y)
    train(
        [body, head],
        lambda chosen: functional.cross_entropy(head(body(inputs[chosen])), labels[chosen]),
        len(x),
        fit,
    )

    def layers(others: Floats) -> list[Floats]:
        found, h = [], tensors(others)[0]
        with torch.no_grad():
            for module in body:
                h = module(h)
                if isinstance(module, nn.ReLU):
                    found.append(array(h))
        return found

    with torch.no_grad():
        return Classifier(layers, layers, array(head.weight), array(head.bias))
