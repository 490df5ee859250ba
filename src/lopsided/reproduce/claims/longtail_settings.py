"""What the claim longtail can be told, what it finds, and what it calls the losses that are
designed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from lopsided.arrays import Floats
from lopsided.reproduce.choices import Ratio, Whole
from lopsided.reproduce.seen import Seen
from lopsided.reproduce.settings import Comparison, Profile
from lopsided.reproduce.typed import Bounds

#: The losses that `design` chose: for classifiers that form a simplex ETF, and for equal norms by
#: column scales alone.
DESIGNED = ("designed: ETF classifiers", "designed: equal norms")


@dataclass(frozen=True)
class Settings(Comparison):
    """A small network on a long tail.

    Attributes:
        seeds: repetitions.
    """

    profile: Profile = "exponential"
    ratio: Ratio = 100.0
    epochs: Whole = 80
    seeds: Annotated[int, Bounds(least=1, most=1000)] = 3


@dataclass(frozen=True)
class Numbers:
    """What came of every loss, by its name.

    Attributes:
        title: of the data.
        counts: of the classes.
        indices_sha256: hash of the list of training samples.
        test_samples: held-out samples.
        losses: adjustments of the losses that have one, in full.
        predicted_norms: their (k,) squared norms of the classifiers, by the closed form.
        runs: one network a seed.
        rules: of post-hoc rules on the networks of cross-entropy, (k,) accuracies a seed.
    """

    title: str
    counts: tuple[int, ...]
    indices_sha256: str
    test_samples: int
    losses: dict[str, str]
    predicted_norms: dict[str, tuple[float, ...]]
    runs: dict[str, tuple[Seen, ...]]
    rules: dict[str, tuple[tuple[float, ...], ...]]

    def accuracies(self) -> dict[str, Floats]:
        """Return the (seeds, k) held-out accuracies of losses and rules."""
        of_losses = {
            name: np.array([seen.test_accuracy for seen in runs])
            for name, runs in self.runs.items()
        }
        return of_losses | {name: np.array(rows) for name, rows in self.rules.items()}
