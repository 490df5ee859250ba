"""Predict: the geometry that a loss converges to on given class counts, in closed form.

`GEOMETRIES` lists every closed form that needs the class counts alone; each has a file of its own here. Those of a finite ridge
(`balanced`, `squared`) and of soft labels (`supports`) need more, and are functions beside it.
"""

from __future__ import annotations

from collections.abc import Callable

from lopsided.counts import Counts
from lopsided.geometry import Geometry
from lopsided.predict.balanced import balanced
from lopsided.predict.certificate import Certificate, certificate
from lopsided.predict.contrastive import contrastive, contrastive_minimum
from lopsided.predict.cross_entropy import cross_entropy
from lopsided.predict.etf import etf
from lopsided.predict.free_bias import free_bias
from lopsided.predict.nonnegative import nonnegative
from lopsided.predict.seli import seli
from lopsided.predict.squared import squared, squared_threshold
from lopsided.predict.step import StepLimit, step, step_limit
from lopsided.predict.supports import SupportGeometry, supports
from lopsided.predict.thresholds import minority_collapse_ridge, zero_ridge

#: Name -> the geometry of given class counts.
GEOMETRIES: dict[str, Callable[[Counts], Geometry]] = {
    "seli": seli,
    "etf": lambda counts: etf(counts.k),
    "free-bias": free_bias,
    "non-negative": nonnegative,
    "contrastive": contrastive,
}

__all__ = [
    "GEOMETRIES",
    "Certificate",
    "StepLimit",
    "SupportGeometry",
    "balanced",
    "certificate",
    "contrastive",
    "contrastive_minimum",
    "cross_entropy",
    "etf",
    "free_bias",
    "minority_collapse_ridge",
    "nonnegative",
    "seli",
    "squared",
    "squared_threshold",
    "step",
    "step_limit",
    "supports",
    "zero_ridge",
]
