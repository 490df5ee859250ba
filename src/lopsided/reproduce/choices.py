"""Choices: the settings of a run are checked at the door, by what their annotations say they may
be.

A setting is a `Literal` of words, a number within bounds, a text, or a tuple of these: a value
beyond is refused before anything is
computed, however it came: from Python, a grid, a command line, or a record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

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
#: The same, where a verdict tells classes of different counts from equal ones.
Uneven = Annotated[float, Bounds(above=1, most=1e15)]
#: R, where minorities have one sample.
WholeRatio = Annotated[float, Bounds(least=1, most=1e15, multiple=1)]


@dataclass(frozen=True)
class Checked:
    """Settings whose fields are what their annotations say, and whose lists hold no number twice.

    Names and tables tell six digits of a number, by which those of a list must differ.

    A verdict that compares the values of a list, which `compared` names, would be one about nothing
    where there is one value.

    Raises:
        ValueError: for a field that is not; says what it may be.
    """

    compared: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for name, kind in declared_fields(type(self)).items():
            value = typed(kind, getattr(self, name), name)
            object.__setattr__(self, name, value)
            if isinstance(value, tuple):
                _require_distinct(name, value)
            if name in self.compared and len(value) < 2:
                raise ValueError(
                    f"{name} must be two numbers or more, for the verdict compares them, got"
                    f" {', '.join(f'{each:g}' for each in value) or 'none'}"
                )


def _require_distinct(name: str, values: Sequence[object]) -> None:
    told = [f"{each:g}" if isinstance(each, float) else str(each) for each in values]
    for each, number in zip(told, values, strict=True):
        if not isinstance(number, str) and told.count(each) > 1:
            raise ValueError(
                f"{name} must be numbers that differ in their first six digits, got {each} twice"
            )


def require_balanced(ratios: Sequence[float]) -> None:
    """Refuse ratios without 1 where a verdict speaks of balanced classes.

    Raises:
        ValueError: if 1 is none of them.
    """
    if 1 not in ratios:
        raise ValueError(
            "ratios must hold 1, for the verdict speaks of balanced classes too, got"
            f" {', '.join(f'{ratio:g}' for ratio in ratios) or 'none'}"
        )
