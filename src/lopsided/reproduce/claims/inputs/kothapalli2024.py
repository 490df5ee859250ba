"""Kernels: whether the features of lazy training are more collapsed than those at initialisation.

NNGP and NTK kernels of Gaussian classes and of digits; scatter ratio and NC1 of their features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from lopsided import measure, predict
from lopsided.arrays import Floats, Ints
from lopsided.papers import cite
from lopsided.predict.kernels import Activation
from lopsided.report.blocks import Block, Figure, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Digits, Seeds, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds

ACTIVATIONS: tuple[Activation, ...] = ("relu", "erf")


@dataclass(frozen=True)
class Settings(Checked):
    """The data and the depths.

    Attributes:
        dim: of the two Gaussian classes of means -2 and 2 in every coordinate, variance 1/4.
        gaussians: samples of each of them.
        digits: samples of each digit, scaled to squared length d.
        hidden: numbers of hidden layers.
        seeds: number of draws.
    """

    dim: Annotated[int, Bounds(least=1, most=10**4)] = 8
    gaussians: Annotated[int, Bounds(least=2, most=2000)] = 128
    digits: Digits = 80
    hidden: tuple[Whole, ...] = (1, 2, 3, 4, 5)
    seeds: Seeds = 2


@dataclass(frozen=True)
class Pair:
    """The two kernels of some data.

    Attributes:
        data: "Gaussians" or "digits".
        activation: of the network.
        hidden: its hidden layers.
        seed: of the draw.
        ratios: trace of the within-class scatter over that between, of NNGP and NTK.
        nc1: of both.
    """

    data: str
    activation: str
    hidden: int
    seed: int
    ratios: tuple[float, float]
    nc1: tuple[float, float]


@dataclass(frozen=True)
class Numbers:
    """All pairs."""

    pairs: tuple[Pair, ...]

    def of(self, data: str, activation: str, hidden: int) -> list[Pair]:
        """Return those of all seeds."""
        wanted = (data, activation, hidden)
        return [p for p in self.pairs if (p.data, p.activation, p.hidden) == wanted]


def _drawn(data: str, settings: Settings, seed: int) -> tuple[Floats, Ints]:
    from lopsided.reproduce.data.digits import all_digits

    rng = np.random.default_rng(seed)
    if data == "Gaussians":
        y = np.repeat([0, 1], settings.gaussians)
        return (4 * y - 2)[:, None] + rng.normal(size=(len(y), settings.dim)) / 2, y
    x, y = all_digits()
    chosen = np.concatenate(
        [rng.permutation(np.flatnonzero(y == c))[: settings.digits] for c in range(10)]
    )
    x, y = x[chosen], y[chosen]
    return x * np.sqrt(x.shape[1]) / np.linalg.norm(x, axis=1, keepdims=True), y


def _seen(kernel: Floats, labels: Ints) -> tuple[float, float]:
    features = measure.features_of(kernel)
    moments = measure.Moments(int(labels.max()) + 1, features.shape[1])
    moments.update(features, labels)
    found = measure.Collapse.of(moments)
    return found.scatter_ratio, found.nc1


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Measure both kernels of all data, activations and depths."""
    pairs = []
    for seed in range(settings.seeds):
        for i, data in enumerate(("Gaussians", "digits")):
            context.advance((seed + i / 2) / settings.seeds, f"{data}, seed {seed}")
            x, y = _drawn(data, settings, seed)
            for activation in ACTIVATIONS:
                for hidden in settings.hidden:
                    kernels = (predict.nngp, predict.ntk)
                    found = [_seen(kernel(x, hidden, activation), y) for kernel in kernels]
                    (before, nc1), (lazy, lazy_nc1) = found
                    pairs.append(
                        Pair(data, activation, hidden, seed, (before, lazy), (nc1, lazy_nc1))
                    )
    return Outcome(Numbers(tuple(pairs)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when the NTK has the larger scatter ratio everywhere, and on Gaussians the error
    function the smaller one than the ReLU.
    """
    pairs = numbers.pairs
    smooth = all(
        erf.ratios[i] < relu.ratios[i]
        for hidden in settings.hidden
        for relu, erf in zip(
            *(numbers.of("Gaussians", activation, hidden) for activation in ACTIVATIONS),
            strict=True,
        )
        for i in (0, 1)
    )
    less = [p for p in pairs if p.ratios[1] < p.ratios[0]]
    quotients = [p.ratios[1] / p.ratios[0] for p in pairs]
    reversed_ = {
        data: (sum(p.nc1[1] < p.nc1[0] for p in mine), len(mine))
        for data in ("Gaussians", "digits")
        if (mine := [p for p in pairs if p.data == data])
    }
    told = ", ".join(f"{a} of {b} ({data})" for data, (a, b) in reversed_.items())
    return Verdict(
        smooth and not less,
        f"tr S_W / tr S_B of the NTK is {min(quotients):.2f} to {max(quotients):.2f} times that of"
        f" the NNGP kernel ({len(pairs)} pairs of two data sets, two activations and"
        f" {len(settings.hidden)} depths, {settings.seeds} seeds)"
        f"{'' if not less else f', less in {len(less)} of them'}. On Gaussians erf has"
        f" {'always' if smooth else 'not always'} a smaller one than ReLU. The statement is about"
        f" these traces: NC1, which weighs directions by S_B^+, is smaller for the NTK in {told}.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return ratio and NC1 against depth."""
    settings, numbers = runs[-1].settings, runs[-1].numbers
    rows = []
    for data in ("Gaussians", "digits"):
        for activation in ACTIVATIONS:
            for hidden in settings.hidden:
                mine = numbers.of(data, activation, hidden)
                figures = np.mean([[*p.ratios, *p.nc1] for p in mine], axis=0)
                rows.append([data, activation, str(hidden), *(f"{v:.3f}" for v in figures)])
    columns = ["data", "activation", "hidden layers", "ratio, NNGP", "NTK", "NC1, NNGP", "NTK"]
    return [
        Row(
            [_picture(settings, numbers, data) for data in ("Gaussians", "digits")],
            "Scatter ratio of both kernels, ReLU, against hidden layers; every seed a line.",
        ),
        Table("Scatter ratio and NC1, means of the seeds.", columns, rows),
    ]


def _picture(settings: Settings, numbers: Numbers, data: str) -> Figure:
    from lopsided.reproduce.figures.lines import several

    lines = {
        name: (
            settings.hidden,
            [[p.ratios[i] for p in numbers.of(data, "relu", h)] for h in settings.hidden],
        )
        for i, name in enumerate(("NNGP", "NTK"))
    }
    return drawn(
        lambda ax: several(lines, ax, x="hidden layers", label="within over between variance"),
        f"Scatter ratio of the kernels of {data}",
    )


KOTHAPALLI2024 = Claim(
    name="kothapalli2024",
    title="Kernels: lazy training does not collapse",
    statement=(
        "The features of the neural tangent kernel are not more collapsed than those of the kernel"
        " at initialisation, by the ratio of the traces of their scatters; on Gaussian data"
        " those of erf are more collapsed than those of ReLU."
    ),
    source=cite("kothapalli2024"),
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
