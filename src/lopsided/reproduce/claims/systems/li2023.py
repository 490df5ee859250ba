"""Federated learning under a fixed simplex ETF, with each client's own class counts in its loss.

Clients have few of the classes each. Perceptrons on Fashion-MNIST, averaged over clients after
every round, under four pairs of a head and a loss: the proposal, each half of it, and neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import numpy as np

from lopsided import predict
from lopsided.adjustment import Adjustment
from lopsided.arrays import Floats, Ints
from lopsided.counts import Counts
from lopsided.gram import Gram
from lopsided.papers import cite
from lopsided.report.blocks import Block, Row, Table, drawn
from lopsided.reproduce import data
from lopsided.reproduce.choices import Checked, Positive, Seeds, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context, Place
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.spread import spread
from lopsided.reproduce.typed import Bounds

Way = Literal["linear", "linear, own counts", "fixed ETF", "fixed ETF, own counts"]
#: The plain way, each half of the proposal, and the proposal.
WAYS: tuple[Way, ...] = ("linear", "linear, own counts", "fixed ETF", "fixed ETF, own counts")


@dataclass(frozen=True)
class Settings(Checked):
    """The data, the clients and how they train.

    Attributes:
        dataset: a name in `data.DATASETS` of grey images of ten classes; they are made 8x8.
        samples: of each class, shared out to the clients.
        held: others of each class, by which a rate is chosen.
        clients: for each class, how its samples are shared out is drawn from a Dirichlet
            distribution; a client that gets none takes no part.
        concentration: of that distribution; the smaller, the fewer classes a client has.
        rounds: of averaging.
        passes: over its own samples that a client trains in a round.
        batch: samples of a step, at most.
        rates: of SGD with momentum 0.9; each way has the one that is best for it.
        decay: weight decay.
        scale: of the fixed classifiers, whose logits are of unit features, at the start; a factor
            of it learns.
        seeds: number of repetitions, each with other samples and clients.
    """

    dataset: str = "fashion-mnist"
    samples: Annotated[int, Bounds(least=1, most=5000)] = 300
    held: Annotated[int, Bounds(least=1, most=5000)] = 100
    clients: Annotated[int, Bounds(least=1, most=1000)] = 20
    concentration: Positive = 0.1
    rounds: Annotated[int, Bounds(least=1, most=10**4)] = 20
    passes: Whole = 3
    batch: Annotated[int, Bounds(least=1, most=10**4)] = 64
    rates: tuple[Positive, ...] = (0.04, 0.12)
    decay: Annotated[float, Bounds(least=0, most=1)] = 5e-4
    scale: Positive = 10.0
    seeds: Seeds = 3


@dataclass(frozen=True)
class Network:
    """The server's network of a way, a rate and a seed.

    Attributes:
        way: its head, and whether clients have their own counts in the loss.
        rate: of the clients.
        seed: of the run.
        clients: that have samples.
        classes: that a client has, on average.
        accuracy: on the test set, after each round.
        held: accuracy on the samples by which a rate is chosen, after the last.
        etf: distance of the Gram of the centred class means of all training samples to the simplex
            ETF, after the last.
    """

    way: Way
    rate: float
    seed: int
    clients: int
    classes: float
    accuracy: tuple[float, ...]
    held: float
    etf: float


@dataclass(frozen=True)
class Numbers:
    """All networks."""

    networks: tuple[Network, ...]

    def chosen(self, way: Way) -> list[Network]:
        """Return the networks of a way at the rate that is best for it on held-out samples, over
        all seeds; of equals at the least.
        """
        tried = [one for one in self.networks if one.way == way]
        rates = sorted({one.rate for one in tried})
        by_rate = [[each for each in tried if each.rate == rate] for rate in rates]
        return max(by_rate, key=lambda each: np.mean([one.held for one in each]))

    def last(self, way: Way) -> Floats:
        """Return the test accuracies of a way after the last round, a seed each."""
        return np.array([one.accuracy[-1] for one in self.chosen(way)])


def ready(settings: Settings, place: Place) -> None:
    """Find out whether the data is there."""
    data.require(settings.dataset, place.data)


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train one network a way, rate and seed."""
    from torch import nn

    from lopsided.reproduce.data.pooled import rows
    from lopsided.reproduce.network.small import Answer, Client, Fit, federated
    from lopsided.steer import AdjustedCrossEntropy, FixedHead, counts_with_absent

    images, d = rows(settings.dataset, context.place.data), 64
    context = context.of(images.digest)

    def one(way: Way, rate: float, seed: int) -> Network:
        chosen = data.choose(images.y, Counts([settings.samples] * 10), seed)
        x, y = images.x[chosen], images.y[chosen]
        rest = np.setdiff1d(np.arange(len(images.y)), chosen)
        held = rest[data.choose(images.y[rest], Counts([settings.held] * 10), seed)]
        own, fixed = way.endswith("own counts"), way.startswith("fixed")

        def loss(labels: Ints) -> nn.Module:
            counts = counts_with_absent(np.bincount(labels, minlength=10))
            return AdjustedCrossEntropy(Adjustment.logit_adjusted(counts) if own else Adjustment())

        parts = data.shared_out(y, settings.clients, settings.concentration, seed)
        clients = [Client(x[part], y[part], loss(y[part])) for part in parts]
        accuracy = []

        def head() -> nn.Module:
            if fixed:
                etf = predict.etf(10)
                return FixedHead(etf, d, scale=settings.scale, learn_scale=True, seed=seed)
            return nn.Linear(d, 10, bias=False)

        def observe(turn: int, answer: Answer) -> None:
            accuracy.append(_accuracy(answer, images.test_x, images.test_y))

        fit = Fit(settings.passes, rate, seed, decay=settings.decay, batch=settings.batch)
        sizes = (64, 128, d)
        answer = federated(clients, sizes, head, fit, settings.rounds, observe, unit=fixed)
        h, _ = answer(x)
        means = np.stack([h[y == c].mean(axis=0) for c in range(10)])
        return Network(
            way=way,
            rate=rate,
            seed=seed,
            clients=len(parts),
            classes=float(np.mean([len(np.unique(y[part])) for part in parts])),
            accuracy=tuple(accuracy),
            held=_accuracy(answer, images.x[held], images.y[held]),
            etf=Gram.of_vectors(means - means.mean(axis=0)).distance(predict.etf(10).embeddings),
        )

    cases = [(w, r, seed) for seed in range(settings.seeds) for w in WAYS for r in settings.rates]
    networks = []
    for i, (way, rate, seed) in enumerate(cases):
        context.advance(i / len(cases), f"{way}, rate {rate:g}, seed {seed}")
        name = f"{WAYS.index(way)}-{rate:g}-{seed}"
        networks.append(context.remember(name, Network, partial(one, way, rate, seed)))
    return Outcome(Numbers(tuple(networks)), {"data": images.digest})


def _accuracy(answer: Callable[[Floats], tuple[Floats, Floats]], x: Floats, y: Ints) -> float:
    return float(np.mean(answer(x)[1].argmax(axis=1) == y))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when in every seed the fixed ETF with own counts is more accurate after the last round
    than all other ways.
    """
    *others, proposed = (numbers.last(way) for way in WAYS)
    gains = [proposed - other for other in others]
    rates = {way: f"{numbers.chosen(way)[0].rate:g}" for way in WAYS}
    told = "; ".join(
        f"{np.mean(other):.1%} of {way} (at {rates[way]}, {np.min(gain):+.1%} to"
        f" {np.max(gain):+.1%})"
        for way, other, gain in zip(WAYS, others, gains, strict=False)
    )
    etf = {way: np.mean([one.etf for one in numbers.chosen(way)]) for way in WAYS}
    classes = np.mean([one.classes for one in numbers.networks])
    clients = sorted({one.clients for one in numbers.networks})
    many = " to ".join(map(str, dict.fromkeys((clients[0], clients[-1]))))
    return Verdict(
        all(bool((gain > 0).all()) for gain in gains),
        f"After {settings.rounds} rounds of {many} clients with {classes:.1f} classes each, the"
        f" fixed ETF with own counts has a test accuracy of {np.mean(proposed):.1%} (at"
        f" {rates[WAYS[3]]}), against {told}; in brackets the best of the rates"
        f" {', '.join(f'{rate:g}' for rate in sorted(settings.rates))}, and what it gains over the"
        f" seeds ({settings.seeds}). Its class means are {etf[WAYS[3]]:.2f} from the simplex ETF,"
        f" those under the linear head {etf[WAYS[0]]:.2f}.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return the accuracy after each round, and how it ends."""
    from lopsided.reproduce.figures.lines import several

    numbers, settings = runs[-1].numbers, runs[-1].settings
    rounds = np.arange(1, settings.rounds + 1)
    lines: dict[str, tuple[Ints, Floats]] = {
        way: (rounds, np.array([one.accuracy for one in numbers.chosen(way)]).T) for way in WAYS
    }
    figure = drawn(
        lambda ax: several(lines, ax, x="round", label="test accuracy"),
        "Test accuracy of the server's network against rounds, for four ways to train",
    )
    rows = []
    for way in WAYS:
        chosen, last = numbers.chosen(way), numbers.last(way)
        etf = np.mean([one.etf for one in chosen])
        rate = f"{chosen[0].rate:g}"
        rows.append([way, rate, spread((100 * last).tolist(), 1), f"{etf:.2f}"])
    columns = ["head and loss", "rate", "test accuracy, %", "class means to ETF"]
    return [
        Row([figure], "Accuracy of the server's network, every seed a line."),
        Table(f"After the last round, {settings.seeds} seeds.", columns, rows),
    ]


LI2023 = Claim(
    name="li2023",
    title="Federated learning under a fixed simplex ETF",
    statement=(
        "Where clients have few of the classes each, a head fixed to the simplex ETF, with the"
        " client's own class counts in its loss, learns a better network for all than a head that"
        " is learned and averaged, with these counts or without, and than the fixed head alone."
    ),
    source=cite("li2023"),
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
    ready=ready,
)
