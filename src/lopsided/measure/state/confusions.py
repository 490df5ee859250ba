"""Confusions: which class is taken for which, as mergeable counts that never fill the memory.

Of k classes there are k (k - 1) ways to err, and of many classes few of them happen often. So pairs
are counted as they come, exactly while no more of them differ than there is room for. Beyond that
the rarest give way as Misra and Gries (1982) have it: all counts are lowered by one number, and
those that reach zero go. Agarwal et al. ("Mergeable summaries", 2013) show that such counts merge:
none is ever too high, and none too low by more than what was taken off in all.
"""

from __future__ import annotations

import numpy as np

from lopsided.arrays import Ints
from lopsided.measure.state.turn import Shared, Turn, both

#: There is room for so many pairs, and for so many a class.
ROOM, A_CLASS = 2**16, 16


class Confusions(Shared):
    """Errors by pairs of classes.

    Attributes:
        k: number of classes.
        room: pairs that can be held; of 256 classes or fewer, all.

    Args:
        k: number of classes.

    Example:
        >>> confusions = Confusions(k=3)
        >>> confusions.update(np.array([2, 2, 1]), np.array([0, 0, 2]))
        >>> confusions.pairs()
        (array([2, 1]), array([0, 2]), array([2, 1]))
    """

    def __init__(self, k: int) -> None:
        self.k, self.room = k, max(ROOM, A_CLASS * k)
        self._missed = self._held = 0
        self._codes: list[Ints] = []
        self._numbers: list[Ints] = []
        self._turn = Turn()

    def update(self, labels: Ints, answers: Ints) -> None:
        """Take in errors: (b,) classes of samples, and the classes answered instead."""
        if len(labels):
            self._add(labels * self.k + answers, np.ones(len(labels), np.int64))

    def _add(self, codes: Ints, numbers: Ints) -> None:
        with self._turn:
            self._codes.append(codes)
            self._numbers.append(numbers)
            self._held += len(codes)
            if self._held > 2 * self.room:
                self._fold()

    def _fold(self) -> None:
        """Count each pair once, and make room."""
        if not self._codes:
            return
        codes, place = np.unique(np.concatenate(self._codes), return_inverse=True)
        numbers = np.zeros(len(codes), np.int64)
        np.add.at(numbers, place, np.concatenate(self._numbers))
        if len(codes) > self.room:
            cut = int(np.partition(numbers, len(codes) - self.room - 1)[-self.room - 1])
            kept = numbers > cut
            codes, numbers = codes[kept], numbers[kept] - cut
            self._missed += cut
        self._codes, self._numbers, self._held = [codes], [numbers], len(codes)

    @property
    def missed(self) -> int:
        """By how much a count can be too low; 0 while all pairs were held."""
        with self._turn:
            self._fold()
            return self._missed

    def pairs(self) -> tuple[Ints, Ints, Ints]:
        """Return classes, the classes they were taken for, and how often, most often first."""
        codes, numbers = self.state()
        order = np.argsort(-numbers, kind="stable")
        return codes[order] // self.k, codes[order] % self.k, numbers[order]

    def state(self) -> Ints:
        """Return (2, m) the pairs as class * k + answer, ascending, and how often each came."""
        with self._turn:
            self._fold()
            return np.stack([self._codes[0], self._numbers[0]]) if self._codes else _NONE.copy()

    def merge_state(self, state: Ints, missed: int) -> None:
        """Take in what `state` and `missed` gave elsewhere.

        Raises:
            ValueError: if a pair is not of these classes, or came less than once.
        """
        codes, numbers = state
        if len(codes) and (codes.min() < 0 or codes.max() >= self.k**2 or numbers.min() < 1):
            raise ValueError(f"these are no pairs of {self.k:,} classes with their counts")
        with self._turn:
            self._add(codes, numbers)
            self._missed += missed

    def merge(self, other: Confusions) -> None:
        """Take in other errors on as many classes."""
        with both(self._turn, other._turn):
            # Lists of their own: the other may be these errors themselves.
            pairs, missed = list(zip(other._codes, other._numbers, strict=True)), other._missed
            for codes, numbers in pairs:
                self._add(codes, numbers)
            self._missed += missed

    def take(self, classes: Ints) -> Confusions:
        """Return the pairs among some of the classes, renumbered in the order given."""
        place = np.full(self.k, -1)
        place[classes] = np.arange(len(classes))
        labels, answers, numbers = self.pairs()
        labels, answers = place[labels], place[answers]
        kept = (labels >= 0) & (answers >= 0)
        part = Confusions(len(classes))
        part.merge_state(
            np.stack([labels[kept] * part.k + answers[kept], numbers[kept]]), self.missed
        )
        return part


_NONE: Ints = np.zeros((2, 0), np.int64)
