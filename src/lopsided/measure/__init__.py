"""Measure: features, labels and head of a trained network -> its geometry and the field's metrics,
streaming.

`Moments` and the metrics are NumPy; `Stream` takes torch tensors and is the only one here that
imports torch, when it is used.
"""

from __future__ import annotations

from lopsided.measure.collapse import Collapse
from lopsided.measure.metrics import METRICS, Metric, Undefined
from lopsided.measure.network.diagnose import diagnose
from lopsided.measure.network.stream import Stream
from lopsided.measure.network.watch import Watch, watch
from lopsided.measure.network_geometry import geometry
from lopsided.measure.state.decisions import Decisions
from lopsided.measure.state.means import Means
from lopsided.measure.state.moments import Moments
from lopsided.measure.state.second import SecondPass
from lopsided.measure.storage.reading import stored
from lopsided.measure.storage.store import Store, open_store

__all__ = [
    "METRICS",
    "Collapse",
    "Decisions",
    "Means",
    "Metric",
    "Moments",
    "SecondPass",
    "Store",
    "Stream",
    "Undefined",
    "Watch",
    "diagnose",
    "geometry",
    "open_store",
    "stored",
    "watch",
]
