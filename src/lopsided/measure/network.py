"""The geometry that a network shows: class means and classifiers in the form that theory and solver use."""

from __future__ import annotations

import numpy.typing as npt

from lopsided.counts import Counts
from lopsided.geometry import Geometry, Source
from lopsided.measure.center import centered
from lopsided.measure.checks import head_of
from lopsided.measure.moments import Moments
from lopsided.measure.span import Center


def geometry(
    moments: Moments,
    weight: npt.ArrayLike,
    *,
    center: Center = "classes",
    center_classifiers: bool = False,
    name: str = "network",
    counts: Counts | None = None,
) -> Geometry:
    """Return the measured geometry.

    Args:
        moments: of every class.
        weight: (k, d) weight of the head, one row a class.
        center: what the class means are centred by; theory's embeddings sum to zero over the classes, a network's do not.
        center_classifiers: subtract the mean classifier too, which moves all logits of a sample alike and no softmax.
        name: what was measured, for tables and figures.
        counts: samples of each class in training; by default the samples measured.

    Returns:
        Classifiers as they are in the head, embeddings mu_c - mu_G, logits w_c . (mu_c' - mu_G); the bias plays no part.

    Raises:
        ValueError: if a class has no sample or the weight does not fit; the class is named.

    Example:
        >>> moments = Moments(k=2, d=1)
        >>> moments.update([[1.0], [3.0]], [0, 1])
        >>> geometry(moments, [[-1.0], [2.0]]).embeddings.norms()
        array([1., 1.])
    """
    w, _ = head_of(weight, None, moments.k, moments.d)
    if center_classifiers:
        w = w - w.mean(axis=0)
    source = Source(name, f"measured on {moments.n:,} samples", f"class means centred by {center}")
    return Geometry.of_vectors(w, centered(moments, center), source, counts or Counts(moments.counts))
