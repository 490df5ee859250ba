"""What the network answers, class by class."""

from __future__ import annotations

import numpy as np

from lopsided.arrays import Floats
from lopsided.measure.decisions import Decisions


def nc4(decisions: Decisions) -> float:
    """Return the share of samples for which the head's answer, bias included, is the class of the nearest class mean.

    Source: NC4 of Papyan, Han and Donoho 2020.

    Raises:
        ValueError: if the decisions were not made in a second pass, where the class means are known.
    """
    if not decisions.compared.any():
        raise ValueError(
            "nc4 compares with the nearest class mean, which only a second pass knows: measure in two passes with a head"
        )
    return float(decisions.agreed.sum() / decisions.compared.sum())


def error_rates(decisions: Decisions) -> Floats:
    """Return (k,) shares of samples answered wrongly; NaN for a class without samples."""
    with np.errstate(invalid="ignore"):
        return np.asarray(decisions.errors / decisions.counts)


def smallest_margins(decisions: Decisions) -> Floats:
    """Return (k,) smallest margins z_y - max of the others, in logits; infinity for a class without samples."""
    return decisions.smallest_margin


def mean_margins(decisions: Decisions) -> Floats:
    """Return (k,) mean margins, in logits; NaN for a class without samples."""
    with np.errstate(invalid="ignore"):
        return np.asarray(decisions.margin_sum / decisions.counts)
