"""Deep networks trained on imbalanced classes converge to SELI: one run, from class counts to
verdict.

Published: SGD of momentum 0.9 and weight decay 5e-4, batches of 128, rate 0.1 divided by 10 after a
third and two thirds of 350 epochs, no bias in the head, no augmentation. What moves the geometry is
steps times rate, so a falling rate freezes it, on small data before it has arrived. A constant rate
arrives, but its noise keeps the network away (classifiers 0.15 to 0.2 from SELI on MNIST at a rate
of 0.1). A long constant start before the rate falls, the default, has both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lopsided.report.blocks import Block
from lopsided.reproduce import ready
from lopsided.reproduce.choices import Whole
from lopsided.reproduce.claim import Claim, Detail, Outcome, Run
from lopsided.reproduce.claims.thrampoulidis2022.deep.kinds import heading
from lopsided.reproduce.claims.thrampoulidis2022.deep.numbers import Numbers
from lopsided.reproduce.context import Context
from lopsided.reproduce.observed import Row
from lopsided.reproduce.record import Verdict
from lopsided.reproduce.settings import Schedule, Training

#: A balanced network is called near its ETF below this distance: about half of what separates SELI
#: from the ETF at R = 10.
NEAR = 0.2


@dataclass(frozen=True)
class Deep(Training):
    """The published schedule, longer than published because the sets are smaller."""

    epochs: Whole = 600
    schedule: Schedule = "published"


def compute(settings: Training, context: Context) -> Outcome[Numbers]:
    """Predict, solve, train and measure; the work is apart, lest the claim need torch to be
    told.
    """
    from lopsided.reproduce.claims.thrampoulidis2022.deep import training

    return training.compute(settings, context)


def judge(settings: Training, numbers: Numbers) -> Verdict:
    """Hold when classifiers and class means end nearer to the prediction than to the ETF; if
    balanced, when all is near the ETF.

    SELI's logits decide nothing: the ETF's are the same.
    """
    last = numbers.history[-1]
    law, etf = last.distances.prediction, last.distances.etf
    end = _fitted(last)
    if len(set(numbers.counts)) == 1:
        holds = max(law) < NEAR
        near = (
            f"All are below {NEAR}."
            if holds
            else f"Not all are below {NEAR}: the network has not arrived."
        )
        amounts = (
            f"classifiers {law.classifiers:.2f}, class means {law.embeddings:.2f},"
            f" logits {law.logits:.2f}"
        )
        return Verdict(
            holds,
            f"The classes are balanced, so SELI is the ETF; distances to it: {amounts}."
            f" {near}{end}",
        )
    name = "the limit with a free bias" if numbers.prediction == "free bias" else numbers.prediction
    amounts = (
        f"Classifiers are {law.classifiers:.2f} from {name} and {etf.classifiers:.2f} from the"
        f" ETF; class means {law.embeddings:.2f} and {etf.embeddings:.2f}"
    )
    # Means of a free bias, taken about their unweighted mean, have the logits of the ETF too.
    both = f"logits are {law.logits:.2f} from the simplex that both predict"
    w, m = law.classifiers < etf.classifiers, law.embeddings < etf.embeddings
    return Verdict(w and m, f"{amounts}; {both}. {_explains(name, w, m)}{end}")


def _explains(name: str, classifiers: bool, means: bool) -> str:
    if classifiers and means:
        return f"{name[0].upper()}{name[1:]} explains both better."
    if not classifiers and not means:
        return "The prediction does not hold here: the ETF explains both better."
    better, worse = (
        ("classifiers", "class means") if classifiers else ("class means", "classifiers")
    )
    start = f"{name[0].upper()}{name[1:]} explains the {better} better"
    return f"{start}, but the prediction does not hold for the {worse}: the ETF is nearer."


def _fitted(last: Row) -> str:
    """Say so when the network has not yet fitted its training set, where the theory begins."""
    worst = min(last.train_accuracy)
    return (
        ""
        if worst > 0.99
        else (
            f" One class is fitted only to {worst:.0%}: the network has not reached the end of"
            " training."
        )
    )


def show(runs: Sequence[Run[Any, Numbers]]) -> list[Block]:
    """Return the report of these runs; the drawing is apart, lest the claim need matplotlib to be
    told.
    """
    from lopsided.reproduce.claims.thrampoulidis2022.deep import page

    return page.show(runs)


def details(run: Run[Any, Numbers]) -> list[Block]:
    """Return what a page of one run shows below its heading."""
    from lopsided.reproduce.claims.thrampoulidis2022.deep import run as one

    return one.details(run)[1:]


DEEP: Claim[Training, Numbers] = Claim(
    name="deep",
    title="Deep networks approach SELI",
    statement=(
        "Deep networks trained on imbalanced classes to zero training error and beyond approach the"
        " SELI geometry in their classifiers and class means, not the simplex ETF."
    ),
    source="Thrampoulidis et al. 2022, its deep-network experiments",
    settings=Deep,
    numbers=Numbers,
    compute=compute,
    judge=judge,
    show=show,
    ready=ready.to_train,
    detail=Detail(heading, details),
)
