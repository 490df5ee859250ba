"""Binary cross-entropy for rare labels: one logit, or one for each of several labels."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from lopsided.adjustment import Adjustment
from lopsided.arrays import require_finite, require_number, require_whole
from lopsided.steer.checks import check_tensor, visible, warn_of_places
from lopsided.steer.precision import full_precision

#: Softplus from logits of this size on is the logit itself, to rounding of float64. The framework's
#: default, 20, is off by 1e-10.
_softplus = partial(functional.softplus, threshold=40.0)


class AdjustedBinary(nn.Module):
    """Binary cross-entropy with logit adjustment and weights, label by label.

    With p of n samples of a label positive, its logit z is that of the classes "no" and "yes" with
    the counts n - p and p:

        weight_y * BCE(z + tau log(p / (n - p)), y),      weight_y in proportion to n_y ** -exponent

    the weights of a label with a mean of one over the samples. So the softmax losses of two classes
    are this one at the difference of their logits.

    Source: Menon et al. 2021 (arXiv 2007.07314) for two classes.

    Args:
        positives: (k,) positive samples of each label, or one number for one logit.
        n: samples in all.
        tau: of the shift; 0 for none.
        exponent: of the weights; 0 for none.
        reduction: "mean" over samples and labels, zero of none, "sum" or "none".

    Raises:
        ValueError: if a label has no positive or no negative sample, or a part of one, its number
            is told; a number is not finite; or the reduction is unknown.

    Example:
        >>> loss = AdjustedBinary(10, n=100)
        >>> round(float(loss(torch.zeros(1), torch.ones(1))), 4)  # log(100 / 10)
        2.3026
    """

    def __init__(
        self,
        positives: npt.ArrayLike,
        n: int,
        *,
        tau: float = 1.0,
        exponent: float = 0.0,
        reduction: Literal["mean", "sum", "none"] = "mean",
    ) -> None:
        super().__init__()
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"reduction must be one of mean, sum, none, got {reduction!r}")
        self.reduction = reduction
        require_whole("samples n", n, 2)
        p = np.atleast_1d(require_finite(positives, "positives"))
        if (broken := np.flatnonzero(p % 1)).size:
            label = int(broken[0])
            raise ValueError(
                f"positives are samples, whole numbers, but label {label} has {float(p[label])!r}"
            )
        if (wrong := np.flatnonzero((p <= 0) | (p >= n))).size:
            label = int(wrong[0])
            raise ValueError(
                f"each label needs positive and negative samples, label {label} has {p[label]:g} of"
                f" {n} positive; leave it out, or count it as one"
            )
        strength, power = require_number(tau, "tau"), require_number(exponent, "exponent")
        if not np.isfinite([strength, power]).all():
            raise ValueError(f"tau and exponent must be finite numbers, got {tau} and {exponent}")
        pairs = [Adjustment.weighted([n - each, each], power).weight for each in p.astype(np.int64)]
        self.tau, self.exponent = tau, exponent
        #: (k,) shifts of the logits, and (k, 2) weights of "no" and "yes", in double precision.
        self.shift = strength * np.log(p / (n - p))
        self.weight = np.array(pairs)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss.

        Args:
            logits: (n, k), or (n, k, ...) of which every place is a sample; of any shape for one
                label.
            targets: of the same shape, 0 and 1 or between them.

        Raises:
            ValueError: if the shapes do not fit, or a target is not from 0 to 1.
            TypeError: if the logits are not floating point.
        """
        check_tensor(logits, "logits")
        check_tensor(targets, "targets")
        k = len(self.shift)
        if targets.shape != logits.shape or (k > 1 and logits.shape[1:2] != (k,)):
            raise ValueError(
                f"logits and targets must both have shape (n, {k}), got {tuple(logits.shape)} and"
                f" {tuple(targets.shape)}"
            )
        if not logits.is_floating_point():
            raise TypeError(f"logits must be floating point, got {logits.dtype}")
        if visible(targets) and not bool(((targets >= 0) & (targets <= 1)).all()):
            wrong = targets[~((targets >= 0) & (targets <= 1))][0].item()
            raise ValueError(
                f"targets must be from 0 to 1, got {wrong}; leave out what marks that there is none"
            )
        warn_of_places(logits, targets)
        z = full_precision(logits)
        y = targets.to(z.dtype)
        beside = (k, *[1] * (z.ndim - 2)) if k > 1 else (1,)
        shift, no, yes = (
            torch.as_tensor(values, dtype=z.dtype, device=z.device).reshape(beside)
            for values in (self.shift, self.weight[:, 0], self.weight[:, 1])
        )
        z = z + shift
        losses = yes * y * _softplus(-z) + no * (1 - y) * _softplus(z)
        if self.reduction == "none":
            return losses
        return losses.sum() / (max(losses.numel(), 1) if self.reduction == "mean" else 1)

    def extra_repr(self) -> str:
        """Name the strengths."""
        return (
            f"labels={len(self.shift)}, tau={self.tau}, exponent={self.exponent},"
            f" reduction={self.reduction!r}"
        )
