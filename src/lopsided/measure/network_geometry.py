"""The geometry that a network shows: class means and classifiers in the form that theory and solver
use.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from lopsided.arrays import require_flag, require_noun
from lopsided.counts import Counts
from lopsided.geometry import Geometry, Source
from lopsided.measure.checks import head_of
from lopsided.measure.state.center import centered
from lopsided.measure.state.moments import Moments
from lopsided.measure.state.span import Center
from lopsided.numbering import require_one_order
from lopsided.source import CENTERED


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
        center: what the class means are centred by; theory's embeddings sum to zero over the
            classes, a network's do not. "samples" is for figures of the geometry alone: `distance`
            and `split` compare about the unweighted mean all the same. "none" is compared as it is.
        center_classifiers: subtract the mean classifier too, which moves all logits of a sample
            alike and no softmax; not for losses that scale logits (CDT, VS), whose laws have a mean
            classifier of their own.
        name: what was measured, for tables and figures.
        counts: samples of each class in training; by default the samples measured.

    Returns:
        Classifiers as they are in the head, embeddings mu_c - mu_G, logits w_c . (mu_c' - mu_G);
        the bias plays no part.

    Raises:
        ValueError: if a class has no sample or the weight does not fit; the class is named.
        TypeError: if the moments are none, or `center_classifiers` is neither True nor False.

    Example:
        >>> moments = Moments(k=2, d=1)
        >>> moments.update([[1.0], [3.0]], [0, 1])
        >>> geometry(moments, [[-1.0], [2.0]]).embeddings.norms()
        array([1., 1.])
    """
    require_noun(moments, Moments, "what is measured", "Moments.update makes them of features")
    require_flag(center_classifiers, "center_classifiers")
    w, _ = head_of(weight, None, moments.k, moments.d)
    if center_classifiers:
        w = w - w.mean(axis=0)
    told = CENTERED.get(center, "class means as they are")
    source = Source(name, f"measured on {moments.n:,} samples", told)
    return Geometry.of_vectors(
        w, centered(moments, center), source, counts or Counts(moments.counts)
    )


def require_geometries(predictions: Mapping[str, Geometry]) -> None:
    """Refuse predictions that are no geometries by name.

    Raises:
        TypeError: naming what they are.
    """
    wrong: list[Any] = (
        [other for other in predictions.values() if not isinstance(other, Geometry)]
        if isinstance(predictions, Mapping)
        else [predictions]
    )
    if wrong:
        raise TypeError(
            "predictions must be a dictionary of names and geometries, got"
            f" {type(wrong[0]).__name__}"
        )


def require_order(predictions: Mapping[str, Geometry], *known: Counts | None) -> None:
    """Refuse predictions whose classes are those of some counts by their names, in another order.

    Raises:
        ValueError: naming the prediction.
    """
    for name, other in predictions.items():
        for counts in known:
            require_one_order(f"the prediction {name}", counts, other.counts)


def comparable(predictions: Mapping[str, Geometry], k: int) -> dict[str, Geometry]:
    """Return predictions with class means about their unweighted mean, as those of a network are
    measured.

    Without that a network that is its own law lies away from it: by 0.2 from the optimum of ten
    classes at a ridge of 1, by 0.4 from the law of a free bias. SELI, the ETF and all limits
    without a bias are centred as they are.

    Raises:
        ValueError: if a prediction is for other classes than the k measured; it is named.
    """
    require_geometries(predictions)
    for name, other in predictions.items():
        if not other.paired and other.k == other.m == k:
            raise ValueError(
                f"the prediction {name} does not say that its {k:,} kinds of samples are the"
                " classes: give it their counts"
            )
        if not other.paired or other.k != k:
            kinds = "" if other.paired else f" and {other.m:,} kinds of samples"
            raise ValueError(
                f"the prediction {name} is for {other.k:,} classes{kinds}, the measurement has"
                f" {k:,} classes; where classes without samples were left out, give the training"
                " counts of all, and predict for these"
            )
    return {name: other.about_mean() for name, other in predictions.items()}
