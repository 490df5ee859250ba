"""How classifiers and class means agree."""

from __future__ import annotations

import numpy as np

from lopsided.arrays import Floats
from lopsided.geometry import Geometry
from lopsided.measure.metrics.undefined import Undefined


def nc3(geometry: Geometry) -> float:
    """Return ||W/||W|| - M/||M||||, the distance of classifiers and centred class means as vectors;
    0 for self-duality, 2 at most.

    From the geometry alone, as sqrt(2 - 2 tr(W M') / (||W|| ||M||)), where less than 4e-8 is
    rounding and zero. The other form, the distance of the class logits to the simplex (Zhu et al.
    2021), is `logit_etf_distance`.

    Source: NC3 of Papyan, Han and Donoho 2020.

    Raises:
        Undefined: if the classifiers or the means are all zero.
    """
    own = float(geometry.logits.groups.sizes @ geometry.logits.own)
    lengths = [
        np.sqrt(float(part.groups.sizes @ part.diagonal))
        for part in (geometry.classifiers, geometry.embeddings)
    ]
    if not all(lengths):
        raise Undefined(
            "classifiers or class means are all zero, so their directions cannot be compared"
        )
    square = 2 - 2 * own / (lengths[0] * lengths[1])
    return float(np.sqrt(square)) if square > 8 * np.finfo(np.float64).eps else 0.0


def alignment(geometry: Geometry) -> Floats:
    """Return (k,) cosines between each classifier and its centred class mean.

    Raises:
        Undefined: if a classifier or a mean is zero; the class is named.
    """
    cosines = geometry.alignment()
    if np.isnan(cosines).any():
        zero = int(np.argmax(np.isnan(cosines)))
        raise Undefined("the classifier or the mean of class {} is zero and has no direction", zero)
    return cosines


def unc3(geometry: Geometry) -> float:
    """Return the coefficient of variation over classes of the cosine between classifier and centred
    class mean.

    Source: Wu and Papyan 2024 (arXiv 2405.17767), UNC3.

    Raises:
        Undefined: if a classifier or a mean is zero, or the cosines average to zero.
    """
    cosines = alignment(geometry)
    if abs(cosines.mean()) <= 8 * np.finfo(np.float64).eps:  # zero, up to the cosines' rounding
        raise Undefined("the cosines average to zero and have no coefficient of variation")
    return float(cosines.std() / abs(cosines.mean()))
