"""Papers whose targets are no classes, whose dimensions are few, whose features are on a sphere, or
whose classes are rare: one small run each.
"""

from __future__ import annotations

from lopsided.reproduce.claim import AnyClaim
from lopsided.reproduce.claims.systems.andriopoulos2024 import ANDRIOPOULOS2024
from lopsided.reproduce.claims.systems.code_temperature import CODE_TEMPERATURE
from lopsided.reproduce.claims.systems.gill2023 import GILL2023
from lopsided.reproduce.claims.systems.hasegawa2024 import HASEGAWA2024
from lopsided.reproduce.claims.systems.jiang2023 import JIANG2023
from lopsided.reproduce.claims.systems.li2023 import LI2023
from lopsided.reproduce.claims.systems.li2024 import LI2024
from lopsided.reproduce.claims.systems.pinto2024 import PINTO2024
from lopsided.reproduce.claims.systems.wang2024 import WANG2024
from lopsided.reproduce.claims.systems.wang2024b import WANG2024B
from lopsided.reproduce.claims.systems.zhai2025 import ZHAI2025
from lopsided.reproduce.claims.systems.zhao2024 import ZHAO2024

#: In the order of a report.
CLAIMS: tuple[AnyClaim, ...] = (
    ZHAI2025,
    ANDRIOPOULOS2024,
    LI2024,
    WANG2024,
    JIANG2023,
    CODE_TEMPERATURE,
    GILL2023,
    ZHAO2024,
    PINTO2024,
    HASEGAWA2024,
    LI2023,
    WANG2024B,
)
