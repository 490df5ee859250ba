"""Pick-all-label learning: embeddings of label sets are scaled sums of those of their labels.

One digit, or two of different classes side by side; a perceptron names all that are there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from lopsided import predict
from lopsided.arrays import Floats
from lopsided.gram import Gram
from lopsided.measure import LabelSets, TagWise
from lopsided.papers import cite
from lopsided.report.blocks import Block, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Positive, Seed, Seeds, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.claims.systems import decays
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds

#: A set's embedding is a tag-wise average if its angle to the sum is below this share of that to
#: sums of other labels.
_TAG_WISE = 0.15
#: Inputs, hidden units and feature dimensions.
_SIZES = (128, 256, 256, 64)


@dataclass(frozen=True)
class Settings(Checked):
    """The network and its data.

    Attributes:
        single: images of one digit.
        double: images of two.
        decays: weight decays, one network each.
        features: any numbers, or behind a ReLU.
        steps: of SGD with momentum .9; the rate falls along half a cosine.
        rate: at the start.
        batch: samples of a step.
        split: seed of the images.
        seeds: number of repetitions.
    """

    single: Annotated[int, Bounds(least=20, most=10**5)] = 500
    double: Annotated[int, Bounds(least=90, most=10**5)] = 810
    decays: tuple[Positive, ...] = (2e-3, 5e-4)
    features: Literal["free", "nonnegative"] = "free"
    steps: Whole = 3000
    rate: Positive = 0.1
    batch: Whole = 128
    split: Seed = 0
    seeds: Seeds = 2


@dataclass(frozen=True)
class Found:
    """A trained network.

    Attributes:
        decay: its weight decay.
        seed: of the run.
        tag_wise: angles to sums, and the scale.
        etf: distance of the single-label means to the ETF.
        fitted: share of samples whose labels have the largest logits.
    """

    decay: float
    seed: int
    tag_wise: TagWise
    etf: float
    fitted: float


@dataclass(frozen=True)
class Numbers:
    """All networks."""

    networks: tuple[Found, ...]


def _data(settings: Settings) -> tuple[Floats, Floats]:
    """Return (n, 128) images of two places, and (n, 10) which digits are there."""
    from lopsided.reproduce.data.digits import all_digits

    x, y = all_digits()
    rng = np.random.default_rng(settings.split)
    labels: list[tuple[int, ...]] = [(i % 10,) for i in range(settings.single)]
    pairs = [(a, b) for a in range(10) for b in range(a)]
    labels += [pairs[i % len(pairs)] for i in range(settings.double)]
    images, rows = np.zeros((len(labels), 2, 8, 8)), np.zeros((len(labels), 10))
    for i, digits in enumerate(labels):
        places = rng.permutation(2)
        for digit, place in zip(digits, places, strict=False):
            images[i, place] = x[rng.choice(np.flatnonzero(y == digit))].reshape(8, 8)
        rows[i, list(digits)] = 1
    return images.transpose(0, 2, 1, 3).reshape(len(labels), -1), rows


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train one network a decay and seed."""
    from lopsided.reproduce.network.small import Fit, label_sets

    x, rows = _data(settings)
    seen = LabelSets.of(rows)
    kinds = seen.numbers(rows)
    alone = np.flatnonzero(seen.rows.sum(axis=1) == 1)

    def train(decay: float, seed: int) -> Found:
        fit = Fit(
            settings.steps, settings.rate, seed, "sgd", decay, settings.batch, schedule="cosine"
        )
        cut = settings.features == "nonnegative"
        features, _, fitted = label_sets(x, rows, _SIZES, fit, nonnegative=cut)
        means = np.stack([features[kinds == j].mean(axis=0) for j in range(seen.m)])
        single = means[alone] - means[alone].mean(axis=0)
        etf = Gram.of_vectors(single).distance(predict.etf(10).embeddings)
        return Found(decay, seed, seen.tag_wise(means), etf, fitted)

    return Outcome(Numbers(decays.each(settings.decays, settings.seeds, Found, train, context)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when every network fits, and its pairs lie at the sums of their labels."""
    networks = numbers.networks
    ratios = [one.tag_wise.angle / one.tag_wise.apart for one in networks]
    fitted = min(one.fitted for one in networks)
    etf = decays.means(networks, lambda one: one.etf)
    scales = [one.tag_wise.scale for one in networks]
    shown = ", ".join(f"{value:.2f} at {decay:g}" for decay, value in etf.items())
    return Verdict(
        max(ratios) < _TAG_WISE and fitted > 0.99,
        f"{'Behind a ReLU the' if settings.features == 'nonnegative' else 'The'}"
        f" embedding of a pair is {min(ratios):.3f} to {max(ratios):.3f} of the angle to other"
        f" sums from the sum of those of its labels, and {min(scales):.2f} to {max(scales):.2f}"
        f" times as long; at least {fitted:.1%} of the samples are fitted. Single-label means are"
        f" {shown} (weight decay) from the ETF, which those of free features form; of that"
        " nothing is judged.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return the angles of every network."""
    from lopsided.reproduce.figures.lines import by_row

    names, networks = decays.shown(runs)
    series = {
        "sum of its labels": [one.tag_wise.angle for one in networks],
        "sums of others": [one.tag_wise.apart for one in networks],
    }
    figure = drawn(
        lambda ax: by_row(names, series, ax, label="mean angle to the embedding of a pair"),
        "Angles of pairs to sums",
        size=(5.0, 2.4),
    )
    rows = [
        [
            name,
            f"{one.tag_wise.angle:.3f}",
            f"{one.tag_wise.apart:.3f}",
            f"{one.tag_wise.angle / one.tag_wise.apart:.3f}",
            f"{one.tag_wise.scale:.3f}",
            f"{one.etf:.3f}",
            f"{one.fitted:.1%}",
        ]
        for name, one in zip(names, networks, strict=True)
    ]
    columns = ["weight decay", "angle", "to others", "ratio", "scale", "singles to ETF", "fitted"]
    return [
        Row([figure], "Embeddings of pairs of digits against sums of single-digit embeddings."),
        Table("Angles in radians.", columns, rows),
    ]


LI2024 = Claim(
    name="li2024",
    title="Label sets are sums of their labels",
    statement=(
        "Trained to pick all labels, the embedding of a label set is a scaled sum of those of its"
        " labels (tag-wise average); how near single-label means are to the ETF that they are said"
        " to form is told beside it."
    ),
    source=cite("li2024"),
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
