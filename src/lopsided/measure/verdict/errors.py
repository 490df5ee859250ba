"""What the samples measured tell of errors: that minorities err more, which is for held-out samples
to explain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import bdtrc

from lopsided.measure.verdict.chance import mean_rate, most_mean

if TYPE_CHECKING:
    from lopsided.measure.collapse import Collapse

#: Minorities fail if they err more often than this, more than so many times as often as the others,
#: and not with such a chance.
OFTEN, TIMES, CHANCE = 0.05, 2.0, 0.05


def failing(collapse: Collapse) -> str:
    """Say how often minorities err, if clearly more often than the others; rates are means over
    classes.

    Clearly: so many errors in so few samples would come by chance once in twenty times at most,
    beside as many errors of the others as theirs let expect.
    """
    few = np.isin(np.arange(collapse.k), collapse.minorities)
    if collapse.decisions is None or not few.any():
        return ""
    errors, samples = collapse.decisions.errors, collapse.decisions.counts
    answered = samples > 0
    rare, common = few & answered, ~few & answered
    if not rare.any() or not common.any():
        return ""
    often, others = (mean_rate(errors[part], samples[part])[0] for part in (rare, common))
    limit = min(max(TIMES * most_mean(errors[common], samples[common]), OFTEN), 1.0)
    wrong, asked = int(errors[rare].sum()), int(samples[rare].sum())
    if often <= limit or bdtrc(wrong - 1, asked, limit) > CHANCE:
        return ""
    return (
        f"Minorities err {often:.0%} of the time (mean of their classes; in {wrong:,} of {asked:,}"
        f" samples), other classes {others:.0%}; why, and what another head would be worth,"
        " held-out samples tell (measure.diagnose, or lopsided measure --held-out)."
    )
