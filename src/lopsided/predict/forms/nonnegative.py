"""Features that are not negative: the general orthogonal frame of cross-entropy."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

import numpy as np

from lopsided.arrays import Floats, Ints
from lopsided.counts import Counts, CountsLike
from lopsided.geometry import Geometry, Source
from lopsided.gram import Gram
from lopsided.pairing import Pairing
from lopsided.papers import cite
from lopsided.predict.algebra.ridge import excess, require_ridge
from lopsided.predict.algebra.secular import Secular
from lopsided.predict.form import Form, counts_of, on_classes, sharp, unadjusted, without_bias
from lopsided.problem import Problem


def nonnegative(counts: CountsLike, ridge: float = 0.0) -> Geometry:
    """Return the geometry of cross-entropy on features of at least 0, such as those behind a ReLU.

    Class means are orthogonal, ||mu_c||^2 = sqrt((k - 1) / (k n_c)) m_c, with the class's logit
    margin m_c = log((k - 1) (sqrt(n_c k / (k - 1)) / ridge - 1)), and zero where that is not
    positive; the classifiers are w_c = (k sqrt(n_c) mu_c - sum_j sqrt(n_j) mu_j) / sqrt(k (k - 1)).

    Source: Dang et al. 2024, neural collapse for cross-entropy with imbalanced classes and ReLU
    features; written for equal ridges on classifiers and features and summed loss.

    Args:
        counts: the class counts.
        ridge: of the unconstrained-features model, summed loss; 0 is its limit, in the scale where
            every margin is 1.

    Returns:
        The geometry; a class of n_c <= ridge^2 k / (k - 1) samples has a zero mean, and a
        classifier all the same while another class has a mean.

    Raises:
        ValueError: if the ridge is neither 0 nor from 1e-100 to 1e100.

    Example:
        >>> frame = nonnegative(Counts([100, 100, 1]))
        >>> frame.embeddings.cosine(0, 2)
        array(0.)
    """
    counts = Counts.of(counts)
    ridge = require_ridge(ridge, or_zero=True)
    k, root = counts.k, np.sqrt(counts.distinct)
    margins = np.ones_like(root) if ridge == 0 else _margins(counts.distinct, k, ridge)
    squares = np.sqrt((k - 1) / k) / root * margins
    # ||sqrt(n_c) mu_c||^2; w_c . w_c' = (k weights_c [c = c'] - weights_c - weights_c' + total / k)
    # / (k - 1).
    weights = root**2 * squares
    ones, sizes = np.ones_like(root), counts.groups.sizes
    total = float(sizes @ weights)
    left = np.column_stack([total / k - weights, -ones]) / (k - 1)
    own = ((k - 2) * weights + total / k) / (k - 1)
    # As a matrix k / (k - 1) C diag(weights) C.
    poles = Secular.of(weights, ones, sizes)
    classifiers = Gram.paired(
        counts.groups,
        left,
        np.column_stack([ones, weights]),
        own,
        eigenvalues=partial(poles.power, 1.0, k / (k - 1)),
    )
    embeddings = Gram.orthogonal(counts.groups, squares)
    pull = root * squares / np.sqrt(k * (k - 1))
    logits = Pairing.paired(counts.groups, -ones[:, None], pull[:, None], (k - 1) * pull)
    name = "non-negative features" + (f", ridge {ridge:g}" if ridge else "")
    return Geometry(
        classifiers,
        embeddings,
        logits,
        Source(name, "Dang et al. 2024", "cross-entropy, features >= 0, d >= k, no bias"),
        counts,
    )


def _margins(counts: Ints, k: int, ridge: float) -> Floats:
    """Return log((k - 1) (sqrt(n k / (k - 1)) / ridge - 1)), 0 where that is not positive.

    The argument is 1 + k (k - 1) (n - threshold) / (ridge (sqrt(n k (k - 1)) + k ridge)): no digits
    cancel near the threshold.
    """
    over = excess(counts, Fraction(ridge) ** 2 * k / (k - 1))
    return np.asarray(
        np.log1p(
            over / ridge * (k * (k - 1)) / (np.sqrt(counts) * np.sqrt(k * (k - 1)) + k * ridge)
        )
    )


def _speaks(problem: Problem) -> str:
    wanted = unadjusted(problem), sharp(problem), without_bias(problem)
    return on_classes(problem, *wanted, features="nonnegative")


def _examples() -> tuple[Problem, ...]:
    given = (([12, 12, 5, 1], 0.3), ([9, 5, 2, 1], 1.5), ([9, 5, 2, 1], 0.0))
    return tuple(
        Problem(Counts(counts), ridge=ridge, features="nonnegative") for counts, ridge in given
    )


FORM = Form(
    "non-negative",
    lambda problem: nonnegative(counts_of(problem), problem.ridge),
    _speaks,
    _examples,
    cite("dang2024"),
    settings={"features": "nonnegative"},
)
