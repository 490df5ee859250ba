"""The runs of the claim longtail: every loss with every seed, on one training set."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch

from lopsided import foresee, predict, steer
from lopsided.adjustment import Adjustment
from lopsided.counts import Counts
from lopsided.problem import Problem
from lopsided.reproduce.claim import Outcome
from lopsided.reproduce.claims.longtail_settings import DESIGNED, Numbers, Settings
from lopsided.reproduce.context import Context
from lopsided.reproduce.network.steered import (
    Material,
    Recipe,
    Trained,
    accuracies,
    features_of,
    linear,
    material,
    observe,
    train,
)
from lopsided.reproduce.seen import Seen
from lopsided.steer import posthoc


def recipes(counts: Counts) -> dict[str, Recipe]:
    """Return what is compared, by name."""
    adjustments = {
        "CE": Adjustment(),
        "weighted CE": Adjustment.weighted(counts),
        "LA in training": Adjustment.logit_adjusted(counts),
        "CDT 0.3": Adjustment.cdt(counts, gamma=0.3),
        "LDT 0.3": Adjustment.ldt(counts, gamma=0.3),
        "LDT 0.5": Adjustment.ldt(counts, gamma=0.5),
        "VS 0.2, 1": Adjustment.vs(counts, gamma=0.2, tau=1.0),
        DESIGNED[0]: steer.design(counts, "etf-classifiers").adjustment,
        DESIGNED[1]: steer.design(counts, "equal-norms", family="cdt").adjustment,
    }
    named = {
        name: Recipe(steer.AdjustedCrossEntropy(a), linear, a) for name, a in adjustments.items()
    }
    named["LDAM"] = Recipe(
        steer.AdjustedCrossEntropy(Adjustment.ldam(counts)),
        lambda d, k, seed: steer.CosineHead(d, k, seed=seed),
        unit=True,
    )
    named["fixed ETF"] = Recipe(
        steer.DotRegression(),
        lambda d, k, seed: steer.FixedHead(predict.etf(k), d, seed=seed),
        unit=True,
    )
    return named


@dataclass(frozen=True)
class Ruled:
    """A network, and the (k,) accuracies of post-hoc rules on it."""

    seen: Seen
    rules: dict[str, tuple[float, ...]]


def one(
    settings: Settings, recipe: Recipe, given: Material, seed: int, rules: bool, context: Context
) -> Ruled:
    """Train once, and return what is seen; with `rules` also the accuracies of post-hoc rules on
    the same network.
    """
    network = train(settings, recipe, given, seed, context)
    seen = observe(settings, recipe, given, network)
    return Ruled(seen, _rules(given, network) if rules else {})


@torch.inference_mode()
def _rules(given: Material, network: Trained) -> dict[str, tuple[float, ...]]:
    h = features_of(network.body, given.test)
    answers = {
        "LA after training": posthoc.logit_adjustment(network.head(h), given.counts),
        "tau-normalised, 1": h @ posthoc.tau_normalised(network.weight, 1.0).T,
    }
    return {
        name: accuracies(logits, given.test.labels, given.counts.k)
        for name, logits in answers.items()
    }


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train every loss with every seed; a finished run is not repeated after an interruption."""
    context.advance(0.0, "read the images")
    given = material(settings, context)
    context = context.of(f"data {given.digest}")
    chosen = recipes(given.counts)
    runs: dict[str, list[Ruled]] = {name: [] for name in chosen}
    total, done = len(chosen) * settings.seeds, 0
    for seed in range(settings.seeds):
        for i, (name, recipe) in enumerate(chosen.items()):
            context.advance(done / total, f"{name}, seed {seed}")
            part = context.part(done / total, (done + 1) / total, f"{name}, seed {seed}")
            train_one = partial(one, settings, recipe, given, seed, name == "CE", part)
            runs[name].append(context.remember(f"{i}-{seed}", Ruled, train_one))
            done += 1
    adjustments = {
        name: recipe.adjustment for name, recipe in chosen.items() if recipe.adjustment is not None
    }
    laws = {
        name: foresee(Problem(given.counts, adjustment, ridge=0.0)).classifiers.squared_norms()
        for name, adjustment in adjustments.items()
    }
    plain = runs["CE"]
    return Outcome(
        Numbers(
            given.title,
            tuple(given.counts.values.tolist()),
            given.indices,
            len(given.test.labels),
            {name: repr(adjustment) for name, adjustment in adjustments.items()},
            {name: tuple(norms.tolist()) for name, norms in laws.items()},
            {name: tuple(each.seen for each in rows) for name, rows in runs.items()},
            {rule: tuple(each.rules[rule] for each in plain) for rule in plain[0].rules},
        ),
        {"data_sha256": given.digest},
    )
