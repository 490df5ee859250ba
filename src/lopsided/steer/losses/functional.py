"""Losses as plain functions, as `torch.nn.functional` has them: each is its module, called at once.

A module is made once for the same settings and kept. A training loop that is compiled without
graph breaks takes the module.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from lopsided.adjustment import Adjustment
from lopsided.arrays import require_finite
from lopsided.labels import Ignore, sentinels
from lopsided.steer.losses.adjusted import AdjustedCrossEntropy
from lopsided.steer.losses.base import Reduction
from lopsided.steer.losses.binary import AdjustedBinary
from lopsided.steer.losses.contrastive import SupervisedContrastive
from lopsided.steer.losses.focal import Focal
from lopsided.steer.losses.squared import DotRegression, SquaredError

#: Modules of so many settings are kept.
KEPT = 64
#: The terms of plain cross-entropy.
PLAIN = Adjustment()


@lru_cache(KEPT, typed=True)  # 1 and 1.0 are not the same to every door
def _made(kind: Callable[..., nn.Module], *given: Any, **settings: Any) -> nn.Module:
    return kind(*given, **settings)


def _call(
    kind: Callable[..., nn.Module], shown: Tensor, targets: Tensor, *given: Any, **settings: Any
) -> Tensor:
    """Return what the module of these settings says of two tensors."""
    if "ignore_index" in settings:
        settings["ignore_index"] = sentinels(settings["ignore_index"])
    values = (*given, *settings.values())
    try:
        hash(values)
    except TypeError:  # such as a list where an adjustment is meant; the module's door says so
        kept = False
    else:  # a tensor may be another number by the next call
        kept = not any(isinstance(value, Tensor) for value in values)
    made = _made(kind, *given, **settings) if kept else kind(*given, **settings)
    value: Tensor = made(shown, targets)
    return value


#: A compiler goes around it, for what is made once is nothing to trace.
_called: Callable[..., Tensor]
_called = torch.compiler.disable(_call, recursive=False)  # type: ignore[no-untyped-call]


def cross_entropy(
    logits: Tensor,
    targets: Tensor,
    adjustment: Adjustment = PLAIN,
    *,
    label_smoothing: float = 0.0,
    ignore_index: Ignore = -100,
    reduction: Reduction = "mean",
) -> Tensor:
    """Return the cross-entropy of an adjustment; see `AdjustedCrossEntropy`.

    Example:
        >>> y = torch.tensor([1])
        >>> round(float(cross_entropy(torch.zeros(1, 2), y, Adjustment(shift=[2.0, 0.0]))), 4)
        2.1269
    """
    return _called(
        AdjustedCrossEntropy,
        logits,
        targets,
        adjustment,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        reduction=reduction,
    )


def focal(
    logits: Tensor,
    targets: Tensor,
    gamma: float,
    adjustment: Adjustment = PLAIN,
    *,
    ignore_index: Ignore = -100,
    reduction: Reduction = "mean",
) -> Tensor:
    """Return the focal loss; see `Focal`."""
    return _called(
        Focal, logits, targets, gamma, adjustment, ignore_index=ignore_index, reduction=reduction
    )


def squared_error(
    logits: Tensor, targets: Tensor, *, ignore_index: Ignore = -100, reduction: Reduction = "mean"
) -> Tensor:
    """Return half the squared distance to one-hot labels; see `SquaredError`."""
    return _called(SquaredError, logits, targets, ignore_index=ignore_index, reduction=reduction)


def dot_regression(
    cosines: Tensor, targets: Tensor, *, ignore_index: Ignore = -100, reduction: Reduction = "mean"
) -> Tensor:
    """Return half the squared distance of the own cosine from one; see `DotRegression`."""
    return _called(DotRegression, cosines, targets, ignore_index=ignore_index, reduction=reduction)


def binary_cross_entropy(
    logits: Tensor,
    targets: Tensor,
    positives: npt.ArrayLike,
    n: int,
    *,
    tau: float = 1.0,
    exponent: float = 0.0,
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> Tensor:
    """Return the binary cross-entropy of rare labels; see `AdjustedBinary`."""
    each = tuple(np.atleast_1d(require_finite(positives, "positives")).tolist())
    return _called(
        AdjustedBinary, logits, targets, each, n, tau=tau, exponent=exponent, reduction=reduction
    )


def supervised_contrastive(
    features: Tensor,
    labels: Tensor,
    temperature: float = 0.1,
    *,
    ignore_index: Ignore = -100,
    reduction: Reduction = "mean",
) -> Tensor:
    """Return the supervised contrastive loss; see `SupervisedContrastive`."""
    return _called(
        SupervisedContrastive,
        features,
        labels,
        temperature,
        ignore_index=ignore_index,
        reduction=reduction,
    )
