"""Pull: toward which classes the loss pulls the samples, read off the gradient at their logits.

The gradient of a loss of the softmax (cross-entropy however weighted or shifted, focal, margins)
sums to zero and is negative at the class of the sample and nowhere else. So a backward pass shows
which labels the loss was given: mixup inside a training step, which no hook sees, pulls a sample
toward two classes, and labels in another order pull it elsewhere. Other losses, such as the squared
one, pull each logit to a target of its own and say nothing.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.measure.network.compiled import apart
from lopsided.measure.network.tensors import has_values, to_numpy

_log = logging.getLogger("lopsided")

#: Passes whose gradients are looked at, and entries of each axis of a batch in them.
PASSES, LONGEST = 8, {1: 256, 2: 16}
#: A pull below this share of the strongest does not count; among fewer classes two say nothing.
WEAK, FEWEST = 0.05, 4
#: By how much the logit of a label is above the others where a network is sure of it: a squared
#: loss wants them 1 apart.
LEAD = 0.8
#: How near to zero the sum of a gradient must be, of the sum of its magnitudes.
SUMS = 0.01
ADVICE = "features are measured under the labels given; measure.diagnose measures inputs unmixed"


class Pull:
    """The labels that the loss was given in the first passes, compared with those measured by."""

    def __init__(self) -> None:
        self._left = PASSES

    def listen(self, logits: Any) -> dict[str, Any]:
        """Listen to the gradient at the logits (*batch, k); return what `labelled` asks for."""
        heard: dict[str, Any] = {}
        if self._left and logits.requires_grad and logits.ndim - 1 in LONGEST:
            self._left -= 1
            heard["logits"] = _some(logits.detach())
            logits.register_hook(apart(lambda gradient: self._hear(heard, gradient)))
        return heard

    def _hear(self, heard: dict[str, Any], gradient: Any) -> None:
        with suppress(Exception):  # a backward pass never fails because somebody looks
            if has_values(gradient):  # under is_grads_batched it is many
                self._judge(heard, gradient=_some(gradient.detach()))

    def labelled(self, heard: dict[str, Any], labels: npt.NDArray[Any], shift: int) -> None:
        """Say the labels of the pass, in the layout of its rows, and by how much they lie ahead."""
        self._judge(heard, labels=labels, shift=shift)

    def _judge(self, heard: dict[str, Any], **news: Any) -> None:
        """Compare labels and gradient when both are there, in whichever order they come."""
        heard |= news
        if not {"labels", "gradient"} <= heard.keys():
            return
        gradient, labels = to_numpy(heard.pop("gradient")), heard.pop("labels")
        logits = to_numpy(heard.pop("logits"))
        if gradient.ndim == 3 and labels.size == len(labels):
            # One label a sequence: a loss pulls no token but the one that it was given.
            labels = np.broadcast_to(labels.reshape(-1, 1), (len(labels), gradient.shape[1]))
        elif heard["shift"]:
            gradient = gradient[:, : labels.shape[1]]
        labels = labels.reshape(-1) if gradient.ndim == 2 else labels
        labels = labels[tuple(slice(0, length) for length in gradient.shape[:-1])]
        if labels.shape == gradient.shape[:-1] and self._left >= 0:
            logits = logits[:, : gradient.shape[1]] if gradient.ndim == 3 else logits
            k = gradient.shape[-1]
            found = finding(gradient.reshape(-1, k), logits.reshape(-1, k), labels.reshape(-1))
            if found:
                self._left = -1
                _log.warning(found)


def finding(gradient: npt.NDArray[Any], logits: npt.NDArray[Any], labels: npt.NDArray[Any]) -> str:
    """Return in a sentence how a loss contradicts labels, or nothing.

    Args:
        gradient: (n, k) of the loss at the logits.
        logits: (n, k).
        labels: (n,) of the samples; others than classes are left out.
    """
    k = gradient.shape[1]
    kept = (gradient.min(axis=1) < 0) & np.isfinite(gradient).all(axis=1)
    kept &= (labels >= 0) & (labels < k)
    g, y = gradient[kept].astype(np.float64), labels[kept]
    if not len(y) or np.abs(g.sum(axis=1)).sum() > SUMS * np.abs(g).sum():
        return ""
    pulled = g < WEAK * g.min(axis=1, keepdims=True)
    # A network that is surer of a label than its target is pulled back toward all other classes,
    # which tells of no other label; toward one of several that it is mixed with.
    answers, rows = logits[kept].astype(np.float64), np.arange(len(y))
    own = answers[rows, y]
    answers[rows, y] = -np.inf
    sure = (own - answers.max(axis=1) > LEAD) & ((pulled.sum(axis=1) > 1) | (k < FEWEST))
    elsewhere = float(((g.argmin(axis=1) != y) & ~sure).mean())
    if elsewhere > 0.3:
        return (
            f"the loss pulls {elsewhere:.0%} of the samples of a batch toward another class than "
            "their label, as with mixup, soft labels, a price on being sure, or labels in another "
            f"order than the features; {ADVICE}"
        )
    two = (pulled.sum(axis=1) == 2) & pulled[rows, y]
    if k >= FEWEST and two.mean() > 0.5:
        most = "the loss pulls most samples of a batch toward two classes each"
        return f"{most}, as with mixup; {ADVICE}"
    return ""


def _some(gradient: Any) -> Any:
    """Return the first entries of each axis of the batch, without holding the rest."""
    length = LONGEST[gradient.ndim - 1]
    return gradient[(slice(0, length),) * (gradient.ndim - 1)].clone()
