"""SELI, simplex-encoded-labels interpolation: the geometry of cross-entropy with imbalanced
classes.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from lopsided.adjustment import Adjustment
from lopsided.counts import Counts, CountsLike
from lopsided.geometry import Geometry, Source
from lopsided.gram import Gram
from lopsided.pairing import Pairing
from lopsided.papers import cite
from lopsided.predict.algebra.roots import inverse_root, root
from lopsided.predict.algebra.secular import Secular
from lopsided.predict.form import (
    Form,
    counts_of,
    fixed_bias,
    of_fixed_bias,
    on_classes,
    sharp,
    unscaled,
    vanishing,
)
from lopsided.problem import Problem


def seli(counts: CountsLike) -> Geometry:
    """Return the SELI geometry of any class counts.

    The logits interpolate the simplex-encoded labels, WM' = C = I - 11'/k, and classifiers and
    embeddings are the factors of the
    SVD of the k x n label matrix: with N = diag(n_c), WW' = (C N C)^{1/2} and MM' = (C N C)^{+1/2}.
    Nothing k x k is formed.

    Source: Thrampoulidis, Kini, Vakilian and Behnia 2022 (arXiv 2208.05512), Definition 2 and
    Theorem 1 for STEP imbalance; any
    counts and the proof of optimality: derived here (see `lopsided.predict.algebra.roots`).

    Args:
        counts: the class counts.

    Returns:
        The geometry in the scale of the label matrix; O(m) numbers for m distinct counts.

    Example:
        >>> paper = seli(Counts.step(k=10, minority=5, ratio=10))
        >>> norms = paper.classifiers.squared_norms()
        >>> round(float(norms[0] / norms[-1]), 4)
        2.6721
    """
    counts = Counts.of(counts)
    n, sizes = counts.distinct.astype(np.float64), counts.groups.sizes
    ones = np.ones_like(n)
    poles = Secular.of(n, ones, sizes)
    classifiers = Gram.paired(
        counts.groups, *root(n, ones, sizes), eigenvalues=partial(poles.power, 0.5)
    )
    embeddings = Gram.paired(
        counts.groups, *inverse_root(n, ones, sizes), eigenvalues=partial(poles.power, -0.5)
    )
    logits = Pairing.paired(
        counts.groups, -ones[:, None] / counts.k, ones[:, None], np.full_like(n, 1 - 1 / counts.k)
    )
    source = Source(
        "SELI",
        "Thrampoulidis et al. 2022, Theorem 1",
        "cross-entropy, vanishing ridge, d >= k - 1, no bias",
    )
    return Geometry(classifiers, embeddings, logits, source, counts)


def _speaks(problem: Problem) -> str:
    return on_classes(
        problem, vanishing(problem), sharp(problem), fixed_bias(problem), unscaled(problem)
    )


def _examples() -> tuple[Problem, ...]:
    step, tail = Counts([8, 8, 2, 2]), Counts([9, 5, 2, 1])
    return Problem(step, ridge=0.0), Problem(tail, Adjustment.weighted(tail), ridge=0.0)


FORM = Form(
    "seli",
    lambda problem: of_fixed_bias(seli(counts_of(problem)), problem),
    _speaks,
    _examples,
    cite("thrampoulidis2022", "Theorem 1"),
)
