"""Shapes: what a measured geometry is told by, in numbers that a record holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from lopsided.adjustment import Adjustment
from lopsided.arrays import Floats, Ints
from lopsided.counts import Counts
from lopsided.geometry import Geometry, Source
from lopsided.gram import Gram
from lopsided.groups import Groups
from lopsided.pairing import Pairing
from lopsided.shape import contrast


def matrices(geometry: Geometry) -> dict[str, Any]:
    """Return a geometry as three (k, k) lists: everything a later reader needs to hold another law
    against it.
    """
    parts = {
        "classifiers": geometry.classifiers,
        "embeddings": geometry.embeddings,
        "logits": geometry.logits,
    }
    return {name: part.matrix().tolist() for name, part in parts.items()}


def geometry_of(stored: dict[str, Any], counts: Counts) -> Geometry:
    """Return the geometry whose matrices a record holds."""
    k = counts.k
    logits = np.asarray(stored["logits"])
    cross = Pairing.paired(Groups.each(k), logits, np.eye(k), logits.diagonal().copy())
    parts = Gram.of_matrix(stored["classifiers"]), Gram.of_matrix(stored["embeddings"])
    return Geometry(*parts, cross, Source("network", "measured at the end of training"), counts)


def mean_cosines(gram: Gram, minorities: Ints) -> dict[str, float]:
    """Return the mean cosine of majority pairs, of minority pairs, and across; of all pairs where
    no class is a minority.
    """
    found = contrast(gram, minorities)
    pairs = {"majority": found.majority, "cross": found.across, "minority": found.minority}
    if not len(minorities):
        pairs = {"all pairs": found.majority}
    return {title: value for title, value in pairs.items() if not np.isnan(value)}


def shape(seen: Geometry, counts: Counts) -> dict[str, dict[str, float]]:
    """Return, for classifiers and means, the ratio of squared norms, majority to minority, and the
    cosine of two minorities.
    """
    grams = {"classifiers": seen.classifiers, "embeddings": seen.embeddings}
    found = {name: contrast(gram, counts.minorities) for name, gram in grams.items()}
    return {name: {"ratio": one.norm_ratio, "cosine": one.minority} for name, one in found.items()}


def own_ridge(measured: Geometry, counts: Counts, weight_decay: float) -> float:
    """Return the ridge, in the sum normalisation, that a run's weight decay amounts to.

    Weight decay acts on the classifiers; on features it acts through the layers below. Whatever
    ridge that amounts to, at an optimum both penalties are equal, ridge_W ||W||^2 = ridge_H
    ||H||^2: ridge = n decay ||W|| / ||H|| (derived here).
    """
    classifiers = float(measured.classifiers.squared_norms().sum())
    features = float(counts.values @ measured.embeddings.squared_norms())
    return counts.n * weight_decay * float(np.sqrt(classifiers / features))


def geometry(W: Floats, means: Floats, counts: Counts, adjustment: Adjustment) -> Geometry:
    """Return a measured geometry, its class means centred as the prediction's are.

    A network's features share an offset that the predicted ones do not have. Where all logits of a
    sample are multiplied by s_y, it is sum_y s_y mu_y that vanishes in theory; for other losses the
    plain sum.
    """
    given = adjustment.resolve(counts)
    share = given.groups.expand(given.samples)
    centre = share @ means / share.sum()
    return Geometry.of_vectors(
        W, means - centre, Source("network", "measured on the training set"), counts
    )
