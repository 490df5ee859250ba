"""What the claim rare-ood computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np

from lopsided.reproduce.choices import Checked, Positive, Ratio, Seeds, Whole
from lopsided.reproduce.typed import Bounds

#: Classes that are called rare, and as many that are called frequent.
THIRD = 3
Head = Literal["trained", "prescribed"]


@dataclass(frozen=True)
class Settings(Checked):
    """The networks.

    Attributes:
        largest: samples of the largest class.
        ratios: R of the exponential counts.
        steps: of Adam, batches of 64; the rate falls along half a cosine.
        rate: of Adam.
        seeds: networks of each ratio, each with other classes rare.
    """

    compared: ClassVar[tuple[str, ...]] = ("ratios",)

    largest: Annotated[int, Bounds(least=20, most=5000)] = 2000
    ratios: tuple[Ratio, ...] = (1.0, 10.0, 100.0)
    steps: Whole = 1500
    rate: Positive = 2e-3
    seeds: Seeds = 3


@dataclass(frozen=True)
class Scored:
    """A score of a network under one of its heads.

    Attributes:
        score: its name.
        head: the one trained, or the one prescribed.
        auroc: of held-out digits against the other distribution.
        fpr95: share of the other distribution that passes where 95 % of the digits do.
        rejected: (k,) share of each class that is rejected where 5 % of all digits are, the most
            frequent class first.
    """

    score: str
    head: Head
    auroc: float
    fpr95: float
    rejected: tuple[float, ...]

    @property
    def rare(self) -> float:
        """Of the rarest classes."""
        return float(np.mean(self.rejected[-THIRD:]))

    @property
    def frequent(self) -> float:
        """Of the most frequent classes."""
        return float(np.mean(self.rejected[:THIRD]))


@dataclass(frozen=True)
class Network:
    """A network of a long tail.

    Attributes:
        ratio: of its counts.
        seed: of training, and of which classes are rare.
        accuracy: balanced, of the trained head on held-out digits.
        prescribed: of the prescribed head.
        nc5: of the other distribution.
        drift: of the training features.
        scores: every score under both heads.
    """

    ratio: float
    seed: int
    accuracy: float
    prescribed: float
    nc5: float
    drift: float
    scores: tuple[Scored, ...]


@dataclass(frozen=True)
class Numbers:
    """All networks."""

    networks: tuple[Network, ...]

    def of(self, ratio: float, score: str, head: Head) -> list[Scored]:
        """Return one score of all networks of a ratio."""
        return [
            one
            for network in self.networks
            if network.ratio == ratio
            for one in network.scores
            if (one.score, one.head) == (score, head)
        ]
