"""Features that a loss compares with each other, or with vectors on the sphere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lopsided.arrays import Floats, Ints
from lopsided.reproduce.network.small.fit import Fit, array, perceptron, tensors, train
from lopsided.steer import SpectralContrastive, SupervisedContrastive


def spectral(
    x: Floats, y: Ints, sizes: Sequence[int], fit: Fit, at: Sequence[int]
) -> list[tuple[int, Floats, float]]:
    """Train features by the spectral contrastive loss; return step, features and loss at some
    steps.
    """
    torch.manual_seed(fit.seed)
    network, (h, labels), loss = perceptron(sizes), tensors(x, y), SpectralContrastive()
    seen: list[tuple[int, Floats, float]] = []

    def observe(step: int) -> None:
        if step in at:
            with torch.no_grad():
                features = network(h)
                seen.append((step, array(features), float(loss(features, labels))))

    train([network], lambda chosen: loss(network(h[chosen]), labels[chosen]), len(y), fit, observe)
    return seen


def sphere(
    x: Floats, y: Ints, sizes: Sequence[int], temperatures: Sequence[float], fit: Fit
) -> tuple[Floats, Floats]:
    """Train unit features under unit classifiers, the temperature falling step by step; return
    both.
    """
    torch.manual_seed(fit.seed)
    body = perceptron(sizes, batch_norm=True)
    head = nn.Linear(sizes[-1], int(y.max()) + 1, bias=False)
    inputs, labels = tensors(x, y)
    path = np.geomspace(temperatures[0], temperatures[-1], fit.steps)
    step = 0

    def loss(chosen: Tensor) -> Tensor:
        nonlocal step
        features = functional.normalize(body(inputs[chosen]), dim=1)
        logits = functional.linear(features, functional.normalize(head.weight, dim=1))
        temperature, step = float(path[step]), step + 1
        return temperature * functional.cross_entropy(logits / temperature, labels[chosen])

    train([body, head], loss, len(x), fit)
    with torch.no_grad():
        features = functional.normalize(body.eval()(inputs), dim=1)
        return array(features), array(functional.normalize(head.weight, dim=1))


def prototypes(
    x: Floats,
    y: Ints,
    sizes: Sequence[int],
    loss: SupervisedContrastive,
    fit: Fit,
    *,
    nonnegative: bool = False,
) -> Floats:
    """Train features by a contrastive loss, behind a ReLU or of any sign; return them, of unit
    length.
    """
    torch.manual_seed(fit.seed)
    body, (inputs, labels) = perceptron(sizes, batch_norm=True), tensors(x, y)
    if nonnegative:
        body.append(nn.ReLU())
    train([body], lambda chosen: loss(body(inputs[chosen]), labels[chosen]), len(x), fit)
    with torch.no_grad():
        return array(functional.normalize(body.eval()(inputs), dim=1))
