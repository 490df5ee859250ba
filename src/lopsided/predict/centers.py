"""Several centers a class: more of them where samples are rare."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lopsided.arrays import plain_array, require_number
from lopsided.counts import Counts, CountsLike
from lopsided.geometry import Geometry, Source
from lopsided.memory import require_memory
from lopsided.papers import cite


def multiple_centers(counts: CountsLike, centers: npt.ArrayLike, angle: float) -> Geometry:
    """Return a frame with several centers a class, to which features are to collapse.

    Center i of class c is v_ci = cos(angle) u_ci + sin(angle) w_c, w a simplex ETF, u orthonormal
    and orthogonal to w: two centers of one class have the cosine sin^2(angle), of different classes
    -sin^2(angle) / (k - 1).

    Source: Yan et al. 2024.

    Args:
        counts: the class counts.
        centers: (k,) how many each class has.
        angle: from the centers' own directions towards those of the classes, in radians, from 0 to
            pi / 2; .2 in the paper.

    Returns:
        The w as classifiers, the centers as embeddings, those of class 0 first. They need sum of
        centers + k - 1 dimensions.

    Raises:
        ValueError: if a class has no center, or the angle is out of range.
        MemoryError: if the centers take more than half of this machine's memory.

    Example:
        >>> frame = multiple_centers([90, 10], [1, 2], angle=0.3)
        >>> frame.embeddings.cosine(1, [0, 2]).round(6)
        array([-0.087332,  0.087332])
    """
    given, number = Counts.of(counts), plain_array(centers, "centers")
    k = given.k
    if number.shape != (k,) or number.dtype.kind not in "iu" or (number < 1).any():
        raise ValueError(
            f"centers must be {k} whole numbers of at least 1, one a class, got {centers!r}"
        )
    if not 0 <= (angle := require_number(angle, "angle")) <= np.pi / 2:
        raise ValueError(f"the angle must be from 0 to pi / 2, got {angle}")
    number = number.astype(np.int64)  # NumPy repeats by no others
    total = int(number.sum())
    # Four times: parts, their rows beside each other, and copies for Gram and logits.
    require_memory(32.0 * total * (total + k), f"a frame of {total:,} centers", "take fewer")
    W = (np.eye(k) - 1 / k) * np.sqrt(k / (k - 1))
    own = np.hstack([np.cos(angle) * np.eye(total), np.sin(angle) * np.repeat(W, number, axis=0)])
    source = Source(
        "several centers a class", cite("yan2024"), f"d >= {total + k - 1}, angle {angle:g}"
    )
    return Geometry.of_factors(np.hstack([np.zeros((k, total)), W]), own, source)
