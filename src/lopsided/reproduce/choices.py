"""Choices: the settings of a run are checked at the door, by what their annotations say they may
be.

A setting is a `Literal` of words, a number within bounds, a text, or a tuple of these: a value
beyond is refused before anything is
computed, however it came: from Python, a grid, or a record.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class Bounds:
    """What a number may be.

    Attributes:
        least: the smallest value.
        most: the largest value.
        above: a value that must be exceeded.
        below: a value that must not be reached.
    """

    least: float = -math.inf
    most: float = math.inf
    above: float = -math.inf
    below: float = math.inf

    def hold(self, value: Any) -> bool:
        """Whether a number is within; what is not a number is not."""
        return bool(self.least <= value <= self.most and self.above < value < self.below)

    def __str__(self) -> str:
        words = {
            "at least": self.least,
            "above": self.above,
            "at most": self.most,
            "below": self.below,
        }
        return " and ".join(
            f"{word} {value:,g}" for word, value in words.items() if math.isfinite(value)
        )


#: How many: epochs, samples, classes. Beyond a milliard nothing here ends.
Whole = Annotated[int, Bounds(least=1, most=10**9)]
#: What numpy and torch both take as a seed.
Seed = Annotated[int, Bounds(least=0, most=2**32 - 1)]
#: A positive number that float32 holds.
Positive = Annotated[float, Bounds(above=0, most=1e38)]
#: R, largest over smallest.
Ratio = Annotated[float, Bounds(least=1, most=1e15)]


@dataclass(frozen=True)
class Checked:
    """Settings whose fields are what their annotations say.

    Raises:
        ValueError: for a field that is not; says what it may be.
    """

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(type(self), include_extras=True).items():
            require(name, getattr(self, name), kind)


def require(name: str, value: Any, kind: Any) -> None:
    """Check a value against an annotation.

    Raises:
        ValueError: if it is of another kind or beyond its bounds.
    """
    wanted, bounds = (get_args(kind) if get_origin(kind) is Annotated else (kind, Bounds()))[:2]
    if get_origin(wanted) is Literal:
        if value not in get_args(wanted):
            raise ValueError(
                f"{name} must be one of {', '.join(map(str, get_args(wanted)))}, got {value!r}"
            )
    elif get_origin(wanted) is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{name} must be a list, got {value!r}")
        for each in value:
            require(name, each, get_args(wanted)[0])
    elif wanted is str:
        if not isinstance(value, str) or not value.isprintable():
            raise ValueError(f"{name} must be text that can be printed, got {value!r}")
    else:
        number, word = (Integral, "a whole number") if wanted is int else (Real, "a number")
        if isinstance(value, bool) or not isinstance(value, number):
            raise ValueError(f"{name} must be {word}, got {value!r}")
        if not (bounds.hold(value) and math.isfinite(value)):
            raise ValueError(f"{name} must be {bounds or 'finite'}, got {value}")
