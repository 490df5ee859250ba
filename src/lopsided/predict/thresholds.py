"""The ridge at which the optimum of cross-entropy on free features changes: where classes collapse
onto each other.
"""

from __future__ import annotations

import numpy as np

from lopsided.counts import Counts, CountsLike


def minority_collapse_ridge(counts: CountsLike) -> float:
    """Return the least ridge at which the rarest classes share one classifier and one class mean:
    the root of their count.

    Source: Hong and Ling 2023 (arXiv 2309.09725) for STEP imbalance; any counts derived here.
    Summed loss, no bias.

    Args:
        counts: the class counts.

    Raises:
        ValueError: if only one class has the smallest count, which cannot collapse.

    Example:
        >>> minority_collapse_ridge(Counts([50, 50, 4, 4]))
        2.0
    """
    counts = Counts.of(counts)
    if counts.groups.sizes[0] < 2:
        raise ValueError(
            f"only class {counts.groups.first[0]} has the smallest count {counts.distinct[0]}; "
            "classes collapse in groups of equal count"
        )
    return float(np.sqrt(counts.distinct[0]))
