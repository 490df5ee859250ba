"""Papers on what depth has to do with collapse: one small run each."""

from __future__ import annotations

from lopsided.reproduce.claim import AnyClaim
from lopsided.reproduce.claims.depth.garrod2024 import GARROD2024
from lopsided.reproduce.claims.depth.jacot2025 import JACOT2025
from lopsided.reproduce.claims.depth.jiang2025 import JIANG2025
from lopsided.reproduce.claims.depth.li2023b import LI2023B
from lopsided.reproduce.claims.depth.sukenik2024 import SUKENIK2024
from lopsided.reproduce.claims.depth.sukenik2025 import SUKENIK2025

#: In the order of a report.
CLAIMS: tuple[AnyClaim, ...] = (
    GARROD2024,
    SUKENIK2024,
    JACOT2025,
    SUKENIK2025,
    JIANG2025,
    LI2023B,
)
