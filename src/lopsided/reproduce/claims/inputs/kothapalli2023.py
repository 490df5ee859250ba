"""Graphs: free features under a layer that sees a node and the mean of its neighbors, on graphs
whose nodes of one class all see the same classes, and on random ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from lopsided.arrays import Floats
from lopsided.measure import neighbor_fractions
from lopsided.papers import cite
from lopsided.report.blocks import Block, Row, Table, drawn
from lopsided.reproduce.choices import Checked, Positive, Seeds
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds
from lopsided.solve import graph_classes, graph_ufm

#: Ratios below which features have collapsed, how near the objectives of nodes and classes are
#: then, and the ratio from which on they have not.
_COLLAPSED, _NEAR, _APART = 1e-8, 1e-8, 1e-4


@dataclass(frozen=True)
class Settings(Checked):
    """The graphs.

    Attributes:
        classes: k.
        nodes: of each class.
        degrees: neighbors of a node in its own class, half as many in each other class; on random
            graphs their expectation.
        ridge: on all factors.
        width: of the features.
        starts: of the descent, of which the best counts.
        seeds: draws of every graph.
    """

    classes: Annotated[int, Bounds(least=2, most=20)] = 3
    nodes: Annotated[int, Bounds(least=8, most=1000)] = 40
    degrees: tuple[Annotated[int, Bounds(least=4, most=1000, multiple=4)], ...] = (4, 8, 16, 32)
    ridge: Positive = 0.5
    width: Annotated[int, Bounds(least=2, most=500)] = 8
    starts: Annotated[int, Bounds(least=1, most=100)] = 2
    seeds: Seeds = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if max(self.degrees) > self.nodes - 2:
            raise ValueError(
                f"degrees must be at most two less than the nodes of a class, {self.nodes}, got"
                f" {max(self.degrees)}"
            )


@dataclass(frozen=True)
class Optimum:
    """The best optimum found on a graph.

    Attributes:
        degree: within a class.
        seed: of the graph.
        regular: whether every node of a class has the same number of neighbors in each class.
        unlike: mean squared distance of the nodes' shares of classes to those of their class.
        features: variance within classes over that between them.
        means: the same of the neighbors' means.
        objective: of the nodes.
        classes: the objective of one feature vector a class, at the mean shares.
        spread: by how much the worst start's objective is larger.
    """

    degree: int
    seed: int
    regular: bool
    unlike: float
    features: float
    means: float
    objective: float
    classes: float
    spread: float


@dataclass(frozen=True)
class Numbers:
    """All graphs."""

    optima: tuple[Optimum, ...]

    def mean(self, part: str) -> dict[int, float]:
        """Return the mean over the random graphs of each degree."""
        mine = [one for one in self.optima if not one.regular]
        degrees = sorted({one.degree for one in mine})
        return {
            degree: float(np.mean([getattr(one, part) for one in mine if one.degree == degree]))
            for degree in degrees
        }


def _regular(settings: Settings, degree: int, rng: np.random.Generator) -> Floats:
    """Return an adjacency whose blocks of classes are circulant, by random distances."""
    n, k = settings.nodes, settings.classes
    places = np.arange(n)
    blocks = [[np.zeros((n, n)) for _ in range(k)] for _ in range(k)]
    for a in range(k):
        for step in rng.choice(np.arange(1, (n + 1) // 2), degree // 2, replace=False):
            blocks[a][a][places, (places + step) % n] = 1
            blocks[a][a][(places + step) % n, places] = 1
        for b in range(a):
            for step in rng.choice(n, degree // 2, replace=False):
                blocks[a][b][places, (places + step) % n] = 1
            blocks[b][a] = blocks[a][b].T
    return np.block(blocks)


def _random(settings: Settings, degree: int, rng: np.random.Generator) -> Floats:
    """Return the adjacency of a stochastic block model, drawn again where a node is isolated."""
    n, k = settings.nodes, settings.classes
    share = degree / (n - 1) * np.eye(k) + degree / 2 / n * (1 - np.eye(k))
    chances = np.kron(share, np.ones((n, n)))
    while True:
        upper = np.triu(rng.random(chances.shape) < chances, 1)
        adjacency = (upper | upper.T).astype(np.float64)
        if adjacency.any(axis=1).all():
            return adjacency


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Find the optimum on every graph, and that of one feature vector a class."""
    k, n = settings.classes, settings.nodes
    labels = np.repeat(np.arange(k), n)
    cases = [
        (degree, seed, regular)
        for degree in settings.degrees
        for seed in range(settings.seeds)
        for regular in (True, False)
    ]
    rest = settings.ridge, settings.width, settings.starts
    found = []
    for i, (degree, seed, regular) in enumerate(cases):
        context.advance(i / len(cases), f"degree {degree}, seed {seed}")
        draw = _regular if regular else _random
        adjacency = draw(settings, degree, np.random.default_rng([seed, degree]))
        fractions = neighbor_fractions(adjacency, labels)
        shares = fractions.reshape(k, n, k).mean(axis=1)
        optimum = graph_ufm(adjacency, labels, *rest)
        if not optimum.features.any():
            raise ValueError(
                f"at a ridge of {settings.ridge:g} the optimum is zero, of which nothing is judged;"
                " take a smaller one"
            )
        classes = graph_classes(shares, [n] * k, *rest)
        unlike = float(np.mean(np.sum((fractions - shares[labels]) ** 2, axis=1)))
        found.append(
            Optimum(
                degree,
                seed,
                regular,
                unlike,
                *optimum.ratios,
                optimum.objective,
                classes.objective,
                optimum.spread,
            )
        )
    return Outcome(Numbers(tuple(found)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when all regular graphs collapse to the optimum of their classes, and no random one
    collapses.
    """
    regular = [one for one in numbers.optima if one.regular]
    random = [one for one in numbers.optima if not one.regular]
    most = max(max(one.features, one.means) for one in regular)
    off = max(abs(one.objective / one.classes - 1) for one in regular)
    least = min(min(one.features, one.means) for one in random)
    told = {
        part: ", ".join(f"{v:.2g}" for v in numbers.mean(part).values())
        for part in ("unlike", "features", "means")
    }
    return Verdict(
        most < _COLLAPSED and off < _NEAR and least > _APART,
        f"On {len(regular)} graphs whose nodes of one class see the same classes tr S_W / tr S_B is"
        f" at most {most:.1g}, with the objective of one feature vector a class (at most {off:.1g}"
        f" apart). On {len(random)} random graphs with {', '.join(map(str, numbers.mean('means')))}"
        f" neighbors within a class it is {told['features']} for the features and {told['means']}"
        f" for the neighbors' means; the squared spread of what nodes of a class see is"
        f" {told['unlike']}.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return the ratios on random graphs against their degree, and all optima."""
    from lopsided.reproduce.figures.lines import several

    optima = runs[-1].numbers.optima
    degrees = sorted({one.degree for one in optima})
    parts = {
        "spread of what nodes see": "unlike",
        "neighbors' means": "means",
        "features": "features",
    }
    lines = {
        name: (
            degrees,
            [
                [getattr(one, part) for one in optima if not one.regular and one.degree == degree]
                for degree in degrees
            ],
        )
        for name, part in parts.items()
    }
    figure = drawn(
        lambda ax: several(
            lines,
            ax,
            x="neighbors in the own class",
            label="within over between variance",
            log=True,
        ),
        "Variance within over between classes on random graphs, by degree",
    )
    rows = [
        [
            "regular" if one.regular else "random",
            str(one.degree),
            f"{one.unlike:.2g}",
            f"{one.features:.2g}",
            f"{one.means:.2g}",
            f"{one.objective:.6f}",
            f"{one.classes:.6f}",
            f"{one.spread:.1g}",
        ]
        for one in sorted(optima, key=lambda one: (not one.regular, one.degree, one.seed))
    ]
    columns = ["graph", "degree", "what nodes see", "features", "means of neighbors"]
    return [
        Row([figure], "Random graphs, every draw a line. What nodes see: its mean squared spread."),
        Table("All graphs.", [*columns, "objective", "of classes", "worst start above"], rows),
    ]


KOTHAPALLI2023 = Claim(
    name="kothapalli2023",
    title="Graphs collapse where nodes of a class see the same",
    statement=(
        "Features under a graph layer collapse exactly where all nodes of a class have the same"
        " classes among their neighbors, and on random graphs of communities only in part."
    ),
    source=f"{cite('kothapalli2023')}; the problem of one feature vector a class derived here",
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
