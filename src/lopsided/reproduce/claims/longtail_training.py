"""The runs of the claim longtail: every loss with every seed, on one training set."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lopsided import predict, steer
from lopsided.adjustment import Adjustment
from lopsided.counts import Counts
from lopsided.reproduce.claim import Outcome
from lopsided.reproduce.claims.longtail_settings import DESIGNED, Settings
from lopsided.reproduce.context import Context
from lopsided.reproduce.network.steered import (
    Material,
    Recipe,
    accuracies,
    features_of,
    linear,
    material,
    observe,
    train,
)
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


def one(
    settings: Settings, recipe: Recipe, given: Material, seed: int, rules: bool
) -> dict[str, Any]:
    """Train once, and return what is seen; with `rules` also the accuracies of post-hoc rules on
    the same network.
    """
    body, head = train(settings, recipe, given, seed)
    row = observe(settings, recipe, given, body, head)
    if rules:
        with torch.inference_mode():
            h = features_of(body, given.test)
            weight = head.weight
            assert isinstance(weight, Tensor)
            answers = {
                "LA after training": posthoc.logit_adjustment(head(h), given.counts),
                "tau-normalised, 1": h @ posthoc.tau_normalised(weight, 1.0).T,
            }
            row["rules"] = {
                name: accuracies(logits, given.test.labels, given.counts.k)
                for name, logits in answers.items()
            }
    return row


def compute(settings: Settings, context: Context) -> Outcome:
    """Train every loss with every seed; a finished run is not repeated after an interruption."""
    context.advance(0.0, "read the images")
    given = material(settings, context)
    context = context.of(f"data {given.digest}")
    chosen = recipes(given.counts)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in chosen}
    total, done = len(chosen) * settings.seeds, 0
    for seed in range(settings.seeds):
        for i, (name, recipe) in enumerate(chosen.items()):
            context.advance(done / total, f"{name}, seed {seed}")
            rules = name == "CE"
            runs[name].append(
                context.remember(
                    f"{i}-{seed}",
                    lambda recipe=recipe, seed=seed, rules=rules: one(
                        settings, recipe, given, seed, rules
                    ),  # type: ignore[misc]
                )
            )
            done += 1
    for name in runs["CE"][0]["rules"]:
        runs[name] = [{"test_accuracy": row["rules"][name]} for row in runs["CE"]]
    predictions = {
        name: predict.cross_entropy(given.counts, recipe.adjustment).classifiers.squared_norms()
        for name, recipe in chosen.items()
        if recipe.adjustment is not None
    }
    return Outcome(
        {
            "title": given.title,
            "counts": given.counts.values,
            "indices_sha256": given.indices,
            "test_samples": len(given.test.labels),
            "losses": {
                name: repr(recipe.adjustment)
                for name, recipe in chosen.items()
                if recipe.adjustment is not None
            },
            "predicted_norms": predictions,
            "runs": runs,
        },
        {"data_sha256": given.digest},
    )
