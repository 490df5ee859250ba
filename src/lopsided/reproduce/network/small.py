"""Small perceptrons for systems of other targets, losses and heads: arrays in, features and
classifiers out.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lopsided.arrays import Floats, Ints
from lopsided.reproduce.network.descend import descend
from lopsided.steer import PickAllLabel, SpectralContrastive, SupervisedContrastive


@dataclass(frozen=True)
class Fit:
    """How a small network is trained.

    Attributes:
        steps: of the optimiser.
        rate: learning rate; of SGD it falls to a tenth after two thirds of the steps.
        seed: of initialisation and order of the samples.
        method: SGD with momentum .9, or Adam.
        decay: weight decay on all parameters.
        batch: samples of a step; 0 for all.
    """

    steps: int
    rate: float
    seed: int
    method: Literal["sgd", "adam"] = "sgd"
    decay: float = 0.0
    batch: int = 0


def perceptron(sizes: Sequence[int], *, batch_norm: bool = False) -> nn.Sequential:
    """Return linear layers with a ReLU between them, no ReLU behind the last.

    Args:
        sizes: inputs, hidden units and outputs.
        batch_norm: normalise before every ReLU.
    """
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes[:-1]):
        layers += [nn.Linear(before, after, bias=not batch_norm)]
        layers += [nn.BatchNorm1d(after), nn.ReLU()] if batch_norm else [nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


def spectral(
    x: Floats, y: Ints, sizes: Sequence[int], fit: Fit, at: Sequence[int]
) -> list[tuple[int, Floats, float]]:
    """Train features by the spectral contrastive loss; return step, features and loss at some
    steps.
    """
    torch.manual_seed(fit.seed)
    network, (h, labels), loss = perceptron(sizes), _tensors(x, y), SpectralContrastive()
    seen: list[tuple[int, Floats, float]] = []

    def observe(step: int) -> None:
        if step in at:
            with torch.no_grad():
                features = network(h)
                seen.append((step, _array(features), float(loss(features, labels))))

    _train([network], lambda chosen: loss(network(h[chosen]), labels[chosen]), len(y), fit, observe)
    return seen


def regression(
    x: Floats, targets: Floats, sizes: Sequence[int], fit: Fit
) -> tuple[Floats, Floats, float]:
    """Train a regression; return features, the last layer's weight and the mean squared error."""
    torch.manual_seed(fit.seed)
    body, head = nn.Sequential(perceptron(sizes), nn.ReLU()), nn.Linear(sizes[-1], targets.shape[1])
    inputs, wanted = _tensors(x, targets)

    def loss(chosen: Tensor) -> Tensor:
        error: Tensor = head(body(inputs[chosen])) - wanted[chosen]
        return error.square().sum(1).mean() / 2

    _train([body, head], loss, len(x), fit)
    with torch.no_grad():
        everything = torch.arange(len(x))
        return _array(body(inputs)), _array(head.weight), 2 * float(loss(everything))


def label_sets(
    x: Floats, rows: Floats, sizes: Sequence[int], fit: Fit
) -> tuple[Floats, Floats, float]:
    """Train on samples of several labels; return features, the head's weight and the share of
    samples whose largest logits are their labels.
    """
    torch.manual_seed(fit.seed)
    body = nn.Sequential(perceptron(sizes), nn.ReLU())
    head, pick = nn.Linear(sizes[-1], rows.shape[1], bias=False), PickAllLabel()
    inputs, sets = _tensors(x, rows)
    _train(
        [body, head],
        lambda chosen: pick(head(body(inputs[chosen])), sets[chosen]),
        len(x),
        fit,
    )
    with torch.no_grad():
        features = body.eval()(inputs)
        logits = head(features)
        least = logits.masked_fill(sets == 0, torch.inf).amin(1)
        most = logits.masked_fill(sets == 1, -torch.inf).amax(1)
        return _array(features), _array(head.weight), float((least > most).float().mean())


def sphere(
    x: Floats, y: Ints, sizes: Sequence[int], temperatures: Sequence[float], fit: Fit
) -> tuple[Floats, Floats]:
    """Train unit features under unit classifiers, the temperature falling step by step; return
    both.
    """
    torch.manual_seed(fit.seed)
    body = perceptron(sizes, batch_norm=True)
    head = nn.Linear(sizes[-1], int(y.max()) + 1, bias=False)
    inputs, labels = _tensors(x, y)
    path = np.geomspace(temperatures[0], temperatures[-1], fit.steps)
    step = 0

    def loss(chosen: Tensor) -> Tensor:
        nonlocal step
        features = functional.normalize(body(inputs[chosen]), dim=1)
        logits = functional.linear(features, functional.normalize(head.weight, dim=1))
        temperature, step = float(path[step]), step + 1
        return temperature * functional.cross_entropy(logits / temperature, labels[chosen])

    _train([body, head], loss, len(x), fit)
    with torch.no_grad():
        features = functional.normalize(body.eval()(inputs), dim=1)
        return _array(features), _array(functional.normalize(head.weight, dim=1))


def prototypes(
    x: Floats, y: Ints, sizes: Sequence[int], loss: SupervisedContrastive, fit: Fit
) -> Floats:
    """Train features by a contrastive loss; return them, of unit length."""
    torch.manual_seed(fit.seed)
    body, (inputs, labels) = perceptron(sizes, batch_norm=True), _tensors(x, y)
    _train([body], lambda chosen: loss(body(inputs[chosen]), labels[chosen]), len(x), fit)
    with torch.no_grad():
        return _array(functional.normalize(body.eval()(inputs), dim=1))


def next_token(
    contexts: Floats, shares: Floats, weights: Floats, sizes: Sequence[int], fit: Fit
) -> tuple[Floats, Floats, float]:
    """Train a model of the next token on all contexts at once.

    Args:
        contexts: (m, inputs) what the model sees of each.
        shares: (m, k) of the next tokens.
        weights: (m,) share of each context.
        sizes: inputs, hidden units, feature dimensions.
        fit: how.

    Returns:
        Classifiers (k, d), embeddings (m, d), and the loss.
    """
    torch.manual_seed(fit.seed)
    body, head = perceptron(sizes), nn.Linear(sizes[-1], shares.shape[1], bias=False)
    inputs, wanted, given = _tensors(contexts, shares, weights)

    def loss(chosen: Tensor) -> Tensor:
        logits = head(body(inputs[chosen]))
        losses: Tensor = -(wanted[chosen] * logits.log_softmax(1)).sum(1)
        return (given[chosen] * losses).sum()

    _train([body, head], loss, len(contexts), fit)
    with torch.no_grad():
        everything = torch.arange(len(contexts))
        return _array(head.weight), _array(body(inputs)), float(loss(everything))


def _train(
    modules: Sequence[nn.Module],
    loss: Callable[[Tensor], Tensor],
    n: int,
    fit: Fit,
    observe: Callable[[int], None] = lambda step: None,
) -> None:
    parameters = [p for module in modules for p in module.parameters()]
    optimizer: torch.optim.Optimizer = (
        torch.optim.SGD(parameters, fit.rate, momentum=0.9, weight_decay=fit.decay)
        if fit.method == "sgd"
        else torch.optim.Adam(parameters, fit.rate, weight_decay=fit.decay)
    )
    for step, _ in enumerate(descend(optimizer, loss, _batches(n, fit)), 1):
        observe(step)


def _batches(n: int, fit: Fit) -> Iterator[tuple[float, Tensor]]:
    """Yield rates, for SGD a tenth in the last third, and numbers of samples; all of them where no
    batch is asked for.
    """
    order = torch.Generator().manual_seed(fit.seed)
    waiting = torch.empty(0, dtype=torch.int64)
    for step in range(1, fit.steps + 1):
        if fit.batch and len(waiting) < fit.batch:
            waiting = torch.randperm(n, generator=order)
        late = fit.method == "sgd" and step >= 2 * fit.steps // 3
        chosen = waiting[: fit.batch] if fit.batch else torch.arange(n)
        waiting = waiting[fit.batch :]
        yield fit.rate / 10 if late else fit.rate, chosen


def _tensors(*arrays: Floats | Ints) -> list[Tensor]:
    return [
        torch.as_tensor(a, dtype=torch.int64 if a.dtype.kind in "iu" else torch.float32)
        for a in arrays
    ]


def _array(values: Tensor) -> Floats:
    return values.double().numpy()
