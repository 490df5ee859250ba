"""Deep ReLU networks on free features: whether low rank costs less than collapse, and from which
depth and number of classes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from lopsided import predict, solve
from lopsided.papers import cite
from lopsided.report.blocks import Block, Figure, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Positive, Seeds
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds

#: Two classes, as many samples in all: equal and lopsided.
_BINARY = ((3, 3), (5, 2))
#: The ridge of the two, and that at which the graph solution is at its best.
_BINARY_RIDGE, _SMALL = 0.05, 1e-9


@dataclass(frozen=True)
class Settings(Checked):
    """The model: one sample of each class.

    Attributes:
        vertices: r; the classes are the r (r - 1) / 2 edges.
        layers: numbers of weight layers above the features.
        ridge: on every factor.
        width: of features and hidden layers.
        starts: of L-BFGS, of which the best counts.
        seeds: number of repetitions.
    """

    vertices: Annotated[int, Bounds(least=4, most=8)] = 5
    layers: tuple[Annotated[int, Bounds(least=2, most=20)], ...] = (3, 4)
    ridge: Positive = 0.012
    width: Annotated[int, Bounds(least=6, most=500)] = 24
    starts: Annotated[int, Bounds(least=1, most=1000)] = 4
    seeds: Seeds = 2


@dataclass(frozen=True)
class Found:
    """What descent found at some depth.

    Attributes:
        layers: L.
        seed: of the starts.
        objectives: of all starts, ascending.
        converged: how many starts ended by the criterion of the descent.
        ranks: of the best start's features, and behind each ReLU.
        collapsed: whether the best start has collapsed.
        collapse: what collapse costs.
        graph: what the graph solution costs.
    """

    layers: int
    seed: int
    objectives: tuple[float, ...]
    converged: int
    ranks: tuple[int, ...]
    collapsed: bool
    collapse: float
    graph: float


@dataclass(frozen=True)
class Binary:
    """Two classes under three layers: whether the best start has collapsed, and how many starts end
    as low.
    """

    counts: tuple[int, ...]
    collapsed: bool
    objective: float
    reached: int


@dataclass(frozen=True)
class Threshold:
    """Whether the graph solution costs less than collapse at a vanishing ridge."""

    vertices: int
    layers: int
    wins: bool


@dataclass(frozen=True)
class Numbers:
    """Optima found, two classes, and the closed form."""

    found: tuple[Found, ...]
    binary: tuple[Binary, ...]
    thresholds: tuple[Threshold, ...]


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Descend from all starts at every depth, and evaluate the closed form."""
    r, k = settings.vertices, settings.vertices * (settings.vertices - 1) // 2
    cases = [(layers, seed) for layers in settings.layers for seed in range(settings.seeds)]
    found = []
    for i, (layers, seed) in enumerate(cases):
        context.advance(i / len(cases), f"{layers} layers, seed {seed}")
        law = predict.graph_solution(r, 1, settings.ridge, layers)
        width = max(settings.width, k)
        first = seed * settings.starts
        best = solve.deep_relu([1] * k, settings.ridge, layers, width, settings.starts, first)
        if not any(best.ranks):
            raise ValueError(
                f"at a ridge of {settings.ridge:g} the optimum of {layers} layers is zero, of which"
                " nothing is judged; take a smaller one"
            )
        found.append(
            Found(
                layers,
                seed,
                tuple(best.objectives.tolist()),
                sum(best.converged),
                best.ranks,
                best.collapsed,
                law.collapse,
                law.objective,
            )
        )
    binary = []
    for counts in _BINARY:
        two = solve.deep_relu(counts, _BINARY_RIDGE, 3, 6, starts=6)
        near = int(np.sum(two.objectives < two.objective * (1 + 1e-4)))
        binary.append(Binary(counts, two.collapsed, two.objective, near))
    thresholds = []
    for vertices in range(4, 9):
        for layers in range(2, 7):
            law = predict.graph_solution(vertices, 1, _SMALL, layers)
            thresholds.append(Threshold(vertices, layers, law.objective < law.collapse))
    return Outcome(Numbers(tuple(found), tuple(binary), tuple(thresholds)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when at the largest depth every seed ends below collapse and at a lower rank, while two
    classes collapse.
    """
    deepest = [one for one in numbers.found if one.layers == max(settings.layers)]
    k = settings.vertices * (settings.vertices - 1) // 2
    below = all(
        one.objectives[0] < one.collapse * (1 - 1e-6) and min(one.ranks) < k for one in deepest
    )
    two = all(one.collapsed for one in numbers.binary)
    told = []
    for layers in settings.layers:
        mine = [one for one in numbers.found if one.layers == layers]
        values = [value for one in mine for value in one.objectives]
        lower = sum(value < mine[0].collapse * (1 - 1e-6) for value in values)
        ranks = sorted({one.ranks[0] for one in mine})
        told.append(
            f"under {layers} layers {lower} of {len(values)} starts end below it"
            f" ({min(values):.4f} at best, rank {'/'.join(map(str, ranks))}; collapse"
            f" {mine[0].collapse:.4f}, graph {mine[0].graph:.4f})"
        )
    starts = sum(len(one.objectives) for one in numbers.found)
    converged = sum(one.converged for one in numbers.found)
    wins = [t.layers for t in numbers.thresholds if t.wins]
    edges = [t.vertices * (t.vertices - 1) // 2 for t in numbers.thresholds]
    sizes = f"{min(edges)} to {max(edges)}"
    return Verdict(
        below and two,
        f"Deep collapse of {k} classes at a ridge of {settings.ridge:g}: {'; '.join(told)}."
        f" {converged} of {starts} starts have converged. Two classes"
        f" {'collapse' if two else 'do not all collapse'} under three layers, with equal counts and"
        " with 5 and 2. At a vanishing ridge the graph solution, an upper bound, wins"
        f" from {min(wins) if wins else 'no number of'} layers on, and never under fewer ({sizes}"
        " classes).",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return the ends of all starts, and where the graph solution wins."""
    numbers = runs[-1].numbers
    depths = sorted({one.layers for one in numbers.found})
    rows = [
        [
            str(one.layers),
            str(one.seed),
            f"{one.objectives[0]:.5f}",
            f"{one.collapse:.5f}",
            f"{one.graph:.5f}",
            f"{one.converged} of {len(one.objectives)}",
            ", ".join(map(str, one.ranks)),
        ]
        for one in numbers.found
    ]
    law = [
        [
            str(r * (r - 1) // 2),
            *("graph" if t.wins else "collapse" for t in numbers.thresholds if t.vertices == r),
        ]
        for r in sorted({t.vertices for t in numbers.thresholds})
    ]
    binary = [
        [f"{one.counts[0]}, {one.counts[1]}", f"{one.objective:.6f}", f"{one.reached} of 6"]
        for one in numbers.binary
    ]
    return [
        Row(
            [_picture(numbers, layers) for layers in depths],
            "Every start a mark; below 1 it costs less than collapse.",
        ),
        Table(
            "The best start of each seed.",
            ["layers", "seed", "objective", "collapse", "graph", "converged", "ranks"],
            rows,
        ),
        Table(
            "What costs less at a vanishing ridge, by classes and layers.",
            [
                "classes",
                *(f"{layers} layers" for layers in sorted({t.layers for t in numbers.thresholds})),
            ],
            law,
        ),
        Table("Two classes under three layers.", ["counts", "objective", "starts"], binary),
    ]


def _picture(numbers: Numbers, layers: int) -> Figure:
    from lopsided.reproduce.figures.lines import dots

    mine = [one for one in numbers.found if one.layers == layers]
    ends = [value / one.collapse for one in mine for value in one.objectives]
    series = {
        "starts": ends,
        "collapse": [1.0] * len(ends),
        "graph": [mine[0].graph / mine[0].collapse] * len(ends),
    }
    return drawn(
        lambda ax: dots(series, ax, label="objective over that of collapse"),
        f"Ends of all starts under {layers} layers, over what collapse costs",
    )


SUKENIK2024 = Claim(
    name="sukenik2024",
    title="Deep ReLU layers: low rank against collapse",
    statement=(
        "With ReLU between several layers and more than two classes, solutions of low rank cost"
        " less than deep neural collapse; two classes collapse."
    ),
    source=f"{cite('sukenik2024')}; threshold and lopsided counts derived here",
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
