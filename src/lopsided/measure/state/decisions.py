"""Decisions: what the network answers, per class: errors and margins, as mergeable sums."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, Ints, require_noun, require_whole
from lopsided.groups import numbers_of
from lopsided.measure.checks import labels_of
from lopsided.measure.logits import logits_of
from lopsided.measure.state.confusions import Confusions
from lopsided.measure.state.turn import Shared, Turn, both


class Decisions(Shared):
    """Errors and margins of k classes. The margin of a sample is z_y - max of the other logits; it
    is an error unless positive.

    Attributes:
        counts: (k,) samples seen of each class.
        errors: (k,) samples whose label is not the argmax of the logits; a tie counts as an error.
        answered: (k,) samples that each class is the answer to; of a tie the other class is.
        confusions: which class was taken for which.
        smallest_margin: (k,) the smallest margin; infinity for a class without samples.
        margin_sum: (k,) sum of the margins.
        compared: (k,) samples whose nearest class mean was known.
        agreed: (k,) those of them whose argmax is the class of the nearest mean.

    Args:
        k: number of classes.

    Example:
        >>> decisions = Decisions(k=2)
        >>> decisions.update([[1.0, 0.0], [0.0, 0.5]], [0, 0])
        >>> decisions.errors, decisions.smallest_margin
        (array([1, 0]), array([-0.5,  inf]))
    """

    def __init__(self, k: int) -> None:
        k = require_whole("the number of classes k", k, 1)
        self.counts: Ints = np.zeros(k, np.int64)
        self.errors: Ints = np.zeros(k, np.int64)
        self.answered: Ints = np.zeros(k, np.int64)
        self.confusions = Confusions(k)
        self.smallest_margin: Floats = np.full(k, np.inf)
        self.margin_sum: Floats = np.zeros(k)
        self.compared: Ints = np.zeros(k, np.int64)
        self.agreed: Ints = np.zeros(k, np.int64)
        self._turn = Turn()

    @property
    def k(self) -> int:
        """Number of classes."""
        return len(self.counts)

    def update(
        self,
        logits: npt.ArrayLike,
        labels: npt.ArrayLike,
        nearest: npt.ArrayLike | None = None,
        *,
        linear: bool = False,
    ) -> None:
        """Take in a batch.

        Args:
            logits: (b, k), the head's bias in them.
            labels: (b,) classes 0..k-1.
            nearest: (b,) class of the nearest class mean.
            linear: whether the logits are known to be a linear head's own answers, of which those
                of a squared loss look like probabilities.

        Raises:
            ValueError: if shapes do not fit, a label is out of range or a logit is not finite, or
                probabilities came instead of logits. The state is as it was.
            TypeError: if the arrays do not hold numbers.
        """
        y = labels_of(labels, self.k)
        z = logits_of(logits, y, self.k, linear=linear).astype(np.float64)
        near = None if nearest is None else labels_of(nearest, self.k)
        rows = np.arange(len(y))
        own = z[rows, y]
        z[rows, y] = -np.inf
        other = z.argmax(axis=1)
        self.add(y, own - z[rows, other], other, near)

    def add(
        self, y: Ints, margin: npt.NDArray[np.floating], other: Ints, nearest: Ints | None
    ) -> None:
        """Take in a checked batch.

        Args:
            y: (b,) classes.
            margin: (b,) own logit minus the largest other one.
            other: (b,) class of that one.
            nearest: (b,) class of the nearest class mean.
        """
        wrong = np.flatnonzero(margin <= 0)
        with self._turn:
            self.counts += np.bincount(y, minlength=self.k)
            self.errors += np.bincount(y[wrong], minlength=self.k)
            self.answered += np.bincount(np.where(margin > 0, y, other), minlength=self.k)
            self.confusions.update(y[wrong], other[wrong])
            np.minimum.at(self.smallest_margin, y, margin)
            self.margin_sum += np.bincount(y, weights=margin, minlength=self.k)
            if nearest is not None:
                # Of a tie the argmax is the first.
                tied = np.where(margin == 0, np.minimum(y, other), other)
                near = np.where(margin > 0, y, tied) == nearest
                self.compared += np.bincount(y, minlength=self.k)
                self.agreed += np.bincount(y[near], minlength=self.k)

    def merge(self, other: Decisions) -> None:
        """Take in the decisions on other samples.

        Raises:
            ValueError: if the numbers of classes differ.
            TypeError: if they are none.
        """
        require_noun(other, Decisions, "what is merged into decisions")
        if self.k != other.k:
            raise ValueError(
                f"cannot merge decisions on {other.k} classes into decisions on {self.k} classes"
            )
        with both(self._turn, other._turn):
            for name in SUMS:
                getattr(self, name).__iadd__(getattr(other, name))
            np.minimum(self.smallest_margin, other.smallest_margin, out=self.smallest_margin)
            self.confusions.merge(other.confusions)

    def take(self, classes: npt.ArrayLike) -> Decisions:
        """Return the decisions on samples of some of the classes, renumbered in the order given."""
        index = numbers_of(classes, self.k)
        part = Decisions(len(index))
        with self._turn:
            for name in (*SUMS, "smallest_margin"):
                setattr(part, name, getattr(self, name)[index])
            part.confusions = self.confusions.take(index)
        return part

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the state as arrays by name; that of the confusions grows with their pairs."""
        with self._turn:
            arrays = {name: getattr(self, name).copy() for name in (*SUMS, "smallest_margin")}
            missed = np.array([self.confusions.missed])
            return arrays | {"confusions": self.confusions.state(), "confusions.missed": missed}

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take up the state that `state` gave, for as many classes.

        Raises:
            ValueError: if its confusions are of other classes.
        """
        confusions = Confusions(self.k)
        confusions.merge_state(state["confusions"], int(state["confusions.missed"][0]))
        self.confusions = confusions
        for name in (*SUMS, "smallest_margin"):
            setattr(self, name, state[name].copy())


#: The fields that merge by adding; the smallest margin merges by the minimum.
SUMS = ("counts", "errors", "answered", "margin_sum", "compared", "agreed")
