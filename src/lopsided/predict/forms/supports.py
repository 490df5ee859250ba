"""Next-token prediction and other sparse soft labels: the proxy geometry of a support matrix, and
whether it is exact.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, real_array
from lopsided.geometry import Geometry, Source
from lopsided.memory import require_memory
from lopsided.papers import cite
from lopsided.predict.form import Form, first, roomy, unadjusted, vanishing, without_bias
from lopsided.problem import Problem
from lopsided.singular import svd
from lopsided.targets import Targets

#: Singular values below this share of the largest are zero.
RANK = 1e-10


def supports(matrix: npt.ArrayLike) -> Geometry:
    """Return the proxy geometry of sparse targets, which depends on their supports alone.

    Among logits that are equal within each context's support and at least 1 lower outside, training
    tends to those of least nuclear norm. The proxy is the support matrix with centred columns,
    USV'; it is that minimiser where UV' has no positive entry outside the supports. One-hot
    supports give SELI, embeddings a sample each. Every support of one size, a context each, gives
    an exact proxy; a choice of them need not: `exactness` tells. Where it is not exact,
    `solve.minimize` with ridge 0 finds the minimiser.

    Source: Zhao et al. 2024 (arXiv 2408.15417) for the proxy; where the test is also necessary:
    derived here.

    Args:
        matrix: (k, m) of 0 and 1, or True and False; 1 where a token (row) can follow a context
            (column).

    Raises:
        ValueError: if an entry is neither 0 nor 1, or a context has no token or all tokens; it is
            named.
        MemoryError: if the decomposition would take more than half of this machine's memory.

    Returns:
        As many classifiers as tokens and as many embeddings as contexts; the logits are the centred
        support matrix.

    Example:
        >>> supports(np.eye(3)).logits.matrix()[0].round(3)
        array([ 0.667, -0.333, -0.333])
    """
    contexts = _checked(matrix)
    return _geometry(Problem(Targets.contexts(contexts / contexts.sum(axis=0)), ridge=0.0))


class Exactness(NamedTuple):
    """Whether the proxy geometry of supports solves the max-margin problem.

    Attributes:
        largest_sign: largest entry of the dual at a token outside its context's support.
        exact: whether it does; None where the signs fail but the support matrix lacks rank, so
            another dual could still prove it.
    """

    largest_sign: float
    exact: bool | None


def exactness(matrix: npt.ArrayLike) -> Exactness:
    """Return whether `supports` of a matrix is exact; arguments and errors as there.

    Source: the test of Zhao et al. 2024 (arXiv 2408.15417); where it is also necessary: derived
    here.

    Example:
        >>> exactness(np.eye(3)).exact
        True
    """
    support = _checked(matrix)
    left, values, right = _decomposed(support)
    largest = float((left @ right.T)[support == 0].max())
    full = len(values) == min(len(support) - 1, support.shape[1])
    return Exactness(largest, True if largest <= 1e-12 else False if full else None)


def _checked(matrix: npt.ArrayLike) -> Floats:
    support = real_array(matrix, "supports")
    if support.ndim != 2 or support.shape[0] < 2 or support.shape[1] < 1:
        raise ValueError(
            "supports must be an array of shape (k, m), at least 2 tokens by 1 context, got shape"
            f" {support.shape}"
        )
    if (wrong := ~np.isin(support, (0, 1))).any():
        v, j = np.argwhere(wrong)[0]
        raise ValueError(
            f"supports must be 0 or 1, got {support[v, j]:g} for token {v} of context {j}"
        )
    k, m = support.shape
    inside = support.sum(axis=0)
    for size, words in ((0, "no token"), (k, "all tokens")):
        if (inside == size).any():
            raise ValueError(
                "each context needs some tokens but not all, context"
                f" {int(np.argmax(inside == size))} has {words}"
            )
    require_memory(
        8.0 * (4 * k * m + 2 * min(k, m) ** 2),
        f"the decomposition of {k:,} tokens by {m:,} contexts",
    )
    return support


def _decomposed(support: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the singular value decomposition of the centred support matrix, singular vectors as
    columns.
    """
    left, values, right = svd(support - support.mean(axis=0))
    rank = int((values > RANK * values[0]).sum())
    return left[:, :rank], values[:rank], right[:rank].T


def _speaks(problem: Problem) -> str:
    contexts = first(
        ("the targets must be contexts", problem.targets.kind == "contexts"), unadjusted(problem)
    )
    if contexts:
        return contexts
    support = problem.targets.matrix > 0
    if support.all(axis=0).any():
        return "each context must leave out a token"
    return first(
        vanishing(problem),
        (
            "features must be free under one layer",
            problem.features == "free" and problem.layers == 1,
        ),
        without_bias(problem),
        roomy(problem),
        ("all contexts must have as many samples", bool(np.ptp(problem.targets.weights) == 0)),
        (
            "the dual of the proxy must have no positive entry outside the supports",
            exactness(support).exact is True,
        ),
    )


def _geometry(problem: Problem) -> Geometry:
    left, values, right = _decomposed(_checked(problem.targets.matrix > 0))
    # Equal samples of each context make embeddings dearer than classifiers.
    balance = float(problem.targets.weights[0]) ** 0.25
    source = Source(
        "support proxy",
        FORM.source,
        "soft-label cross-entropy, vanishing ridge, d >= k - 1, no bias",
    )
    return Geometry.of_factors(
        left * np.sqrt(values) * balance, right * np.sqrt(values) / balance, source
    )


def _examples() -> tuple[Problem, ...]:
    pairs = (
        np.array([[1, 1, 1, 0, 0, 0], [1, 0, 0, 1, 1, 0], [0, 1, 0, 1, 0, 1], [0, 0, 1, 0, 1, 1]])
        * 0.5
    )
    return Problem(Targets.contexts(pairs), ridge=0.0), Problem(
        Targets.contexts(np.eye(3), [7, 7, 7]), ridge=0.0
    )


FORM = Form("supports", _geometry, _speaks, _examples, cite("zhao2024"), "contexts")
