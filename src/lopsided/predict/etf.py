"""The simplex equiangular tight frame, the geometry of balanced classes."""

from __future__ import annotations

from functools import partial

import numpy as np

from lopsided.arrays import Floats
from lopsided.counts import require_classes
from lopsided.geometry import Geometry, Source
from lopsided.gram import Gram
from lopsided.groups import Groups
from lopsided.pairing import Pairing


def etf(k: int) -> Geometry:
    """Return the simplex ETF of k classes: equal norms, all angles cos = -1 / (k - 1), classifiers aligned with means.

    Source: Papyan, Han and Donoho 2020 (arXiv 2008.08186).

    Args:
        k: number of classes, at least 2.

    Returns:
        Classifiers, embeddings and logits all equal to I - 11'/k; no counts.

    Raises:
        ValueError: for fewer than two classes.

    Example:
        >>> etf(5).classifiers.cosine(0, 3)
        array(-0.25)
    """
    require_classes(k)
    groups, one = Groups.single(k), np.ones((1, 1))
    parts = (groups, -one / k, one, np.array([1 - 1 / k]))

    gram = Gram.paired(*parts, eigenvalues=partial(_spectrum, k))
    return Geometry(gram, gram, Pairing.paired(*parts), Source("ETF", "Papyan, Han and Donoho 2020", "balanced classes"))


def _spectrum(k: int) -> Floats:
    return np.append(np.ones(k - 1), 0.0)
