"""The optimum at a ridge is one, its classifiers sum to zero, and a weight on the features' ridge
is another ridge, in another scale.

Classifiers and the feature of every single sample are free; the sum of cross-entropy and
(ridge / 2) (||W||^2 + weight ||H||^2) is minimised by L-BFGS from random starts, which knows of no
class means, no convexity and no law. Beside it is the certified optimum of the convex problem at
the ridge sqrt(weight) times as large: with H' = sqrt(weight)^(1/2) H, W' = W / sqrt(weight)^(1/2)
the two objectives are one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Annotated, ClassVar

import numpy as np
from scipy.special import log_softmax

from lopsided import solve
from lopsided.arrays import Floats, Ints
from lopsided.counts import Counts
from lopsided.geometry import Geometry, Source
from lopsided.problem import Problem
from lopsided.report.blocks import Block, Table
from lopsided.reproduce.choices import Checked, Positive, Seed, Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.typed import Bounds

#: Differences below this are those of the optimiser's last step.
_EQUAL = 1e-4


@dataclass(frozen=True)
class Settings(Checked):
    """The optima that are looked for.

    Attributes:
        k: number of classes, half of them minorities.
        minority: samples of a minority class.
        ratios: R of the STEP profiles.
        ridges: over the square root of a minority's samples.
        weights: of the features' ridge.
        starts: random ones, of each optimum.
        seed: of the starts.
    """

    compared: ClassVar[tuple[str, ...]] = ("ratios", "ridges", "weights")

    k: Annotated[int, Bounds(least=4, most=20, multiple=2)] = 6
    minority: Annotated[int, Bounds(least=1, most=10)] = 2
    ratios: tuple[Whole, ...] = (1, 5, 10)
    ridges: tuple[Positive, ...] = (0.3, 0.03, 0.003)
    weights: tuple[Positive, ...] = (0.1, 1.0, 10.0)
    starts: Annotated[int, Bounds(least=2, most=10**9)] = 5
    seed: Seed = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if max(self.ridges) * max(self.weights) ** 0.5 >= 1:
            raise ValueError(
                "minority classes are one from a ridge times the root of the weight of 1 on, got"
                f" {max(self.ridges):g} and {max(self.weights):g}"
            )


@dataclass(frozen=True)
class Case:
    """The optimum of one objective, from all starts; each number is the worst of them.

    Attributes:
        ratio: R.
        ridge: of classifiers.
        weight: of the features' ridge.
        objective: excess over the certified optimum, relative to it.
        distance: the largest of the three to the certified optimum.
        scale: of ||W||^2 / (weight ||H||^2), away from 1.
        within: of features to their class mean, relative to ||H||.
        classifiers: length of the sum of the classifiers, relative to ||W||.
        means: of the sum of the class means, relative to ||M||.
    """

    ratio: int
    ridge: float
    weight: float
    objective: float
    distance: float
    scale: float
    within: float
    classifiers: float
    means: float


@dataclass(frozen=True)
class Numbers:
    """The optima."""

    cases: tuple[Case, ...]


def descend(labels: Ints, k: int, ridge: float, weight: float, start: Floats) -> Floats:
    """Return the (k + n, d) classifiers and features to which L-BFGS comes from a start."""
    n = len(labels)
    target = np.eye(k)[labels]
    penalty = ridge * np.concatenate([np.ones(k), np.full(n, weight)])[:, None]

    def objective(flat: Floats) -> tuple[float, Floats]:
        both = flat.reshape(start.shape)
        W, H = both[:k], both[k:]
        logs = log_softmax(H @ W.T, axis=1)
        error = np.exp(logs) - target
        value = -np.vdot(target, logs) + 0.5 * np.vdot(penalty * both, both)
        slope = np.concatenate([error.T @ H, error @ W]) + penalty * both
        return float(value), slope.ravel()

    from scipy.optimize import minimize  # slow to import

    found = minimize(
        objective,
        np.ravel(start),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 50_000, "maxfun": 100_000, "ftol": 1e-15, "gtol": 1e-9, "maxcor": 30},
    )
    return np.asarray(found.x).reshape(start.shape)


def case(settings: Settings, ratio: int, ridge: float, weight: float) -> Case:
    """Return what all starts have in common at one objective."""
    counts = Counts.step(settings.k, settings.minority, ratio)
    k, labels = counts.k, np.repeat(np.arange(counts.k), counts.values)
    own = ridge * float(np.sqrt(settings.minority))
    proved = solve.minimize(Problem(counts, ridge=own * float(np.sqrt(weight))))
    rng, seen = np.random.default_rng(settings.seed), []
    for _ in range(settings.starts):
        start = rng.standard_normal((k + counts.n, k)) * 0.5
        both = descend(labels, k, own, weight, start)
        seen.append(_seen(both[:k], both[k:], labels, counts, proved, own, weight))
    return Case(ratio, own, weight, *np.max(seen, axis=0).tolist())


def _seen(
    W: Floats,
    H: Floats,
    labels: Ints,
    counts: Counts,
    proved: solve.Solution,
    ridge: float,
    weight: float,
) -> tuple[float, ...]:
    M = np.array([H[labels == c].mean(axis=0) for c in range(counts.k)])
    losses = -log_softmax(H @ W.T, axis=1)[np.arange(len(labels)), labels]
    squares = float(np.vdot(W, W)), weight * float(np.vdot(H, H))
    value = float(losses.sum()) + ridge / 2 * sum(squares)
    found = Geometry.of_vectors(W, M, Source("L-BFGS"), counts)
    size = np.linalg.norm
    return (
        abs(value / proved.objective - 1),
        max(found.distance(proved.geometry)),
        abs(squares[0] / squares[1] - 1),
        float(size(H - M[labels]) / size(H)),
        float(size(W.sum(axis=0)) / size(W)),
        float(size(M.sum(axis=0)) / size(M)),
    )


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Look for every optimum from every start."""
    cases, all_of = [], list(product(settings.ratios, settings.ridges, settings.weights))
    for i, (ratio, ridge, weight) in enumerate(all_of):
        context.advance(i / len(all_of), f"R = {ratio}, ridge {ridge:g}, weight {weight:g}")
        found = partial(case, settings, ratio, ridge, weight)
        cases.append(context.remember(f"case-{i}", Case, found))
    return Outcome(Numbers(tuple(cases)))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when all starts come to the certified optimum, up to scale, and classifiers sum to
    zero.
    """
    cases = numbers.cases
    far, excess = max(case.distance for case in cases), max(case.objective for case in cases)
    scale = max(case.scale for case in cases)
    within, total = max(case.within for case in cases), max(case.classifiers for case in cases)
    last = min(settings.ridges) * float(np.sqrt(settings.minority))
    least = max(case.means for case in cases if case.ridge <= last * (1 + 1e-12))
    most = max(case.means for case in cases)
    unique = far < _EQUAL and excess < _EQUAL and within < _EQUAL
    scaled, centered = scale < _EQUAL, total < _EQUAL
    return Verdict(
        unique and scaled and centered,
        f"From {settings.starts} random starts, at each of {len(cases)} combinations of R, ridge"
        f" and weight, L-BFGS over single samples {'comes' if unique else 'does not come'} to one"
        f" optimum, the certified one (distance at most {far:.0e}, objective to {excess:.0e},"
        f" features of a class equal to {within:.0e}). A weight on the features' ridge"
        f" {'leads' if scaled and unique else 'does not lead'} to the optimum of the ridge times"
        f" its root, in another scale: ||W||² is that weight times ||H||² to {scale:.0e}."
        f" Classifiers {'sum' if centered else 'do not sum'} to zero (to {total:.0e}); class means"
        f" do in the limit alone: the length of their sum is up to {most:.2f} of theirs, at the"
        f" smallest ridge {least:.2g}.",
    )


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return a row an optimum."""
    rows = [
        [
            f"{case.ratio}",
            f"{case.ridge:.3g}",
            f"{case.weight:g}",
            *(f"{value:.0e}" for value in (case.distance, case.objective, case.scale)),
            *(f"{value:.0e}" for value in (case.within, case.classifiers)),
            f"{case.means:.2g}",
        ]
        for case in runs[-1].numbers.cases
    ]
    return [
        Table(
            "The worst of all starts: distance to the certified optimum and excess over it, how far"
            " the norms are from their ratio, features from their class mean, and the sums of"
            " classifiers and of class means from zero.",
            ["R", "ridge", "weight", "distance", "excess", "scale", "within", "Σ w", "Σ μ"],
            rows,
        )
    ]


UNIQUE = Claim(
    name="unique",
    title="One optimum at every ridge, centred, of one shape",
    statement=(
        "At every ridge the global optimum of the unconstrained-features model is unique up to"
        " rotation, the features of a class coincide, and the classifiers sum to zero; two ridges,"
        " of features and of classifiers, have the optimum of the root of their product, but for"
        " the scale of each."
    ),
    source="Thrampoulidis et al. 2022; the sum of the class means at a finite ridge: derived here",
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
)
