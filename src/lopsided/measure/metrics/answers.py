"""What the network answers, class by class."""

from __future__ import annotations

import numpy as np

from lopsided.arrays import Floats
from lopsided.measure.decisions import Decisions


def error_rates(decisions: Decisions) -> Floats:
    """Return (k,) shares of samples answered wrongly; NaN for a class without samples."""
    with np.errstate(invalid="ignore"):
        return np.asarray(decisions.errors / decisions.counts)


def smallest_margins(decisions: Decisions) -> Floats:
    """Return (k,) smallest margins z_y - max of the others, in logits; infinity for a class without samples."""
    return decisions.smallest_margin
