"""Measure: features, labels and head of a trained network -> its geometry and the field's metrics,
streaming.

`Moments` and the metrics are NumPy; `Stream`, `watch`, `trained` and `diagnose` take torch tensors
and models, and import torch when they are used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lopsided.measure import ood
from lopsided.measure.active import active_share
from lopsided.measure.additivity import additivity
from lopsided.measure.collapse import Collapse
from lopsided.measure.collapsible import Collapsible, collapsible
from lopsided.measure.ensemble import BiasVariance, bias_variance
from lopsided.measure.kernels import features_of
from lopsided.measure.label_sets import LabelSets, TagWise
from lopsided.measure.metrics import METRICS, Metric, Undefined
from lopsided.measure.neighbors import neighbor_fractions
from lopsided.measure.network.agop import agop, feature_ansatz
from lopsided.measure.network.layers import layers
from lopsided.measure.network.stream import Stream
from lopsided.measure.network.trained import trained
from lopsided.measure.network.watch import Watch, watch
from lopsided.measure.network_geometry import geometry
from lopsided.measure.progression import layer_cosines
from lopsided.measure.regression import RegressionCollapse, collapse_of, regression_collapse
from lopsided.measure.state.decisions import Decisions
from lopsided.measure.state.means import Means
from lopsided.measure.state.moments import Moments
from lopsided.measure.state.regression import RegressionMoments
from lopsided.measure.state.second import SecondPass
from lopsided.measure.storage.reading import stored
from lopsided.measure.storage.store import Store, open_store
from lopsided.measure.storage.target_work import stored_regression, stored_sets
from lopsided.measure.storage.targets import TargetStore, open_targets
from lopsided.measure.tail import Tail, linear_tail
from lopsided.measure.transfer import Transferability, hub_scores, transferability

if TYPE_CHECKING:
    from lopsided.diagnosis import Diagnosis, diagnose

__all__ = [
    "METRICS",
    "BiasVariance",
    "Collapse",
    "Collapsible",
    "Decisions",
    "Diagnosis",
    "LabelSets",
    "Means",
    "Metric",
    "Moments",
    "RegressionCollapse",
    "RegressionMoments",
    "SecondPass",
    "Store",
    "Stream",
    "TagWise",
    "Tail",
    "TargetStore",
    "Transferability",
    "Undefined",
    "Watch",
    "active_share",
    "additivity",
    "agop",
    "bias_variance",
    "collapse_of",
    "collapsible",
    "diagnose",
    "feature_ansatz",
    "features_of",
    "geometry",
    "hub_scores",
    "layer_cosines",
    "layers",
    "linear_tail",
    "neighbor_fractions",
    "ood",
    "open_store",
    "open_targets",
    "regression_collapse",
    "stored",
    "stored_regression",
    "stored_sets",
    "trained",
    "transferability",
    "watch",
]

#: A diagnosis joins measurements, predictions and remedies, so it lives above them all.
_ABOVE = ("Diagnosis", "diagnose")


def __getattr__(name: str) -> Any:
    if name in _ABOVE:
        return getattr(importlib.import_module("lopsided.diagnosis"), name)
    raise AttributeError(f"module 'lopsided.measure' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
