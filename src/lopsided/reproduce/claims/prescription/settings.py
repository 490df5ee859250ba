"""What the claim prescription can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from lopsided.reproduce.choices import Checked
from lopsided.reproduce.claims.prescription.plan import SIZES, Loss, Other, Task
from lopsided.reproduce.typed import Bounds

#: Held-out samples of the rarest class that a pool has at most.
MOST_DRAWN = 20


@dataclass(frozen=True)
class Settings(Checked):
    """Which networks, and how many held-out samples.

    Attributes:
        tasks: data of the networks that are judged.
        losses: one network of each for each task, model and shape of counts.
        others: networks beside them: a hundred characters, and heads on a frozen body.
        held_out: samples of the rarest class held out, the others in the proportions of training.
    """

    tasks: tuple[Task, ...] = tuple(SIZES)
    losses: tuple[Loss, ...] = (
        "cross-entropy",
        "weighted",
        "cross-entropy",
        "logit-adjusted",
    )
    others: tuple[Other, ...] = ("characters", "frozen")
    held_out: tuple[Annotated[int, Bounds(least=1, most=MOST_DRAWN)], ...] = (1, 5)
