"""First-order optimisers, as the directions they take.

An optimiser sees the gradients of the mean loss by classifiers and by features and returns what is
subtracted from them. Where the features of a class coincide (full-batch methods started so), one
row stands for `weight` equal ones; only the spectral methods see the difference, since the polar
factor of stacked equal rows is that of the rows times sqrt(weight), over sqrt(weight).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lopsided.arrays import Floats, require_number, require_whole
from lopsided.singular import svd


class Slope(NamedTuple):
    """What a direction is made of.

    Attributes:
        gradients: by classifiers and by features.
        memory: running averages of an earlier step, first and second moments; zero at the start.
        loss: mean loss, times the number that the gradients were multiplied by against underflow.
        log_loss: logarithm of the mean loss itself.
        largest: size of the largest logit that the loss sees.
        step: number of this step, from 1.
        weights: equal samples behind each row of classifiers (ones) and of features.
    """

    gradients: tuple[Floats, Floats]
    memory: tuple[Floats, ...]
    loss: float
    log_loss: float
    largest: float
    step: int
    weights: tuple[Floats, Floats]


Direction = Callable[["Optimizer", Slope], tuple[tuple[Floats, Floats], tuple[Floats, ...]]]


@dataclass(frozen=True)
class Optimizer:
    """An optimiser with its settings.

    Attributes:
        name: a key of `DIRECTIONS`.
        rate: learning rate, constant.
        momentum: fraction of the previous direction that stays; for Adam the first beta.
        batch: samples a batch; None is all of them.

    Raises:
        ValueError: for an unknown name or a setting out of range.
        TypeError: if rate or momentum is no number.
    """

    name: str
    rate: float
    momentum: float = 0.0
    batch: int | None = None

    def __post_init__(self) -> None:
        if self.name not in DIRECTIONS:
            raise ValueError(f"optimizer must be one of {', '.join(DIRECTIONS)}, got {self.name!r}")
        if not 0 < require_number(self.rate, "the learning rate") < np.inf:
            raise ValueError(f"the learning rate must be a positive finite number, got {self.rate}")
        if not 0 <= require_number(self.momentum, "momentum") < 1:
            raise ValueError(f"momentum must be from 0 to below 1, got {self.momentum}")
        if self.batch is not None:
            require_whole("samples of a batch", self.batch, 1)
            object.__setattr__(self, "batch", int(self.batch))
        for name in ("rate", "momentum"):  # plain numbers, which a file of settings holds
            object.__setattr__(self, name, float(getattr(self, name)))


def _averaged(optimizer: Optimizer, slope: Slope) -> tuple[Floats, Floats]:
    """Heavy-ball momentum."""
    first, second = (
        optimizer.momentum * m + g for m, g in zip(slope.memory[:2], slope.gradients, strict=True)
    )
    return first, second


def _descent(
    optimizer: Optimizer, slope: Slope
) -> tuple[tuple[Floats, Floats], tuple[Floats, ...]]:
    """Gradient descent; SGD with batches; heavy ball with momentum."""
    average = _averaged(optimizer, slope)
    return average, average


def _normalized(
    optimizer: Optimizer, slope: Slope
) -> tuple[tuple[Floats, Floats], tuple[Floats, ...]]:
    """Gradient descent divided by the loss (Nacson et al. 2019, arXiv 1803.01905), and by the
    largest logit once that exceeds 1.

    Logits are quadratic in the factors, so without the second division they and the steps in them
    would grow exponentially; with it they grow linearly. Momentum is of what is divided already: of
    gradients as they were, which the loss has fallen below since, it would leap.
    """
    divisor = slope.loss * max(1.0, slope.largest)
    first, second = slope.gradients
    average = _averaged(optimizer, slope._replace(gradients=(first / divisor, second / divisor)))
    return average, average


def _sign(optimizer: Optimizer, slope: Slope) -> tuple[tuple[Floats, Floats], tuple[Floats, ...]]:
    """Sign descent (signSGD, Signum with momentum; Bernstein et al. 2018, arXiv 1802.04434)."""
    average = _averaged(optimizer, slope)
    return (np.sign(average[0]), np.sign(average[1])), average


def _spectral(
    optimizer: Optimizer, slope: Slope
) -> tuple[tuple[Floats, Floats], tuple[Floats, ...]]:
    """Spectral descent: the polar factor of each gradient; with momentum Muon (Jordan et al. 2024),
    by SVD not Newton-Schulz.
    """
    average = _averaged(optimizer, slope)
    first, second = (_polar(g, w) for g, w in zip(average, slope.weights, strict=True))
    return (first, second), average


def _adam(optimizer: Optimizer, slope: Slope) -> tuple[tuple[Floats, Floats], tuple[Floats, ...]]:
    """Adam with betas (momentum, .999) and epsilon 1e-12, small since gradients vanish (Kingma and
    Ba 2015, arXiv 1412.6980).
    """
    beta = 0.999
    first = [
        optimizer.momentum * m + (1 - optimizer.momentum) * g
        for m, g in zip(slope.memory[:2], slope.gradients, strict=True)
    ]
    second = [
        beta * v + (1 - beta) * g**2 for v, g in zip(slope.memory[2:], slope.gradients, strict=True)
    ]
    correct = 1 - optimizer.momentum**slope.step, 1 - beta**slope.step
    a, b = (
        m / correct[0] / (np.sqrt(v / correct[1]) + 1e-12)
        for m, v in zip(first, second, strict=True)
    )
    return (a, b), (*first, *second)


def _polar(gradient: Floats, weights: Floats) -> Floats:
    root = np.sqrt(weights)[:, None]
    left, values, right = svd(gradient * root)
    alive = values > 1e-9 * values.max(initial=0)
    return np.asarray((left[:, alive] @ right[alive]) / root)


#: Name -> the direction of an optimiser.
DIRECTIONS: dict[str, Direction] = {
    "descent": _descent,
    "normalized": _normalized,
    "adam": _adam,
    "sign": _sign,
    "spectral": _spectral,
}
