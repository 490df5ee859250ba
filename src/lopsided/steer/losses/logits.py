"""Losses of logits: places and distributions at one door, and what a softmax is given."""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np
from torch import Tensor

from lopsided.adjustment import Adjustment
from lopsided.labels import Ignore, sentinels
from lopsided.measure.logits import ENOUGH
from lopsided.steer.checks import (
    are_probabilities,
    check_logits,
    check_soft_targets,
    check_tensor,
    visible,
    warn_of_places,
)
from lopsided.steer.losses.base import Loss, Reduction
from lopsided.steer.losses.terms import Terms

#: How far beyond one a cosine may be, by rounding.
ROUNDED = 0.01


class LogitLoss(Loss):
    """A loss of logits, whose targets are labels or distributions; every place is a sample."""

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss.

        Args:
            logits: (n, k), or (n, k, ...) of which every place is a sample.
            targets: (n,) or (n, 1) labels, or (n, k) distributions in floating point; (n, ...)
                labels or (n, k, ...) distributions for places.

        Raises:
            ValueError: if a shape does not fit or a target is out of range, the sample is named; or
                if labels to leave out were named and distributions given.
            TypeError: if the logits are whole numbers, or the labels are not.
        """
        if getattr(logits, "ndim", 0) > 2:
            return self._places(logits, targets)
        self.check(logits)
        check_tensor(targets, "targets")
        if targets.ndim != 2 or not targets.is_floating_point():
            return self.of_labels(logits, *self.read(targets, *logits.shape))
        check_soft_targets(targets, *logits.shape)
        warn_of_places(logits, targets)
        if any(mark >= 0 for mark in sentinels(self.ignore_index)):
            raise ValueError(
                f"ignore_index={self.ignore_index} marks labels, and soft targets have none; drop"
                " samples before the loss"
            )
        return self.of_distributions(logits, targets)

    def check(self, logits: Tensor) -> None:
        """Refuse logits of a wrong shape or type."""
        check_logits(logits, None)

    def of_labels(self, logits: Tensor, labels: Tensor, kept: Tensor | None) -> Tensor:
        """Return the loss of (n, k) logits and (n,) labels, of which those kept count."""
        raise NotImplementedError

    def of_distributions(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of (n, k) logits and (n, k) distributions."""
        raise NotImplementedError

    def _places(self, logits: Tensor, targets: Tensor) -> Tensor:
        check_tensor(logits, "logits")
        check_tensor(targets, "targets")
        n, k, *more = logits.shape
        if targets.shape not in ((n, *more), logits.shape):
            last = targets.shape == logits.shape[:-1]
            raise ValueError(
                f"labels must have shape {(n, *more)} beside logits {tuple(logits.shape)}, got"
                f" {tuple(targets.shape)}"
                f"{'; classes are the second axis: logits.movedim(-1, 1)' if last else ''}"
            )
        if targets.ndim == logits.ndim:
            targets = targets.movedim(1, -1).reshape(-1, k)
        else:
            targets = targets.reshape(-1)
        value: Tensor = self(logits.movedim(1, -1).reshape(-1, k), targets)
        return value.reshape(n, *more) if self.reduction == "none" else value


class SoftmaxLoss(LogitLoss):
    """A loss that takes the softmax of adjusted logits."""

    def __init__(self, adjustment: Adjustment, ignore_index: Ignore, reduction: Reduction) -> None:
        super().__init__(ignore_index, reduction)
        self.terms = Terms(adjustment)
        self._trusted = False
        self._wants_cosines = _is_of_cosines(adjustment)

    def check(self, logits: Tensor) -> None:
        """Refuse logits of a wrong shape or type; say once if a softmax has been taken already, or
        if cosines are wanted and these are none.

        For a softmax only the first batch of some size is looked at: whether a network ends in one
        does not change. Logits outgrow cosines as they are trained.
        """
        check_logits(logits, self.terms.k)
        if (self._trusted and not self._wants_cosines) or not visible(logits):
            return
        # Past forward and the two frames by which a module calls it.
        warn = partial(warnings.warn, stacklevel=5)
        if not self._trusted and len(logits) >= ENOUGH:
            self._trusted = True
            # Cut from the graph: what a checkpoint runs again is not looked at again, and has to
            # save as many tensors.
            if are_probabilities(logits.detach()):
                warn(
                    "the logits of every sample are non-negative and sum to 1 (or 100), as after a"
                    " softmax; this loss takes the softmax itself, so give it what comes before, or"
                    " log-probabilities"
                )
        if self._wants_cosines and len(logits):
            largest = float(logits.detach().abs().max())
            if largest > 1 + ROUNDED:
                self._wants_cosines = False
                warn(
                    "margins beside one scale for all logits, as LDAM has them, are of cosines, and"
                    f" a logit is {largest:.3g} in size: take the head steer.CosineHead(d, k)"
                )


def _is_of_cosines(adjustment: Adjustment) -> bool:
    """Whether the loss is LDAM or like it: one scale is of no use to logits that have lengths."""
    margin, scale = adjustment.additive_margin, adjustment.scale
    if margin is None or scale is None or not np.any(margin):
        return False
    return np.ndim(scale) == 0 and float(np.asarray(scale)) > 1
