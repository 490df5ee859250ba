"""Where the methods that know no dual start: at the best multiple of SELI's logits."""

from __future__ import annotations

import numpy as np

from lopsided.singular import singular_values
from lopsided.solve.reduced import Point, Reduced


def simplex(reduced: Reduced) -> Point:
    """Return the logits that fulfil every label's margin exactly and have no part along the shift
    of all logits.

    Source: the SEL matrix of Thrampoulidis et al. 2022; with scales Behnia et al. 2023 (arXiv
    2303.07608), section 3.
    """
    column = reduced.factor[0, 0] / reduced.factor[:, 0]
    matrix = -np.outer(column, column) / float(reduced.sizes @ column**2)
    return reduced.point_of(matrix / reduced.own, (matrix.diagonal() + 1) / reduced.own)


def begin(ridge: float, reduced: Reduced) -> Point:
    """Return a point to start from at a positive ridge."""
    if not reduced.labels:
        return reduced.zero()
    k, base = float(reduced.sizes.sum()), simplex(reduced)
    scales = np.concatenate(
        [
            [0.0],
            np.geomspace(
                0.1, 2 * np.log(k * np.exp(5) + np.sqrt(reduced.counts.max()) / ridge), 12
            ),
        ]
    )
    candidates = [Point(a * base.across, a * base.within, base.bias) for a in scales]
    nuclear = float(singular_values(base.across).sum() + reduced.times @ np.abs(base.within))
    worth = [
        reduced.fit(reduced.margins(p)).value + ridge * a * nuclear
        for a, p in zip(scales, candidates, strict=True)
    ]
    return candidates[int(np.argmin(worth))]
