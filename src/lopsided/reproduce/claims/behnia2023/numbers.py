"""What the claim behnia2023 can be told, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from lopsided import foresee
from lopsided.adjustment import Adjustment
from lopsided.counts import Counts
from lopsided.geometry import Distances
from lopsided.problem import Problem
from lopsided.reproduce.choices import Whole
from lopsided.reproduce.seen import Seen, Skews
from lopsided.reproduce.settings import Comparison
from lopsided.reproduce.typed import Bounds

Exponent = Annotated[float, Bounds(least=-10, most=10)]

FAMILIES = {"CDT": Adjustment.cdt, "LDT": Adjustment.ldt}
#: Losses that do not steer.
KEPT = ("CE", "wCE", "LA")


@dataclass(frozen=True)
class Settings(Comparison):
    """A network for some exponents, free features for more.

    Attributes:
        exponents: gamma of the networks.
        free: gamma of the unconstrained features.
        steps: of their descent.

    Raises:
        ValueError: for fewer than three exponents of networks, as in `Comparison`.
    """

    compared: ClassVar[tuple[str, ...]] = ("exponents",)

    epochs: Whole = 200
    exponents: tuple[Exponent, ...] = (-0.25, 0.25, 0.5)
    free: tuple[Exponent, ...] = tuple(np.linspace(-1.5, 1.5, 13).tolist())
    steps: Whole = 60000

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.exponents) < 3:
            raise ValueError(
                "exponents must be three numbers or more, for two are correlated to 1 or -1"
                f" whatever was trained, got {', '.join(f'{each:g}' for each in self.exponents)}"
            )


@dataclass(frozen=True)
class Free:
    """Where free features ended, and how far from the prediction."""

    skews: Skews
    distance: Distances


@dataclass(frozen=True)
class Numbers:
    """What came of free features and of networks, by the name of the loss.

    Attributes:
        title: of the data.
        counts: of the classes.
        indices_sha256: hash of the list of training samples.
        free: free features.
        network: networks.
    """

    title: str
    counts: tuple[int, ...]
    indices_sha256: str
    free: dict[str, Free]
    network: dict[str, Seen]

    def ratio(self, name: str) -> float:
        """Return the norm ratio of a network's classifiers."""
        return self.network[name].skews.classifiers.norm_ratio


def at_own_ridge(seen: Seen, nothing: str) -> str:
    """Return the norm ratio of the exact optimum at the run's own ridge."""
    skews = None if seen.own_ridge is None else seen.own_ridge.skews
    return nothing if skews is None else f"{skews.classifiers.norm_ratio:.2f}"


def law_of(counts: Counts, family: str, gamma: float) -> Skews:
    """Return the skews that are predicted for an exponent."""
    limit = Problem(counts, FAMILIES[family](counts, gamma), ridge=0.0)
    return Skews.of(foresee(limit), counts)
