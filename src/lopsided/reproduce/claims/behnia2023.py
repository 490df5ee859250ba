"""Claim of "On the Implicit Geometry of Cross-Entropy Parameterizations for Label-Imbalanced Data"
(AISTATS 2023).

Behnia, Kini, Vakilian and Thrampoulidis, arXiv 2303.07608. Column scales (CDT) and label scales
(LDT) of exponent gamma change norms and angles of classifiers and embeddings as closed forms
predict; weights and shifts leave them as they are. Held against free features descended to the
limit, and against a batch-norm MLP on MNIST, smaller and shorter trained than the published
ResNets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np

from lopsided import predict, solve, steer
from lopsided.adjustment import Adjustment
from lopsided.counts import Counts
from lopsided.geometry import Geometry, Source
from lopsided.problem import Problem
from lopsided.report.blocks import Block, Row, Table, drawn
from lopsided.reproduce import ready
from lopsided.reproduce.choices import Bounds, Whole
from lopsided.reproduce.claim import Claim, Outcome
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Record, Verdict
from lopsided.reproduce.settings import Comparison
from lopsided.reproduce.shapes import shape

Exponent = Annotated[float, Bounds(least=-10, most=10)]

_FAMILIES = {"CDT": Adjustment.cdt, "LDT": Adjustment.ldt}
_QUANTITIES = {
    "ratio": "squared norms, majority / minority",
    "cosine": "cosine of two minority classes",
}
_PARTS = {"classifiers": "Classifiers", "embeddings": "Class means"}

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


def descend(
    counts: Counts, adjustment: Adjustment, steps: int, d: int = 20, rate: float = 100.0
) -> Geometry:
    """Return where loss-normalised descent on classifiers and free class means is at its end."""
    given = adjustment.resolve(counts)
    optimizer = solve.Optimizer(
        "normalized", rate / float(given.columns.max() * given.samples.max())
    )
    problem = Problem(counts, adjustment, ridge=0.0, width=d)
    law = predict.cross_entropy(counts, adjustment)
    path = solve.train(problem, optimizer, steps, reference=law)
    return Geometry.of_vectors(path.W, path.H, Source("free features"), counts)


def compute(settings: Settings, context: Context) -> Outcome:
    """Descend and train for every exponent; what is finished is not repeated after an
    interruption.
    """
    from lopsided.reproduce.network.steered import Recipe, linear, material, observe, train

    context.advance(0.0, "read the images")
    given = material(settings, context)
    context = context.of(f"data {given.digest}")
    counts = given.counts
    kept = {
        "CE": Adjustment(),
        "wCE": Adjustment.weighted(counts),
        "LA": Adjustment.logit_adjusted(counts),
    }
    numbers: dict[str, Any] = {
        "title": given.title,
        "counts": counts.values,
        "indices_sha256": given.indices,
    }

    def free(adjustment: Adjustment) -> dict[str, Any]:
        seen = descend(counts, adjustment, settings.steps)
        return {
            "shape": shape(seen, counts),
            "distance": list(seen.distance(predict.cross_entropy(counts, adjustment))),
        }

    def network(adjustment: Adjustment) -> dict[str, Any]:
        recipe = Recipe(steer.AdjustedCrossEntropy(adjustment), linear, adjustment)
        return observe(settings, recipe, given, *train(settings, recipe, given, settings.seed))

    todo = [
        ("free", f"{family} {g:g}", make(counts, g))
        for g in settings.free
        for family, make in _FAMILIES.items()
    ]
    todo += [("free", name, adjustment) for name, adjustment in kept.items()]
    todo += [("network", name, adjustment) for name, adjustment in kept.items()]
    todo += [
        ("network", f"{family} {g:g}", make(counts, g))
        for g in settings.exponents
        for family, make in _FAMILIES.items()
    ]
    for i, (kind, name, adjustment) in enumerate(todo):
        context.advance(i / len(todo), f"{kind}, {name}")
        run = free if kind == "free" else network
        found = context.remember(f"{kind}-{name}", partial(run, adjustment))
        numbers.setdefault(kind, {})[name] = found
    return Outcome(numbers, {"data_sha256": given.digest})


def judge(configuration: dict[str, Any], numbers: dict[str, Any]) -> Verdict:
    """Hold when free features arrive and networks follow the predicted norm ratios, while weights
    and shifts move them little.
    """
    far = {name: max(row["distance"]) for name, row in numbers["free"].items()}
    worst = max(far, key=lambda name: far[name])
    counts = Counts(numbers["counts"])
    networks = numbers["network"]
    agreement = {
        family: _correlation(configuration, networks, counts, family) for family in _FAMILIES
    }
    ratios = {name: networks[name]["shape"]["classifiers"]["ratio"] for name in ("CE", "wCE", "LA")}
    moved = max(abs(np.log(ratios[name] / ratios["CE"])) for name in ("wCE", "LA"))
    steered = [
        networks[f"{family} {g:g}"]["shape"]["classifiers"]["ratio"]
        for family in _FAMILIES
        for g in configuration["exponents"]
    ]
    span = float(np.log(max(steered) / min(steered)))
    arrived, follows, stays = far[worst] < _ARRIVED, min(agreement.values()) > 0.8, moved < span / 4
    come, follow, leave = ("" if yes else "do not " for yes in (arrived, follows, stays))
    predicted = shape(predict.seli(counts), counts)["classifiers"]["ratio"]
    sentences = [
        (
            f"Free features {come}come within {_ARRIVED} of the prediction (worst: {worst},"
            f" {far[worst]:.1e})."
        ),
        (
            f"On {numbers['title']} the norm ratios of the networks' classifiers {follow}follow the"
            f" predicted ones: correlations of logarithms {agreement['CDT']:.2f} (CDT) and"
            f" {agreement['LDT']:.2f} (LDT), from {min(steered):.2f} to {max(steered):.2f}."
        ),
        (
            f"Weights and shifts {leave}leave it nearly as it is after {configuration['epochs']}"
            f" epochs: cross-entropy {ratios['CE']:.2f}, weighted {ratios['wCE']:.2f},"
            f" logit-adjusted {ratios['LA']:.2f}. In the limit all have {predicted:.2f}; the exact"
            " optima at the ridges that the runs' weight decay amounts to have"
            f" {_at_own_ridges(networks)}."
        ),
    ]
    return Verdict(bool(arrived and follows and stays), " ".join(sentences))


def _at_own_ridges(networks: dict[str, Any]) -> str:
    shapes = [networks[name]["own_ridge"]["shape"] for name in ("CE", "wCE", "LA")]
    return ", ".join(
        "nothing" if found is None else f"{found['classifiers']['ratio']:.2f}" for found in shapes
    )


def _correlation(
    configuration: dict[str, Any], networks: dict[str, Any], counts: Counts, family: str
) -> float:
    """Return the correlation of measured and predicted logarithms of the norm ratio over the
    exponents.
    """
    exponents = configuration["exponents"]
    measured = [networks[f"{family} {g:g}"]["shape"]["classifiers"]["ratio"] for g in exponents]
    predicted = [_law(counts, family, g)["classifiers"]["ratio"] for g in exponents]
    return float(np.corrcoef(np.log(measured), np.log(predicted))[0, 1])


def _law(counts: Counts, family: str, gamma: float) -> dict[str, dict[str, float]]:
    return shape(predict.cross_entropy(counts, _FAMILIES[family](counts, gamma)), counts)


def show(records: Sequence[Record]) -> list[Block]:
    """Return norm ratios and cosines against the exponent for the longest training, and the losses
    that do not steer for all.
    """
    from lopsided.reproduce.figures.losses import against_exponent

    ordered = sorted(records, key=lambda record: record.configuration["epochs"])
    numbers, configuration = ordered[-1].numbers, ordered[-1].configuration
    counts, fine = Counts(numbers["counts"]), np.linspace(-1.5, 1.5, 61)
    laws = {family: [_law(counts, family, g) for g in fine] for family in _FAMILIES}
    kinds = {
        "free": ("free features", configuration["free"]),
        "network": ("network", configuration["exponents"]),
    }
    rows = []
    for part, title in _PARTS.items():
        figures = []
        for quantity, label in _QUANTITIES.items():
            theory = {
                family: (fine, [row[part][quantity] for row in rows])
                for family, rows in laws.items()
            }
            trained = {
                name: {
                    f: (at, [numbers[kind][f"{f} {g:g}"]["shape"][part][quantity] for g in at])
                    for f in _FAMILIES
                }
                for kind, (name, at) in kinds.items()
            }
            log = quantity == "ratio"
            figures.append(
                drawn(
                    partial(against_exponent, theory, trained, label=label, log=log),
                    f"{title}, {label}, against the exponent",
                    title,
                )
            )
        rows.append(
            Row(
                figures,
                f"{title}: theory as lines, free features as rings, networks on {numbers['title']}"
                " as triangles.",
            )
        )
    table = []
    for record in ordered:
        for name in ("CE", "wCE", "LA"):
            seen = record.numbers["network"][name]
            cells = [
                seen["shape"][part][quantity] for part in _PARTS for quantity in _QUANTITIES
            ] + seen["distances"]["CE"]
            far = max(record.numbers["free"][name]["distance"])
            own = seen["own_ridge"]["shape"]
            ratio = "zero" if own is None else f"{own['classifiers']['ratio']:.2f}"
            table.append(
                [
                    f"{name}, {record.configuration['epochs']} epochs",
                    ratio,
                    *(f"{x:.2f}" for x in cells),
                    f"{far:.1e}",
                ]
            )
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
    return [*rows, Table(_UNSTEERED, columns, table)]


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
    compute=compute,
    judge=judge,
    show=show,
    ready=ready.to_train,
)
