"""Where a cold solve starts: near SELI, with the logits that the optimality conditions ask for.

At the optimum the residual of a class not its own is p[c', c] = -ridge (U V')[c', c] / (n-weighted scale), with U, V the singular
vectors of the optimum; those of SELI are close. Their logarithms are the margins, far closer than any multiple of SELI's logits.
"""

from __future__ import annotations

import numpy as np

from lopsided.arrays import Floats, singular_values, svd
from lopsided.solve.reduced import Point, Reduced


def simplex(reduced: Reduced) -> Point:
    """Return the logits that fulfil every label's margin exactly and have no part along the shift of all logits.

    Source: the SEL matrix of Thrampoulidis et al. 2022; with scales Behnia et al. 2023 (arXiv 2303.07608), section 3.
    """
    column = reduced.factor[0, 0] / reduced.factor[:, 0]
    matrix = -np.outer(column, column) / float(reduced.sizes @ column**2)
    return reduced.point_of(matrix / reduced.own, (matrix.diagonal() + 1) / reduced.own)


def start(ridge: float, reduced: Reduced) -> Point:
    """Return a point to start from at a positive ridge."""
    if not reduced.labels:
        return reduced.zero()
    k, base = float(reduced.sizes.sum()), simplex(reduced)
    scales = np.concatenate([[0.0], np.geomspace(0.1, 2 * np.log(k * np.exp(5) + np.sqrt(reduced.counts.max()) / ridge), 12)])
    candidates = [Point(a * base.across, a * base.within, base.bias) for a in scales]
    left, values, right = svd(base.across)
    nuclear = float(values.sum() + reduced.times @ np.abs(base.within))
    worth = [reduced.fit(reduced.margins(p)).value + ridge * a * nuclear for a, p in zip(scales, candidates, strict=True)]
    best = candidates[int(np.argmin(worth))]
    refined = _refined(ridge, reduced, base, left[:, :-1] @ right[:-1])
    if refined is not None:
        nuclear = float(singular_values(refined.across).sum() + reduced.times @ np.abs(refined.within))
        if reduced.fit(reduced.margins(refined)).value + ridge * nuclear < min(worth):
            best = refined
    return best


def _refined(ridge: float, reduced: Reduced, base: Point, polar: Floats) -> Point | None:
    """Return the logits whose residuals are those of SELI's dual; None where the ridge is too large for it."""
    dual = -polar / np.sqrt(np.outer(reduced.sizes, reduced.sizes))
    j = reduced.multiple
    dual[j, j] += np.sign(base.within) / reduced.sizes[j]
    weight = reduced.mass / (reduced.sizes * reduced.counts)
    shares = ridge * dual / (np.sqrt(reduced.counts) * weight * reduced.factor)
    shares[reduced.copies == 0] = 1.0
    total = (shares * (reduced.copies > 0) * reduced.copies).sum(axis=0)
    if (shares <= 0).any() or (total >= 0.9).any():
        return None
    margins = np.where(reduced.copies > 0, np.log(shares / (1 - total)) - reduced.offset, 0.0)
    # Margins fix a column up to a multiple of 1 / factor; the nuclear norm wants it off that direction.
    inverse = 1 / reduced.factor
    own = -(reduced.copies * margins * inverse**2).sum(axis=0)
    own /= (reduced.copies * inverse**2).sum(axis=0) + 1 / reduced.own**2
    return reduced.point_of((margins + own) * inverse, own / reduced.own)
