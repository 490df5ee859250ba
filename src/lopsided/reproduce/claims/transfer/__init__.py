"""What collapse says beyond the data trained on: other targets, ensembles, other distributions."""

from __future__ import annotations

from lopsided.reproduce.claim import AnyClaim
from lopsided.reproduce.claims.transfer.chen2024 import CHEN2024
from lopsided.reproduce.claims.transfer.li2022 import LI2022
from lopsided.reproduce.claims.transfer.rare_ood import RARE_OOD
from lopsided.reproduce.claims.transfer.wang2023 import WANG2023

#: In the order of a report.
CLAIMS: tuple[AnyClaim, ...] = (WANG2023, LI2022, CHEN2024, RARE_OOD)
