"""The types of the metrics, so that completion and type checkers know them."""

from __future__ import annotations

from lopsided.arrays import Floats


class Declared:
    """What `METRICS` computes, by name; the values come from there."""

    nc1: float
    scatter_ratio: float
    cdnv: float
    vci: float
    rank: int
    nearest_etf_distance: float
    drift: float
    classifier_equinorm: float
    embedding_equinorm: float
    classifier_equiangularity: float
    embedding_equiangularity: float
    classifier_etf_distance: float
    embedding_etf_distance: float
    logit_etf_distance: float
    nc3: float
    alignment: Floats
    unc3: float
    gnc2: float
    energy: float
    one_vs_rest: Floats
    wasserstein: float
    minority_cosine_mean: float
    minority_cosine_max: float
    nc4: float
    classifier_norms: Floats
    embedding_norms: Floats
    spreads: Floats
    error_rates: Floats
    smallest_margins: Floats
    mean_margins: Floats
