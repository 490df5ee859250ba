"""Undefined: what a metric raises where it has no value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from lopsided.arrays import Ints
from lopsided.naming import short

#: What a measurement of features alone lacks.
NO_HEAD = "this needs classifiers: give the head's weight"


class Undefined(ValueError, AttributeError):  # noqa: N818  as said: a value that is not defined
    """A metric that has no value here; an attribute that is not there, so `hasattr` says no.

    Nothing else is taken for a missing value: any other error is an error.

    Args:
        reason: why, in a sentence with {} for each class.
        classes: the classes that it names, by their place among those measured.

    Example:
        >>> reason = Undefined("the vector of class {} is zero", 1)
        >>> print(reason, "|", reason.named(["0", "7"]))
        the vector of class 1 is zero | the vector of class 7 is zero
    """

    def __init__(self, reason: str, *classes: int | str) -> None:
        super().__init__(reason, *classes)
        self.reason, self.classes = reason, classes

    def named(self, called: Sequence[str] | Ints) -> Self:
        """Return the same with what the classes measured are called, or with other numbers."""
        names = (called[int(c)] for c in self.classes)
        return type(self)(
            self.reason, *(short(name) if isinstance(name, str) else int(name) for name in names)
        )

    def __str__(self) -> str:
        return self.reason.format(*self.classes)
