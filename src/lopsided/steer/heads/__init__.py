"""Heads as torch modules: fixed to a predicted geometry, following the nearest ETF, or
normalised.
"""

from __future__ import annotations

from lopsided.steer.heads.fixed import CosineHead, FixedHead, initialise_
from lopsided.steer.heads.following import NearestETFHead
from lopsided.steer.heads.frame import frame
from lopsided.steer.heads.nearest import nearest_etf

__all__ = ["CosineHead", "FixedHead", "NearestETFHead", "frame", "initialise_", "nearest_etf"]
