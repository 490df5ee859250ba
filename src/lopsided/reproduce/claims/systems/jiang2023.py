"""More classes than dimensions: unit features and classifiers tend to the softmax code.

First a network on the digits in two and three dimensions; then, without one, what counts and
temperature make of the code on a circle, which is not in the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from lopsided import predict, solve
from lopsided.arrays import Floats
from lopsided.counts import Counts
from lopsided.hull import one_vs_rest
from lopsided.papers import cite
from lopsided.report.blocks import Block, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Positive, Seed, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds

#: A network has reached the code when its least margin is at least this share of the code's.
_REACHED = 0.95


@dataclass(frozen=True)
class Settings(Checked):
    """The networks, and the law of counts and temperature.

    Attributes:
        dims: feature dimensions, one network each and seed.
        samples: digits that are trained on.
        steps: of Adam, batches of 128.
        rate: of Adam.
        hottest: temperature at the start.
        coldest: at the end.
        seeds: number of repetitions.
        starts: random starts of codes and of each seed of the law.
        ratio: R of the law, two classes of R samples and three of one in two dimensions.
        temperatures: of the law.
        seed: of the starts.
    """

    dims: tuple[Annotated[int, Bounds(least=2, most=8)], ...] = (2, 3)
    samples: Annotated[int, Bounds(least=100, most=1797)] = 600
    steps: Whole = 800
    rate: Positive = 3e-3
    hottest: Positive = 0.5
    coldest: Positive = 0.1
    seeds: Annotated[int, Bounds(least=1, most=100)] = 2
    starts: Annotated[int, Bounds(least=1, most=1000)] = 4
    ratio: Whole = 50
    temperatures: tuple[Positive, ...] = (1.0, 0.5, 0.2, 0.15, 0.1, 0.05, 0.02, 0.01)
    seed: Seed = 0


@dataclass(frozen=True)
class Found:
    """A trained network: its least one-vs-rest distance, that of the code, and the least cosine of
    a class mean with its best feature.
    """

    d: int
    seed: int
    margin: float
    code: float
    alignment: float


@dataclass(frozen=True)
class Point:
    """The law at one temperature, the best of all starts of one seed.

    Attributes:
        temperature: of the softmax.
        seed: of the starts.
        majority: mean margin of the large classes.
        minority: least margin of the rare ones; 0 where two have merged.
    """

    temperature: float
    seed: int
    majority: float
    minority: float


@dataclass(frozen=True)
class Numbers:
    """Networks, and the law from the hottest to the coldest temperature."""

    networks: tuple[Found, ...]
    law: tuple[Point, ...]

    def merged_at(self, seed: int) -> float:
        """Return the lowest temperature of the law at which rare classes are merged; 0 for none."""
        merged = [p.temperature for p in self.law if p.seed == seed and p.minority < 1e-3]
        return min(merged, default=0.0)


def _network(settings: Settings, d: int, seed: int, code: float) -> Found:
    from lopsided.reproduce.data.digits import all_digits
    from lopsided.reproduce.network.small import Fit, sphere

    x, y = all_digits()
    chosen = np.random.default_rng(0).permutation(len(x))[: settings.samples]
    x, y = x[chosen], y[chosen]
    fit = Fit(settings.steps, settings.rate, seed, "adam", batch=128)
    temperatures = (settings.hottest, settings.coldest)
    features, weight = sphere(x, y, (64, 64, 64, d), temperatures, fit)
    ahead = np.stack([features[y == c].mean(axis=0) for c in range(10)])
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    alignment = float(np.sum(ahead * _best_features(weight), axis=1).min())
    return Found(d, seed, float(one_vs_rest(weight).min()), code, alignment)


def _best_features(weight: Floats) -> Floats:
    from lopsided.hull import nearest

    points = [-nearest(np.delete(weight, c, axis=0) - weight[c]).point for c in range(len(weight))]
    return np.stack([p / max(float(np.linalg.norm(p)), 1e-12) for p in points])


def _law(settings: Settings, seed: int) -> tuple[Point, ...]:
    counts = Counts([settings.ratio] * 2 + [1] * 3)
    found = solve.spherical(
        counts, 2, settings.temperatures, settings.starts, settings.seed + 1000 * seed
    )
    return tuple(
        Point(
            one.temperature,
            seed,
            float(one.margins[:2].mean()),
            float(one.margins[2:].min()),
        )
        for one in found
    )


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train the networks, and anneal the law from several seeds."""
    networks, law = list[Found](), list[Point]()
    for d in settings.dims:
        try:
            code = float(one_vs_rest(predict.softmax_code(10, d).vectors(d)[0]).min())
        except ValueError:
            code = solve.softmax_code(10, d, settings.starts, settings.seed).margin
        for seed in range(settings.seeds):
            context.advance(len(networks) / 10, f"d = {d}, seed {seed}")

            def train(d: int = d, seed: int = seed, code: float = code) -> Found:
                return _network(settings, d, seed, code)

            networks.append(context.remember(f"{d}-{seed}", Found, train))
    for seed in range(settings.seeds):
        law.extend(_law(settings, seed))
    return Outcome(Numbers(tuple(networks), tuple(law)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when every network reaches its code; the law is told beside it."""
    shares: dict[int, list[float]] = {}
    for one in numbers.networks:
        shares.setdefault(one.d, []).append(one.margin / one.code)
    reached = {d: min(found) >= _REACHED for d, found in shares.items()}
    shown = ", ".join(
        f"{min(found):.0%} to {max(found):.0%} of the code's at d = {d}"
        for d, found in shares.items()
    )
    apart = [
        (p.majority - p.minority) / (p.temperature * np.log(settings.ratio))
        for p in numbers.law
        if p.minority > 1e-3
    ]
    merged = [numbers.merged_at(seed) for seed in range(settings.seeds)]
    law = (
        f"the gap of margins is {min(apart):.2f} to {max(apart):.2f} times temperature log R"
        if apart and settings.ratio > 1
        else "rare classes are never apart"
    )
    return Verdict(
        all(reached.values()),
        f"At temperature {settings.coldest:g} the networks' least margins are {shown}"
        f" ({settings.seeds} seeds). On a circle with R = {settings.ratio}, where no rare classes"
        f" have merged, {law}; they are merged at temperatures of"
        f" {' and '.join(f'{t:g}' for t in sorted(set(merged)))} and above (the best of"
        f" {settings.starts} starts, {settings.seeds} seeds).",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return margins of the networks beside their codes, and the law."""
    from lopsided.reproduce.figures.lines import by_row, several

    settings, numbers = runs[-1].settings, runs[-1].numbers
    names = [f"d = {one.d}, seed {one.seed}" for one in numbers.networks]
    margins = {
        "network": [one.margin for one in numbers.networks],
        "code": [one.code for one in numbers.networks],
    }
    left = drawn(
        lambda ax: by_row(names, margins, ax, label="least one-vs-rest distance"),
        "Networks beside softmax codes",
    )
    places = sorted({p.temperature for p in numbers.law})
    lines = {
        name: (
            places,
            [[getattr(p, name) for p in numbers.law if p.temperature == place] for place in places],
        )
        for name in ("majority", "minority")
    }
    right = drawn(
        lambda ax: several(lines, ax, x="temperature", label="margin"),
        "Margins on a circle against the temperature",
    )
    rows = [
        [
            f"{p.temperature:g}, seed {p.seed}",
            f"{p.majority:.4f}",
            f"{p.minority:.4f}",
            f"{p.majority - p.minority:.4f}",
            f"{p.temperature * np.log(settings.ratio):.4f}",
        ]
        for p in numbers.law
    ]
    aligned = min(one.alignment for one in numbers.networks)
    return [
        Row(
            [left, right],
            f"Left: ten digits in few dimensions; class means are aligned with the best features to"
            f" a cosine of at least {aligned:.3f}. Right: two classes of {settings.ratio} samples"
            " and three of one on a circle.",
        ),
        Table(
            "The law of counts and temperature: margins differ by temperature × log R until the"
            " room is spent, then rare classes merge.",
            ["temperature", "majority", "minority", "gap", "temperature × log R"],
            rows,
        ),
    ]


JIANG2023 = Claim(
    name="jiang2023",
    title="More classes than dimensions",
    statement=(
        "With more classes than dimensions, unit features and classifiers tend, as the temperature"
        " falls, to the code that maximises the least one-vs-rest distance."
    ),
    source=f"{cite('jiang2023')}; the law of counts and temperature derived here",
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
