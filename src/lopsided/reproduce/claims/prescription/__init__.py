"""The claim prescription: what `steer.prescribe` promises, on networks it was not tuned on.

The networks are in `plan`, drawn and committed before any was trained; `training` makes them and
`trials` tries every remedy on them. They have ten classes and are small; beside them stand a
hundred characters and heads on a frozen body, which are shown and not judged.
"""

from __future__ import annotations

import numpy as np

from lopsided.reproduce import data
from lopsided.reproduce.claim import Claim, Outcome
from lopsided.reproduce.claims.prescription.numbers import (
    HURT,
    Numbers,
    Trial,
    draws,
    gains,
)
from lopsided.reproduce.claims.prescription.page import show
from lopsided.reproduce.claims.prescription.plan import Plan, other_plans, plans
from lopsided.reproduce.claims.prescription.settings import Settings
from lopsided.reproduce.context import Context, Place
from lopsided.reproduce.record import Verdict

#: At most this share of the networks may be hurt, and plain cross-entropy gain this in the median.
MOST_HURT, LEAST_GAIN = 0.02, 0.07
#: Between these shares of the intervals must contain the gain that came.
COVERED = (0.85, 0.95)


def compute(settings: Settings, context: Context) -> Outcome[Numbers]:
    """Train the networks and try the remedies; networks that are done are not trained again."""
    from lopsided.reproduce.claims.prescription.training import features
    from lopsided.reproduce.claims.prescription.trials import trial

    todo = [*plans(settings.tasks, settings.losses), *other_plans(settings.others)]
    trials, here = [], []
    for i, plan in enumerate(todo):
        context.advance(i / len(todo), f"{plan.task}, {plan.model}, {plan.loss}")

        def tried(plan: Plan = plan) -> Trial:
            here.append(plan.seed)
            return trial(plan, features(plan, context), settings.held_out)

        trials.append(context.remember(f"trial-{plan.seed}", Trial, tried))
    # A run that was interrupted tells only the seconds since it went on.
    return Outcome(Numbers(tuple(trials)), {"tried_since_resumed": len(here)})


def judge(settings: Settings, numbers: Numbers) -> Verdict:
    """Hold when at the smallest held-out set few networks are hurt, plain cross-entropy gains, and
    the intervals contain what came about nine times of ten.
    """
    trials, m = numbers.judged, min(settings.held_out)
    found = gains(trials, "prescribed", m)
    plain = gains([t for t in trials if t.plan.loss == "cross-entropy"], "prescribed", m)
    made = draws(trials, m)
    hurt, middle = float(np.mean(found < -HURT)), float(np.median(plain))
    covered = float(np.mean([draw.covered for draw in made]))
    low, high = COVERED
    return Verdict(
        hurt <= MOST_HURT and middle >= LEAST_GAIN and low <= covered <= high,
        f"With {m} held-out sample{'s' * (m > 1)} of the rarest class, on {len(found)} networks:"
        f" {hurt:.1%} lose more than a point of balanced accuracy by what is prescribed (at most"
        f" {MOST_HURT:.0%} may), {len(plain)} of plain cross-entropy gain {100 * middle:.1f} points"
        f" in the median (at least {100 * LEAST_GAIN:.0f}), and {covered:.0%} of the 90% intervals"
        f" contain the gain that came ({low:.0%} to {high:.0%}).",
    )


def ready(settings: Settings, place: Place) -> None:
    """Find out whether the data is there."""
    for task in settings.tasks:
        data.require(task, place.data)
    if "frozen" in settings.others:
        data.require("fashion-mnist", place.data)


PRESCRIPTION = Claim(
    name="prescription",
    title="A prescribed head gains what was promised",
    statement=(
        "On networks that were not seen when it was designed, the head that steer.prescribe"
        " prescribes with one held-out sample of the rarest class seldom hurts, gains clearly where"
        " the loss was plain cross-entropy, and its interval contains the gain nine times of ten."
    ),
    source="asked here; the remedies are of Menon 2021 and Kang 2020 with others",
    settings=Settings,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
    ready=ready,
)
