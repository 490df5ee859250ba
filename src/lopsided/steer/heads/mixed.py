"""A learned head and a fixed one, in the share that makes a network as confident as it is right."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor, nn
from torch.nn import functional

from lopsided.arrays import require_number
from lopsided.predict import etf
from lopsided.steer.checks import check_logits
from lopsided.steer.drawn import drawn
from lopsided.steer.heads.frame import frame
from lopsided.steer.heads.sized import Sized, held, linear, require_sizes
from lopsided.steer.precision import KeepsPrecision, full_default, lifted

#: Points at which shares are tried before one between two of them is sought.
_SCAN = 11


class Parts(NamedTuple):
    """What the two heads of a `MixedHead` answer.

    Attributes:
        learned: (..., k) logits of the learned head.
        fixed: (..., k) logits of the fixed one.
    """

    learned: Tensor
    fixed: Tensor


class MixedHead(KeepsPrecision, Sized):
    """A learned head and a fixed simplex ETF on the same features: logits are share times those of
    the learned one and 1 - share times those of the fixed one, at least float32.

    Train by `loss`. After each epoch set the share for which the network is as confident as it is
    right: `head.share.fill_(mix_for_confidence(*head.parts(features), accuracy))`.

    Source: Ni et al. 2025 (arXiv 2504.10007).

    Args:
        d: feature dimensions, at least k - 1.
        k: classes.
        share: of the learned head, from 0 to 1; a buffer, saved in `state_dict`.
        scale: length of the fixed classifiers.
        seed: of the first learned classifiers and of the orientation of the fixed ones.

    Raises:
        ValueError: if d < k - 1, the share is not from 0 to 1, or the scale not positive or too
            large.

    Example:
        >>> head = MixedHead(d=8, k=3, share=0.25)
        >>> h, y = torch.randn(6, 8), torch.tensor([0, 0, 1, 1, 2, 2])
        >>> learned, fixed = head.parts(h)
        >>> bool(torch.allclose(head(h), 0.25 * learned + 0.75 * fixed, atol=1e-6))
        True
        >>> head.loss(h, y).shape
        torch.Size([])
    """

    fixed: Tensor
    share: Tensor

    def __init__(
        self, d: int, k: int, *, share: float = 0.5, scale: float = 1.0, seed: int = 0
    ) -> None:
        super().__init__()
        require_sizes(d, k)
        if not 0 <= require_number(share, "share") <= 1:
            raise ValueError(f"share must be from 0 to 1, got {share}")
        if not 0 < (scale := require_number(scale, "scale")) < np.inf:
            raise ValueError(f"scale must be a positive finite number, got {scale}")
        dtype = full_default()
        vectors = scale * frame(etf(k).classifiers, d, seed)
        #: (k, d) classifiers that learn.
        self.learned = nn.Parameter(drawn(k, d, seed=seed) / d**0.5)
        self.register_buffer("fixed", held(vectors))
        self.register_buffer("share", torch.tensor(float(share), dtype=dtype))

    @property
    def weight(self) -> Tensor:  # type: ignore[override]  # nothing sets it
        """The (k, d) classifiers of the mixed logits."""
        learned, fixed, share = lifted(self.learned, self.fixed, self.share)
        return share * learned + (1 - share) * fixed

    def forward(self, features: Tensor) -> Tensor:
        """Return (..., k) mixed logits of (..., d) features.

        Raises:
            ValueError: if the last axis of the features is not d long.
            TypeError: if they are not floating point.
        """
        return linear(features, self.weight)

    def parts(self, features: Tensor) -> Parts:
        """Return the logits of the learned and of the fixed head; arguments and errors are those of
        `forward`.
        """
        return Parts(linear(features, self.learned), linear(features, self.fixed))

    def loss(
        self,
        features: Tensor,
        labels: Tensor,
        of: Callable[[Tensor, Tensor], Tensor] = functional.cross_entropy,
    ) -> Tensor:
        """Return share times the loss of the learned head and 1 - share times that of the fixed
        one.

        Args:
            features: (n, d).
            labels: as the loss takes them.
            of: loss of logits and labels, such as `AdjustedCrossEntropy`; by default plain
                cross-entropy.
        """
        learned, fixed = self.parts(features)
        share = self.share.to(learned)
        return share * of(learned, labels) + (1 - share) * of(fixed, labels)


def mix_for_confidence(learned: Tensor, fixed: Tensor, accuracy: float) -> float:
    """Return the share at which mixed logits are as confident, on average, as an accuracy.

    Confidence is the mean largest probability of share * learned + (1 - share) * fixed. It need not
    grow with the share: eleven shares are tried from 1 on down, and within the first two that have
    the accuracy between them the one that meets it is found. Where the learned head alone is not
    too confident, the share is 1.

    Source: Ni et al. 2025 (arXiv 2504.10007), where the accuracy is multiplied by a factor first.

    Args:
        learned: (n, k) logits of the learned head, best of held-out samples.
        fixed: (n, k) logits of the fixed head for the same samples.
        accuracy: that the confidence is to be, from 1 / k to 1.

    Returns:
        The share of the learned head, from 0 to 1.

    Raises:
        ValueError: if the shapes differ, there are no samples, the accuracy is out of range, logits
            are not finite, or every share is too confident; the least confident is named.
        TypeError: if logits are no tensors of floating point.

    Example:
        >>> learned, fixed = torch.tensor([[8.0, 0.0]]), torch.tensor([[1.0, 0.0]])
        >>> share = mix_for_confidence(learned, fixed, 0.9)
        >>> round((share * learned + (1 - share) * fixed).softmax(1).max().item(), 6)
        0.9
    """
    for logits in (learned, fixed):
        check_logits(logits, None)
    if learned.shape != fixed.shape or not len(learned):
        raise ValueError(
            "both heads must answer the same samples, at least one, got logits of shapes"
            f" {tuple(learned.shape)} and {tuple(fixed.shape)}"
        )
    k = learned.shape[1]
    if not 1 / k <= (accuracy := require_number(accuracy, "accuracy")) <= 1:
        raise ValueError(
            f"accuracy must be from chance, 1/{k}, to 1, because confidence is, got {accuracy}"
        )
    first, last = (logits.detach().cpu().double() for logits in (learned, fixed))
    if not (first.isfinite().all() and last.isfinite().all()):
        raise ValueError("logits must be finite; an infinite or undefined one has no confidence")

    def excess(share: float) -> float:
        mixed = share * first + (1 - share) * last
        return float(mixed.softmax(1).amax(1).mean()) - accuracy

    tried = [(share, excess(share)) for share in np.linspace(1, 0, _SCAN)]
    if tried[0][1] <= 0:
        return 1.0
    for (above, _), (below, short) in itertools.pairwise(tried):
        if short <= 0:
            return float(brentq(excess, below, above, xtol=1e-12))
    share, least = min(tried, key=lambda each: each[1])
    raise ValueError(
        f"every share is more confident than {accuracy:g}, the least {least + accuracy:g} at"
        f" {share:g}; give the fixed head a smaller scale"
    )
