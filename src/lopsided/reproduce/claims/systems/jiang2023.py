"""More classes than dimensions: unit features and classifiers tend to the softmax code.

Networks on equally many of each digit, in two, three and four dimensions. Beside the code stands
the optimum at the temperature where training ends, which is not the code yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from lopsided import predict, solve
from lopsided.arrays import Floats
from lopsided.hull import nearest, one_vs_rest
from lopsided.papers import cite
from lopsided.report.blocks import Block, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Positive, Seeds, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds

#: A network has reached the code when its least margin is at least this share of the code's.
_REACHED = 0.95
#: Random starts of codes, and temperatures between the hottest and the coldest.
_STARTS, _STEPS = 6, 8


@dataclass(frozen=True)
class Settings(Checked):
    """The networks.

    Attributes:
        dims: feature dimensions, one network each and seed.
        samples: of each digit; unequal counts have margins of their own (see code-temperature).
        steps: of Adam, batches of 128; the rate falls along half a cosine.
        rate: of Adam.
        hottest: temperature at the start.
        coldest: at the end.
        seeds: number of repetitions.
    """

    dims: tuple[Annotated[int, Bounds(least=2, most=8)], ...] = (2, 3, 4)
    samples: Annotated[int, Bounds(least=10, most=170)] = 60
    steps: Whole = 4000
    rate: Positive = 0.01
    hottest: Positive = 0.2
    coldest: Positive = 0.05
    seeds: Seeds = 2


@dataclass(frozen=True)
class Found:
    """A trained network.

    Attributes:
        d: its dimensions.
        seed: of the run.
        margins: (k,) one-vs-rest distances of its classifiers, the least first.
        alignment: the least cosine of a class mean with its best feature.
        code: least margin of the code.
        optimum: least margin of the optimum at the coldest temperature.
    """

    d: int
    seed: int
    margins: tuple[float, ...]
    alignment: float
    code: float
    optimum: float


@dataclass(frozen=True)
class Numbers:
    """All networks."""

    networks: tuple[Found, ...]


def _train(settings: Settings, d: int, seed: int, code: float, optimum: float) -> Found:
    from lopsided.reproduce.data.digits import all_digits
    from lopsided.reproduce.network.small import Fit, sphere

    x, y = all_digits()
    order = np.random.default_rng(0).permutation(len(x))
    chosen = np.concatenate([order[y[order] == c][: settings.samples] for c in range(10)])
    x, y = x[chosen], y[chosen]
    fit = Fit(settings.steps, settings.rate, seed, "adam", batch=128, schedule="cosine")
    temperatures = (settings.hottest, settings.coldest)
    features, weight = sphere(x, y, (64, 64, 64, d), temperatures, fit)
    ahead = np.stack([features[y == c].mean(axis=0) for c in range(10)])
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    alignment = float(np.sum(ahead * _best_features(weight), axis=1).min())
    margins = tuple(np.sort(one_vs_rest(weight)).tolist())
    return Found(d, seed, margins, alignment, code, optimum)


def _best_features(weight: Floats) -> Floats:
    points = [-nearest(np.delete(weight, c, axis=0) - weight[c]).point for c in range(len(weight))]
    return np.stack([p / max(float(np.linalg.norm(p)), 1e-12) for p in points])


def _code(d: int) -> float:
    try:
        return float(one_vs_rest(predict.softmax_code(10, d).vectors(d)[0]).min())
    except ValueError:
        return solve.softmax_code(10, d, _STARTS).margin


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train a network for each dimension and seed."""
    networks = list[Found]()
    scale = np.geomspace(settings.hottest, settings.coldest, _STEPS).tolist()
    for d in settings.dims:
        code = _code(d)
        last = solve.spherical([settings.samples] * 10, d, scale, _STARTS)[-1]
        for seed in range(settings.seeds):
            context.advance(
                len(networks) / (len(settings.dims) * settings.seeds), f"d = {d}, seed {seed}"
            )

            def train(
                d: int = d,
                seed: int = seed,
                code: float = code,
                optimum: float = float(last.margins.min()),
            ) -> Found:
                return _train(settings, d, seed, code, optimum)

            networks.append(context.remember(f"{d}-{seed}", Found, train))
    return Outcome(Numbers(tuple(networks)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when every network reaches its code."""
    shares: dict[int, list[float]] = {}
    for one in numbers.networks:
        shares.setdefault(one.d, []).append(one.margins[0] / one.code)
    shown = ", ".join(
        f"{min(found):.1%} to {max(found):.1%} of the code's at d = {d}"
        for d, found in shares.items()
    )
    own = [one.margins[0] / one.optimum for one in numbers.networks]
    aligned = min(one.alignment for one in numbers.networks)
    return Verdict(
        min(map(min, shares.values())) >= _REACHED,
        f"At temperature {settings.coldest:g} the networks' least margins are {shown}"
        f" ({settings.seeds} seeds), and {min(own):.1%} to {max(own):.1%} of those of the optimum"
        f" at that temperature; class means are aligned with their best features to a cosine of at"
        f" least {aligned:.4f}.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return margins of the networks beside their codes."""
    from lopsided.reproduce.figures.lines import by_row

    networks = runs[-1].numbers.networks
    names = [f"d = {one.d}, seed {one.seed}" for one in networks]
    margins = {
        "network": [one.margins[0] for one in networks],
        "its temperature": [one.optimum for one in networks],
        "code": [one.code for one in networks],
    }
    figure = drawn(
        lambda ax: by_row(names, margins, ax, label="least one-vs-rest distance"),
        "Networks beside softmax codes",
        size=(5.0, 2.7),
    )
    rows = [
        [
            name,
            f"{one.margins[0]:.4f} to {one.margins[-1]:.4f}",
            f"{one.optimum:.4f}",
            f"{one.code:.4f}",
            f"{one.alignment:.4f}",
        ]
        for name, one in zip(names, networks, strict=True)
    ]
    columns = ["network", "margins", "least at its temperature", "least of the code", "alignment"]
    return [
        Row([figure], "Ten digits, equally many of each, in few dimensions."),
        Table("Margins are one-vs-rest distances.", columns, rows),
    ]


JIANG2023 = Claim(
    name="jiang2023",
    title="More classes than dimensions",
    statement=(
        "With more classes than dimensions, unit features and classifiers tend, as the temperature"
        " falls, to the code that maximises the least one-vs-rest distance."
    ),
    source=cite("jiang2023"),
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
