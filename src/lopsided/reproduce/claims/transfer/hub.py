"""A hub: small networks trained on MNIST and Fashion-MNIST, each tried on the digits by linear
probes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any

import numpy as np

from lopsided.arrays import Floats, Ints
from lopsided.measure import Moments, Transferability, transferability
from lopsided.measure.metrics import nc1
from lopsided.needs import need
from lopsided.reproduce import data
from lopsided.reproduce.choices import Checked, Positive, Seeds, Whole
from lopsided.reproduce.context import Context, Place
from lopsided.reproduce.typed import Bounds

#: What the networks are trained on, and what they are transferred to.
SOURCES, TARGET = ("mnist", "fashion-mnist"), "digits"


@dataclass(frozen=True)
class Settings(Checked):
    """The networks of a hub: each source, width and number of steps.

    Attributes:
        samples: of each source, the first ones.
        widths: of the three hidden layers.
        steps: of Adam, batches of 64; the rate falls along half a cosine.
        rate: of Adam.
        seeds: hubs, each of other networks.
    """

    samples: Annotated[int, Bounds(least=100, most=60000)] = 4000
    widths: tuple[Annotated[int, Bounds(least=2, most=4096)], ...] = (12, 48, 192)
    steps: tuple[Whole, ...] = (30, 200, 1000)
    rate: Positive = 2e-3
    seeds: Seeds = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.widths) * len(self.steps) < 2:
            raise ValueError(
                "widths and steps must make two networks or more of each source, which are"
                f" compared, got {self.widths} and {self.steps}"
            )


@dataclass(frozen=True)
class Layer:
    """What a layer says of the target.

    Attributes:
        nc1: of its training samples.
        accuracy: of a linear probe, on held-out samples.
    """

    nc1: float
    accuracy: float


@dataclass(frozen=True)
class Member:
    """A network of a hub.

    Attributes:
        seed: number of the hub.
        source: what it was trained on.
        width: of its layers.
        steps: of its training.
        source_nc1: of the samples it was trained on, in the last layer.
        scores: of the target in the last layer.
        layers: from the first to the last.
    """

    seed: int
    source: str
    width: int
    steps: int
    source_nc1: float
    scores: Transferability
    layers: tuple[Layer, ...]

    @property
    def accuracy(self) -> float:
        """Of the probe of the last layer."""
        return self.layers[-1].accuracy


@dataclass(frozen=True)
class Numbers:
    """All networks, hub by hub."""

    members: tuple[Member, ...]


def ready(settings: Settings, place: Place) -> None:
    """Find out whether the sources are there."""
    for name in SOURCES:
        data.require(name, place.data)


def hubs(settings: Settings, context: Context) -> tuple[Numbers, dict[str, Any]]:
    """Train and try all networks; return them, and the digests of the data."""
    from lopsided.reproduce.data.pooled import rows

    sets = {name: rows(name, context.place.data) for name in (*SOURCES, TARGET)}
    kinds = list(product(range(settings.seeds), SOURCES, settings.widths, settings.steps))
    found = []
    for i, (seed, source, width, steps) in enumerate(kinds):
        context.advance(i / len(kinds), f"hub {seed}, {source}, width {width}, {steps} steps")
        of, n = sets[source], settings.samples
        trained = (of.x[:n], of.y[:n])
        found.append(_member(settings, trained, sets[TARGET], seed, source, width, steps))
    digests = {name: each.digest for name, each in sets.items()}
    return Numbers(tuple(found)), {"data": digests}


def _member(
    settings: Settings,
    trained: tuple[Floats, Ints],
    target: Any,
    seed: int,
    source: str,
    width: int,
    steps: int,
) -> Member:
    from lopsided.reproduce.network.small import Fit, classifier

    fit = Fit(steps, settings.rate, seed, "adam", batch=64, schedule="cosine")
    network = classifier(*trained, (64, width, width, width), fit)
    seen, others = network.layers(target.x), network.layers(target.test_x)
    layers = tuple(
        Layer(_nc1(h, target.y), _probed((h, target.y), (test, target.test_y)))
        for h, test in zip(seen, others, strict=True)
    )
    own = _nc1(network.layers(trained[0])[-1], trained[1])
    scores = transferability(seen[-1], target.y)
    return Member(seed, source, width, steps, own, scores, layers)


def _nc1(features: Floats, labels: Ints) -> float:
    moments = Moments(int(labels.max()) + 1, features.shape[1])
    moments.update(features, labels)
    return nc1(moments)


def _probed(train: tuple[Floats, Ints], test: tuple[Floats, Ints]) -> float:
    """Return the accuracy of logistic regression on features in units of their own spread."""
    linear = need("sklearn.linear_model", "'lopsided[reproduce]'")
    mean, spread = train[0].mean(axis=0), train[0].std(axis=0)
    alive = spread > 0
    x, others = ((h[:, alive] - mean[alive]) / spread[alive] for h in (train[0], test[0]))
    probe = linear.LogisticRegression(C=0.1, max_iter=2000, tol=1e-3).fit(x, train[1])
    return float(np.mean(probe.predict(others) == test[1]))
