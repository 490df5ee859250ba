"""The metrics: each a pure function of moments, geometry or decisions; a new one is a function and
a line in METRICS.

Every metric says what it is at its anchors: under full collapse (every sample on its class mean),
in a simplex ETF, and in a random network (Gaussian features that know nothing of their labels, a
Gaussian head); `anchors` has the formulas. What it is in the SELI or any other predicted geometry
follows from the prediction itself: metrics that read a geometry take a predicted one like a
measured one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Ints
from lopsided.geometry import Geometry
from lopsided.measure.metrics import anchors
from lopsided.measure.metrics.answers import (
    error_rates,
    mean_margins,
    nc4,
    smallest_margins,
    ufm_gap,
)
from lopsided.measure.metrics.duality import alignment, nc3, unc3
from lopsided.measure.metrics.shape import (
    equiangularity,
    equinorm,
    etf_distance,
    gnc2,
    minority_cosine,
    norms,
)
from lopsided.measure.metrics.undefined import Undefined
from lopsided.measure.metrics.uniformity import dot_product_wasserstein, energy, one_vs_rest
from lopsided.measure.metrics.within import (
    cdnv,
    drift,
    nc1,
    nearest_etf_distance,
    rank,
    scatter_ratio,
    spreads,
    vci,
)

__all__ = [
    "METRICS",
    "Metric",
    "Undefined",
    "alignment",
    "cdnv",
    "dot_product_wasserstein",
    "drift",
    "energy",
    "equiangularity",
    "equinorm",
    "error_rates",
    "etf_distance",
    "gnc2",
    "mean_margins",
    "minority_cosine",
    "nc1",
    "nc3",
    "nc4",
    "nearest_etf_distance",
    "norms",
    "one_vs_rest",
    "rank",
    "scatter_ratio",
    "smallest_margins",
    "spreads",
    "ufm_gap",
    "unc3",
    "vci",
]

#: A value, or the value at the samples of each class, (k,), and d dimensions; NaN where none is
#: known.
Anchor = float | Callable[[Ints, int], float]


@dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes:
        title: what it tells, for tables.
        function: the pure function; its keyword arguments are the conventions.
        needs: what it reads, in the order of its arguments: moments, geometry, decisions, or a part
            of the geometry (classifiers, embeddings, logits), d, the feature dimensions, or
            minorities, the numbers of the minority classes.
        anchors: its value under "collapse", in the "ETF" and in a "random" network, where there is
            one.
        options: conventions that differ from the function's defaults.
    """

    title: str
    function: Callable[..., Any]
    needs: tuple[str, ...]
    anchors: dict[str, Anchor] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    def of_prediction(self, geometry: Geometry, minorities: npt.ArrayLike) -> Any:
        """Return the metric of a predicted geometry; `None` for metrics of samples, and where it is
        not defined there.
        """
        parts = {name: getattr(geometry, name) for name in ("classifiers", "embeddings", "logits")}
        known = parts | {"geometry": geometry, "minorities": minorities}
        if not set(self.needs) <= known.keys():
            return None
        try:
            return self.function(*(known[need] for need in self.needs), **self.options)
        except Undefined:  # such as an angle to a classifier that is predicted to be zero
            return None


METRICS: dict[str, Metric] = {
    "nc1": Metric(
        "NC1, within over between scatter",
        nc1,
        ("moments",),
        {"collapse": 0.0, "random": anchors.random_nc1},
    ),
    "scatter_ratio": Metric(
        "within over between variance",
        scatter_ratio,
        ("moments",),
        {"collapse": 0.0, "random": anchors.random_scatter_ratio},
    ),
    "cdnv": Metric(
        "class-distance normalised variance",
        cdnv,
        ("moments",),
        {"collapse": 0.0, "random": anchors.random_cdnv},
    ),
    "vci": Metric("variability collapse index", vci, ("moments",), {"collapse": 0.0}),
    "rank": Metric(
        "rank of the centred class means",
        rank,
        ("moments",),
        {"ETF": lambda counts, d: min(len(counts) - 1, d)},
    ),
    "nearest_etf_distance": Metric(
        "class means to the nearest ETF",
        nearest_etf_distance,
        ("moments",),
        {"ETF": anchors.least_etf_distance},
    ),
    "drift": Metric(
        "length of the global mean over the class means' spread", drift, ("moments",), {"ETF": 0.0}
    ),
    "classifier_equinorm": Metric(
        "CoV of classifier norms",
        equinorm,
        ("classifiers",),
        {"ETF": 0.0, "random": anchors.random_equinorm},
    ),
    "embedding_equinorm": Metric(
        "CoV of class-mean norms", equinorm, ("embeddings",), {"ETF": 0.0}
    ),
    "classifier_equiangularity": Metric(
        "classifier angles off the ETF",
        equiangularity,
        ("classifiers",),
        {"ETF": anchors.where_it_fits(lambda k: 0.0), "random": anchors.random_equiangularity},
    ),
    "embedding_equiangularity": Metric(
        "class-mean angles off the ETF",
        equiangularity,
        ("embeddings",),
        {"ETF": anchors.where_it_fits(lambda k: 0.0)},
    ),
    "classifier_etf_distance": Metric(
        "classifiers to the ETF",
        etf_distance,
        ("classifiers",),
        {"ETF": anchors.least_etf_distance, "random": anchors.random_etf_distance},
    ),
    "embedding_etf_distance": Metric(
        "class means to the ETF",
        etf_distance,
        ("embeddings",),
        {"ETF": anchors.least_etf_distance},
    ),
    "logit_etf_distance": Metric(
        "class logits to the ETF (NC3, Zhu)",
        etf_distance,
        ("logits",),
        {"ETF": anchors.least_etf_distance, "random": anchors.random_logit_distance},
    ),
    "nc3": Metric(
        "NC3, classifiers against class means", nc3, ("geometry",), {"ETF": 0.0, "random": 2**0.5}
    ),
    "alignment": Metric(
        "cosine of classifier and class mean", alignment, ("geometry",), {"ETF": 1.0, "random": 0.0}
    ),
    "unc3": Metric("UNC3, CoV of the alignment", unc3, ("geometry",), {"ETF": 0.0}),
    "gnc2": Metric(
        "GNC2, uniformity of class means",
        gnc2,
        ("embeddings",),
        {"ETF": anchors.where_it_fits(lambda k: 0.0)},
    ),
    "energy": Metric(
        "hyperspherical energy of class means",
        energy,
        ("embeddings",),
        {"ETF": anchors.where_it_fits(lambda k: -float(np.log(2 * k / (k - 1))) / 2)},
    ),
    "one_vs_rest": Metric(
        "classifiers to the hull of the others",
        one_vs_rest,
        ("classifiers",),
        {
            "ETF": anchors.where_it_fits(lambda k: k / (k - 1)),
            "random": anchors.random_one_vs_rest,
        },
    ),
    "wasserstein": Metric(
        "classifier cosines to uniform ones",
        dot_product_wasserstein,
        ("classifiers", "d"),
        {"random": anchors.random_wasserstein},
    ),
    "minority_cosine_mean": Metric(
        "mean cosine of minority classifiers",
        minority_cosine,
        ("classifiers", "minorities"),
        {"ETF": anchors.where_it_fits(lambda k: -1 / (k - 1))},
    ),
    "minority_cosine_max": Metric(
        "largest cosine of minority classifiers",
        minority_cosine,
        ("classifiers", "minorities"),
        {"ETF": anchors.where_it_fits(lambda k: -1 / (k - 1))},
        {"form": "max"},
    ),
    "nc4": Metric(
        "NC4, head agrees with nearest mean",
        nc4,
        ("decisions",),
        {"collapse": 1.0, "random": lambda counts, d: 1 / len(counts)},
    ),
    "classifier_norms": Metric("classifier norms", norms, ("classifiers",)),
    "embedding_norms": Metric("class-mean norms", norms, ("embeddings",)),
    "spreads": Metric("within-class standard deviation", spreads, ("moments",), {"collapse": 0.0}),
    "error_rates": Metric(
        "share of wrong answers",
        error_rates,
        ("decisions",),
        {"random": lambda counts, d: 1 - 1 / len(counts)},
    ),
    "smallest_margins": Metric("smallest margin of a sample", smallest_margins, ("decisions",)),
    "mean_margins": Metric("mean margin of a sample", mean_margins, ("decisions",)),
}
