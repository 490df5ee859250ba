"""Losses: value and slope of logits against targets. The only NumPy definition of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from lopsided.adjustment import Adjustment, require_adjustment
from lopsided.arrays import Floats, real_array, require_noun
from lopsided.targets import Targets


class Loss(Protocol):
    """What a problem minimises, one column of logits at a time."""

    def refuses(self, targets: Targets) -> str:
        """Return why the loss means nothing for such targets; "" where it means something."""

    def value(self, logits: Floats, targets: Targets) -> tuple[Floats, Floats]:
        """Return the (m,) losses of a sample of each column, and their (k, m) derivatives by its
        (k, m) logits.
        """


@dataclass(frozen=True)
class CrossEntropy:
    """Softmax cross-entropy, with the weights, scales, shifts and margins of an adjustment.

    The loss of a column of targets t that sum to s is s logsumexp(a) - t . a, a the adjusted
    logits: plain cross-entropy for s = 1, the sum of the cross-entropies of s labels otherwise. Of
    classes each has its own weight in t, in the uniform part of a smoothed target too, as in
    `steer.AdjustedCrossEntropy`.

    Attributes:
        adjustment: of the logits; it needs one label a sample.

    Raises:
        TypeError: if it is no adjustment.

    Example:
        >>> from lopsided import Counts
        >>> losses, slopes = CrossEntropy().value(np.zeros((2, 2)), Targets.classes(Counts([3, 1])))
        >>> losses.round(4), slopes[:, 0]
        (array([0.6931, 0.6931]), array([-0.5,  0.5]))
    """

    adjustment: Adjustment = field(default_factory=Adjustment)

    def __post_init__(self) -> None:
        require_adjustment(self.adjustment)

    def refuses(self, targets: Targets) -> str:
        """Return why the loss means nothing for such targets; "" where it means something."""
        require_noun(targets, Targets, "targets", "Targets.classes makes them of counts")
        if targets.kind == "regression":
            return "cross-entropy is of classes; use Squared() for a regression"
        if targets.counts is None and self.adjustment != Adjustment():
            return f"an adjustment needs one label a sample, not {targets.kind}"
        return ""

    def value(self, logits: Floats, targets: Targets) -> tuple[Floats, Floats]:
        """Return the (m,) losses of a sample of each column, and their (k, m) derivatives by its
        (k, m) logits.

        Raises:
            ValueError: if the logits are of another shape than the targets.
            TypeError: if they are no real numbers, or the targets none.
        """
        logits = _alike(logits, targets)
        t, s, a, scale = targets.matrix, targets.strength, logits, np.ones(1)
        if targets.counts is not None:
            given = self.adjustment.resolve(targets.counts)
            expand = given.groups.expand
            scale = np.outer(expand(given.columns), expand(given.samples))
            a = scale * logits + expand(given.shift)[:, None] - np.diag(expand(given.own))
            t = expand(given.weight)[:, None] * t
            s = t.sum(axis=0)
        # About the likeliest label's own logit a loss and a slope far below one keep their digits.
        own = np.argmax(t, axis=0), np.arange(t.shape[1])
        a = a - a[own]
        others = a.copy()
        others[own] = -np.inf
        total = np.logaddexp(0.0, np.logaddexp.reduce(others, axis=0))
        slope = s * np.exp(a - total) - t
        slope[own] = 0.0
        slope[own] = -slope.sum(axis=0)
        return s * total - np.sum(t * a, axis=0), scale * slope


@dataclass(frozen=True)
class Squared:
    """Half the squared distance of the logits from the targets.

    Example:
        >>> Squared().value(np.array([[0.0], [2.0]]), Targets.contexts([[1.0], [0.0]]))[0]
        array([2.5])
    """

    def refuses(self, targets: Targets) -> str:
        """Return "": any numbers can be met."""
        return ""

    def value(self, logits: Floats, targets: Targets) -> tuple[Floats, Floats]:
        """Return the (m,) losses of a sample of each column, and their (k, m) derivatives by its
        (k, m) logits.

        Raises:
            ValueError: if the logits are of another shape than the targets.
            TypeError: if they are no real numbers, or the targets none.
        """
        error = _alike(logits, targets) - targets.matrix
        return 0.5 * np.sum(error**2, axis=0), error


def _alike(logits: Floats, targets: Targets) -> Floats:
    """Return logits as numbers, but none that NumPy would spread over the columns of targets, or
    over their rows.
    """
    require_noun(targets, Targets, "targets", "Targets.classes makes them of counts")
    numbers, shape = real_array(logits, "logits"), targets.matrix.shape
    if numbers.shape != shape:
        raise ValueError(
            f"logits must be an array of shape {shape}, classes by columns, got {numbers.shape}"
        )
    return numbers
