"""How a number that several seeds gave is told."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Return mean and, of several values, standard deviation; a dash of none.

    Example:
        >>> spread([1.0, 2.0]), spread([0.5], digits=3), spread([])
        ('1.50 ± 0.71', '0.500', '–')
    """
    if not len(values):
        return "–"
    told = f"{np.mean(values):.{digits}f}"
    return f"{told} ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else told
