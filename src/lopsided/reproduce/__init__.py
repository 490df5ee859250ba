"""Reproduce: claims of papers, each put to the test by a run that writes a record, draws its figures and gives a verdict.

`CLAIMS` lists them. A claim is a file that says what is claimed, computes numbers, judges them and shows them; a record is JSON,
and everything in a report is drawn from records.
"""

from __future__ import annotations

from lopsided.reproduce.claim import Claim, Outcome
from lopsided.reproduce.context import Context
from lopsided.reproduce.demo import DEMO
from lopsided.reproduce.record import Record, Verdict

#: Name -> claim, in the order of a report.
CLAIMS: dict[str, Claim] = {claim.name: claim for claim in (DEMO,)}

__all__ = ["CLAIMS", "Claim", "Context", "Outcome", "Record", "Verdict"]
