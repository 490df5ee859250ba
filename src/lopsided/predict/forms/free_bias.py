"""Cross-entropy with an unpenalised bias: the globally centred variant of SELI.

A free bias is a term b 1' that the nuclear norm of the logits does not see, so the k x n label
matrix is centred over the samples too. With pi = n_c / n its class logits are X = I - pi 1', and X
N X' = N - n pi pi' = (C N^-1 C)^+. Hence WW' = (C N^-1 C)^{+1/2},
with negative entries off the diagonal: the sign condition of optimality, WW' N^-1 <= 0 off the
diagonal, holds for any counts. The class means have MM' = (I - 1 pi') (C N^-1 C)^{1/2} (I - pi 1').
"""

from __future__ import annotations

from functools import partial

import numpy as np

from lopsided.arrays import Floats, Ints, require_finite, require_number
from lopsided.counts import Counts, CountsLike
from lopsided.geometry import Geometry, Source
from lopsided.gram import Gram
from lopsided.pairing import Pairing
from lopsided.predict.algebra.roots import Factor, inverse_root, others, sums_before, zolotarev
from lopsided.predict.algebra.secular import Secular
from lopsided.predict.form import Form, counts_of, on_classes, sharp, unscaled, vanishing
from lopsided.problem import Problem


def free_bias(counts: CountsLike, margin: float = 1.0) -> Geometry:
    """Return the geometry of cross-entropy with an unpenalised bias at vanishing ridge.

    The classifiers sum to zero, the embeddings to zero over the *samples*. Minority classifiers do
    not collapse as R grows.

    Source: derived here (see the module `lopsided.predict.forms.free_bias`).

    Args:
        counts: the class counts.
        margin: the logit of a sample's class over the others, bias included.

    Returns:
        The geometry; its logits leave the bias out.

    Raises:
        ValueError: if the margin is not a number from 1e-100 to 1e100.

    Example:
        >>> counts = Counts.step(k=10, minority=5, ratio=10)
        >>> norms = free_bias(counts).classifiers.squared_norms()
        >>> round(float(norms[0] / norms[-1]), 2)
        2.85
    """
    counts = Counts.of(counts)
    margin = float(require_finite(require_number(margin, "margin"), "margin", positive=True))
    if not 1e-100 <= margin <= 1e100:
        raise ValueError(f"the margin of a free bias must be from 1e-100 to 1e100, got {margin}")
    sizes, groups = counts.groups.sizes, counts.groups
    inverse = 1 / counts.distinct
    ones = np.ones_like(inverse)
    left, right, diagonal = inverse_root(inverse, ones, sizes)
    poles = Secular.of(inverse, ones, sizes)
    classifiers = Gram.paired(
        groups,
        left * margin,
        right,
        diagonal * margin,
        eigenvalues=partial(poles.power, -0.5, margin),
    )
    share = counts.distinct / float(counts.n)
    left, right, diagonal = _means(share, inverse, sizes)
    embeddings = Gram.paired(groups, left * margin, right, diagonal * margin)
    rest = others((share * sizes)[:, None], sizes)[:, 0]
    logits = Pairing.paired(groups, -share[:, None] * margin, ones[:, None], rest * margin)
    return Geometry(
        classifiers,
        embeddings,
        logits,
        Source(
            "free bias", "derived here", "cross-entropy, vanishing ridge, d >= k - 1, free bias"
        ),
        counts,
    )


def _means(share: Floats, a: Floats, sizes: Ints) -> Factor:
    """Return (I - 1 pi') (C diag(a) C)^{1/2} (I - pi 1') for pi = share and a = 1 / counts,
    ascending in share.

    With the terms of `roots.root`, (C diag(a) C)^{1/2} = diag(a)^{1/2} + sum_q c_q (b b' - mean b),
    and the centring leaves sum_q c_q (b - pi'b)(b - pi'b)' of the second part. The rest is written
    so that no digits cancel where one class has nearly all samples.
    """
    t, w = zolotarev(a.min(), a.max())
    resolvent = 1 / (a[:, None] + t)
    large = t > np.sqrt(a.min() * a.max())
    b = np.where(large, a[:, None], t) * resolvent
    mass = (share * sizes)[:, None]
    elsewhere = sums_before(mass) + sums_before(mass[::-1])[::-1]
    centred = elsewhere * b - sums_before(mass * b) - sums_before((mass * b)[::-1])[::-1]
    c = w / (t * (sizes @ resolvent))

    roots, remainder = np.sqrt(a), others(mass, sizes)[:, 0]
    squares = share**2 * roots
    diagonal = (
        roots * remainder**2 + others((squares * sizes)[:, None], sizes)[:, 0] + centred**2 @ c
    )
    # Off the diagonal: -root_i pi_i - root_j pi_j + sum of squares. A class alone at the top takes
    # its own square in.
    pull, away, top, rest = -roots * share, np.ones_like(a), 0.0, float(sizes @ squares)
    if sizes[-1] == 1:
        pull[-1] *= remainder[-1]
        away[-1], top, rest = 0.0, float(squares[-1]), float(sizes[:-1] @ squares[:-1])
    left = np.column_stack([centred * c, pull + rest, np.ones_like(a), away * top])
    right = np.column_stack([centred, np.ones_like(a), pull, away])
    return Factor(left, right, diagonal)


def _speaks(problem: Problem) -> str:
    free = ("the bias must be free", problem.bias == "free")
    return on_classes(problem, vanishing(problem), sharp(problem), free, unscaled(problem))


def _examples() -> tuple[Problem, ...]:
    return tuple(
        Problem(Counts(counts), ridge=0.0, bias="free") for counts in ([8, 8, 2, 2], [9, 5, 2, 1])
    )


FORM = Form(
    "free-bias",
    lambda problem: free_bias(counts_of(problem)),
    _speaks,
    _examples,
    "derived here",
    settings={"bias": "free"},
)
