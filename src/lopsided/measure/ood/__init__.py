"""Samples of another distribution: scores that tell them from those trained on, and NC5.

`Known` is what scores remember of the training samples; `SCORES` lists them, the larger the more
like these.
"""

from __future__ import annotations

from lopsided.measure.ood.known import Known
from lopsided.measure.ood.scores import SCORES, logit, nci, neco, probability, visible
from lopsided.measure.ood.stored import Outside, stored_outside
from lopsided.measure.ood.told import Separation, nc5, rejected, separation

__all__ = [
    "SCORES",
    "Known",
    "Outside",
    "Separation",
    "logit",
    "nc5",
    "nci",
    "neco",
    "probability",
    "rejected",
    "separation",
    "stored_outside",
    "visible",
]
