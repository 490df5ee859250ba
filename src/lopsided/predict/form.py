"""Form: a system whose optimum has a closed form, and the problems it speaks of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from lopsided.adjustment import Adjustment
from lopsided.arrays import Floats
from lopsided.counts import Counts
from lopsided.geometry import Geometry
from lopsided.loss import CrossEntropy
from lopsided.problem import Features, Problem
from lopsided.targets import Kind

#: A sentence that must hold of a problem, and whether it does.
Wanted = tuple[str, bool]


@dataclass(frozen=True, eq=False)
class Form:
    """A closed form.

    Two laws test it: it is the optimum of its own problem, and forms that speak of one problem
    agree.

    Attributes:
        name: as the command line has it.
        geometry: the optimum of a problem of which it speaks.
        speaks: "" for such a problem, else the sentence why not.
        examples: makes at least two problems on which it is put to the test.
        source: the paper, or "derived here" where the derivation is in docs/.
        kind: of the targets of its problems.
        settings: what its problems have in common besides, as arguments of `Problem`.
        objective: value and slope of the embeddings (m, d) alone, where no classifiers are trained;
            None for the problem's own.
    """

    name: str
    geometry: Callable[[Problem], Geometry]
    speaks: Callable[[Problem], str]
    examples: Callable[[], tuple[Problem, ...]]
    source: str
    kind: Kind = "classes"
    settings: Mapping[str, Any] = field(default_factory=dict)
    objective: Callable[[Problem, Floats], tuple[float, Floats]] | None = None


def first(*wanted: Wanted) -> str:
    """Return the first sentence that does not hold, "" where all hold.

    Example:
        >>> first(("the ridge must be 0", True), ("the bias must be free", False))
        'the bias must be free'
    """
    return next((sentence for sentence, holds in wanted if not holds), "")


def on_classes(problem: Problem, *wanted: Wanted, features: Features = "free") -> str:
    """Return why a problem is not cross-entropy on classes under one wide layer, or the first other
    sentence that fails.
    """
    return first(
        ("the loss must be cross-entropy", problem.adjustment is not None),
        ("the targets must be classes", problem.counts is not None),
        (f"features must be {features}", problem.features == features),
        ("there must be one linear layer", problem.layers == 1),
        roomy(problem),
        *wanted,
    )


def of_inner_products(problem: Problem, embeddings: Floats) -> tuple[float, Floats]:
    """Return value and slope of a loss that sees the inner products of embeddings instead of
    logits.
    """
    losses, slope = problem.loss.value(embeddings @ embeddings.T, problem.targets)
    slope = slope * problem.targets.weights
    return float(problem.targets.weights @ losses), (slope + slope.T) @ embeddings


def counts_of(problem: Problem) -> Counts:
    """Return the class counts of a problem on classes."""
    assert problem.counts is not None
    return problem.counts


def roomy(problem: Problem) -> Wanted:
    """Features have as many dimensions as the optimum may want; of a softmax, which does not see
    what all logits share, one fewer than classes.
    """
    shared = isinstance(problem.loss, CrossEntropy) and problem.features == "free"
    return (
        "the width must leave room for every class",
        problem.width is None or problem.width >= problem.k - shared,
    )


def vanishing(problem: Problem) -> Wanted:
    """The form is a limit."""
    return "the ridge must be 0, which stands for its limit", problem.ridge == 0


def positive(problem: Problem) -> Wanted:
    """The form is of a finite ridge."""
    return "the ridge must be positive", problem.ridge > 0


def without_bias(problem: Problem) -> Wanted:
    """There is no bias."""
    return "there must be no bias", problem.bias == "none"


def fixed_bias(problem: Problem) -> Wanted:
    """A bias with a ridge that stays fixed has no part in the limit, a free one has."""
    return "the bias must not be free", problem.bias != "free"


def of_fixed_bias(geometry: Geometry, problem: Problem) -> Geometry:
    """Return the limit without a bias as that of a problem whose bias may have a ridge, and say
    so.
    """
    if isinstance(problem.bias, str):
        return geometry
    told = f"a bias with a fixed ridge of {problem.bias:g}, which vanishes beside the logits"
    assumptions = geometry.source.assumptions.replace("no bias", told)
    return replace(geometry, source=replace(geometry.source, assumptions=assumptions))


def sharp(problem: Problem) -> Wanted:
    """Each target is one class."""
    return "the targets must not be smoothed", not problem.targets.smoothing


def equal(problem: Problem) -> Wanted:
    """All classes have as many samples."""
    return "all counts must be equal", problem.counts is not None and problem.counts.groups.m == 1


def unadjusted(problem: Problem) -> Wanted:
    """The loss is plain cross-entropy."""
    return "the loss must be plain cross-entropy", problem.adjustment == Adjustment()


def unscaled(problem: Problem) -> Wanted:
    """Scales and margins are 1; the rest of an adjustment has no effect at vanishing ridge."""
    return "scales and margins must be 1", all(bool(np.all(part == 1)) for part in _scales(problem))


def uniform(problem: Problem) -> Wanted:
    """All classes have the same scales and margins."""
    return "scales and margins must be the same for all classes", all(
        np.ptp(part) == 0 for part in _scales(problem)
    )


def _scales(problem: Problem) -> list[Floats]:
    terms = (problem.adjustment or Adjustment()).terms
    return [part for part in (terms.columns, terms.samples) if part is not None]
