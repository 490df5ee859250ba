"""Contextures: with labels as the context, class means are orthogonal and rare classes the longest.

A perceptron on the digits is trained by the spectral contrastive loss on exponential counts; its
uncentred class means are compared with diag(1 / shares).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lopsided import predict
from lopsided.arrays import Floats, Ints
from lopsided.counts import Counts
from lopsided.gram import Gram
from lopsided.groups import Groups
from lopsided.papers import cite
from lopsided.report.blocks import Block, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Digits, Positive, Seeds, Uneven, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.settings import observed_epochs


@dataclass(frozen=True)
class Settings(Checked):
    """The network and its data.

    Attributes:
        largest: samples of the largest class.
        ratio: R of the exponential counts.
        steps: of Adam, full batch.
        rate: of Adam.
        seeds: number of repetitions.
    """

    largest: Digits = 150
    ratio: Uneven = 20.0
    steps: Whole = 1500
    rate: Positive = 1e-3
    seeds: Seeds = 2


@dataclass(frozen=True)
class Seen:
    """A network after some steps.

    Attributes:
        step: of Adam.
        law: distance of the Gram of the class means to diag(1 / shares).
        identity: to the identity.
        loss: minus the number of classes at the optimum.
        learned: (k,) share times squared length of each class mean, largest class first; 1 at the
            optimum.
    """

    step: int
    law: float
    identity: float
    loss: float
    learned: tuple[float, ...]


@dataclass(frozen=True)
class Numbers:
    """The paths, one a seed."""

    counts: tuple[int, ...]
    seeds: tuple[tuple[Seen, ...], ...]


def _first(labels: Ints, counts: Counts) -> Ints:
    return np.concatenate([np.flatnonzero(labels == c)[:n] for c, n in enumerate(counts.values)])


def _seen(step: int, features: Floats, loss: float, labels: Ints, counts: Counts) -> Seen:
    means = np.stack([features[labels == c].mean(axis=0) for c in range(counts.k)])
    found = Gram.of_vectors(means)
    law = predict.spectral_contrastive(counts).embeddings
    identity = Gram.orthogonal(Groups.single(counts.k), np.ones(1))
    learned = counts.values / counts.n * found.squared_norms()
    return Seen(step, found.distance(law), found.distance(identity), loss, tuple(learned.tolist()))


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train one network a seed."""
    from lopsided.reproduce.data.digits import all_digits
    from lopsided.reproduce.network.small import Fit, spectral

    x, y = all_digits()
    counts = Counts.exponential(10, settings.largest, settings.ratio)
    chosen = _first(y, counts)
    x, y, paths = x[chosen], y[chosen], []
    for seed in range(settings.seeds):
        context.advance(seed / settings.seeds, f"seed {seed}")
        fit = Fit(settings.steps, settings.rate, seed, "adam")
        path = spectral(x, y, (64, 64, 64, 16), fit, observed_epochs(settings.steps))
        paths.append(tuple(_seen(*seen, y, counts) for seen in path))
    return Outcome(Numbers(tuple(counts.values.tolist()), tuple(paths)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when every seed's class means end within 1e-3 of the law."""
    ends = [path[-1] for path in numbers.seeds]
    far, away = max(end.law for end in ends), min(end.identity for end in ends)
    off = max(abs(share - 1) for end in ends for share in end.learned)
    loss = max(end.loss for end in ends)
    return Verdict(
        far < 1e-3 < away,
        f"After {settings.steps} steps the class means are within {far:.1e} of the orthogonal frame"
        f" in which a class has the squared length n / n_c, and {away:.2f} from one of equal"
        f" lengths ({len(ends)} seeds); share times squared length is 1 up to {off:.1e}, and the"
        f" loss at most {loss:.4f}, where -{len(numbers.counts)} is the least there is.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return the distance and what is learned, class by class, against the step."""
    from lopsided.reproduce.figures.lines import several

    numbers = runs[-1].numbers
    steps = [seen.step for seen in numbers.seeds[0]]
    distances = {
        name: (
            steps,
            [[getattr(path[i], part) for path in numbers.seeds] for i in range(len(steps))],
        )
        for name, part in (("to the law", "law"), ("to the identity", "identity"))
    }
    classes = {
        f"{numbers.counts[c]} samples": (
            steps,
            [[path[i].learned[c] for path in numbers.seeds] for i in range(len(steps))],
        )
        for c in (0, len(numbers.counts) // 2, len(numbers.counts) - 1)
    }
    left = drawn(
        lambda ax: several(distances, ax, x="step", label="distance of class means", log=True),
        "Distance of the class means to the law and to the identity",
    )
    right = drawn(
        lambda ax: several(classes, ax, x="step", label="share times squared length"),
        "What is learned of a large, a middle and a small class",
    )
    rows = [
        [f"seed {seed}", f"{path[-1].law:.1e}", f"{path[-1].identity:.3f}", f"{path[-1].loss:.4f}"]
        for seed, path in enumerate(numbers.seeds)
    ]
    return [
        Row(
            [left, right],
            "A perceptron on digits under the spectral contrastive loss, every seed a line."
            " Majorities are learned first.",
        ),
        Table("At the end.", ["", "to the law", "to the identity", "loss"], rows),
    ]


ZHAI2025 = Claim(
    name="zhai2025",
    title="Labels as context: rare classes are the longest",
    statement=(
        "The spectral contrastive loss with labels as context makes the class means orthogonal,"
        " with squared lengths n / n_c, for any class counts."
    ),
    source=f"{cite('zhai2025')}; the geometry of labels derived here",
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
