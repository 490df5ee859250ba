"""Undefined: what a metric raises where it has no value."""

from __future__ import annotations

from typing import Self

from lopsided.arrays import Ints

#: What a measurement of features alone lacks.
NO_HEAD = "this needs classifiers: give the head's weight"


class Undefined(ValueError, AttributeError):  # noqa: N818  as said: a value that is not defined
    """A metric that has no value here; an attribute that is not there, so `hasattr` says no.

    Nothing else is taken for a missing value: any other error is an error.

    Args:
        reason: why, in a sentence with {} for each class.
        classes: the classes that it names, by their place among those measured.

    Example:
        >>> import numpy as np
        >>> reason = Undefined("the vector of class {} is zero", 1)
        >>> print(reason, "|", reason.named(np.array([0, 7])))
        the vector of class 1 is zero | the vector of class 7 is zero
    """

    def __init__(self, reason: str, *classes: int) -> None:
        super().__init__(reason, *classes)
        self.reason, self.classes = reason, classes

    def named(self, labels: Ints) -> Self:
        """Return the same with the labels of the classes measured, of which some may be left
        out.
        """
        return type(self)(self.reason, *(int(labels[c]) for c in self.classes))

    def __str__(self) -> str:
        return self.reason.format(*self.classes)
