"""Bias and variance of an ensemble are aligned, sample by sample.

Perceptrons on the digits that differ in their seeds alone; with all samples to train on and with
few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np

from lopsided.measure import bias_variance
from lopsided.papers import cite
from lopsided.report.blocks import Block, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Positive, Seeds, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds

#: What counts as slope 1 and as a line.
_SLOPE, _LINE = 0.1, 0.95


@dataclass(frozen=True)
class Settings(Checked):
    """The ensembles.

    Attributes:
        members: of an ensemble.
        samples: to train on, the first of the training digits; one ensemble each and seed.
        steps: of Adam, batches of 64; the rate falls along half a cosine.
        rate: of Adam.
        seeds: number of repetitions.
    """

    members: Annotated[int, Bounds(least=2, most=100)] = 8
    samples: tuple[Annotated[int, Bounds(least=50, most=1097)], ...] = (300, 1097)
    steps: Whole = 600
    rate: Positive = 3e-3
    seeds: Seeds = 2


@dataclass(frozen=True)
class Ensemble:
    """An ensemble on held-out digits, those that it answers right in order of falling variance.

    Attributes:
        samples: it was trained on.
        seed: of the repetition.
        accuracy: of the mean of its members.
        slope: of log bias2 against log variance, over digits answered right.
        intercept: of that line.
        correlation: of the logarithms.
        variance: of the digits answered right.
        bias2: of the same.
    """

    samples: int
    seed: int
    accuracy: float
    slope: float
    intercept: float
    correlation: float
    variance: tuple[float, ...]
    bias2: tuple[float, ...]


@dataclass(frozen=True)
class Numbers:
    """All ensembles."""

    ensembles: tuple[Ensemble, ...]


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train every ensemble."""
    from lopsided.reproduce.data.pooled import rows
    from lopsided.reproduce.network.small import Fit, classifier

    digits, found = rows("digits", None), []
    kinds = [(n, seed) for n in settings.samples for seed in range(settings.seeds)]
    for i, (n, seed) in enumerate(kinds):
        context.advance(i / len(kinds), f"{n} samples, seed {seed}")
        members = []
        for j in range(settings.members):
            number = seed * settings.members + j
            fit = Fit(settings.steps, settings.rate, number, "adam", batch=64, schedule="cosine")
            network = classifier(digits.x[:n], digits.y[:n], (64, 64, 64), fit)
            members.append(network.probabilities(digits.test_x))
        line = bias_variance(members, digits.test_y)
        right = np.flatnonzero(line.correct)
        right = right[np.argsort(-line.variance[right])]
        found.append(
            Ensemble(
                n,
                seed,
                float(line.correct.mean()),
                line.slope,
                line.intercept,
                line.correlation,
                tuple(line.variance[right].tolist()),
                tuple(line.bias2[right].tolist()),
            )
        )
    return Outcome(Numbers(tuple(found)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when every ensemble's line has slope 1 and little is off it."""
    slopes = [one.slope for one in numbers.ensembles]
    lines = [one.correlation for one in numbers.ensembles]
    straight = min(lines) > _LINE
    aligned = straight and max(abs(slope - 1) for slope in slopes) < _SLOPE
    factors = ", ".join(
        f"{np.exp(np.mean([one.intercept for one in numbers.ensembles if one.samples == n])):.2g}"
        f" ({n:,} samples)"
        for n in settings.samples
    )
    return Verdict(
        bool(aligned),
        f"Of held-out digits that {settings.members} networks answer right, log bias² is"
        f" {'a line in log variance' if straight else 'no line in log variance; the nearest is'}"
        f" of slope {min(slopes):.2f} to {max(slopes):.2f}, with correlations of"
        f" {min(lines):.3f} to {max(lines):.3f} ({len(slopes)} ensembles). Where the variance is 1"
        f" the line has a bias² of {factors}: 1 where both are equal.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return the samples of the first seed, and all lines."""
    from lopsided.reproduce.figures.points import against_each_other

    ensembles = runs[-1].numbers.ensembles
    figures = [
        drawn(
            partial(
                against_each_other, one.variance, one.bias2, x="variance", label="squared bias"
            ),
            f"Bias and variance of digits answered right, {one.samples} training samples",
            f"{one.samples:,} training samples",
        )
        for one in ensembles
        if one.seed == 0
    ]
    rows = [
        [
            f"{one.samples:,}, seed {one.seed}",
            f"{one.accuracy:.3f}",
            f"{one.slope:.3f}",
            f"{one.intercept:.2f}",
            f"{one.correlation:.3f}",
        ]
        for one in ensembles
    ]
    columns = ["trained on", "accuracy", "slope", "intercept", "correlation"]
    return [
        Row(
            figures, "Each point a held-out digit answered right; both are equal on the grey line."
        ),
        Table("The lines of the logarithms.", columns, rows),
    ]


CHEN2024 = Claim(
    name="chen2024",
    title="Bias and variance are aligned",
    statement=(
        "For samples that an ensemble answers right, the logarithm of the squared bias is that of"
        " the variance, up to a constant of the ensemble."
    ),
    source=cite("chen2024"),
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
