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
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from lopsided import foresee, predict, solve
from lopsided.adjustment import Adjustment
from lopsided.counts import Counts
from lopsided.geometry import Geometry, Source
from lopsided.problem import Problem
from lopsided.report.blocks import Block
from lopsided.reproduce import ready
from lopsided.reproduce.claim import Claim, Outcome, Run
from lopsided.reproduce.claims.behnia2023.numbers import (
    FAMILIES,
    KEPT,
    Free,
    Numbers,
    Settings,
    at_own_ridge,
    law_of,
)
from lopsided.reproduce.context import Context
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.seen import Seen, Skews

T = TypeVar("T")

#: Free features count as arrived below this distance to the prediction.
_ARRIVED = 0.1


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
    from lopsided.reproduce.network.steered import material, observe, train

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
            for family, make in FAMILIES.items()
        }

    def free(adjustment: Adjustment, part: Context) -> Free:
        seen = descend(counts, adjustment, settings.steps)
        law = foresee(Problem(counts, adjustment, ridge=0.0))
        return Free(Skews.of(seen, counts), seen.distance(law))

    def network(adjustment: Adjustment, part: Context) -> Seen:
        network = train(settings, adjustment, given, settings.seed, part)
        return observe(settings, adjustment, given, network)

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
    agreement = {family: _correlation(settings, numbers, counts, family) for family in FAMILIES}
    plain, *moved = (numbers.ratio(name) for name in KEPT)
    steered = [numbers.ratio(f"{family} {g:g}") for family in FAMILIES for g in settings.exponents]
    span = float(np.log(max(steered) / min(steered)))
    arrived, follows = far[worst] < _ARRIVED, min(agreement.values()) > 0.8
    stays = max(abs(np.log(ratio / plain)) for ratio in moved) < span / 4
    come, follow, leave = ("" if yes else "do not " for yes in (arrived, follows, stays))
    limit = Skews.of(predict.seli(counts), counts).classifiers.norm_ratio
    own = (at_own_ridge(numbers.network[name], "nothing") for name in KEPT)
    sentences = [
        (
            f"Free features {come}come within {_ARRIVED} of the prediction (worst: {worst},"
            f" {far[worst]:.1e})."
        ),
        (
            f"On {numbers.title} the norm ratios of the networks' classifiers {follow}follow the"
            f" predicted ones: correlations of logarithms {agreement['CDT']:.2f} (CDT) and"
            f" {agreement['LDT']:.2f} (LDT) over {len(settings.exponents)} exponents, from"
            f" {min(steered):.2f} to {max(steered):.2f}."
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


def _correlation(settings: Settings, numbers: Numbers, counts: Counts, family: str) -> float:
    """Return the correlation of measured and predicted logarithms of the norm ratio over the
    exponents.
    """
    measured = [numbers.ratio(f"{family} {g:g}") for g in settings.exponents]
    predicted = [law_of(counts, family, g).classifiers.norm_ratio for g in settings.exponents]
    return float(np.corrcoef(np.log(measured), np.log(predicted))[0, 1])


def show(runs: Sequence[Run[Settings, Numbers]]) -> list[Block]:
    """Return the report of these runs; the drawing is apart, lest the claim need matplotlib to be
    told.
    """
    from lopsided.reproduce.claims.behnia2023 import page

    return page.show(runs)


BEHNIA2023 = Claim(
    name="behnia2023",
    title="Scales of the logits steer the geometry, weights and shifts do not",
    statement=(
        "Scaling logits by class (CDT) or by label (LDT) moves norms and angles of classifiers and"
        " class means as the closed forms say; weighting the loss or shifting the logits leaves"
        " them nearly as cross-entropy has them."
    ),
    source="Behnia et al. 2023",
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
    together=True,
    ready=ready.to_train,
)
