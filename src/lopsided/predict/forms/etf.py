"""The simplex equiangular tight frame, the geometry of balanced classes."""

from __future__ import annotations

from lopsided.counts import Counts
from lopsided.geometry import Geometry, Source
from lopsided.gram import Gram
from lopsided.pairing import Pairing
from lopsided.papers import cite
from lopsided.predict.form import (
    Form,
    counts_of,
    equal,
    fixed_bias,
    on_classes,
    sharp,
    unscaled,
    vanishing,
)
from lopsided.predict.forms.balanced import simplex
from lopsided.problem import Problem


def etf(k: int) -> Geometry:
    """Return the simplex ETF of k classes: equal norms, all angles cos = -1 / (k - 1), classifiers
    aligned with means.

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
    gram = Gram.simplex(k)
    return Geometry(
        gram,
        gram,
        Pairing.paired(gram.groups, gram.left, gram.right, gram.own),
        Source("ETF", "Papyan, Han and Donoho 2020", "balanced classes"),
    )


def _geometry(problem: Problem) -> Geometry:
    counts = counts_of(problem)
    return simplex(
        counts, 1.0, Source("ETF", FORM.source, "equal counts, vanishing ridge, d >= k - 1")
    )


def _speaks(problem: Problem) -> str:
    return on_classes(
        problem,
        vanishing(problem),
        sharp(problem),
        fixed_bias(problem),
        unscaled(problem),
        equal(problem),
    )


def _examples() -> tuple[Problem, ...]:
    return Problem(Counts([6, 6, 6]), ridge=0.0), Problem(Counts([2, 2, 2, 2]), ridge=0.0)


FORM = Form("etf", _geometry, _speaks, _examples, cite("papyan2020"))
