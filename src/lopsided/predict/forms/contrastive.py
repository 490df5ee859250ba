"""Supervised contrastive learning on features that are not negative: the orthogonal frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lopsided.arrays import Floats, require_finite, require_number
from lopsided.counts import Counts, CountsLike
from lopsided.geometry import Geometry, Source
from lopsided.gram import Gram
from lopsided.papers import cite
from lopsided.predict.form import (
    Form,
    counts_of,
    first,
    of_inner_products,
    roomy,
    vanishing,
    without_bias,
)
from lopsided.problem import Problem
from lopsided.targets import Targets


def contrastive(counts: CountsLike) -> Geometry:
    """Return the geometry of the supervised contrastive loss on unit features of at least 0, full
    batch: an orthonormal frame.

    The loss trains no head; the classifiers here are the class means themselves, whose largest
    logit is the nearest mean.

    Source: Kini et al. 2023 (arXiv 2306.07960). In mini-batches it needs one fixed sample of every
    class in each batch.

    Args:
        counts: the class counts; they do not matter.

    Returns:
        Classifiers, embeddings and logits all equal to the identity.

    Example:
        >>> contrastive(Counts([100, 2])).embeddings.matrix()
        array([[1., 0.], [0., 1.]])
    """
    counts = Counts.of(counts)
    gram = Gram.orthogonal(counts.groups, np.ones(counts.groups.m))
    assumptions = (
        "supervised contrastive loss, unit features >= 0, d >= k, full batch; classifiers are the"
        " class means"
    )
    return Geometry(
        gram, gram, gram, Source("orthogonal frame", "Kini et al. 2023", assumptions), counts
    )


def contrastive_minimum(counts: CountsLike, temperature: float = 1.0) -> float:
    """Return the least full-batch supervised contrastive loss, sum_c n_c log(n_c - 1 + (n - n_c)
    exp(-1 / temperature)).

    A sample's loss is the mean over the other samples of its class of the cross-entropy of finding
    them among all other samples.

    Source: Kini et al. 2023 (arXiv 2306.07960).

    Args:
        counts: the class counts, each at least 2.
        temperature: divides the inner products.

    Raises:
        ValueError: if a class has one sample, which is alone and has no loss, or the temperature is
            not positive and finite.

    Example:
        >>> contrastive_minimum(Counts([2, 2]), temperature=1e-3)
        0.0
    """
    counts = Counts.of(counts)
    _require_temperature(temperature)
    if counts.distinct[0] < 2:
        c = int(counts.groups.first[0])
        raise ValueError(
            f"the contrastive loss needs at least 2 samples a class, class {c} has"
            f" {counts.distinct[0]}"
        )
    n = counts.distinct.astype(np.float64)
    return float(
        (counts.groups.sizes * n) @ np.log1p(n - 2 + (counts.n - n) * np.exp(-1 / temperature))
    )


@dataclass(frozen=True)
class Contrastive:
    """The supervised contrastive loss of collapsed classes, a function of the inner products of
    their means.

    A sample's loss is the mean over the other samples of its class of the cross-entropy of finding
    them among all other samples.

    Attributes:
        temperature: divides the inner products.

    Raises:
        ValueError: if it is not positive and finite.
        TypeError: if it is not one number.
    """

    temperature: float = 1.0

    def __post_init__(self) -> None:
        _require_temperature(self.temperature)

    def refuses(self, targets: Targets) -> str:
        """Return why the loss means nothing for such targets; "" where it means something."""
        if targets.counts is None or targets.smoothing:
            return "the contrastive loss is of classes"
        return (
            ""
            if targets.counts.distinct[0] > 1
            else "the contrastive loss needs at least 2 samples a class"
        )

    def value(self, logits: Floats, targets: Targets) -> tuple[Floats, Floats]:
        """Return the (k,) losses of a sample of each class, and their derivatives by the (k, k)
        inner products of means.
        """
        a = logits / self.temperature
        others = targets.weights[:, None] - np.eye(targets.k)
        with np.errstate(divide="ignore"):  # one of two samples leaves none to find but itself
            total = np.logaddexp.reduce(a + np.log(others), axis=0)
        return (
            total - a.diagonal(),
            (others * np.exp(a - total) - np.eye(targets.k)) / self.temperature,
        )


def _require_temperature(temperature: float) -> None:
    number = require_number(temperature, "temperature")
    require_finite(number, "temperature", positive=True)


def _speaks(problem: Problem) -> str:
    return first(
        ("the loss must be supervised contrastive", isinstance(problem.loss, Contrastive)),
        ("features must be unit-nonnegative", problem.features == "unit-nonnegative"),
        ("there must be no layer above", problem.layers == 1),
        vanishing(problem),
        without_bias(problem),
        roomy(problem),
    )


def _examples() -> tuple[Problem, ...]:
    losses, counts = (Contrastive(1.0), Contrastive(0.3)), Counts([9, 5, 2, 2])
    return tuple(Problem(counts, loss, ridge=0.0, features="unit-nonnegative") for loss in losses)


FORM = Form(
    "contrastive",
    lambda problem: contrastive(counts_of(problem)),
    _speaks,
    _examples,
    cite("kini2023"),
    settings={"loss": Contrastive(), "features": "unit-nonnegative"},
    objective=of_inner_products,
)
