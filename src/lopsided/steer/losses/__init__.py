"""Losses as torch modules; class counts and adjustments are always explicit arguments."""

from __future__ import annotations

from lopsided.steer.losses.adjusted import AdjustedCrossEntropy
from lopsided.steer.losses.binding import BindingBatches
from lopsided.steer.losses.contrastive import SupervisedContrastive
from lopsided.steer.losses.focal import Focal
from lopsided.steer.losses.squared import DotRegression, SquaredError

__all__ = [
    "AdjustedCrossEntropy",
    "BindingBatches",
    "DotRegression",
    "Focal",
    "SquaredError",
    "SupervisedContrastive",
]
