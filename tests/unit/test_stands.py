"""Where the papers' claims stand is told from committed records, every line of it."""

from pathlib import Path

import pytest

from lopsided.papers import PAPERS
from lopsided.reproduce import CLAIMS, Record
from lopsided.reproduce.claims.stands import STANDS

RESULTS = Path(__file__).parents[2] / "results"


@pytest.fixture(scope="module")
def runs():
    found = {stand.claim: [] for stand in STANDS}
    for path in sorted(RESULTS.glob("*.json")):
        if path.name.startswith(tuple(found)):
            record = Record.load(path)
            if record.claim in found:
                found[record.claim].append(CLAIMS[record.claim].read(record))
    return found


@pytest.mark.parametrize("stand", STANDS, ids=lambda stand: stand.says[:40])
def test_every_claim_has_a_verdict_and_evidence(stand, runs):
    assert stand.paper in {"", *PAPERS}
    verdict, evidence = stand.of(runs[stand.claim])
    assert "hold" in verdict
    assert any(letter.isdigit() for letter in evidence)
    assert "nan" not in evidence


def test_a_run_that_says_nothing_is_not_counted(runs):
    balanced = next(stand for stand in STANDS if stand.says.startswith("On balanced"))
    assert balanced.of(runs["uf-svm"][:0]) == ("no record", "")
    verdict, _ = balanced.of(runs["deep"])
    even = [run for run in runs["deep"] if len(set(run.numbers.counts)) == 1]
    assert 0 < int(verdict.split(" of ")[1].split()[0]) <= len(even)
