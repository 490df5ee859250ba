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
from lopsided.reproduce.claims.thrampoulidis2022.deep.verdict import judge
from lopsided.reproduce.context import Context
from lopsided.reproduce.settings import Schedule, Training


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
    together=True,
)
