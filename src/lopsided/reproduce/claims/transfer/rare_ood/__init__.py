"""Rare classes are taken for another distribution: which held-out digits scores reject, by how
often their class was trained on, and whether the prescribed head changes it.

Perceptrons on MNIST with long tails of three ratios, Fashion-MNIST as the other distribution. Which
class is rare is drawn anew for each seed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lopsided.arrays import Floats, Ints
from lopsided.counts import Counts
from lopsided.measure import Moments
from lopsided.measure.metrics import drift
from lopsided.measure.ood import SCORES, Known, nc5, rejected, separation
from lopsided.reproduce import data
from lopsided.reproduce.claim import Claim, Outcome
from lopsided.reproduce.claims.transfer.rare_ood.numbers import (
    THIRD,
    Head,
    Network,
    Numbers,
    Scored,
    Settings,
)
from lopsided.reproduce.claims.transfer.rare_ood.page import show
from lopsided.reproduce.context import Context, Place
from lopsided.reproduce.record import Verdict

#: Held-out samples of each class that the prescription may see.
_SHOWN = 50


def ready(settings: Settings, place: Place) -> None:
    """Find out whether the data is there."""
    for name in ("mnist", "fashion-mnist"):
        data.require(name, place.data)


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train one network a ratio and seed."""
    from lopsided.reproduce.data.pooled import rows

    digits = rows("mnist", context.place.data)
    others = rows("fashion-mnist", context.place.data)
    kinds = [(ratio, seed) for ratio in settings.ratios for seed in range(settings.seeds)]
    found = []
    for i, (ratio, seed) in enumerate(kinds):
        context.advance(i / len(kinds), f"R={ratio:g}, seed {seed}")
        found.append(_network(settings, digits, others.test_x, ratio, seed))
    facts = {"data": {"mnist": digits.digest, "fashion-mnist": others.digest}}
    return Outcome(Numbers(tuple(found)), facts)


def _network(settings: Settings, digits: Any, others: Floats, ratio: float, seed: int) -> Network:
    from lopsided.reproduce.network.small import Fit, classifier
    from lopsided.steer import prescribe

    order = np.random.default_rng(seed).permutation(10)  # the class that is c-th in frequency
    place = np.argsort(order)
    counts = Counts.exponential(10, settings.largest, ratio)
    y, truth = place[digits.y], place[digits.test_y]
    chosen = data.choose(y, counts, seed)
    rest = np.setdiff1d(np.arange(len(y)), chosen)
    shown = rest[data.choose(y[rest], Counts([_SHOWN] * 10), seed)]
    fit = Fit(settings.steps, settings.rate, seed, "adam", batch=64, schedule="cosine")
    network = classifier(digits.x[chosen], y[chosen], (64, 128, 128, 64), fit)
    seen, held, inside, outside = (
        network.layers(x)[-1] for x in (digits.x[chosen], digits.x[shown], digits.test_x, others)
    )
    moments = Moments(10, seen.shape[1])
    moments.update(seen, y[chosen])
    remedy = prescribe(
        (network.weight, network.bias), (seen, y[chosen]), (held, y[shown]), counts=counts
    )
    heads: dict[Head, tuple[Floats, Floats]] = {
        "trained": (network.weight, network.bias),
        "prescribed": (remedy.weight, remedy.bias),
    }
    known = {name: Known.of(moments, *head) for name, head in heads.items()}
    scores = tuple(
        _scored(score, head, known[head], (inside, truth), outside)
        for head in known
        for score in SCORES
    )
    right = [_balanced(each.logits(inside), truth) for each in known.values()]
    far = nc5(moments.means, outside.mean(axis=0))
    return Network(ratio, seed, right[0], right[1], far, drift(moments), scores)


def _scored(
    name: str, head: Head, known: Known, inside: tuple[Floats, Ints], outside: Floats
) -> Scored:
    near, far = SCORES[name](known, inside[0]), SCORES[name](known, outside)
    told = separation(near, far)
    return Scored(name, head, *told, tuple(rejected(near, inside[1], 10).tolist()))


def _balanced(logits: Floats, truth: Ints) -> float:
    right = logits.argmax(axis=1) == truth
    return float(np.mean([right[truth == c].mean() for c in range(10)]))


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when at the greatest ratio every score rejects rare classes more, in every network, and
    on average by more than at the least, where some are harder than others too.
    """
    least, most = min(settings.ratios), max(settings.ratios)
    told, always = [], True
    for score in SCORES:
        at = {head: numbers.of(most, score, head) for head in ("trained", "prescribed")}
        before = numbers.of(least, score, "trained")
        always &= all(one.rare > one.frequent for one in at["trained"])
        least_gap, most_gap = (
            np.mean([one.rare - one.frequent for one in each]) for each in (before, at["trained"])
        )
        always &= bool(most_gap > least_gap)
        shares = [
            f"{np.mean([getattr(one, part) for one in each]):.1%}"
            for each in (before, at["trained"], at["prescribed"])
            for part in ("frequent", "rare")
        ]
        told.append(
            f"{score} {shares[2]} and {shares[3]} at R={most:g} ({shares[4]} and {shares[5]} under"
            f" the prescribed head; {shares[0]} and {shares[1]} at R={least:g})"
        )
    return Verdict(
        bool(always),
        f"Where 5 % of all held-out digits are rejected, of the {THIRD} most frequent and of the"
        f" {THIRD} rarest classes are, on average over {settings.seeds} seeds: {'; '.join(told)}.",
    )


RARE_OOD = Claim(
    name="rare-ood",
    title="Rare classes are taken for another distribution",
    statement=(
        "Trained on a long tail, a network's scores of how familiar a sample is reject the rare"
        " classes more than the frequent ones."
    ),
    source="derived here",
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
    ready=ready,
)
