"""Diagnosis: what a network answers, why, what to do about it and what that is worth; and only then
its geometry.

Errors belong to held-out data, geometry to the data trained on, so a diagnosis wants both.
`lopsided.measure.diagnose` is the door.
"""

from __future__ import annotations

from lopsided.diagnosis.diagnosis import Diagnosis
from lopsided.diagnosis.network import diagnose
from lopsided.diagnosis.stored import diagnose_stored

__all__ = ["Diagnosis", "diagnose", "diagnose_stored"]
