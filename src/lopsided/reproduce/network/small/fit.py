"""How small perceptrons are trained."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from lopsided.arrays import Floats, Ints
from lopsided.reproduce.network.descend import descend


@dataclass(frozen=True)
class Fit:
    """How a small network is trained.

    Attributes:
        steps: of the optimiser.
        rate: learning rate at the start.
        seed: of initialisation and order of the samples.
        method: SGD with momentum .9, SGD without ("plain"), or Adam.
        decay: weight decay on all parameters.
        batch: samples of a step; 0 for all.
        schedule: of the rate: constant, or half a cosine down to zero.
    """

    steps: int
    rate: float
    seed: int
    method: Literal["sgd", "plain", "adam"] = "sgd"
    decay: float = 0.0
    batch: int = 0
    schedule: Literal["constant", "cosine"] = "constant"


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


def train(
    modules: Sequence[nn.Module],
    loss: Callable[[Tensor], Tensor],
    n: int,
    fit: Fit,
    observe: Callable[[int], None] = lambda step: None,
) -> None:
    """Train modules together, and tell how many steps they have taken after each."""
    parameters = [p for module in modules for p in module.parameters()]
    optimizer: torch.optim.Optimizer = (
        torch.optim.Adam(parameters, fit.rate, weight_decay=fit.decay)
        if fit.method == "adam"
        else torch.optim.SGD(
            parameters,
            fit.rate,
            momentum=0.9 if fit.method == "sgd" else 0.0,
            weight_decay=fit.decay,
        )
    )
    for step, _ in enumerate(descend(optimizer, loss, _batches(n, fit)), 1):
        observe(step)


def _batches(n: int, fit: Fit) -> Iterator[tuple[float, Tensor]]:
    """Yield rates and numbers of samples; all of them where no batch is asked for."""
    order = torch.Generator().manual_seed(fit.seed)
    waiting = torch.empty(0, dtype=torch.int64)
    for step in range(1, fit.steps + 1):
        if fit.batch and len(waiting) < fit.batch:
            waiting = torch.randperm(n, generator=order)
        chosen = waiting[: fit.batch] if fit.batch else torch.arange(n)
        waiting = waiting[fit.batch :]
        falling = (1 + math.cos(math.pi * (step - 1) / fit.steps)) / 2
        yield fit.rate * (falling if fit.schedule == "cosine" else 1.0), chosen


def tensors(*arrays: Floats | Ints) -> list[Tensor]:
    """Return arrays as float32 tensors, whole numbers as int64."""
    return [
        torch.as_tensor(a, dtype=torch.int64 if a.dtype.kind in "iu" else torch.float32)
        for a in arrays
    ]


def array(values: Tensor) -> Floats:
    """Return a tensor as float64."""
    return values.double().numpy()
