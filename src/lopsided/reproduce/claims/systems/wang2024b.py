"""Shortcut primes: a head that is told the color of a digit, whose features need not learn it.

Ten colors, one a class: most training images have the color of their class, the others another. A
batch-norm perceptron is trained under a linear head, under a primed one, and by a loss that lets
images of the wrong color count as much as all others. Test images of wrong colors tell what was
learned.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal, get_args

import numpy as np

from lopsided.arrays import Floats, Ints
from lopsided.papers import cite
from lopsided.report.blocks import Block, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Positive, Seeds, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.data.images import Images
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.spread import spread
from lopsided.reproduce.typed import Bounds

Way = Literal["plain", "primed", "group-aligned"]
Figure = Literal["conflicting", "aligned", "misled"]

#: Classes, hidden units, feature dimensions; test images of each class.
_K, _HIDDEN, _D, _TESTED = 10, 64, 32, 200
#: (10, 3) red, green and blue of the colors, evenly around the wheel.
_COLORS = np.array([colorsys.hsv_to_rgb(c / _K, 1.0, 1.0) for c in range(_K)])


@dataclass(frozen=True)
class Settings(Checked):
    """The images and the networks.

    Attributes:
        dataset: images of ten classes, of half the width and height; digits as they are.
        aligned: shares of the training images that have the color of their class.
        samples: training images of each class.
        steps: of Adam; the rate falls along half a cosine.
        rate: of Adam.
        decay: weight decay.
        batch: samples of a step.
        seeds: number of repetitions.
    """

    dataset: Literal["digits", "mnist", "fashion-mnist"] = "mnist"
    aligned: tuple[Annotated[float, Bounds(above=0, below=1)], ...] = (0.9, 0.95, 0.97, 0.99, 0.995)
    samples: Annotated[int, Bounds(least=2, most=5000)] = 500
    steps: Whole = 400
    rate: Positive = 3e-3
    decay: Annotated[float, Bounds(least=0, most=1)] = 1e-4
    batch: Annotated[int, Bounds(least=2, most=10**4)] = 128
    seeds: Seeds = 3


@dataclass(frozen=True)
class Found:
    """A trained network, on test images.

    Attributes:
        way: that it was trained.
        share: of training images that had the color of their class.
        seed: of the run.
        conflicting: accuracy where every image has the color of another class.
        aligned: accuracy where every image has the color of its own.
        misled: share of the former that are taken for the class of their color.
    """

    way: Way
    share: float
    seed: int
    conflicting: float
    aligned: float
    misled: float


@dataclass(frozen=True)
class Numbers:
    """All networks."""

    networks: tuple[Found, ...]

    def of(self, way: Way, share: float, figure: Figure = "conflicting") -> list[float]:
        """Return a figure of the networks that were trained in one way, one a seed."""
        return [
            getattr(one, figure) for one in self.networks if one.way == way and one.share == share
        ]

    def gains(self, way: Way, share: float) -> Floats:
        """Return what a way is ahead of the plain one on conflicting images, one a seed."""
        return np.subtract(self.of(way, share), self.of("plain", share), dtype=np.float64)


def _drawn(images: Images, white: int, most: int, rng: np.random.Generator) -> tuple[Floats, Ints]:
    """Return some images of each class as (n, pixels) from 0 to 1, and their labels."""
    members = [rng.permutation(np.flatnonzero(images.labels == c))[:most] for c in range(_K)]
    chosen = images.take(np.concatenate(members))
    return chosen.pixels.reshape(len(chosen.labels), -1) / white, chosen.labels


def _others(labels: Ints, rng: np.random.Generator) -> Ints:
    return (labels + rng.integers(1, _K, len(labels))) % _K


def _colored(images: Floats, colors: Ints) -> Floats:
    """Return (n, pixels x 3) of gray images."""
    found: Floats = (images[:, :, None] * _COLORS[colors][:, None]).reshape(len(images), -1)
    return found


def _trained(
    settings: Settings, way: Way, seed: int, x: Floats, y: Ints, colors: Ints
) -> Callable[[Floats], Ints]:
    """Train a network; return what answers other images."""
    import torch
    from torch import Tensor
    from torch.nn import functional

    from lopsided import steer
    from lopsided.reproduce.network.small import Fit, under_head

    labels, shortcuts = torch.as_tensor(y), torch.as_tensor(colors)
    # Without shortcuts it is a linear head: all ways start alike.
    head = steer.PrimedHead(_D, _K, seed=seed)
    told, aligned = steer.ShortcutLoss(), steer.GroupAligned()

    def loss(h: Tensor, chosen: Tensor) -> Tensor:
        own, color = labels[chosen], shortcuts[chosen]
        value: Tensor
        if way == "plain":
            value = functional.cross_entropy(head(h), own)
        elif way == "primed":
            value = told(head(h, color), head(h), own, color)
        else:
            value = aligned(head(h), h, own, (color != own).long())
        return value

    fit = Fit(settings.steps, settings.rate, seed, "adam", settings.decay, settings.batch, "cosine")
    answer = under_head(x, y, (x.shape[1], _HIDDEN, _HIDDEN, _D), head, fit, loss)
    return lambda others: answer(others)[1].argmax(axis=1)


def _found(settings: Settings, context: Context, way: Way, share: float, seed: int) -> Found:
    from lopsided.reproduce.claims.prescription.material import small

    data, rng = small(settings.dataset, context.place.data), np.random.default_rng(seed)
    x, y = _drawn(data.train, data.white, settings.samples, rng)
    images, labels = _drawn(data.test, data.white, _TESTED, rng)
    colors = y.copy()
    wrong = rng.permutation(len(y))[: round(len(y) * (1 - share))]
    colors[wrong] = _others(y[wrong], rng)
    answer = _trained(settings, way, seed, _colored(x, colors), y, colors)
    misleading = _others(labels, rng)
    conflicting, aligned = (answer(_colored(images, given)) for given in (misleading, labels))
    right, agreed = np.mean(conflicting == labels), np.mean(aligned == labels)
    misled = np.mean(conflicting == misleading)
    return Found(way, share, seed, float(right), float(agreed), float(misled))


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train a network for each share, way and seed."""
    cases = [
        (share, way, seed)
        for share in settings.aligned
        for way in get_args(Way)
        for seed in range(settings.seeds)
    ]
    networks = list[Found]()
    for i, (share, way, seed) in enumerate(cases):
        context.advance(i / len(cases), f"{share:g} aligned, {way}, seed {seed}")
        train = partial(_found, settings, context, way, share, seed)
        networks.append(context.remember(f"{way}-{share:g}-{seed}", Found, train))
    return Outcome(Numbers(tuple(networks)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when primes gain on conflicting images, in the mean over seeds at every share, and in
    every seed at the largest.
    """
    gains = {share: numbers.gains("primed", share) for share in sorted(settings.aligned)}
    most = max(gains)
    holds = all(gain.mean() > 0 for gain in gains.values()) and bool((gains[most] > 0).all())
    shares = ", ".join(f"{100 * share:g}" for share in gains)
    plain = ", ".join(f"{100 * np.mean(numbers.of('plain', share)):.1f}" for share in gains)
    told = ", ".join(spread((100 * gain).tolist(), 1) for gain in gains.values())
    groups = (100 * numbers.gains("group-aligned", share).mean() for share in gains)
    return Verdict(
        holds,
        f"Where {shares} % of the training images have the color of their class, a plain network is"
        f" right on {plain} % of the test images of other colors, and primes gain {told} points"
        f" ({settings.dataset}, {settings.seeds} seeds). A loss in which the few training images of"
        " other colors count as much as all others gains"
        f" {', '.join(f'{gain:.1f}' for gain in groups)}.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return the accuracies on conflicting and aligned images, of every run."""
    from lopsided.reproduce.figures.lines import several

    blocks = list[Block]()
    for run in runs:
        numbers, shares = run.numbers, sorted(run.settings.aligned)
        lines = {
            way: ([1 - share for share in shares], [numbers.of(way, share) for share in shares])
            for way in get_args(Way)
        }
        figure = drawn(
            partial(
                several,
                lines,
                x="share of training images of another color",
                label="accuracy, other colors",
            ),
            "Accuracy on images of another class's color against their share in training",
        )
        rows = [
            [f"{100 * share:g} % aligned, {way}"]
            + [
                spread([100 * each for each in numbers.of(way, share, part)], 1)
                for part in get_args(Figure)
            ]
            for share in shares
            for way in get_args(Way)
        ]
        columns = ["", "other colors, %", "own color, %", "taken for their color, %"]
        blocks += [
            Row([figure], f"{run.settings.dataset}: every seed a line."),
            Table(f"{run.settings.dataset}, {run.settings.seeds} seeds.", columns, rows),
        ]
    return blocks


WANG2024B = Claim(
    name="wang2024b",
    title="Shortcut primes",
    statement=(
        "A head that is told the shortcut of each training sample, as the vectors of a simplex ETF,"
        " leaves the features to learn the class: the network is more accurate on samples whose"
        " shortcut points to another class."
    ),
    source=cite("wang2024b"),
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
