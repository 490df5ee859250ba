"""The ridge path: with a finite ridge the optimum is not SELI, and approaches it only as the ridge
vanishes, logarithmically.

Every point is the certified global optimum of the unconstrained-features model; ridges are in units
of sqrt(n_min), where the first
collapse happens: a group of classes of count n has one common classifier and mean exactly when the
ridge is at least sqrt(n), and everything is zero from the largest singular value of the label
matrix on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from lopsided import predict, solve
from lopsided.counts import Counts
from lopsided.geometry import Distances
from lopsided.gram import Gram
from lopsided.problem import Problem
from lopsided.report.blocks import Block, Figure, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Whole, require_balanced
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PARTS = ("classifiers", "class means", "logits")
#: Ridges that the table shows.
_SHOWN = (1e-1, 1e-2, 1e-4, 1e-6)
#: Below this ridge the exponent of the distance is fitted.
_LOW = 1e-3


@dataclass(frozen=True)
class Settings(Checked):
    """The paths that are followed.

    Attributes:
        k: number of classes, half of them minorities of one sample.
        ratios: R of the STEP profiles.
        least: the smallest ridge, over sqrt(n_min).
        points: ridges of a path, log-spaced, from the zero threshold down.
    """

    compared: ClassVar[tuple[str, ...]] = ("ratios",)

    k: Annotated[int, Bounds(least=4, most=1000, multiple=2)] = 10
    ratios: tuple[Whole, ...] = (1, 5, 10, 100)
    least: Annotated[float, Bounds(above=0, most=1e-4)] = 1e-6
    points: Annotated[int, Bounds(least=2, most=10**4)] = 29

    def __post_init__(self) -> None:
        super().__post_init__()
        require_balanced(self.ratios)


@dataclass(frozen=True)
class Point:
    """The optimum at one ridge.

    Attributes:
        ridge: of classifiers and features.
        distances: to SELI.
        relative_gap: of its certificate.
        minority_apart: distance of two minority classifiers, over the length of a majority one.
    """

    ridge: float
    distances: Distances
    relative_gap: float
    minority_apart: float


@dataclass(frozen=True)
class Path:
    """The optima at one ratio.

    Attributes:
        ratio: R.
        zero: ridge from which on all is zero.
        collapse: ridge from which on minority classes are one.
        rows: by ridge, falling.
        above_zero: size of the logits at a ridge above `zero`.
    """

    ratio: int
    zero: float
    collapse: float
    rows: tuple[Point, ...]
    above_zero: float


@dataclass(frozen=True)
class Numbers:
    """The paths, one a ratio."""

    paths: tuple[Path, ...]


def _path(settings: Settings, ratio: int) -> Path:
    counts = Counts.step(settings.k, 1, ratio)
    zero, collapse, seli = (
        solve.largest_ridge(Problem(counts, ridge=1.0)),
        predict.minority_collapse_ridge(counts),
        predict.seli(counts),
    )
    ridges = np.geomspace(0.97 * zero, settings.least * collapse, settings.points)
    if (low := int(np.sum(ridges < _LOW))) < 2:
        raise ValueError(
            f"an exponent needs two ridges below {_LOW:g}, of {settings.points} points at R ="
            f" {ratio} there are {low}: take more points"
        )
    rows = []
    for ridge in ridges:
        solution = solve.minimize(Problem(counts, ridge=float(ridge)))
        found = solution.geometry
        rows.append(
            Point(
                float(ridge),
                found.distance(seli),
                solution.certificate.relative_gap,
                _apart(found.classifiers),
            )
        )
    above = solve.minimize(Problem(counts, ridge=1.03 * zero)).geometry.logits.frobenius()
    return Path(ratio, zero, collapse, tuple(rows), above)


def _apart(classifiers: Gram) -> float:
    """Return the distance between two minority classifiers, over the length of a majority one: 0
    when they have collapsed.
    """
    square = classifiers.squared_norms()[-1] - classifiers.entries(-1, -2)
    return float(np.sqrt(2 * max(square, 0.0)) / classifiers.norms()[0])


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Solve along the ridges for every ratio."""
    paths = []
    for i, ratio in enumerate(settings.ratios):
        context.advance(i / len(settings.ratios), f"ridge path, R = {ratio}")
        paths.append(context.remember(f"path-{ratio}", Path, partial(_path, settings, ratio)))
    return Outcome(Numbers(tuple(paths)))


def _decay(rows: Sequence[Point]) -> float:
    """Return the exponent p of distance ~ log(1/ridge)^-p over the low ridges."""
    low = [row for row in rows if row.ridge < _LOW]
    x = np.log(np.log([1 / row.ridge for row in low]))
    return float(-np.polyfit(x, np.log([row.distances.classifiers for row in low]), 1)[0])


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when balanced paths are SELI at every ridge, others at none but ever nearer, and the
    thresholds are right.
    """
    gap, balanced, smallest, rates, collapsed, falling = 0.0, 0.0, np.inf, [], True, True
    for path in numbers.paths:
        rows = path.rows
        gap = max(gap, *(row.relative_gap for row in rows))
        if path.ratio == 1:
            balanced = max(max(row.distances) for row in rows)
            continue
        smallest = min(smallest, *(min(row.distances) for row in rows))
        rates.append(_decay(rows))
        together = [row.minority_apart < 1e-3 for row in rows]
        collapsed &= together == [row.ridge >= path.collapse for row in rows]
        low = [row.distances.classifiers for row in rows if row.ridge < 0.5]
        falling &= bool(np.all(np.diff(low) < 0))
    zero = max(path.above_zero for path in numbers.paths)
    even, away = balanced < 1e-4, smallest > 1e-3
    seli_at_the_end = gap < 1e-7 and even and away and max(rates) < 1.5
    return Verdict(
        bool(seli_at_the_end and falling and collapsed and zero < 1e-6),
        f"Balanced classes are {'' if even else 'not '}SELI at every ridge (to {balanced:.0e})."
        f" With imbalance {'no' if away else 'some'} ridge gives SELI: the smallest distance met is"
        f" {smallest:.3f}, and the classifiers' distance {'falls' if falling else 'goes'} like"
        f" log(1/λ) to the power {-max(rates):.2f} to {-min(rates):.2f}. Minority classes"
        f" {'collapse exactly' if collapsed else 'do not collapse exactly'} at ridges from √n_min"
        f" on. All optima are certified to a relative gap of {gap:.0e}.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return distance against ridge."""
    from lopsided.reproduce.figures.lines import several

    paths = runs[-1].numbers.paths

    def panel(i: int) -> Figure:
        lines = {
            f"R = {path.ratio}": (
                [row.ridge for row in path.rows],
                [[row.distances[i]] for row in path.rows],
            )
            for path in paths
        }

        def draw(ax: Axes) -> None:
            several(lines, ax, x="ridge λ", label="distance to SELI")
            ax.axvline(paths[0].collapse, color="#888888", lw=0.8, ls=":")

        return drawn(
            draw,
            f"Distance of the optimum to SELI against the ridge, {_PARTS[i]}",
            _PARTS[i].capitalize(),
        )

    # Beyond the ridges that were solved nothing is known; of the last one rounding has its digits.
    least = max(path.rows[-1].ridge for path in paths) * (1 - 1e-9)
    shown = [ridge for ridge in _SHOWN if ridge >= least]
    rows = [
        [
            f"R = {path.ratio}",
            f"{path.collapse:.3f}",
            f"{path.zero:.3f}",
            *(f"{_at(path.rows, ridge):.3f}" for ridge in shown),
        ]
        for path in paths
    ]
    columns = [
        "",
        "minorities collapse at λ ≥",
        "all is zero at λ ≥",
        *(f"λ = {ridge:g}" for ridge in shown),
    ]
    return [
        Row(
            [panel(i) for i in range(3)],
            "Distance of the certified optimum to SELI against the ridge, one sample a minority"
            " class. Right of the dotted line, λ = √n_min, minority classes have collapsed; each"
            " curve ends where everything is zero.",
        ),
        Table(
            "Thresholds, and the distance of the classifiers to SELI at some ridges, interpolated"
            " between those solved.",
            columns,
            rows,
        ),
    ]


def _at(rows: Sequence[Point], ridge: float) -> float:
    """Return the classifiers' distance at a ridge, interpolated between the solved ones."""
    x, y = [np.log(row.ridge) for row in rows], [row.distances.classifiers for row in rows]
    return float(np.interp(np.log(ridge), x[::-1], y[::-1]))


RIDGE_PATH = Claim(
    name="ridge-path",
    title="SELI is the end of the ridge path, and only its end",
    statement=(
        "With a ridge λ the global optimum of the unconstrained-features model tends to SELI as λ"
        " vanishes. Balanced classes are at the ETF for every λ; imbalanced classes are at SELI for"
        " none, and approach it only logarithmically."
    ),
    source="Thrampoulidis et al. 2022; rate and thresholds: derived here",
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
