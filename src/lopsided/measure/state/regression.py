"""Moments of a regression: features and targets, batch by batch."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, real_array, require_noun, require_squares, require_whole
from lopsided.measure.state.turn import Shared, Turn, both
from lopsided.memory import require_memory


class RegressionMoments(Shared):
    """Means and scatter of features and of targets; update and merge follow one rule. Several
    threads may add to one state.

    Attributes:
        n: samples taken in.
        means: (d,) of the features, (t,) of the targets.
        scatters: (d, d) and (t, t), sums of products about the means.

    Raises:
        ValueError: if d or t is below 1.
        MemoryError: if the state would take more than half of this machine's memory.

    Example:
        >>> moments = RegressionMoments(d=2, t=1)
        >>> moments.update([[1.0, 0.0], [3.0, 0.0]], [[0.0], [2.0]])
        >>> moments.n, moments.scatters[1]
        (2, array([[2.]]))
    """

    def __init__(self, d: int, t: int) -> None:
        d = require_whole("d, the number of features,", d, 1)
        t = require_whole("t, the number of outputs,", t, 1)
        require_memory(8.0 * (d**2 + t**2), f"the scatter of {d:,} features and {t:,} outputs")
        self.n = 0
        self.means: tuple[Floats, Floats] = (np.zeros(d), np.zeros(t))
        self.scatters: tuple[Floats, Floats] = (np.zeros((d, d)), np.zeros((t, t)))
        self._turn = Turn()

    def update(self, features: npt.ArrayLike, targets: npt.ArrayLike) -> None:
        """Take in a batch of (b, d) features and (b, t) targets.

        Raises:
            ValueError: if shapes do not fit, a number is not finite (the sample is named), or
                squares leave float64. The state is as it was.
        """
        h, y = real_array(features, "features"), real_array(targets, "targets")
        (d,), (t,) = (mean.shape for mean in self.means)
        if h.ndim != 2 or h.shape[1] != d or y.shape != (len(h), t):
            raise ValueError(
                f"features must have shape (b, {d}) and targets (b, {t}), got {h.shape} and"
                f" {y.shape}"
            )
        if not (fine := np.isfinite(h).all(axis=1) & np.isfinite(y).all(axis=1)).all():
            raise ValueError(
                f"features and targets must be finite, sample {int(np.argmin(fine))} of the batch"
                " is not"
            )
        if not len(h):
            return
        require_squares(h, "features")
        require_squares(y, "targets")
        means = h.mean(axis=0), y.mean(axis=0)
        centred = h - means[0], y - means[1]
        scatters = centred[0].T @ centred[0], centred[1].T @ centred[1]
        with self._turn:
            self._join(len(h), means, scatters)

    def merge(self, other: Self) -> None:
        """Take in the samples of another state.

        Raises:
            ValueError: if it has other shapes.
            TypeError: if it is none.
        """
        require_noun(other, RegressionMoments, "what is merged into moments of a regression")
        mine, theirs = ([mean.shape for mean in state.means] for state in (self, other))
        if mine != theirs:
            raise ValueError(f"states of one shape are merged, got {mine} and {theirs}")
        with both(self._turn, other._turn):
            self._join(other.n, other.means, other.scatters)

    def _join(self, n: int, means: tuple[Floats, Floats], scatters: tuple[Floats, Floats]) -> None:
        total = self.n + n
        if not n:
            return
        apart = [new - old for new, old in zip(means, self.means, strict=True)]
        self.scatters = (
            self.scatters[0] + scatters[0] + self.n * n / total * np.outer(apart[0], apart[0]),
            self.scatters[1] + scatters[1] + self.n * n / total * np.outer(apart[1], apart[1]),
        )
        self.means = (self.means[0] + n / total * apart[0], self.means[1] + n / total * apart[1])
        self.n = total
