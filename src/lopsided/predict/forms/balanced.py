"""Balanced classes at a finite ridge, with or without label smoothing: the simplex ETF in exact
scale.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from lopsided.arrays import Floats, require_number
from lopsided.counts import Counts, CountsLike
from lopsided.geometry import Geometry, Source
from lopsided.gram import Gram
from lopsided.groups import Groups
from lopsided.pairing import Pairing
from lopsided.papers import cite
from lopsided.predict.algebra.ridge import excess, require_ridge
from lopsided.predict.form import Form, counts_of, equal, on_classes, positive, sharp, unadjusted
from lopsided.problem import Problem


def balanced(counts: CountsLike, ridge: float, smoothing: float = 0.0) -> Geometry:
    """Return the optimum of cross-entropy on equal counts: logits alpha (I - 11'/k).

    With sigma = (smoothing + ridge / sqrt(n_c)) / k, alpha = log(1 / sigma - k + 1), and 0 from
    sigma = 1 / k on. A bias is zero there, penalised or not.

    Source: Zhu et al. 2021 (arXiv 2105.02375) and Zhou et al. 2022 (arXiv 2210.02192) for the ETF;
    its scale derived here.

    Args:
        counts: the class counts, all equal.
        ridge: of the unconstrained-features model, summed loss.
        smoothing: epsilon of label smoothing, targets (1 - epsilon) onehot + epsilon / k.

    Returns:
        The geometry; all zero from the threshold on.

    Raises:
        ValueError: if counts differ, the ridge is neither 0 nor from 1e-100 to 1e100, or is 0
            without smoothing, or the smoothing is outside [0, 1).

    Example:
        >>> geometry = balanced(Counts([4, 4, 4]), ridge=1.0)
        >>> float(geometry.logits.entries(0, 0) - geometry.logits.entries(0, 1)) == float(np.log(4))
        True
    """
    counts = Counts.of(counts)
    if counts.groups.m > 1:
        raise ValueError(
            f"this closed form needs equal counts, got {counts.distinct[0]} to"
            f" {counts.distinct[-1]}; use solve.minimize for others"
        )
    ridge = require_ridge(ridge, or_zero=True)
    if not 0 <= (smoothing := require_number(smoothing, "smoothing")) < 1:
        raise ValueError(f"smoothing must be at least 0 and below 1, got {smoothing}")
    if ridge == smoothing == 0:
        raise ValueError("the ridge must be positive where there is no label smoothing, got 0")
    k, root, kept = counts.k, float(np.sqrt(counts.distinct[0])), 1 - smoothing
    # 1 / sigma - k = k (kept root - ridge) / (smoothing root + ridge), whose difference is one of
    # squares over a sum.
    over = float(excess(counts.distinct, (Fraction(ridge) / (1 - Fraction(smoothing))) ** 2)[0])
    alpha = float(np.log1p(k * kept**2 * over / (kept * root + ridge) / (smoothing * root + ridge)))

    name = f"balanced, ridge {ridge:g}" + (f", label smoothing {smoothing:g}" if smoothing else "")
    return simplex(
        counts,
        alpha,
        Source(name, "Zhu et al. 2021; scale derived here", "equal counts, d >= k - 1"),
    )


def simplex(counts: Counts, alpha: float, source: Source) -> Geometry:
    """Return the geometry of logits alpha (I - 11'/k) on equal counts."""
    k, root = counts.k, float(np.sqrt(counts.distinct[0]))

    def part(factor: float) -> tuple[Groups, Floats, Floats, Floats]:
        return (
            counts.groups,
            np.full((1, 1), -factor / k),
            np.ones((1, 1)),
            np.array([factor * (1 - 1 / k)]),
        )

    classifiers, embeddings = Gram.paired(*part(alpha * root)), Gram.paired(*part(alpha / root))
    return Geometry(classifiers, embeddings, Pairing.paired(*part(alpha)), source, counts)


def _speaks(problem: Problem) -> str:
    return on_classes(
        problem, positive(problem), sharp(problem), unadjusted(problem), equal(problem)
    )


def _examples() -> tuple[Problem, ...]:
    counts = Counts([6, 6, 6])
    return (
        Problem(counts, ridge=0.3),
        Problem(counts, ridge=2.0, bias="free"),
        Problem(counts, ridge=5.0, bias=0.5),
    )


FORM = Form(
    "balanced",
    lambda problem: balanced(counts_of(problem), problem.ridge),
    _speaks,
    _examples,
    cite("zhu2021") + "; scale derived here",
)
