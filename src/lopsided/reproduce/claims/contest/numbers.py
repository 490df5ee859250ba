"""What the claim contest finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lopsided.arrays import Floats

#: What every member is compared with.
BASE = "cross-entropy, logit-adjustment"
#: How many of ten classes are many and few; those between are medium.
ENDS = 3


@dataclass(frozen=True)
class Shape:
    """The geometry of a network: of its classifiers, where it has some.

    Attributes:
        nc1: within-class over between-class scatter.
        ratio: squared norms, frequent over rare half.
        seli: distance to SELI, which is cross-entropy's law.
        etf: distance to the simplex ETF.
        own: distance to the closed form of its own loss, if there is one.
    """

    nc1: float
    ratio: float | None
    seli: float | None
    etf: float | None
    own: float | None


@dataclass(frozen=True)
class Entry:
    """A member and what came of it.

    Attributes:
        kind: loss, design, head, rule or recipe.
        rate: that was chosen.
        accuracies: (k,) of the classes, the most frequent first, one a seed.
        shapes: one a seed; none of a rule, which changes no network.
    """

    kind: str
    rate: float
    accuracies: tuple[tuple[float, ...], ...]
    shapes: tuple[Shape, ...] = ()


@dataclass(frozen=True)
class Numbers:
    """All members.

    Attributes:
        title: of the data.
        counts: of the classes, the most frequent first.
        test_samples: of each class.
        entries: by name.
    """

    title: str
    counts: tuple[int, ...]
    test_samples: int
    entries: dict[str, Entry]

    def table(self, name: str) -> Floats:
        """Return the (seeds, k) accuracies of a member."""
        return np.array(self.entries[name].accuracies)

    def diverged(self, name: str) -> bool:
        """Whether a member diverged in every run, at the rate that was best for it."""
        entry = self.entries[name]
        return entry.kind in ("loss", "design", "head") and not entry.shapes

    def balanced(self, name: str) -> Floats:
        """Return the (seeds,) balanced accuracies of a member."""
        return np.asarray(self.table(name).mean(axis=1))

    def as_trained(self, name: str) -> Floats:
        """Return the (seeds,) accuracies on data distributed as in training."""
        return np.asarray(self.table(name) @ np.array(self.counts) / sum(self.counts))

    def gaps(self, name: str) -> Floats:
        """Return by how much each seed of a member is ahead of the same seed of `BASE`."""
        return self.balanced(name) - self.balanced(BASE)
