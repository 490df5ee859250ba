"""Counts and temperature on the sphere, without a network: by how much the margins of large and
rare classes differ, and where rare classes merge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Annotated, ClassVar

import numpy as np

from lopsided import solve
from lopsided.papers import cite
from lopsided.report.blocks import Block, Figure, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Positive, Seed, Seeds, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds

#: A margin below which two rare classes are one.
_MERGED = 1e-3
#: Halvings of the step, in the logarithm, that brackets the temperature of merging.
_HALVINGS = 6
#: At and below this temperature the law is judged, and how far the ratio may be from 1.
_COLD, _WITHIN = 0.05, 0.1


@dataclass(frozen=True)
class Settings(Checked):
    """The classes, and where optima are looked for.

    Attributes:
        dims: dimensions of the sphere's space.
        majorities: number of classes of R samples each.
        minorities: of one sample each; two and four make codes that are the only ones, a hexagon
            and an octahedron.
        ratios: R, ascending.
        temperatures: of the softmax; the law is of those of 0.05 and below.
        seeds: number of repetitions.
        starts: random starts of each; the best of them counts, which beside a merging one of 30 may
            find.
        seed: of the first start.
    """

    compared: ClassVar[tuple[str, ...]] = ("ratios",)

    dims: tuple[Annotated[int, Bounds(least=2, most=8)], ...] = (2, 3)
    majorities: Annotated[int, Bounds(least=1, most=20)] = 2
    minorities: Annotated[int, Bounds(least=2, most=20)] = 4
    ratios: tuple[Whole, ...] = (1, 10, 100, 1000)
    temperatures: tuple[Positive, ...] = (1.0, 0.5, 0.3, 0.2, 0.15, 0.1, 0.05, 0.03, 0.02, 0.01)
    seeds: Seeds = 3
    starts: Annotated[int, Bounds(least=1, most=1000)] = 64
    seed: Seed = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.temperatures, default=np.inf) > _COLD:
            raise ValueError(
                f"temperatures must hold one of {_COLD:g} or below, of which the verdict speaks,"
                f" got {', '.join(f'{t:g}' for t in self.temperatures) or 'none'}"
            )


@dataclass(frozen=True)
class Point:
    """The optimum at a temperature, the best of all starts of one seed.

    Attributes:
        temperature: of the softmax.
        majority: mean margin of the large classes.
        minority: least margin of the rare ones, which others of them may exceed; about 0 where two
            have merged.
        reached: share of the starts that end as low as the best of them.
    """

    temperature: float
    majority: float
    minority: float
    reached: float


@dataclass(frozen=True)
class Case:
    """One dimension, ratio and seed: points from hot to cold, and the temperature at and above
    which rare classes are merged; None where they never are.
    """

    d: int
    ratio: int
    seed: int
    points: tuple[Point, ...]
    merging: float | None


@dataclass(frozen=True)
class Numbers:
    """All cases."""

    cases: tuple[Case, ...]

    def slopes(self, d: int, temperature: float, ratio: int) -> list[float]:
        """Return for each seed by how much the gap of margins grows from the ratio before to this
        one, over temperature times the logarithm of their quotient; 1 if the law holds.
        """
        ratios = sorted({case.ratio for case in self.cases})
        before = ratios[ratios.index(ratio) - 1]
        step = temperature * log(ratio / before)
        large, small = (self._gaps(d, temperature, r) for r in (ratio, before))
        return [(a - b) / step for a, b in zip(large, small, strict=True)]

    def _gaps(self, d: int, temperature: float, ratio: int) -> list[float]:
        return [
            point.majority - point.minority
            for case in self.cases
            if (case.d, case.ratio) == (d, ratio)
            for point in case.points
            if point.temperature == temperature
        ]


def _case(settings: Settings, d: int, ratio: int, seed: int) -> Case:
    counts = [ratio] * settings.majorities + [1] * settings.minorities
    large = settings.majorities
    scale = sorted(settings.temperatures, reverse=True)

    def begin(i: int) -> int:
        return settings.seed + 1000 * seed + i

    runs = [solve.spherical(counts, d, scale, 1, begin(i)) for i in range(settings.starts)]
    points, merging = [], None
    for found in zip(*runs, strict=True):
        best = min(found, key=lambda one: one.log_objective)
        near = [one.log_objective <= best.log_objective + 1e-6 for one in found]
        margins = best.margins
        points.append(
            Point(
                best.temperature,
                float(margins[:large].mean()),
                float(margins[large:].min()),
                float(np.mean(near)),
            )
        )
    merged = [point.temperature for point in points if point.minority < _MERGED]
    apart = [point.temperature for point in points if point.minority >= _MERGED]
    if merged and apart and max(apart) < min(merged):
        low, high = max(apart), min(merged)
        for _ in range(_HALVINGS):
            middle = float(np.sqrt(low * high))
            hotter = [t for t in scale if t > middle]
            last = solve.spherical(counts, d, [*hotter, middle], settings.starts, begin(0))[-1]
            low, high = (low, middle) if last.margins[large:].min() < _MERGED else (middle, high)
        merging = high
    return Case(d, ratio, seed, tuple(points), merging)


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Anneal from all starts, and bracket where rare classes merge."""
    cases = [
        (d, ratio, seed)
        for d in settings.dims
        for ratio in sorted(settings.ratios)
        for seed in range(settings.seeds)
    ]
    found = list[Case]()
    for i, (d, ratio, seed) in enumerate(cases):
        context.advance(i / len(cases), f"d = {d}, R = {ratio}, seed {seed}")
        found.append(_case(settings, d, ratio, seed))
    return Outcome(Numbers(tuple(found)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when at low temperatures the gap grows by temperature times the logarithm of R, in every
    dimension and from every seed, and rare classes that are merged come apart as it falls.
    """
    cold = [t for t in settings.temperatures if t <= _COLD]
    ratios = sorted(settings.ratios)[1:]
    slopes = [
        s for d in settings.dims for t in cold for r in ratios for s in numbers.slopes(d, t, r)
    ]
    close = bool(slopes) and max(abs(s - 1) for s in slopes) <= _WITHIN
    told, agreed = [], True
    for d in settings.dims:
        rooms = {
            r: [
                c.merging * log(r) for c in numbers.cases if c.d == d and c.ratio == r and c.merging
            ]
            for r in ratios
        }
        agreed &= all(len(found) == settings.seeds for found in rooms.values())
        words = ", ".join(f"{_range(found, 2)} at R = {r}" for r, found in rooms.items() if found)
        told.append(f"{words or 'what was tried'} in {d} dimensions")
    low, high = (f"{f(slopes):.3f}" if slopes else "not known" for f in (min, max))
    return Verdict(
        close and agreed,
        f"At temperatures of {_COLD:g} and below the gap of margins grows by {low} to {high} times"
        f" temperature log R ({settings.seeds} seeds of {settings.starts} starts). Rare classes are"
        f" merged where temperature log R exceeds {'; '.join(told)}.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return margins against temperature, the slopes, and where rare classes merge."""
    settings, numbers = runs[-1].settings, runs[-1].numbers
    scale = sorted(settings.temperatures)
    ratios = sorted(settings.ratios)
    rows = []
    for d in settings.dims:
        for r in ratios:
            mine = [c for c in numbers.cases if (c.d, c.ratio) == (d, r)]
            for t in scale[::-1]:
                points = [p for c in mine for p in c.points if p.temperature == t]
                slopes = numbers.slopes(d, t, r) if r > ratios[0] else []
                rows.append(
                    [
                        f"{d}",
                        f"{r}",
                        f"{t:g}",
                        _range([p.majority for p in points]),
                        _range([p.minority for p in points]),
                        "merged" if min(p.minority for p in points) < _MERGED else "apart",
                        _range(slopes) if slopes else "",
                        f"{np.mean([p.reached for p in points]):.0%}",
                    ]
                )
    columns = ["d", "R", "temperature", "large", "rare", "rare are", "slope", "starts"]
    return [
        Row(
            [_picture(numbers, d, scale, ratios) for d in settings.dims],
            f"{settings.majorities} classes of R samples and {settings.minorities} of one; a line a"
            " seed, which lie on each other where all agree. At zero, rare classes have merged.",
        ),
        Table(
            "Mean margin of the large classes, least of the rare ones; slope: growth of their gap"
            " from the R before, over temperature times the logarithm of the quotient, 1 by the"
            " law; starts: share that reach the best optimum of their seed.",
            columns,
            rows,
        ),
        Table(
            "Where rare classes merge.",
            ["d", "R", "temperature", "temperature × log R"],
            [
                [f"{d}", f"{r}", _range(found), _range([t * log(r) for t in found])]
                for d in settings.dims
                for r in ratios
                if (
                    found := [
                        c.merging
                        for c in numbers.cases
                        if (c.d, c.ratio) == (d, r) and c.merging is not None
                    ]
                )
            ],
        ),
    ]


def _picture(numbers: Numbers, d: int, scale: Sequence[float], ratios: Sequence[int]) -> Figure:
    from lopsided.reproduce.figures.lines import several

    def margins(ratio: int, temperature: float) -> list[float]:
        return [
            point.minority
            for case in numbers.cases
            if (case.d, case.ratio) == (d, ratio)
            for point in case.points
            if point.temperature == temperature
        ]

    lines = {f"R = {r}": (scale, [margins(r, t) for t in scale]) for r in ratios}
    return drawn(
        lambda ax: several(lines, ax, x="temperature", label="least margin of rare classes"),
        f"Margins in {d} dimensions",
    )


def _range(values: Sequence[float], digits: int = 3) -> str:
    """Return one number where all are the same to so many digits."""
    low, high = (f"{f(values):.{digits}f}" for f in (min, max))
    return low if low == high else f"{low} to {high}"


CODE_TEMPERATURE = Claim(
    name="code-temperature",
    title="Counts and temperature on the sphere",
    statement=(
        "Where the softmax code is the only one, margins of large and rare classes on the sphere"
        " differ by temperature times log R as the temperature falls; where there is no room for"
        " that, rare classes merge."
    ),
    source=f"derived here, beside {cite('jiang2023')}",
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
