"""STEP imbalance written out: the readable special case of SELI, and where it goes as the ratio
grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from lopsided.arrays import Floats, require_number
from lopsided.counts import Counts, CountsLike
from lopsided.geometry import Geometry, Source
from lopsided.gram import Gram
from lopsided.pairing import Pairing
from lopsided.profiles import require_classes


def step(counts: CountsLike) -> Geometry:
    """Return SELI of classes with two distinct counts, by the formulas of the paper.

    Source: Thrampoulidis et al. 2022 (arXiv 2208.05512) for equal numbers of majorities and
    minorities; any: derived here.

    Args:
        counts: class counts of two distinct values.

    Returns:
        The same geometry as `seli`.

    Raises:
        ValueError: if there are not two distinct counts.

    Example:
        >>> norms = step(Counts.step(k=10, minority=5, ratio=10)).embeddings.squared_norms()
        >>> round(float(norms[0] / norms[-1]), 4)
        0.3508
    """
    counts = Counts.of(counts)
    if counts.groups.m != 2:
        raise ValueError(f"STEP imbalance has two distinct counts, got {counts.groups.m}")
    (b, a), (small, large), k = counts.groups.sizes, counts.distinct.astype(np.float64), counts.k
    # The singular values of the label matrix: of the minorities, of the majorities, and of the one
    # against the other.
    minor, major, across = np.sqrt([small, large, (a * small + b * large) / k])

    def gram(minor: float, major: float, across: float) -> Gram:
        blocks = np.array(
            [
                [across * a / (k * b) - minor / b, -across / k],
                [-across / k, across * b / (k * a) - major / a],
            ]
        )
        own = [
            across * a / (k * b) + minor * (1 - 1 / b),
            across * b / (k * a) + major * (1 - 1 / a),
        ]
        eigenvalues = partial(_spectrum, [minor, major, across, 0.0], [b - 1, a - 1, 1, 1])
        return Gram.paired(counts.groups, blocks, np.eye(2), np.array(own), eigenvalues=eigenvalues)

    logits = Pairing.paired(
        counts.groups, -np.ones((2, 1)) / k, np.ones((2, 1)), np.full(2, 1 - 1 / k)
    )
    source = Source(
        "SELI, STEP closed form",
        "Thrampoulidis et al. 2022",
        "cross-entropy, vanishing ridge, d >= k - 1, no bias",
    )
    return Geometry(
        gram(minor, major, across), gram(1 / minor, 1 / major, 1 / across), logits, source, counts
    )


def _spectrum(values: list[float], times: list[int]) -> Floats:
    return np.sort(np.repeat(values, times))[::-1]


@dataclass(frozen=True)
class StepLimit:
    """Cosines and squared norm ratio (majority over minority) of SELI as R grows without bound.

    Attributes:
        classifier_norm_ratio: of the classifiers; that of the embeddings falls to 0 where there are
            several minorities.
        classifiers: cosines between majorities, between minorities, across.
        embeddings: the same for the class means.
    """

    classifier_norm_ratio: float
    classifiers: tuple[float, float, float]
    embeddings: tuple[float, float, float]


def step_limit(k: int, rho: float = 0.5) -> StepLimit:
    """Return the limit of STEP imbalance for R to infinity: minority *classifiers* collapse onto
    one, minority embeddings do not.

    Source: Thrampoulidis et al. 2022 (arXiv 2208.05512) for rho = 1/2; any rho: derived here.

    Args:
        k: number of classes.
        rho: fraction of minority classes.

    Returns:
        The limits; a cosine within a group of one class is NaN.

    Raises:
        ValueError: if `rho * k` is not a whole number from 1 to k - 1.

    Example:
        >>> step_limit(10).classifiers[1], step_limit(10).embeddings[1]
        (1.0, -0.25)
    """
    require_classes(k)
    k, rho = int(k), require_number(rho, "rho")  # whose products leave no narrow type
    b = round(rho * k) if 0 < rho < 1 else 0
    if not 0 < b < k or abs(b - rho * k) > 1e-9 * k:
        raise ValueError(
            f"rho must leave a whole number of minority classes between 1 and {k - 1}, got"
            f" rho={rho}, k={k}"
        )
    a = k - b
    # In units of sqrt(R): the singular values of W are 1 within the majorities and sqrt(b / k)
    # across; those of M are the inverses.
    across = np.sqrt(b / k)
    major, minor = 1 - 1 / a + across * b / (k * a), across * a / (k * b)
    mean = 1 - 1 / a + b / (k * a) / across
    alone = np.nan
    return StepLimit(
        classifier_norm_ratio=float(major / minor),
        classifiers=(
            float((major - 1) / major) if a > 1 else alone,
            1.0 if b > 1 else alone,
            float(-across / k / np.sqrt(major * minor)),
        ),
        embeddings=(
            float((mean - 1) / mean) if a > 1 else alone,
            -1 / (b - 1) if b > 1 else alone,
            0.0 if b > 1 else float(-1 / np.sqrt(k * across * mean * a)),
        ),
    )
