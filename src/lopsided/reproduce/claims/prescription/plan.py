"""The networks of the claim prescription, every setting of them, drawn before any was trained.

The remedy and its constants were tuned on other networks: batch-norm perceptrons of width 256 and
convolutional networks of 128 features, 3, 12 or 40 epochs at a rate of .01 or .05, steps of 2 or 5
majorities. Widths, epochs, rates, steps and seeds here are others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any, Literal

import numpy as np

from lopsided.counts import Counts

Loss = Literal["cross-entropy", "weighted", "logit-adjusted"]
Task = Literal["digits", "mnist", "fashion-mnist", "cifar-10"]
Other = Literal["characters", "frozen"]
#: All of them, as one list of words.
Anywhere = Literal["digits", "mnist", "fashion-mnist", "cifar-10", "characters", "frozen"]
Model = Literal["mlp", "cnn", "frozen"]
Shape = Literal["exponential", "step"]

#: Seed of the plan, and the first of the networks' own.
PLAN, FIRST = 20261125, 3000
#: Task -> samples of the largest class, and ratios, to draw from.
SIZES: dict[Task, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "digits": ((40, 60), (10, 20, 30)),
    "mnist": ((400, 800, 1600), (10, 30, 70, 150, 300, 500)),
    "fashion-mnist": ((400, 800, 1600), (10, 30, 70, 150, 300, 500)),
    "cifar-10": ((800, 1600), (10, 30, 70, 150, 300, 500)),
}
EPOCHS, RATES, MAJORITIES = (6, 15, 30), (0.02, 0.03), (3, 4, 6)
#: Fewest samples of the rarest class.
RAREST = 2


@dataclass(frozen=True)
class Plan:
    """Everything that determines one network.

    Attributes:
        task: where the samples come from.
        model: "mlp", "cnn", or "frozen": only the head is trained, on a body trained on characters.
        loss: to train with.
        shape: of the counts, which are shuffled.
        counts: training samples of each class.
        epochs: passes over them.
        rate: of SGD, at its start.
        bias: whether the head has one.
        seed: of initialisation, order and choice of the samples.
    """

    task: Anywhere
    model: Model
    loss: Loss
    shape: Shape
    counts: tuple[int, ...]
    epochs: int
    rate: float
    bias: bool
    seed: int

    def plain(self) -> dict[str, Any]:
        """Return the settings as plain data."""
        return asdict(self)


def plans(tasks: tuple[Task, ...], losses: tuple[Loss, ...]) -> Iterator[Plan]:
    """Yield one network of each loss for each task, model and shape of counts."""
    cells: list[tuple[Shape, Model]] = [
        ("exponential", "cnn"),
        ("exponential", "mlp"),
        ("step", "cnn"),
        ("step", "mlp"),
    ]
    for number, (loss, task, (shape, model)) in enumerate(product(losses, SIZES, cells)):
        rng = np.random.default_rng([PLAN, number])
        sizes, ratios = SIZES[task]
        largest = int(rng.choice(sizes))
        ratio = int(rng.choice([r for r in ratios if r * RAREST <= largest]))
        counts = _counts(10, shape, largest, ratio, int(rng.choice(MAJORITIES)))
        plan = Plan(
            task,
            model,
            loss,
            shape,
            tuple(rng.permutation(counts).tolist()),
            int(rng.choice(EPOCHS)),
            float(rng.choice(RATES)),
            bool(rng.integers(2)),
            FIRST + number,
        )
        if task in tasks:
            yield plan


def other_plans(others: tuple[Other, ...]) -> Iterator[Plan]:
    """Yield the networks of a hundred characters, and the heads on a frozen body."""
    rows: dict[Other, list[tuple[Model, Loss, Shape, int, int, int, int]]] = {
        "characters": [
            ("cnn", "cross-entropy", "exponential", 100, 200, 50, 20),
            ("mlp", "cross-entropy", "exponential", 100, 200, 20, 20),
            ("cnn", "cross-entropy", "step", 100, 200, 50, 20),
            ("mlp", "weighted", "exponential", 100, 200, 50, 20),
        ],
        "frozen": [
            ("frozen", "cross-entropy", "exponential", 10, 800, 100, 30),
            ("frozen", "cross-entropy", "step", 10, 400, 50, 30),
            ("frozen", "weighted", "exponential", 10, 800, 100, 30),
        ],
    }
    for task in others:
        for i, (model, loss, shape, k, largest, ratio, epochs) in enumerate(rows[task]):
            seed = FIRST + 500 + 10 * list(rows).index(task) + i
            counts = _counts(k, shape, largest, ratio, k * 3 // 10)
            shuffled = np.random.default_rng([PLAN, seed]).permutation(counts)
            yield Plan(
                task, model, loss, shape, tuple(shuffled.tolist()), epochs, 0.03, bool(i % 2), seed
            )


def _counts(k: int, shape: Shape, largest: int, ratio: int, majorities: int) -> list[int]:
    if shape == "exponential":
        return list(Counts.exponential(k, largest, ratio))
    return [largest] * majorities + [largest // ratio] * (k - majorities)
