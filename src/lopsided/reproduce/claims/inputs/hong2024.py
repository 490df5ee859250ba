"""Which inputs let shallow networks collapse: samples, dimensions, signal and random neurons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from lopsided.arrays import Floats, Ints
from lopsided.measure import collapsible
from lopsided.papers import cite
from lopsided.report.blocks import Block, Figure, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Positive, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds


@dataclass(frozen=True)
class Settings(Checked):
    """The inputs: three Gaussian classes of unit variance.

    Attributes:
        samples: of each class, for two layers.
        dims: dimensions.
        signals: lengths of the class means.
        widths: neurons of a random first layer, for three layers.
        deep_samples: of each class there.
        deep_dim: dimensions there, too few for two layers.
        draws: of every setting.
    """

    compared: ClassVar[tuple[str, ...]] = ("dims", "signals", "widths")

    samples: Annotated[int, Bounds(least=2, most=200)] = 20
    dims: tuple[Whole, ...] = (15, 20, 30, 40, 60)
    signals: tuple[Positive, ...] = (0.1, 3.0, 10.0)
    widths: tuple[Whole, ...] = (20, 40, 80)
    deep_samples: Annotated[int, Bounds(least=2, most=200)] = 20
    deep_dim: Whole = 5
    draws: Annotated[int, Bounds(least=1, most=1000)] = 20


@dataclass(frozen=True)
class Share:
    """In what share of the draws all three classes can collapse."""

    signal: float
    size: int
    share: float


@dataclass(frozen=True)
class Numbers:
    """Two layers by dimensions, three layers by the width of the first; the sizes of each draw."""

    shallow: tuple[Share, ...]
    deep: tuple[Share, ...]


def _drawn(samples: int, d: int, signal: float, rng: np.random.Generator) -> tuple[Floats, Ints]:
    means = rng.normal(size=(3, d))
    means *= signal / np.linalg.norm(means, axis=1, keepdims=True)
    y = np.repeat(np.arange(3), samples)
    return means[y] + rng.normal(size=(len(y), d)), y


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Solve the linear programmes of all draws."""
    shallow, deep = [], []
    parts = len(settings.signals)
    for i, signal in enumerate(settings.signals):
        context.advance(i / parts, f"signal {signal:g}")
        for d in settings.dims:
            rng = np.random.default_rng(d)
            found = [
                collapsible(*_drawn(settings.samples, d, signal, rng)).possible.all()
                for _ in range(settings.draws)
            ]
            shallow.append(Share(signal, d, float(np.mean(found))))
        for width in settings.widths:
            rng = np.random.default_rng(width)
            found = []
            for _ in range(settings.draws):
                x, y = _drawn(settings.deep_samples, settings.deep_dim, signal, rng)
                layer = rng.normal(size=(x.shape[1], width))
                found.append(collapsible(np.maximum(x @ layer, 0), y).possible.all())
            deep.append(Share(signal, width, float(np.mean(found))))
    return Outcome(Numbers(tuple(shallow), tuple(deep)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when many dimensions or much signal, and a wide first layer, let classes collapse, and
    few do not.
    """
    weak, strong = min(settings.signals), max(settings.signals)
    few, many = min(settings.dims), max(settings.dims)
    narrow, wide = min(settings.widths), max(settings.widths)
    flat = {(one.signal, one.size): one.share for one in numbers.shallow}
    layered = {(one.signal, one.size): one.share for one in numbers.deep}
    helps = all(flat[strong, d] >= flat[weak, d] for d in settings.dims)
    monotone = all(
        np.all(np.diff([flat[s, d] for d in sorted(settings.dims)]) >= -0.15)
        for s in settings.signals
    )
    ends = flat[weak, few] == 0 and flat[weak, many] == 1
    three = layered[weak, wide] == 1 and layered[weak, narrow] < 1
    told = ", ".join(f"{flat[weak, d]:.0%} ({d})" for d in sorted(settings.dims))
    best = ", ".join(f"{flat[strong, d]:.0%}" for d in sorted(settings.dims))
    return Verdict(
        bool(helps and monotone and ends and three),
        f"Three classes of {settings.samples} samples each collapse under one hidden layer in"
        f" {told} of {settings.draws} draws (dimensions), with strong signal in {best}. Under a"
        f" random first layer of {narrow} to {wide} neurons on {settings.deep_dim} dimensions"
        f" it is {layered[weak, narrow]:.0%} to {layered[weak, wide]:.0%}. The test is"
        " sufficient for exact collapse to the orthogonal frame; the paper's thresholds were"
        " not read.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return the shares against dimensions and against width."""
    from lopsided.reproduce.figures.lines import several

    settings, numbers = runs[-1].settings, runs[-1].numbers

    def lines(shares: Sequence[Share]) -> dict[str, tuple[list[int], list[list[float]]]]:
        return {
            f"signal {s:g}": (
                [one.size for one in shares if one.signal == s],
                [[one.share] for one in shares if one.signal == s],
            )
            for s in settings.signals
        }

    def picture(shares: Sequence[Share], x: str) -> Figure:
        return drawn(
            lambda ax: several(lines(shares), ax, x=x, label="share of draws"),
            f"Share of draws in which all classes can collapse, by {x}",
        )

    pictures = [
        picture(numbers.shallow, "dimensions"),
        picture(numbers.deep, "neurons of the first layer"),
    ]
    rows = [
        [layers, f"{one.signal:g}", str(one.size), f"{one.share:.0%}"]
        for layers, shares in (("two", numbers.shallow), ("three", numbers.deep))
        for one in shares
    ]
    return [
        Row(
            pictures,
            f"Two layers on {settings.samples} samples a class; three layers on"
            f" {settings.deep_samples} a class in {settings.deep_dim} dimensions.",
        ),
        Table("All of them.", ["layers", "signal", "dimensions or width", "share"], rows),
    ]


HONG2024 = Claim(
    name="hong2024",
    title="Which inputs let shallow networks collapse",
    statement=(
        "Two-layer networks collapse if dimensions, samples and signal of the data allow it,"
        " whatever their width; three-layer networks if the first layer is wide."
    ),
    source=f"{cite('hong2024')}; the test by linear programmes derived here",
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
