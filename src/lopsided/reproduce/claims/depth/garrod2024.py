"""SELI is a law of one layer: under more linear layers logits of half the rank cost less."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from lopsided import predict
from lopsided.counts import Counts
from lopsided.papers import cite
from lopsided.problem import Problem
from lopsided.report.blocks import Block, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Positive, Ratio
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds
from lopsided.solve.depth import best_multiple, pairs

#: Numbers of classes and the ridge, over n, of the balanced thresholds.
_CLASSES, _SMALL = (2, 4, 6, 8), 1e-7


@dataclass(frozen=True)
class Settings(Checked):
    """The problem.

    Attributes:
        classes: k, even; half of them minorities of one sample.
        ratio: R of the others.
        ridges: on every factor, over the number of samples.
        layers: numbers of linear layers above the features.
    """

    classes: Annotated[int, Bounds(least=4, most=100, multiple=2)] = 10
    ratio: Ratio = 10.0
    ridges: tuple[Positive, ...] = (1e-3, 1e-5)
    layers: tuple[Annotated[int, Bounds(least=1, most=20)], ...] = (1, 2, 3)

    def __post_init__(self) -> None:
        super().__post_init__()
        if max(self.layers, default=0) < 2:
            raise ValueError(
                "layers must hold 2 or more, for the verdict speaks of several, got"
                f" {', '.join(map(str, self.layers)) or 'none'}"
            )


@dataclass(frozen=True)
class Cost:
    """Objectives per sample of the best multiples of two sets of logits.

    Attributes:
        ridge: over the number of samples.
        layers: L.
        seli: of SELI's logits.
        pairs: of logits of half the rank.
    """

    ridge: float
    layers: int
    seli: float
    pairs: float


@dataclass(frozen=True)
class Balanced:
    """Equal counts at a small ridge: whether pairs cost less, and whether they should."""

    classes: int
    layers: int
    wins: bool
    law: bool


@dataclass(frozen=True)
class Numbers:
    """Costs, and the thresholds of equal counts."""

    costs: tuple[Cost, ...]
    balanced: tuple[Balanced, ...]


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Compare the best multiples of SELI's logits and of pairs."""
    k = settings.classes
    counts = Counts.step(k=k, minority=1, ratio=settings.ratio)
    seli, half = predict.seli(counts).logits.matrix(), pairs(k)
    costs = list[Cost]()
    for ridge in settings.ridges:
        problem = Problem(counts, ridge=ridge * counts.n)
        for layers in settings.layers:
            context.advance(len(costs) / len(settings.ridges) / len(settings.layers), "costs")
            found = [best_multiple(problem, z, layers) for z in (seli, half)]
            if not any(multiple for multiple, _ in found):
                raise ValueError(
                    f"at a ridge of {ridge:g} n under {layers} layers no multiple of the logits is"
                    " better than zero, so none is before another: take smaller ridges"
                )
            costs.append(Cost(ridge, layers, *(cost / counts.n for _, cost in found)))
    balanced = []
    for m in _CLASSES:
        equal = Counts([1] * m)
        problem = Problem(equal, ridge=_SMALL * m)
        simplex = predict.etf(m).logits.matrix()
        for layers in settings.layers:
            collapse, low = (best_multiple(problem, z, layers)[1] for z in (simplex, pairs(m)))
            law = m / 2 * 2 ** (2 / (layers + 1)) < m - 1
            balanced.append(Balanced(m, layers, low < collapse * (1 - 1e-9), law))
    return Outcome(Numbers(tuple(costs), tuple(balanced)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when SELI costs less under one layer and pairs under more, and the thresholds of equal
    counts are those of the law.
    """
    ordered = all((c.seli < c.pairs) == (c.layers == 1) for c in numbers.costs)
    orders = {(c.layers, c.seli < c.pairs) for c in numbers.costs}
    same = len(orders) == len(set(settings.layers))
    agreed = sum(b.wins == b.law for b in numbers.balanced)
    told = "; ".join(
        f"L = {c.layers}: {c.seli:.4f} against {c.pairs:.4f}"
        for c in numbers.costs
        if c.ridge == max(settings.ridges)
    )
    return Verdict(
        ordered and agreed == len(numbers.balanced),
        f"Best multiples of SELI's logits and of logits of half the rank cost, a sample, {told} at"
        f" a ridge of {max(settings.ridges):g} n; the order is"
        f" {'the same' if same else 'not the same'} at all ridges. For equal counts"
        f" (k/2) 2^(2/(L+1)) < k - 1 tells who wins in {agreed} of {len(numbers.balanced)} cases.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return the costs against the number of layers."""
    from lopsided.reproduce.figures.lines import several

    settings, numbers = runs[-1].settings, runs[-1].numbers
    mine = [c for c in numbers.costs if c.ridge == max(settings.ridges)]
    lines = {
        name: ([c.layers for c in mine], [[getattr(c, part)] for c in mine])
        for name, part in (("SELI", "seli"), ("half the rank", "pairs"))
    }
    figure = drawn(
        lambda ax: several(lines, ax, x="linear layers", label="objective a sample"),
        "Objective of SELI and of logits of half the rank, by layers",
    )
    return [
        Row([figure], f"At a ridge of {max(settings.ridges):g} n on every factor."),
        Table(
            "All costs.",
            ["ridge / n", "layers", "SELI", "half the rank"],
            [
                [f"{c.ridge:g}", str(c.layers), f"{c.seli:.6f}", f"{c.pairs:.6f}"]
                for c in numbers.costs
            ],
        ),
        Table(
            "Equal counts at a vanishing ridge.",
            ["classes", "layers", "costs less", "by the law"],
            [
                [
                    str(b.classes),
                    str(b.layers),
                    *("half the rank" if low else "collapse" for low in (b.wins, b.law)),
                ]
                for b in numbers.balanced
            ],
        ),
    ]


GARROD2024 = Claim(
    name="garrod2024",
    title="SELI is a law of one layer",
    statement=(
        "Under several linear layers logits of low rank cost less than those of neural collapse,"
        " and than SELI where classes are imbalanced."
    ),
    source=f"{cite('garrod2024')}; imbalanced classes and thresholds in k derived here",
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
