"""Claim of "On the Implicit Geometry of Cross-Entropy Parameterizations for Label-Imbalanced Data"
(AISTATS 2023).

Behnia, Kini, Vakilian and Thrampoulidis, arXiv 2303.07608. Column scales (CDT) and label scales
(LDT) of exponent gamma change norms and angles of classifiers and embeddings as closed forms
predict; weights and shifts leave them as they are. Held against free features descended to the
limit, and against a batch-norm MLP on MNIST, smaller and shorter trained than the published
ResNets.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, TypeVar

import numpy as np

from lopsided import foresee, predict, solve, steer
from lopsided.adjustment import Adjustment
from lopsided.counts import Counts
from lopsided.geometry import Distances, Geometry, Source
from lopsided.problem import Problem
from lopsided.report.blocks import Block, Figure, Row, Table, drawn
from lopsided.reproduce import ready
from lopsided.reproduce.choices import Whole
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.seen import Seen, Skews
from lopsided.reproduce.settings import Comparison
from lopsided.reproduce.typed import Bounds

T = TypeVar("T")

Exponent = Annotated[float, Bounds(least=-10, most=10)]

_FAMILIES = {"CDT": Adjustment.cdt, "LDT": Adjustment.ldt}
#: Field of a skew -> what it is.
_QUANTITIES = {
    "norm_ratio": "squared norms, majority / minority",
    "minority": "cosine of two minority classes",
}
_PARTS = {"classifiers": "Classifiers", "embeddings": "Class means"}
#: Losses that do not steer.
_KEPT = ("CE", "wCE", "LA")

_UNSTEERED = (
    "Weights and shifts: at a vanishing ridge the predicted geometry is that of cross-entropy,"
    " SELI. A network has weight decay; the first column is the exact optimum at the ridge that it"
    " amounts to."
)

#: Free features count as arrived below this distance to the prediction.
_ARRIVED = 0.1


@dataclass(frozen=True)
class Settings(Comparison):
    """A network for some exponents, free features for more.

    Attributes:
        exponents: gamma of the networks.
        free: gamma of the unconstrained features.
        steps: of their descent.
    """

    epochs: Whole = 200
    exponents: tuple[Exponent, ...] = (-0.25, 0.25, 0.5)
    free: tuple[Exponent, ...] = tuple(np.linspace(-1.5, 1.5, 13).tolist())
    steps: Whole = 60000


@dataclass(frozen=True)
class Free:
    """Where free features ended, and how far from the prediction."""

    skews: Skews
    distance: Distances


@dataclass(frozen=True)
class Numbers:
    """What came of free features and of networks, by the name of the loss.

    Attributes:
        title: of the data.
        counts: of the classes.
        indices_sha256: hash of the list of training samples.
        free: free features.
        network: networks.
    """

    title: str
    counts: tuple[int, ...]
    indices_sha256: str
    free: dict[str, Free]
    network: dict[str, Seen]

    def ratio(self, name: str) -> float:
        """Return the norm ratio of a network's classifiers."""
        return self.network[name].skews.classifiers.norm_ratio


def descend(
    counts: Counts, adjustment: Adjustment, steps: int, d: int = 20, rate: float = 100.0
) -> Geometry:
    """Return where loss-normalised descent on classifiers and free class means is at its end."""
    given = adjustment.resolve(counts)
    optimizer = solve.Optimizer(
        "normalized", rate / float(given.columns.max() * given.samples.max())
    )
    problem = Problem(counts, adjustment, ridge=0.0, width=d)
    path = solve.train(problem, optimizer, steps, reference=foresee(problem))
    return Geometry.of_vectors(path.W, path.H, Source("free features"), counts)


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Descend and train for every exponent; what is finished is not repeated after an
    interruption.
    """
    from lopsided.reproduce.network.steered import Recipe, linear, material, observe, train

    context.advance(0.0, "read the images")
    given = material(settings, context)
    context, counts = context.of(f"data {given.digest}"), given.counts
    kept = {
        "CE": Adjustment(),
        "wCE": Adjustment.weighted(counts),
        "LA": Adjustment.logit_adjusted(counts),
    }

    def scaled(exponents: Sequence[float]) -> dict[str, Adjustment]:
        return {
            f"{family} {g:g}": make(counts, g)
            for g in exponents
            for family, make in _FAMILIES.items()
        }

    def free(adjustment: Adjustment, part: Context) -> Free:
        seen = descend(counts, adjustment, settings.steps)
        law = foresee(Problem(counts, adjustment, ridge=0.0))
        return Free(Skews.of(seen, counts), seen.distance(law))

    def network(adjustment: Adjustment, part: Context) -> Seen:
        recipe = Recipe(steer.AdjustedCrossEntropy(adjustment), linear, adjustment)
        return observe(settings, recipe, given, train(settings, recipe, given, settings.seed, part))

    descents, networks = scaled(settings.free) | kept, kept | scaled(settings.exponents)
    total, done = len(descents) + len(networks), itertools.count()

    def each(
        kind: type[T],
        title: str,
        do: Callable[[Adjustment, Context], T],
        losses: dict[str, Adjustment],
    ) -> dict[str, T]:
        found = {}
        for name, adjustment in losses.items():
            start = next(done)
            context.advance(start / total, f"{title}, {name}")
            part = context.part(start / total, (start + 1) / total, f"{title}, {name}")
            found[name] = context.remember(f"{title}-{name}", kind, partial(do, adjustment, part))
        return found

    return Outcome(
        Numbers(
            given.title,
            tuple(counts.values.tolist()),
            given.indices,
            each(Free, "free", free, descents),
            each(Seen, "network", network, networks),
        ),
        {"data_sha256": given.digest},
    )


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when free features arrive and networks follow the predicted norm ratios, while weights
    and shifts move them little.
    """
    far = {name: max(free.distance) for name, free in numbers.free.items()}
    worst = max(far, key=lambda name: far[name])
    counts = Counts(numbers.counts)
    agreement = {family: _correlation(settings, numbers, counts, family) for family in _FAMILIES}
    plain, *moved = (numbers.ratio(name) for name in _KEPT)
    steered = [numbers.ratio(f"{family} {g:g}") for family in _FAMILIES for g in settings.exponents]
    span = float(np.log(max(steered) / min(steered)))
    arrived, follows = far[worst] < _ARRIVED, min(agreement.values()) > 0.8
    stays = max(abs(np.log(ratio / plain)) for ratio in moved) < span / 4
    come, follow, leave = ("" if yes else "do not " for yes in (arrived, follows, stays))
    limit = Skews.of(predict.seli(counts), counts).classifiers.norm_ratio
    own = (_at_own_ridge(numbers.network[name], "nothing") for name in _KEPT)
    sentences = [
        (
            f"Free features {come}come within {_ARRIVED} of the prediction (worst: {worst},"
            f" {far[worst]:.1e})."
        ),
        (
            f"On {numbers.title} the norm ratios of the networks' classifiers {follow}follow the"
            f" predicted ones: correlations of logarithms {agreement['CDT']:.2f} (CDT) and"
            f" {agreement['LDT']:.2f} (LDT), from {min(steered):.2f} to {max(steered):.2f}."
        ),
        (
            f"Weights and shifts {leave}leave it nearly as it is after {settings.epochs}"
            f" epochs: cross-entropy {plain:.2f}, weighted {moved[0]:.2f},"
            f" logit-adjusted {moved[1]:.2f}. In the limit all have {limit:.2f}; the exact"
            " optima at the ridges that the runs' weight decay amounts to have"
            f" {', '.join(own)}."
        ),
    ]
    return Verdict(bool(arrived and follows and stays), " ".join(sentences))


def _at_own_ridge(seen: Seen, nothing: str) -> str:
    """Return the norm ratio of the exact optimum at the run's own ridge."""
    skews = None if seen.own_ridge is None else seen.own_ridge.skews
    return nothing if skews is None else f"{skews.classifiers.norm_ratio:.2f}"


def _correlation(settings: Settings, numbers: Numbers, counts: Counts, family: str) -> float:
    """Return the correlation of measured and predicted logarithms of the norm ratio over the
    exponents.
    """
    measured = [numbers.ratio(f"{family} {g:g}") for g in settings.exponents]
    predicted = [_law(counts, family, g).classifiers.norm_ratio for g in settings.exponents]
    return float(np.corrcoef(np.log(measured), np.log(predicted))[0, 1])


def _law(counts: Counts, family: str, gamma: float) -> Skews:
    limit = Problem(counts, _FAMILIES[family](counts, gamma), ridge=0.0)
    return Skews.of(foresee(limit), counts)


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return norm ratios and cosines against the exponent for the longest training, and the losses
    that do not steer for all.
    """
    ordered = sorted(runs, key=lambda run: run.settings.epochs)
    columns = [
        "",
        "‖w‖² ratio at own ridge",
        "‖w‖² ratio",
        "cos w",
        "‖μ‖² ratio",
        "cos μ",
        "W to SELI",
        "M to SELI",
        "logits to SELI",
        "free to SELI",
    ]
    table = [_row(run, name) for run in ordered for name in _KEPT]
    return [*_figures(ordered[-1]), Table(_UNSTEERED, columns, table)]


def _row(run: Run[Settings, Numbers], name: str) -> list[str]:
    seen, free = run.numbers.network[name], run.numbers.free[name]
    cells = [x for skew in seen.skews for x in skew] + [*seen.distances.seli]
    return [
        f"{name}, {run.settings.epochs} epochs",
        _at_own_ridge(seen, "zero"),
        *(f"{x:.2f}" for x in cells),
        f"{max(free.distance):.1e}",
    ]


def _figures(run: Run[Settings, Numbers]) -> list[Row]:
    from lopsided.reproduce.figures.losses import against_exponent

    numbers, settings = run.numbers, run.settings
    counts, fine = Counts(numbers.counts), np.linspace(-1.5, 1.5, 61)
    laws = {family: [_law(counts, family, g) for g in fine] for family in _FAMILIES}
    kinds: dict[str, tuple[Mapping[str, Free | Seen], Sequence[float]]] = {
        "free features": (numbers.free, settings.free),
        "network": (numbers.network, settings.exponents),
    }

    def panel(part: str, quantity: str) -> Figure:
        def values(skews: Sequence[Skews]) -> list[float]:
            return [getattr(getattr(one, part), quantity) for one in skews]

        theory = {family: (fine, values(rows)) for family, rows in laws.items()}
        trained = {
            name: {f: (at, values([found[f"{f} {g:g}"].skews for g in at])) for f in _FAMILIES}
            for name, (found, at) in kinds.items()
        }
        title, label = _PARTS[part], _QUANTITIES[quantity]
        return drawn(
            partial(against_exponent, theory, trained, label=label, log=quantity == "norm_ratio"),
            f"{title}, {label}, against the exponent",
            title,
        )

    return [
        Row(
            [panel(part, quantity) for quantity in _QUANTITIES],
            f"{title}: theory as lines, free features as rings, networks on {numbers.title}"
            " as triangles.",
        )
        for part, title in _PARTS.items()
    ]


BEHNIA2023 = Claim(
    name="behnia2023",
    title="Scales of the logits steer the geometry, weights and shifts do not",
    statement=(
        "Scaling logits by class (CDT) or by label (LDT) moves norms and angles of classifiers and"
        " class means as the closed forms say; weighting the loss or shifting the logits leaves"
        " them nearly as cross-entropy has them."
    ),
    source="Behnia et al. 2023, Theorem 1 and Figures 1 to 3",
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
    ready=ready.to_train,
)
