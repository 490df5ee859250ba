"""The unconstrained-features model trained by SGD: how near it gets to SELI in practice, and where
descent would end.

Published setting: k = 10, d = 20, minority classes of 5 samples, batches of 5, constant rate, 6000
epochs, neither bias nor ridge. The follow-up (Behnia et al. 2023, Figure 4) shows the same
plateaus.

Beside it runs full-batch descent whose step is divided by the loss and by the largest logit, so
that margins grow linearly instead of logarithmically; its loss is kept as a logarithm and falls to
e^-10000. Samples of a class start equal there and so stay equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import numpy as np

from lopsided import predict
from lopsided.arrays import Floats
from lopsided.counts import Counts
from lopsided.geometry import Distances, Geometry, Source
from lopsided.problem import Problem
from lopsided.report.blocks import Block, Figure, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Positive, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.settings import observed_epochs
from lopsided.reproduce.typed import Bounds
from lopsided.solve import Optimizer, descent

#: Below this distance descent has arrived.
_ARRIVED = 1e-2

#: A distance that is passed on the way, to compare speeds.
_NEAR = 0.05


@dataclass(frozen=True)
class Settings(Checked):
    """The published model; rate and initialisation are not published.

    Attributes:
        ratios: R of the STEP profiles.
        k: number of classes.
        d: feature dimensions.
        minority: samples of a minority class.
        batch: samples of a step.
        start: standard deviation of the entries at the start, normal.
        rate: learning rate of SGD on the mean loss of a batch.
        epochs: of SGD.
        seeds: number of repetitions, trained side by side.
        steps: of loss-normalised descent.
    """

    ratios: tuple[Whole, ...] = (1, 5, 10, 100)
    k: Annotated[int, Bounds(least=2, most=1000)] = 10
    d: Annotated[int, Bounds(least=1, most=10**5)] = 20
    minority: Whole = 5
    batch: Whole = 5
    start: Positive = 0.1
    rate: Positive = 0.4
    epochs: Whole = 6000
    seeds: Annotated[int, Bounds(least=1, most=1000)] = 3
    steps: Whole = 20000


@dataclass(frozen=True)
class Distanced:
    """Distances of centred classifiers and class means to SELI and to the ETF."""

    seli: Distances
    etf: Distances

    @classmethod
    def of(cls, W: Floats, M: Floats, counts: Counts) -> Distanced:
        """Measure explicit classifiers and class means."""
        seen = Geometry.of_vectors(W - W.mean(axis=0), M - M.mean(axis=0), Source("UFM"))
        return cls(seen.distance(predict.seli(counts)), seen.distance(predict.etf(counts.k)))


@dataclass(frozen=True)
class Epoch:
    """All seeds after one epoch of SGD."""

    epoch: int
    seeds: tuple[Distanced, ...]


@dataclass(frozen=True)
class Step:
    """One step of loss-normalized descent, with the logarithm of the loss."""

    step: int
    log_loss: float
    at: Distanced


@dataclass(frozen=True)
class Paths:
    """What was observed at one ratio of SGD, epoch by epoch, and of descent, step by step."""

    ratio: int
    sgd: tuple[Epoch, ...]
    descent: tuple[Step, ...]

    def final(self, law: Literal["seli", "etf"]) -> Floats:
        """Return the (seeds, 3) distances to a law at the end of SGD."""
        return np.array([getattr(seed, law) for seed in self.sgd[-1].seeds])

    def steps_to(self, distance: float) -> float:
        """Return the first observed step of descent from which the classifiers stay nearer to SELI
        than `distance`.
        """
        far = [row.step for row in self.descent if row.at.seli.classifiers >= distance]
        later = [row.step for row in self.descent if not far or row.step > far[-1]]
        return float(later[0]) if later else np.inf


@dataclass(frozen=True)
class Numbers:
    """The paths, one pair a ratio."""

    ratios: tuple[Paths, ...]


def sgd(settings: Settings, counts: Counts, context: Context) -> tuple[Epoch, ...]:
    """Train classifiers and features by SGD, all seeds side by side.

    Returns:
        One row an observed epoch: the epoch, and for each seed the distances.
    """
    k, d, n, s = settings.k, settings.d, counts.n, settings.seeds
    labels = np.repeat(np.arange(k), counts.values)
    rngs = [np.random.default_rng(seed) for seed in range(s)]
    W = np.stack([rng.standard_normal((k, d)) for rng in rngs]) * settings.start
    H = np.stack([rng.standard_normal((n, d)) for rng in rngs]) * settings.start
    target, member = np.eye(k)[labels], np.eye(k)[labels] / counts.values
    rows, seeds, step = [], np.arange(s)[:, None], settings.rate / settings.batch
    measured = set(observed_epochs(settings.epochs))
    for epoch in range(1, settings.epochs + 1):
        order = np.stack([rng.permutation(n) for rng in rngs])
        for start in range(0, n, settings.batch):
            chosen = order[:, start : start + settings.batch]
            features = H[seeds, chosen]
            error = np.exp(features @ W.transpose(0, 2, 1))
            error /= error.sum(axis=2, keepdims=True)
            error -= target[chosen]
            H[seeds, chosen] = features - step * (error @ W)
            W -= step * (error.transpose(0, 2, 1) @ features)
        if epoch in measured:
            seen = (Distanced.of(W[i], member.T @ H[i], counts) for i in range(s))
            rows.append(Epoch(epoch, tuple(seen)))
        if epoch % 20 == 0:
            context.advance(
                epoch / settings.epochs,
                f"SGD, R = {counts.ratio:g}, epoch {epoch} of {settings.epochs}",
            )
    return tuple(rows)


def descend(settings: Settings, counts: Counts, rate: float = 10.0) -> tuple[Step, ...]:
    """Run loss-normalised descent on classifiers and class means.

    Returns:
        One row an observed step.
    """
    problem = Problem(counts, ridge=0.0, width=settings.d)
    optimizer, measured = Optimizer("normalized", rate), set(observed_epochs(settings.steps))
    # The loss of the paths is the mean, that of the claim the sum.
    return tuple(
        Step(
            state.step,
            state.log_loss + float(np.log(counts.n)),
            Distanced.of(state.W, state.H, counts),
        )
        for state in descent(problem, optimizer, settings.steps)
        if state.step in measured
    )


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Run both on every ratio; a finished ratio is not repeated after an interruption."""
    profiles = [Counts.step(settings.k, settings.minority, ratio) for ratio in settings.ratios]
    total, done, paths = sum(counts.n for counts in profiles), 0, []
    for ratio, counts in zip(settings.ratios, profiles, strict=True):
        part = context.part(done / total, (done + counts.n) / total)
        trained = partial(sgd, settings, counts, part)
        paths.append(
            Paths(
                ratio,
                context.remember(f"sgd-{ratio}", tuple[Epoch, ...], trained),
                context.remember(
                    f"descent-{ratio}", tuple[Step, ...], partial(descend, settings, counts)
                ),
            )
        )
        done += counts.n
    return Outcome(Numbers(tuple(paths)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when SGD ends nearer to SELI than to the ETF, and normalised descent arrives, later with
    larger R.

    SGD alone cannot show the order: an epoch has more steps at larger R, and what is left of the
    start dominates at small R.
    """
    paths = numbers.ratios
    ends = [path.final("seli").mean(axis=0) for path in paths]
    nearer = all(
        bool(np.all(path.final("seli")[:, :2] < path.final("etf")[:, :2]))
        for path in paths
        if path.ratio != 1
    )
    ordered = bool(np.all(np.diff([end[0] for end in ends]) > 0))
    steps = [path.steps_to(_NEAR) for path in paths]
    slower = bool(np.all(np.diff(steps) > 0))
    arrived = max(max(path.descent[-1].at.seli) for path in paths)
    shown = ", ".join(
        f"{end[0]:.2f} and {end[1]:.2f} at R = {path.ratio}"
        for path, end in zip(paths, ends, strict=True)
    )
    return Verdict(
        nearer and slower and arrived < _ARRIVED,
        f"After {settings.epochs} epochs of SGD classifiers and class means are still"
        f" {shown} from SELI (means of {settings.seeds} seeds):"
        f" {'all' if nearer else 'not all'} nearer to it than to the ETF,"
        f" {'and' if ordered else 'but not steadily'} further away with larger R. Descent that"
        f" divides its step by the loss {'arrives' if arrived < _ARRIVED else 'does not arrive'},"
        f" within {arrived:.0e} at every R; its classifiers need"
        f" {', '.join(f'{step:g}' for step in steps)} steps to come within {_NEAR}:"
        f" {'more' if slower else 'not always more'} with more imbalance.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return distance against epoch for SGD and against step for descent."""
    from lopsided.reproduce.figures.lines import several

    paths = runs[-1].numbers.ratios

    def trained(i: int, title: str) -> Figure:
        lines = {
            f"R = {path.ratio}": (
                [row.epoch for row in path.sgd],
                [[seed.seli[i] for seed in row.seeds] for row in path.sgd],
            )
            for path in paths
        }
        return drawn(
            lambda ax: several(lines, ax, label="distance to SELI", x="epoch"),
            f"SGD on the UFM, {title}",
            title,
        )

    descents = {
        f"R = {path.ratio}": (
            [row.step for row in path.descent],
            [[max(row.at.seli)] for row in path.descent],
        )
        for path in paths
    }
    descent = drawn(
        lambda ax: several(descents, ax, label="largest distance to SELI", x="step", log=True),
        "Normalised descent on the UFM",
        "Normalised descent",
    )
    rows = [
        [
            f"R = {path.ratio}",
            *(
                f"{mean:.3f} ± {spread:.3f}"
                for final in (path.final("seli"), path.final("etf"))
                for mean, spread in _spread(final)
            ),
        ]
        for path in paths
    ]
    parts = ("classifiers", "class means")
    return [
        Row(
            [trained(0, "Classifiers"), trained(1, "Class means"), descent],
            "Left and middle: SGD in the published setting, every seed a line. Right: full-batch"
            " descent with the step divided by the loss, the largest of the three distances.",
        ),
        Table(
            "Distances at the end of SGD, mean ± standard deviation over the seeds.",
            ["", *(f"{p} to {law}" for law in ("SELI", "ETF") for p in parts)],
            rows,
        ),
    ]


def _spread(final: Floats) -> list[tuple[float, float]]:
    spread = final.std(axis=0, ddof=1) if len(final) > 1 else np.zeros(3)
    return [(float(a), float(b)) for a, b in zip(final.mean(axis=0)[:2], spread[:2], strict=True)]


UFM_SGD = Claim(
    name="ufm-sgd",
    title="SGD on free features approaches SELI, more slowly with more imbalance",
    statement=(
        "Trained without ridge, the unconstrained-features model converges in direction to SELI,"
        " the more slowly the larger the imbalance; SGD at a constant rate gets part of the way."
    ),
    source=(
        "Thrampoulidis et al. 2022, Section 5; setting as in Behnia et al. 2023 (arXiv 2303.07608),"
        " Figure 4"
    ),
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
