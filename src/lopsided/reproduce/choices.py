"""Choices: the settings of a run are checked at the door, by what their annotations say they may
be.

A setting is a `Literal` of words, a number within bounds, a text, or a tuple of these: a value
beyond is refused before anything is
computed, however it came: from Python, a grid, a command line, or a record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from lopsided.reproduce.typed import Bounds, declared_fields, typed

#: How many: epochs, samples, classes. Beyond a milliard nothing here ends.
Whole = Annotated[int, Bounds(least=1, most=10**9)]
#: What numpy and torch both take as a seed.
Seed = Annotated[int, Bounds(least=0, most=2**32 - 1)]
#: Repetitions of a run, each by a seed of its own.
Seeds = Annotated[int, Bounds(least=1, most=100)]
#: Samples of one digit of scikit-learn's; the rarest has 174.
Digits = Annotated[int, Bounds(least=2, most=170)]
#: A positive number that float32 holds.
Positive = Annotated[float, Bounds(above=0, most=1e38)]
#: R, largest over smallest.
Ratio = Annotated[float, Bounds(least=1, most=1e15)]
#: The same, where minorities have one sample.
WholeRatio = Annotated[float, Bounds(least=1, most=1e15, multiple=1)]


@dataclass(frozen=True)
class Checked:
    """Settings whose fields are what their annotations say.

    Raises:
        ValueError: for a field that is not; says what it may be.
    """

    def __post_init__(self) -> None:
        for name, kind in declared_fields(type(self)).items():
            object.__setattr__(self, name, typed(kind, getattr(self, name), name))
