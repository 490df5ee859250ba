"""The runs of the claim contest."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lopsided import foresee, predict
from lopsided.adjustment import Adjustment
from lopsided.arrays import Floats, Ints
from lopsided.measure import Moments
from lopsided.measure.metrics import METRICS
from lopsided.problem import Problem
from lopsided.reproduce.claim import Outcome
from lopsided.reproduce.claims.contest.members import Kept, Way, nearest, rules, ways
from lopsided.reproduce.claims.contest.numbers import Entry, Numbers, Shape
from lopsided.reproduce.claims.contest.settings import Settings
from lopsided.reproduce.claims.prescription.material import small
from lopsided.reproduce.claims.prescription.training import WIDTH, cnn
from lopsided.reproduce.context import Context
from lopsided.reproduce.network.descend import descend
from lopsided.reproduce.network.models.mlp import mlp
from lopsided.reproduce.network.small.fit import tensors
from lopsided.reproduce.shapes import geometry
from lopsided.shape import contrast
from lopsided.steer import RULES

#: Seed of the run that chooses the rate, and of what classes are rare.
CHOOSING, PLAN = 10_000, 20261126
MOMENTUM = 0.9


@dataclass(frozen=True, eq=False)
class Sets:
    """Images and labels to train on, to choose by, and to test on."""

    images: tuple[Tensor, Tensor, Tensor]
    labels: tuple[Ints, Ints, Ints]


@dataclass(frozen=True)
class Scored:
    """A trained network: accuracies on held-out and test samples, and of rules on the latter. One
    that diverged has no shape, and is right nowhere.
    """

    held_out: float
    accuracies: tuple[float, ...]
    shape: Shape | None
    rules: dict[str, tuple[float, ...]]


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train every member with every seed; a network that is done is not trained again."""
    torch.set_num_threads(1)
    dataset = small(settings.dataset, context.place.data)
    chosen, entries = ways(), dict[str, Entry]()
    tests = min(settings.tested, int(np.bincount(dataset.test.labels).min()))
    for i, (name, way) in enumerate(chosen.items()):
        context.advance(i / len(chosen), name)
        slug = f"{way.kind}-{name}".replace(" ", "-").replace(",", "")

        def run(rate: float, seed: int, name: str = name, way: Way = way) -> Scored:
            ruled = name == "cross-entropy" and seed != CHOOSING
            return one(settings, way, rate, seed, context, ruled)

        rates = sorted(settings.rates)  # of equals the least, in whatever order they are given
        tried = [
            context.remember(f"{slug}-{rate:g}", Scored, partial(run, rate, CHOOSING)).held_out
            for rate in rates
        ]
        rate = rates[int(np.argmax(tried))]
        rows = [
            context.remember(f"{slug}-{rate:g}-{seed}", Scored, partial(run, rate, seed))
            for seed in range(settings.seeds)
        ]
        entries[name] = Entry(
            way.kind,
            rate,
            tuple(row.accuracies for row in rows),
            tuple(row.shape for row in rows if row.shape is not None),
        )
        for rule in rows[0].rules:
            kind = "rule" if rule in RULES else "recipe"
            found = tuple(row.rules[rule] for row in rows)
            entries[f"{name}, {rule}"] = Entry(kind, rate, found)
    counts = tuple(settings.counts.values.tolist())
    return Outcome(Numbers(dataset.title, counts, tests, entries))


def sets(settings: Settings, seed: int, context: Context) -> Sets:
    """Choose the samples of a seed; labels are ranks, 0 the most frequent class, and which class
    has which rank is drawn.
    """
    dataset, counts = small(settings.dataset, context.place.data), settings.counts.values
    rng = np.random.default_rng([PLAN, seed])
    order, parts = rng.permutation(len(counts)), dataset.train
    train, held = [], []
    for rank, c in enumerate(order):
        members = rng.permutation(np.flatnonzero(parts.labels == c))
        wanted = counts[rank] + settings.held_out
        if len(members) < wanted:
            raise ValueError(
                f"{dataset.title} has {len(members)} training samples of class {c}, but"
                f" {counts[rank]} and {settings.held_out} held-out ones are asked for"
            )
        train.append(members[: counts[rank]])
        held.append(members[counts[rank] : wanted])
    tested = [
        rng.permutation(np.flatnonzero(dataset.test.labels == c))[: settings.tested] for c in order
    ]
    pieces = [
        dataset.train.take(np.concatenate(train)),
        dataset.train.take(np.concatenate(held)),
        dataset.test.take(np.concatenate(tested)),
    ]
    rank_of = np.argsort(order)
    images = [torch.from_numpy(dataset.normalise(piece)) for piece in pieces]
    labels = [rank_of[piece.labels] for piece in pieces]
    return Sets((images[0], images[1], images[2]), (labels[0], labels[1], labels[2]))


def one(
    settings: Settings, way: Way, rate: float, seed: int, context: Context, ruled: bool
) -> Scored:
    """Train a network, and see what it and, if asked for, rules on it are worth."""
    given, counts = sets(settings, seed, context), settings.counts
    kept, scores = fit(settings, way, rate, seed, given)
    if not all(np.isfinite(each).all() for each in (*kept.features, *scores)):
        return Scored(0.0, (0.0,) * counts.k, None, {})
    held, test = (
        accuracies(each, given.labels[i], counts.k) for i, each in zip((1, 2), scores, strict=True)
    )
    found = {}
    if ruled:
        for name, rule in rules().items():
            found[name] = accuracies(rule(kept), given.labels[2], counts.k)
    return Scored(float(np.mean(held)), test, _shape(way, kept), found)


def fit(
    settings: Settings, way: Way, rate: float, seed: int, given: Sets
) -> tuple[Kept, tuple[Floats, Floats]]:
    """Train a network; return what is kept of it, and its scores of held-out and test samples."""
    counts, (images, _, _) = settings.counts, given.images
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        shape = images.shape[1], images.shape[2], images.shape[3]
        body, d = mlp(shape, WIDTH, 2) if settings.model == "mlp" else cnn(shape)
        loss = way.loss(counts, settings.steps)
        if way.head is None:
            # What losses of features are given has the dimensions that they are made for.
            body = nn.Sequential(body, nn.Linear(d, _width(loss, d)))
        head = None if way.head is None else way.head(counts, d)
        beside = None if way.beside is None else way.beside(counts, d)
    (labels,) = tensors(given.labels[0])
    network = nn.ModuleList([each for each in (body, loss, head, beside) if each is not None])

    def objective(batch: Tensor) -> Tensor:
        h, y = body(images[batch]), labels[batch]
        h = functional.normalize(h, dim=1) if way.unit else h
        z = h if head is None else head(h, y) if way.labelled else head(h)
        value: Tensor = loss(z, y)
        return value if beside is None else value + beside(h, y)

    optimizer = torch.optim.SGD(network.parameters(), rate, MOMENTUM, weight_decay=settings.decay)
    network.train()
    for _ in descend(optimizer, objective, _batches(settings, way, rate, seed, labels)):
        pass
    network.eval()
    with torch.inference_mode():
        parts = [body(each) for each in given.images]
        if way.unit or head is None:
            parts = [functional.normalize(each, dim=1) for each in parts]
        h = tuple(each.double().numpy() for each in parts)
        weight = np.zeros((counts.k, 1))
        if head is None:
            kept = Kept(counts, (h[0], h[1], h[2]), given.labels, weight)
            held, test = nearest(kept, 1), nearest(kept, 2)
        else:
            assert isinstance(head.weight, Tensor)
            weight = head.weight.double().numpy()
            kept = Kept(counts, (h[0], h[1], h[2]), given.labels, weight)
            held, test = (head(each).double().numpy() for each in parts[1:])
    return kept, (held, test)


def _width(loss: nn.Module, d: int) -> int:
    """Return the feature dimensions that a loss has vectors for."""
    vectors = getattr(loss, "weight", None)
    vectors = getattr(loss, "vectors", None) if vectors is None else vectors
    return d if vectors is None else int(vectors.shape[1])


def _batches(
    settings: Settings, way: Way, rate: float, seed: int, labels: Tensor
) -> Iterator[tuple[float, Tensor]]:
    """Yield the rates, which fall like a cosine, and numbers of samples."""
    order = torch.Generator().manual_seed(seed)
    even = 1.0 / torch.bincount(labels)[labels]
    waiting = torch.empty(0, dtype=torch.int64)
    for step in range(settings.steps):
        if way.balanced:
            chosen = torch.multinomial(even, settings.batch, replacement=True, generator=order)
        else:
            if len(waiting) < settings.batch:
                more = [torch.randperm(len(labels), generator=order)]
                more *= -(-settings.batch // len(labels))
                waiting = torch.cat([waiting, *more])
            chosen, waiting = waiting[: settings.batch], waiting[settings.batch :]
        yield rate * (1 + math.cos(math.pi * step / settings.steps)) / 2, chosen


def accuracies(scores: Floats, labels: Ints, k: int) -> tuple[float, ...]:
    """Return the share of each class that is right."""
    right = scores.argmax(axis=1) == labels
    return tuple(float(right[labels == c].mean()) for c in range(k))


def _shape(way: Way, kept: Kept) -> Shape:
    counts, h = kept.counts, kept.features[0]
    moments = Moments(counts.k, h.shape[1])
    moments.update(h, kept.labels[0])
    nc1 = float(METRICS["nc1"].function(moments))
    if way.head is None:
        return Shape(nc1, None, None, None, None)
    adjustment = Adjustment() if way.adjustment is None else way.adjustment(counts)
    seen = geometry(kept.weight, moments.means, counts, adjustment).classifiers
    own = None
    if way.adjustment is not None:
        law = foresee(Problem(counts, adjustment, ridge=0.0)).classifiers
        own = seen.distance(law)
    return Shape(
        nc1,
        contrast(seen, counts.minorities).norm_ratio,
        seen.distance(predict.seli(counts).classifiers),
        seen.distance(predict.etf(counts.k).classifiers),
        own,
    )
