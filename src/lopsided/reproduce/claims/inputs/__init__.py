"""Papers on what the inputs of a network have to do with collapse: one small run each."""

from __future__ import annotations

from lopsided.reproduce.claim import AnyClaim
from lopsided.reproduce.claims.inputs.beaglehole2024 import BEAGLEHOLE2024
from lopsided.reproduce.claims.inputs.hong2024 import HONG2024
from lopsided.reproduce.claims.inputs.kothapalli2023 import KOTHAPALLI2023
from lopsided.reproduce.claims.inputs.kothapalli2024 import KOTHAPALLI2024

#: In the order of a report.
CLAIMS: tuple[AnyClaim, ...] = (KOTHAPALLI2024, HONG2024, BEAGLEHOLE2024, KOTHAPALLI2023)
