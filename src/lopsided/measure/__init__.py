"""Measure: features, labels and head of a trained network -> its geometry and the field's metrics, streaming.

`Moments` and the metrics are NumPy; `Stream` takes torch tensors and is the only one here that imports torch, when it is used.
"""

from __future__ import annotations

from lopsided.measure.collapse import Collapse
from lopsided.measure.decisions import Decisions
from lopsided.measure.metrics import METRICS, Metric
from lopsided.measure.moments import Moments
from lopsided.measure.network import geometry
from lopsided.measure.second import SecondPass
from lopsided.measure.stream import Stream

__all__ = ["METRICS", "Collapse", "Decisions", "Metric", "Moments", "SecondPass", "Stream", "geometry"]
