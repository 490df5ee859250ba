"""Reproduce: claims of papers, each put to the test by a run that writes a record, draws its
figures and gives a verdict.

`CLAIMS` lists them. A claim is a file that says what is claimed, computes numbers, judges them and
shows them; a record is JSON, and everything in a report is drawn from records.
"""

from __future__ import annotations

from lopsided.reproduce.claim import AnyClaim, Claim, Outcome, Run
from lopsided.reproduce.claims.behnia2023 import BEHNIA2023
from lopsided.reproduce.claims.contest import CONTEST
from lopsided.reproduce.claims.demo import DEMO
from lopsided.reproduce.claims.depth import CLAIMS as DEPTH
from lopsided.reproduce.claims.hidden import HIDDEN
from lopsided.reproduce.claims.inputs import CLAIMS as INPUTS
from lopsided.reproduce.claims.prescription import PRESCRIPTION
from lopsided.reproduce.claims.systems import CLAIMS as SYSTEMS
from lopsided.reproduce.claims.thrampoulidis2022 import CLAIMS as THRAMPOULIDIS_2022
from lopsided.reproduce.claims.transfer import CLAIMS as TRANSFER
from lopsided.reproduce.context import Context, Place
from lopsided.reproduce.record import Record, Verdict

_CLAIMS: tuple[AnyClaim, ...] = (
    DEMO,
    *THRAMPOULIDIS_2022,
    HIDDEN,
    BEHNIA2023,
    CONTEST,
    PRESCRIPTION,
)
#: Name -> claim, in the order of a report.
CLAIMS: dict[str, AnyClaim] = {
    claim.name: claim for claim in (*_CLAIMS, *SYSTEMS, *DEPTH, *INPUTS, *TRANSFER)
}

__all__ = ["CLAIMS", "Claim", "Context", "Outcome", "Place", "Record", "Run", "Verdict"]
