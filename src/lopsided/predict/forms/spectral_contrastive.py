"""Spectral contrastive learning with labels as context: an orthogonal frame in which rare classes
are the longest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lopsided.arrays import Floats
from lopsided.counts import Counts, CountsLike
from lopsided.geometry import Geometry, Source
from lopsided.gram import Gram
from lopsided.pairing import Pairing
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


def spectral_contrastive(counts: CountsLike) -> Geometry:
    """Return the optimum of the spectral contrastive loss: class means are orthogonal, ||mu_c||^2 =
    n / n_c.

    The loss trains no head; the classifiers here are Bayes', w_c = (n_c / n) mu_c, whose class
    logits are the identity.

    Source: Zhai et al. 2025 (arXiv 2505.01557) for the theory; labels as context derived here.

    Example:
        >>> spectral_contrastive(Counts([6, 3, 1])).embeddings.squared_norms().round(4)
        array([ 1.6667,  3.3333, 10.    ])
    """
    given = Counts.of(counts)
    shares, ones = given.distinct / given.n, np.ones(given.groups.m)
    classifiers, embeddings = (
        Gram.orthogonal(given.groups, shares),
        Gram.orthogonal(given.groups, 1 / shares),
    )
    logits = Pairing.paired(given.groups, np.zeros((len(ones), 1)), ones[:, None], ones)
    return Geometry(
        classifiers,
        embeddings,
        logits,
        Source("scaled orthogonal frame", FORM.source, "d >= k"),
        given,
    )


@dataclass(frozen=True)
class SpectralContrastive:
    """-2 ||h||^2 + mean over all samples of (h . h')^2 for samples of collapsed classes, a function
    of their inner products.
    """

    def refuses(self, targets: Targets) -> str:
        """Return why the loss means nothing for such targets; "" where it means something."""
        return (
            ""
            if targets.counts is not None and not targets.smoothing
            else "the contrastive loss is of classes"
        )

    def value(self, logits: Floats, targets: Targets) -> tuple[Floats, Floats]:
        """Return the (k,) losses of a sample of each class, and their derivatives by the (k, k)
        inner products of means.
        """
        shares = targets.weights / targets.weights.sum()
        slope = 2 * shares[:, None] * logits - 2 * np.eye(targets.k)
        return shares @ logits**2 - 2 * logits.diagonal(), slope


def _speaks(problem: Problem) -> str:
    return first(
        ("the loss must be spectral contrastive", isinstance(problem.loss, SpectralContrastive)),
        (
            "features must be free, without a layer above",
            problem.features == "free" and problem.layers == 1,
        ),
        vanishing(problem),
        without_bias(problem),
        roomy(problem),
    )


def _examples() -> tuple[Problem, ...]:
    return tuple(
        Problem(Counts(counts), SpectralContrastive(), ridge=0.0)
        for counts in ([6, 3, 1], [9, 5, 5, 2])
    )


FORM = Form(
    "spectral-contrastive",
    lambda problem: spectral_contrastive(counts_of(problem)),
    _speaks,
    _examples,
    cite("zhai2025"),
    settings={"loss": SpectralContrastive()},
    objective=of_inner_products,
)
