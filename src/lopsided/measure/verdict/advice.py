"""What is worth trying."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import bdtrc

from lopsided.measure.verdict.angles import Angles

if TYPE_CHECKING:
    from lopsided.measure.collapse import Collapse

#: Minorities fail if they err more often than this, more than so many times as often as the others,
#: and
#: not with such a chance.
OFTEN, TIMES, CHANCE = 0.05, 2.0, 0.05


def advice(collapse: Collapse, angles: Angles, *, unfinished: bool) -> str:
    """Return the sentence of what to try, or none.

    Args:
        collapse: the measurement.
        angles: of its classifiers.
        unfinished: whether there are class means, and features that have not collapsed to them.
    """
    tips = []
    if angles.rare:
        tips.append(
            "label-dependent temperatures (exponent 1/2 makes classifiers an ETF) or a fixed ETF"
            " head, to keep minorities apart"
        )
    if unfinished:
        tips.append(
            "training on at a constant rate with a little weight decay (predictions are for the end"
            " of training, on the samples trained on)"
        )
    if failing := _failing(collapse):
        tips.append(f"logit adjustment, in the loss or post hoc ({failing})")
    return f"Worth trying: {'; '.join(tips)}." if tips else ""


def _failing(collapse: Collapse) -> str:
    """Say how often minorities err, if clearly more often than the others; rates are means over
    classes.

    Clearly: so many errors in so few samples would come by chance once in twenty times at most.
    """
    few = np.isin(np.arange(collapse.k), collapse.counts.minorities)
    if collapse.decisions is None or not few.any():
        return ""
    errors, samples = collapse.decisions.errors, collapse.decisions.counts
    answered = samples > 0
    rare, common = few & answered, ~few & answered
    if not rare.any() or not common.any():
        return ""
    rates = np.divide(errors, samples, out=np.zeros(collapse.k), where=answered)
    often, others = float(rates[rare].mean()), float(rates[common].mean())
    limit, wrong, asked = (
        max(TIMES * others, OFTEN),
        int(errors[rare].sum()),
        int(samples[rare].sum()),
    )
    if often <= limit or bdtrc(wrong - 1, asked, limit) > CHANCE:
        return ""
    return (
        f"minorities err {often:.0%} of the time, in {wrong:,} of {asked:,} samples, other classes"
        f" {others:.0%}"
    )
