"""Shapes: the geometry of a trained network, and the ridge that it was trained at."""

from __future__ import annotations

import numpy as np

from lopsided.adjustment import Adjustment
from lopsided.arrays import Floats
from lopsided.counts import Counts
from lopsided.geometry import Geometry, Source


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
