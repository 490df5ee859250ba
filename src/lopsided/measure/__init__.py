"""Measure: features, labels and head of a trained network -> its geometry and the field's metrics, streaming.

`Moments` and the metrics are NumPy; `Stream` takes torch tensors and is the only one here that imports torch, when it is used.
"""

from __future__ import annotations

from lopsided.measure.collapse import Collapse
from lopsided.measure.decisions import Decisions
from lopsided.measure.diagnose import diagnose
from lopsided.measure.means import Means
from lopsided.measure.metrics import METRICS, Metric, Undefined
from lopsided.measure.moments import Moments
from lopsided.measure.network import geometry
from lopsided.measure.reading import stored
from lopsided.measure.second import SecondPass
from lopsided.measure.store import Store, open_store
from lopsided.measure.stream import Stream
from lopsided.measure.watch import Watch, watch

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
