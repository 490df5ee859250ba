"""Weight decay costs rare tokens most: in the unconstrained-features model, and in a model of the
next letter.

The optimum for Zipf's counts is solved at several ridges, and a perceptron that predicts the next
letter after pairs of letters is trained at several weight decays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar

import numpy as np

from lopsided import solve
from lopsided.arrays import Floats
from lopsided.counts import Counts
from lopsided.papers import cite
from lopsided.report.blocks import Block, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Positive, Seeds, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds

#: Tokens at each end whose losses are averaged.
ENDS = 5
#: The mean loss "barely moves" where it rises by at most this share, and rare tokens lose where
#: theirs rises by this, in nats.
STILL, LOST = 0.02, 0.2


@dataclass(frozen=True)
class Settings(Checked):
    """The model, its text, and the counts of the unconstrained-features model.

    Attributes:
        decays: weight decays of the model, the least of them the one to compare with.
        contexts: pairs of letters, the most frequent ones.
        steps: of Adam, full batch, at a rate that falls like a cosine.
        rate: of Adam.
        seeds: number of repetitions.
        classes: of Zipf's counts.
        largest: samples of the largest class.
        ridges: of the unconstrained-features model.
    """

    compared: ClassVar[tuple[str, ...]] = ("decays", "ridges")

    decays: tuple[Annotated[float, Bounds(least=0, most=1)], ...] = (1e-6, 3e-5, 1e-4, 3e-4, 1e-3)
    contexts: Annotated[int, Bounds(least=10, most=300)] = 300
    steps: Whole = 1500
    rate: Positive = 3e-3
    seeds: Seeds = 2
    classes: Annotated[int, Bounds(least=2 * ENDS, most=1000)] = 50
    largest: Annotated[int, Bounds(least=2, most=10**6)] = 1000
    ridges: tuple[Positive, ...] = (0.1, 1.0, 4.0, 5.0)


@dataclass(frozen=True)
class Losses:
    """Losses in nats at a ridge or a weight decay.

    Attributes:
        at: the ridge or decay.
        seed: of a model; -1 of an optimum.
        mean: over samples.
        frequent: mean over the most frequent tokens.
        rare: mean over the rarest.
    """

    at: float
    seed: int
    mean: float
    frequent: float
    rare: float

    @classmethod
    def of(cls, at: float, seed: int, losses: Floats, counts: Floats) -> Losses:
        """Return the means of the losses of tokens."""
        order = np.argsort(-counts, kind="stable")
        ends = losses[order[:ENDS]].mean(), losses[order[-ENDS:]].mean()
        return cls(at, seed, float(counts @ losses / counts.sum()), *map(float, ends))


@dataclass(frozen=True)
class Numbers:
    """Optima by ridge, models by decay, and the ridge that merges classes of the least count."""

    optima: tuple[Losses, ...]
    merging: float
    models: tuple[Losses, ...]


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Solve the optima, and train one model a decay and seed."""
    from lopsided.reproduce.data.text import contexts, one_hot
    from lopsided.reproduce.network.small import Fit, next_token

    zipf = Counts.zipf(settings.classes, settings.largest)
    optima = []
    for ridge in sorted(settings.ridges):
        solution = solve.minimize(solve.Problem(zipf, ridge=ridge))
        values = zipf.values.astype(np.float64)
        optima.append(Losses.of(ridge, -1, solve.class_losses(solution), values))
    names, counts = contexts(settings.contexts)
    shares, weights = counts / counts.sum(axis=0), counts.sum(axis=0) / counts.sum()
    inputs, seen = one_hot(names), counts.sum(axis=1) > 0

    def train(decay: float, seed: int) -> Losses:
        fit = Fit(settings.steps, settings.rate, seed, "adam", decay, schedule="cosine")
        W, H, _ = next_token(inputs, shares.T, weights, (inputs.shape[1], 128, 64), fit)
        logits = W @ H.T
        each = np.logaddexp.reduce(logits, axis=0) - logits
        letters = counts[seen].sum(axis=1)
        return Losses.of(decay, seed, (counts * each)[seen].sum(axis=1) / letters, letters)

    cases = [(decay, seed) for decay in settings.decays for seed in range(settings.seeds)]
    models = []
    for i, (decay, seed) in enumerate(cases):
        context.advance(i / len(cases), f"weight decay {decay:g}, seed {seed}")
        done = context.remember(f"{decay:g}-{seed}", Losses, partial(train, decay, seed))
        models.append(done)
    merging = float(np.sqrt(zipf.distinct[0]))
    return Outcome(Numbers(tuple(optima), merging, tuple(models)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when in both worlds the rarest tokens lose more than the most frequent at every step,
    and some decay costs the rare ones in every seed while the mean loss barely moves.
    """
    ratios = [one.rare / one.frequent for one in numbers.optima]
    decays = sorted(settings.decays)[1:]
    rises = [_rise(numbers, decay) for decay in decays]
    more = all(rare > frequent for _, frequent, rare in (r for rows in rises for r in rows))
    silent = [all(mean <= STILL and rare >= LOST for mean, _, rare in rows) for rows in rises]
    law = bool(np.all(np.diff(ratios) > 0))
    told = rises[silent.index(True)] if any(silent) else rises[-1]
    decay = decays[silent.index(True)] if any(silent) else decays[-1]
    mean, frequent, rare = np.mean(told, axis=0)
    first, last = numbers.optima[0], numbers.optima[-1]
    return Verdict(
        law and more and any(silent),
        f"A weight decay of {decay:g} raises the mean loss of the next-letter model by {mean:.1%},"
        f" that of the {ENDS} most frequent letters by {frequent:.3f} nats and that of the {ENDS}"
        f" rarest by {rare:.2f} ({settings.seeds} seeds). In the unconstrained-features model the"
        f" rarest classes lose {ratios[0]:.1f} times what the largest do at a ridge of"
        f" {first.at:g} and {ratios[-1]:.1f} times at {last.at:g}, where those of one count merge"
        f" from {numbers.merging:.2f} on; there the mean moves too, from {first.mean:.3f} to"
        f" {last.mean:.3f} nats.",
    )


def _rise(numbers: Numbers, decay: float) -> list[tuple[float, float, float]]:
    """Return for each seed by which share the mean loss is above that of the least decay, and by
    how many nats that of frequent and of rare letters.
    """
    least = min(one.at for one in numbers.models)
    rows = {(one.at, one.seed): one for one in numbers.models}
    return [
        (
            one.mean / rows[least, seed].mean - 1,
            one.frequent - rows[least, seed].frequent,
            one.rare - rows[least, seed].rare,
        )
        for (at, seed), one in rows.items()
        if at == decay
    ]


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return the losses by weight decay and by ridge."""
    from lopsided.reproduce.figures.lines import several

    numbers, decays = runs[-1].numbers, sorted(runs[-1].settings.decays)
    parts = {"rarest": "rare", "mean": "mean", "most frequent": "frequent"}
    lines = {
        title: (
            decays,
            [[getattr(one, part) for one in numbers.models if one.at == decay] for decay in decays],
        )
        for title, part in parts.items()
    }
    figure = drawn(
        lambda ax: several(lines, ax, x="weight decay", label="loss, nats"),
        "Loss of frequent and rare letters against weight decay",
    )
    rows = [
        [
            f"ridge {one.at:g}" if one.seed < 0 else f"decay {one.at:g}, seed {one.seed}",
            *(f"{value:.3f}" for value in (one.mean, one.frequent, one.rare)),
            f"{one.rare / one.frequent:.1f}",
        ]
        for one in (*numbers.optima, *numbers.models)
    ]
    columns = ["", "mean loss", f"{ENDS} most frequent", f"{ENDS} rarest", "ratio"]
    return [
        Row([figure], "A model of the next letter, every seed a line."),
        Table("Losses in nats: optima by ridge, models by weight decay.", columns, rows),
    ]


PINTO2024 = Claim(
    name="pinto2024",
    title="Weight decay and rare tokens",
    statement=(
        "Weight decay raises the loss of rare tokens long before the mean loss tells, and the more"
        " so the rarer they are."
    ),
    source=cite("pinto2024"),
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
