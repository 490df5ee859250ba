"""Compositional features: two frozen orthogonal heads, one for the class and one for the domain.

Digits plain, inverted, shifted and transposed; one cell in five, a digit in a domain, is never
trained on. The paper fine-tunes pre-trained models, here a perceptron is trained from scratch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, Ints
from lopsided.measure import additivity
from lopsided.papers import cite
from lopsided.report.blocks import Block, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Positive, Seeds, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.spread import spread
from lopsided.reproduce.typed import Bounds

Heads = Literal["one head", "two frozen heads"]

#: Classes, and what is done to a picture: nothing, black for white, a shift, a transposition.
_K, _DOMAINS = 10, ("plain", "inverted", "shifted", "transposed")
#: Inputs, hidden units and feature dimensions.
_SIZES = (64, 128, 128, 32)


@dataclass(frozen=True)
class Settings(Checked):
    """The networks.

    Attributes:
        samples: pictures of each digit, in every domain; as many others are held out.
        steps: of Adam; the rate falls along half a cosine.
        rate: of Adam.
        decay: weight decay.
        batch: samples of a step.
        seeds: number of repetitions.
    """

    samples: Annotated[int, Bounds(least=2, most=85)] = 80
    steps: Whole = 3000
    rate: Positive = 3e-3
    decay: Annotated[float, Bounds(least=0, most=1)] = 1e-4
    batch: Whole = 128
    seeds: Seeds = 3


@dataclass(frozen=True)
class Found:
    """A trained network, on held-out pictures.

    Attributes:
        heads: that it was trained under.
        seed: of the run.
        seen: accuracy of the class in cells that were trained on.
        unseen: in cells that were not.
        additivity: share of the variance of cell means that class and domain explain alone.
    """

    heads: Heads
    seed: int
    seen: float
    unseen: float
    additivity: float


@dataclass(frozen=True)
class Numbers:
    """All networks."""

    networks: tuple[Found, ...]

    def of(self, heads: Heads, figure: Literal["seen", "unseen", "additivity"]) -> list[float]:
        """Return a figure of the networks under some heads, one a seed."""
        return [getattr(one, figure) for one in self.networks if one.heads == heads]


def _pictures(samples: int) -> tuple[Floats, Ints, Floats, Ints]:
    """Return (n, 64) pictures and (n, 2) class and domain of each, of training and held out."""
    from lopsided.reproduce.data.digits import all_digits

    x, y = all_digits()
    order = np.random.default_rng(0).permutation(len(x))
    train, held_out = slice(0, samples), slice(samples, 2 * samples)
    return *_changed(x, y, order, train), *_changed(x, y, order, held_out)


def _changed(x: Floats, y: Ints, order: Ints, part: slice) -> tuple[Floats, Ints]:
    chosen = np.concatenate([order[y[order] == c][part] for c in range(_K)])
    plain = x[chosen].reshape(-1, 8, 8)
    pictures = plain, 1 - plain, np.roll(plain, 2, axis=2), plain.transpose(0, 2, 1)
    domains = np.repeat(np.arange(len(_DOMAINS)), len(chosen))
    kinds = np.stack([np.tile(y[chosen], len(_DOMAINS)), domains], axis=1)
    return np.concatenate(pictures).reshape(-1, 64), kinds


def _left_out(kinds: Ints) -> npt.NDArray[np.bool_]:
    """Return which samples are of a cell that is left out: two digits in each domain."""
    return np.asarray((kinds[:, 0] + 2 * kinds[:, 1]) % 5 == 0)


def _found(settings: Settings, heads: Heads, seed: int) -> Found:
    from lopsided.reproduce.network.small import Fit, composed

    x, kinds, others, theirs = _pictures(settings.samples)
    given: list[Floats | None] = [None]
    labels = kinds[:, :1]
    if heads == "two frozen heads":
        frame = np.linalg.qr(np.random.default_rng(seed).normal(size=(_SIZES[-1],) * 2))[0]
        given, labels = [frame[:_K], frame[_K : _K + len(_DOMAINS)]], kinds
    fit = Fit(
        settings.steps,
        settings.rate,
        seed,
        "adam",
        settings.decay,
        settings.batch,
        schedule="cosine",
    )
    kept = ~_left_out(kinds)
    features, logits = composed(x[kept], labels[kept], given, _SIZES, fit)(others)
    right, out = logits.argmax(axis=1) == theirs[:, 0], _left_out(theirs)
    cells = np.stack(
        [
            [features[(theirs == (c, a)).all(axis=1)].mean(axis=0) for a in range(len(_DOMAINS))]
            for c in range(_K)
        ]
    )
    return Found(
        heads, seed, float(right[~out].mean()), float(right[out].mean()), additivity(cells)
    )


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train a network for each seed under one head, and under two."""
    cases = [(heads, seed) for heads in get_args(Heads) for seed in range(settings.seeds)]
    networks = list[Found]()
    for i, (heads, seed) in enumerate(cases):
        context.advance(i / len(cases), f"{heads}, seed {seed}")

        def train(heads: Heads = heads, seed: int = seed) -> Found:
            return _found(settings, heads, seed)

        networks.append(context.remember(f"{heads.replace(' ', '-')}-{seed}", Found, train))
    return Outcome(Numbers(tuple(networks)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when with every seed two heads make features more additive, and cells that were never
    seen are recognised, more often than under one head and by chance.
    """

    def both(figure: Literal["seen", "unseen"]) -> tuple[float, float]:
        one, two = (float(np.mean(numbers.of(heads, figure))) for heads in get_args(Heads))
        return one, two

    seen, unseen = both("seen"), both("unseen")
    told = [
        f"{spread([100 * one for one in numbers.of(heads, 'additivity')], 1)} %"
        for heads in get_args(Heads)
    ]
    more = min(numbers.of("two frozen heads", "additivity")) > max(
        numbers.of("one head", "additivity")
    )
    composed = min(numbers.of("two frozen heads", "unseen")) > max(
        *numbers.of("one head", "unseen"), 1 / _K
    )
    return Verdict(
        more and composed,
        f"Class and domain alone explain {told[0]} of the cell means' variance under one head and"
        f" {told[1]} under two frozen ones"
        f" ({settings.seeds} seeds); of cells that were seen {seen[0]:.1%} and {seen[1]:.1%} are"
        f" recognised, of those that were not {unseen[0]:.1%} and {unseen[1]:.1%}"
        f" (chance {1 / _K:.0%}): features are {'more' if more else 'not more'} additive, and a"
        f" network trained from scratch {'composes' if composed else 'does not compose'}.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return accuracies and additivity of every network."""
    from lopsided.reproduce.figures.lines import by_row

    networks = runs[-1].numbers.networks
    names = [f"{one.heads}, seed {one.seed}" for one in networks]
    series = {
        "additivity": [one.additivity for one in networks],
        "seen cells": [one.seen for one in networks],
        "unseen cells": [one.unseen for one in networks],
    }
    figure = drawn(
        lambda ax: by_row(names, series, ax, label="share"), "Every network", size=(5.2, 2.7)
    )
    rows = [
        [name, f"{one.additivity:.3f}", f"{one.seen:.1%}", f"{one.unseen:.1%}"]
        for name, one in zip(names, networks, strict=True)
    ]
    columns = ["trained under", "additivity", "seen cells", "unseen cells"]
    return [
        Row([figure], "Additivity of the cell means, and accuracy of the class, held out."),
        Table(f"{_K} digits in {len(_DOMAINS)} domains: {', '.join(_DOMAINS)}.", columns, rows),
    ]


WANG2024 = Claim(
    name="wang2024",
    title="Compositional features",
    statement=(
        "Under two frozen orthogonal heads, one for the class and one for the domain, features are"
        " a class part plus a domain part, also of classes in domains where they were never seen."
    ),
    source=cite("wang2024"),
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
