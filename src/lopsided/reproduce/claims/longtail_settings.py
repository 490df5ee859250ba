"""What the claim longtail can be told, and what it calls the losses that are designed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from lopsided.reproduce.choices import Bounds, Ratio, Whole
from lopsided.reproduce.settings import Comparison, Profile

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
