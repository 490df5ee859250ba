"""What the network answers, and what its answers cost."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lopsided.adjustment import Adjustment
from lopsided.arrays import Floats, require_finite, require_number
from lopsided.counts import Counts, CountsLike
from lopsided.loss import CrossEntropy
from lopsided.measure.checks import head_of
from lopsided.measure.metrics.undefined import Undefined
from lopsided.measure.state.decisions import Decisions
from lopsided.measure.state.moments import Moments
from lopsided.targets import Targets

#: By how much of it rounding may put the objective of an optimum below its dual value.
_ABOVE = 1e-9


def nc4(decisions: Decisions) -> float:
    """Return the share of samples for which the head's answer, bias included, is the class of the
    nearest class mean.

    Source: NC4 of Papyan, Han and Donoho 2020.

    Raises:
        Undefined: if the decisions were not made in a second pass, where the class means are known,
            or all class means coincide.
    """
    if not decisions.compared.any():
        raise Undefined(
            "nc4 compares with the nearest class mean, which only a second pass knows (measure in"
            " two passes with a head), and which is none where all class means coincide"
        )
    return float(decisions.agreed.sum() / decisions.compared.sum())


def error_rates(decisions: Decisions) -> Floats:
    """Return (k,) shares of samples answered wrongly; NaN for a class without samples."""
    with np.errstate(invalid="ignore"):
        return np.asarray(decisions.errors / decisions.counts)


def smallest_margins(decisions: Decisions) -> Floats:
    """Return (k,) smallest margins z_y - max of the others, in logits; infinity for a class without
    samples.
    """
    return decisions.smallest_margin


def mean_margins(decisions: Decisions) -> Floats:
    """Return (k,) mean margins, in logits; NaN for a class without samples."""
    with np.errstate(invalid="ignore"):
        return np.asarray(decisions.margin_sum / decisions.counts)


def ufm_gap(
    moments: Moments,
    weight: npt.ArrayLike,
    counts: CountsLike,
    *,
    ridge: float,
    dual: float,
    adjustment: Adjustment | None = None,
) -> float:
    """Return how far classifiers and class means are from the optimum of the unconstrained-features
    model, relatively.

    The objective is sum_c n_c loss(W mu_c, c) + ridge / 2 (||W||^2 + sum_c n_c |mu_c|^2), the class
    means as they are, not centred. Any dual value bounds the optimum from below, so the gap is
    proved; `lopsided.solve.certify` gives one for any logits.

    Args:
        moments: of every class.
        weight: (k, d) classifiers.
        counts: n_c, samples of each class in training.
        ridge: in the sum normalisation; positive.
        dual: a lower bound on the optimal objective.
        adjustment: of the cross-entropy; by default plain.

    Returns:
        (objective - dual) / objective, from 0 at the optimum to 1.

    Raises:
        ValueError: if a class has no sample, weight, counts and moments do not fit, the ridge is
            not positive, without which there is no optimum, or the dual value bounds nothing.
    """
    require_finite(ridge, "ridge", positive=True)
    require_finite(require_number(dual, "dual"), "dual")
    moments.require_every_class()
    w, _ = head_of(weight, None, moments.k, moments.d)
    counts = Counts.of(counts)
    if counts.k != moments.k:
        raise ValueError(f"counts are of {counts.k} classes, the samples of {moments.k}")
    loss = CrossEntropy(Adjustment() if adjustment is None else adjustment)
    losses, _ = loss.value(w @ moments.means.T, Targets.classes(counts))
    n = counts.values.astype(np.float64)
    norms = np.square(w).sum() + n @ np.square(moments.means).sum(axis=1)
    objective = float(n @ losses + ridge / 2 * norms)
    if dual > objective * (1 + _ABOVE):
        raise ValueError(
            f"dual must be a lower bound on the optimum, got {dual:g} above an objective of"
            f" {objective:g}; both are of losses summed over samples"
        )
    return (objective - dual) / objective
