"""Steer: wanted geometry, or a trained network -> loss, head, rule, and what each is worth.

Losses (`AdjustedCrossEntropy` and others), heads (`FixedHead` and others), rules for trained
classifiers (`posthoc`), `prescribe`, which says what a trained head should be changed to and what
that is worth, and `design`, the inverse problem: the adjustment whose predicted geometry is nearest
to a target. Losses and heads are torch modules and load on first use, so that the others need no
torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lopsided.steer.absent import counts_with_absent
from lopsided.steer.design import Design, design
from lopsided.steer.families import FAMILIES
from lopsided.steer.prescribe import Prescription, prescribe
from lopsided.steer.targets import TARGETS, Target

if TYPE_CHECKING:
    from lopsided.steer import posthoc
    from lopsided.steer.heads import CosineHead, FixedHead, NearestETFHead, initialise_, nearest_etf
    from lopsided.steer.losses import (
        AdjustedCrossEntropy,
        BindingBatches,
        DotRegression,
        Focal,
        SquaredError,
        SupervisedContrastive,
    )

__all__ = [
    "FAMILIES",
    "TARGETS",
    "AdjustedCrossEntropy",
    "BindingBatches",
    "CosineHead",
    "Design",
    "DotRegression",
    "FixedHead",
    "Focal",
    "NearestETFHead",
    "Prescription",
    "SquaredError",
    "SupervisedContrastive",
    "Target",
    "counts_with_absent",
    "design",
    "initialise_",
    "nearest_etf",
    "posthoc",
    "prescribe",
]

_HEADS = ("CosineHead", "FixedHead", "NearestETFHead", "initialise_", "nearest_etf")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'lopsided.steer' has no attribute {name!r}")
    try:
        if name == "posthoc":
            return importlib.import_module("lopsided.steer.posthoc")
        return getattr(
            importlib.import_module(f"lopsided.steer.{'heads' if name in _HEADS else 'losses'}"),
            name,
        )
    except ModuleNotFoundError as error:
        if error.name == "torch":
            raise ImportError(
                f"lopsided.steer.{name} needs torch: pip install 'lopsided[torch]'"
            ) from error
        raise


def __dir__() -> list[str]:
    return __all__
