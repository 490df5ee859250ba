"""All pairs of classes, in tiles and group by group, without a (k, k) array."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lopsided.arrays import Floats
from lopsided.gram import Gram
from lopsided.measure.metrics.undefined import Undefined

_TILE = 1024


def cosines(gram: Gram) -> Iterator[tuple[Floats, Floats]]:
    """Yield tiles of cosines between the vectors of groups, and the number of ordered pairs of
    distinct classes behind each.

    Raises:
        Undefined: if a vector is zero and so has no angle; the class is named.
    """
    lengths = np.sqrt(gram.diagonal)
    if not lengths.all():
        zero = int(gram.groups.first[int(np.argmin(lengths))])
        raise Undefined("the vector of class {} is zero and has no angle to others", zero)
    left = gram.left / lengths[:, None]
    # NumPy multiplies an array by its own transpose in half the time.
    right = left if gram.right is gram.left else gram.right / lengths[:, None]
    sizes, m = gram.groups.sizes.astype(np.float64), gram.groups.m
    for start in range(0, m, _TILE):
        tile = np.arange(start, min(start + _TILE, m))
        part = left if len(tile) == m else left[tile]
        pairs = sizes[tile, None] * sizes
        pairs[tile - start, tile] -= sizes[tile]
        yield part @ right.T, pairs
