"""Linear layers at the end of a network: weight decay balances them, and what is before them need
not have collapsed for what is behind them to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from lopsided.measure import Moments, Tail, linear_tail
from lopsided.measure.metrics import scatter_ratio
from lopsided.papers import cite
from lopsided.report.blocks import Block, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Digits, Positive, Seeds, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.settings import observed_epochs
from lopsided.reproduce.typed import Bounds

#: How far, of the predicted decay, the measured one may be, and how near a balanced condition
#: number is to the measured.
_WITHIN, _NEAR = 0.01, 0.1


@dataclass(frozen=True)
class Settings(Checked):
    """The network and its data.

    Attributes:
        samples: of each digit.
        layers: of the tail, of 64 units and ten outputs.
        steps: of gradient descent without momentum.
        rate: of it.
        decay: weight decay on every layer.
        batch: samples of a step; all of them if there are fewer.
        seeds: number of repetitions.
    """

    samples: Digits = 60
    layers: Annotated[int, Bounds(least=2, most=10)] = 3
    steps: Whole = 10000
    rate: Positive = 0.05
    decay: Positive = 3e-3
    batch: Annotated[int, Bounds(least=2, most=10**5)] = 64
    seeds: Seeds = 2


@dataclass(frozen=True)
class Seen:
    """A network after some steps.

    Attributes:
        step: of descent.
        balance: summed over the tail, over that at the start.
        predicted: exp(-2 decay rate step).
        condition_head: of the last layer.
        condition_balanced: what it is if the tail is balanced.
        before: variance within over between classes, before the tail.
        after: of the tail's outputs before the last layer.
        loss: summed over outputs, a sample.
    """

    step: int
    balance: float
    predicted: float
    condition_head: float
    condition_balanced: float
    before: float
    after: float
    loss: float


@dataclass(frozen=True)
class Numbers:
    """The paths, one a seed."""

    paths: tuple[tuple[Seen, ...], ...]


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train one network a seed, and look at its tail."""
    from lopsided.reproduce.data.digits import all_digits
    from lopsided.reproduce.network.small import Fit, tailed

    x, y = all_digits()
    chosen = np.concatenate([np.flatnonzero(y == c)[: settings.samples] for c in range(10)])
    x, y = x[chosen], y[chosen]
    paths = []
    for seed in range(settings.seeds):
        context.advance(seed / settings.seeds, f"seed {seed}")
        fit = Fit(
            settings.steps,
            settings.rate,
            seed,
            "plain",
            decay=settings.decay,
            batch=min(settings.batch, len(y)),
        )
        at = [0, *observed_epochs(settings.steps)]
        tail = (*[64] * settings.layers, 10)
        start, path = 0.0, list[Seen]()
        for step, weights, before, after, loss in tailed(x, y, (64, 256, 64), tail, fit, at):
            found: Tail = linear_tail(weights)
            total = float(found.balance.sum())
            start = start or total
            ratios = []
            for features in (before, after):
                moments = Moments(10, features.shape[1], "none")
                moments.update(features, y)
                ratios.append(scatter_ratio(moments))
            path.append(
                Seen(
                    step,
                    total / start,
                    float(np.exp(-2 * settings.decay * settings.rate * step)),
                    found.condition_head,
                    found.predicted,
                    ratios[0],
                    ratios[1],
                    loss,
                )
            )
        paths.append(tuple(path))
    return Outcome(Numbers(tuple(paths)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when the balance decays as predicted, the last layer's condition number is that of a
    balanced tail, and classes are more collapsed behind it than before.
    """
    off = max(abs(seen.balance - seen.predicted) for path in numbers.paths for seen in path)
    ends = [path[-1] for path in numbers.paths]
    apart = max(abs(end.condition_head / end.condition_balanced - 1) for end in ends)
    quotients = [end.after / end.before for end in ends]
    heads, balanced = (
        f"{min(values):.3f} to {max(values):.3f}"
        for values in (
            [end.condition_head for end in ends],
            [end.condition_balanced for end in ends],
        )
    )
    left = max(end.balance for end in ends)
    return Verdict(
        off < _WITHIN and apart < _NEAR and left < 0.1 and max(quotients) < 1,
        f"Over {settings.steps} steps the distance of {settings.layers} linear layers from balance"
        f" falls to {left:.3f} of its start, within {off:.4f} of exp(-2 decay rate step)"
        f" ({settings.seeds} seeds). The last layer's condition number is"
        f" {heads}, that of a balanced tail {balanced}"
        f" (at most {apart:.1%} apart). tr S_W / tr S_B behind the tail is"
        f" {min(quotients):.2f} to {max(quotients):.2f} of that before it.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return balance and collapse against steps."""
    from lopsided.reproduce.figures.lines import several

    paths = runs[-1].numbers.paths
    later = range(1, len(paths[0]))
    steps = [paths[0][i].step for i in later]

    def lines(parts: dict[str, str]) -> dict[str, tuple[list[int], list[list[float]]]]:
        return {
            name: (steps, [[getattr(path[i], part) for path in paths] for i in later])
            for name, part in parts.items()
        }

    left = drawn(
        lambda ax: several(
            lines({"measured": "balance", "exp(-2 decay rate step)": "predicted"}),
            ax,
            x="step",
            label="distance from balance",
        ),
        "Distance of the linear layers from balance",
    )
    right = drawn(
        lambda ax: several(
            lines({"before the tail": "before", "behind it": "after"}),
            ax,
            x="step",
            label="within over between variance",
            log=True,
        ),
        "Variance within over between classes, before and behind the tail",
    )
    rows = [
        [
            f"seed {i}",
            f"{path[-1].balance:.4f}",
            f"{path[-1].predicted:.4f}",
            f"{path[-1].condition_head:.3f}",
            f"{path[-1].condition_balanced:.3f}",
            f"{path[-1].before:.4f}",
            f"{path[-1].after:.4f}",
            f"{path[-1].loss:.4f}",
        ]
        for i, path in enumerate(paths)
    ]
    columns = ["", "balance", "predicted", "condition", "if balanced", "before", "behind", "loss"]
    return [
        Row([left, right], "Digits, every seed a line; balance over its start."),
        Table("At the end.", columns, rows),
    ]


JACOT2025 = Claim(
    name="jacot2025",
    title="Linear layers at the end, balanced by weight decay",
    statement=(
        "Weight decay balances the linear layers at the end of a network, and balance with a low"
        " loss collapses the classes."
    ),
    source=f"{cite('jacot2025')}; rate of decay and condition number derived here",
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
