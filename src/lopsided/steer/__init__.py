"""Steer: wanted geometry, or a trained network -> loss, head, rule, and what each is worth.

Losses (`AdjustedCrossEntropy` and others, as plain functions in `functional`), heads (`FixedHead`
and others), rules for trained classifiers (`posthoc`), `prescribe`, which says what a trained head
should be changed to and what that is worth, and `design`, the inverse problem: the adjustment whose
predicted geometry is nearest to a target. `LOSSES`, `HEADS`, `RULES`, `TARGETS` and `FAMILIES` list
them by name. Losses, heads and rules are of torch and load on first use, so that the others need
none.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lopsided.steer.absent import counts_with_absent
from lopsided.steer.design import Design, design
from lopsided.steer.families import FAMILIES
from lopsided.steer.member import Member
from lopsided.steer.prescribe import Prescription, prescribe
from lopsided.steer.targets import TARGETS, Target

if TYPE_CHECKING:
    from lopsided.steer import posthoc
    from lopsided.steer.estimators import ClassMeans, PostHocClassifier
    from lopsided.steer.heads import (
        HEADS,
        CosineHead,
        FixedHead,
        MixedHead,
        NearestETFHead,
        PrimedHead,
        PrototypeHead,
        assign,
        flow,
        initialise_,
        mix_for_confidence,
        nearest_etf,
        nearest_frame,
        sparse_frame,
    )
    from lopsided.steer.losses import (
        LOSSES,
        AdjustedBinary,
        AdjustedCrossEntropy,
        AlignedExits,
        BindingBatches,
        CenterClassification,
        DecoupledInfoNCE,
        Deferred,
        DotRegression,
        Focal,
        GroupAligned,
        InducedCollapse,
        KernelContrastive,
        MultipleCenters,
        PeerToPeer,
        PickAllLabel,
        ShortcutLoss,
        SpectralContrastive,
        SquaredError,
        SupervisedContrastive,
        UniformityGap,
        functional,
    )
    from lopsided.steer.posthoc import RULES

__all__ = [
    "FAMILIES",
    "HEADS",
    "LOSSES",
    "RULES",
    "TARGETS",
    "AdjustedBinary",
    "AdjustedCrossEntropy",
    "AlignedExits",
    "BindingBatches",
    "CenterClassification",
    "ClassMeans",
    "CosineHead",
    "DecoupledInfoNCE",
    "Deferred",
    "Design",
    "DotRegression",
    "FixedHead",
    "Focal",
    "GroupAligned",
    "InducedCollapse",
    "KernelContrastive",
    "Member",
    "MixedHead",
    "MultipleCenters",
    "NearestETFHead",
    "PeerToPeer",
    "PickAllLabel",
    "PostHocClassifier",
    "Prescription",
    "PrimedHead",
    "PrototypeHead",
    "ShortcutLoss",
    "SpectralContrastive",
    "SquaredError",
    "SupervisedContrastive",
    "Target",
    "UniformityGap",
    "assign",
    "counts_with_absent",
    "design",
    "flow",
    "functional",
    "initialise_",
    "mix_for_confidence",
    "nearest_etf",
    "nearest_frame",
    "posthoc",
    "prescribe",
    "sparse_frame",
]

#: Modules that are names here.
_MODULES = {"functional": "losses.functional", "posthoc": "posthoc"}
#: Name -> the module of torch that has it; all others are losses.
_ROOMS = {
    **dict.fromkeys(
        (
            "HEADS",
            "CosineHead",
            "FixedHead",
            "MixedHead",
            "NearestETFHead",
            "PrimedHead",
            "PrototypeHead",
            "assign",
            "flow",
            "initialise_",
            "mix_for_confidence",
            "nearest_etf",
            "nearest_frame",
            "sparse_frame",
        ),
        "heads",
    ),
    "RULES": "posthoc",
    **dict.fromkeys(("ClassMeans", "PostHocClassifier"), "estimators"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'lopsided.steer' has no attribute {name!r}")
    if name in _MODULES:
        return importlib.import_module(f"lopsided.steer.{_MODULES[name]}")
    return getattr(importlib.import_module(f"lopsided.steer.{_ROOMS.get(name, 'losses')}"), name)


def __dir__() -> list[str]:
    return __all__
