"""Committed records say what their claims read, and where the papers' claims stand is told from
them, every line of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from lopsided.papers import PAPERS
from lopsided.plain import plain
from lopsided.reproduce import CLAIMS, page
from lopsided.reproduce.claims.stands import STANDS, networks


@pytest.fixture(scope="module")
def found():
    return page.read(Path(__file__).parents[2] / "results")


@pytest.fixture(scope="module")
def runs(found):
    """Claim -> its runs, in the order of the records."""
    runs = {}
    for record in found.records:
        runs.setdefault(record.claim, []).append(CLAIMS[record.claim].read(record))
    return runs


def test_every_committed_record_says_what_its_claim_reads_and_its_numbers_say(found, runs):
    """Records are read for years: each of those in `results/` still has the settings and numbers
    that its claim knows, and its verdict follows from them."""
    assert found.left_out == []
    assert len(found.records) >= 50
    read = {name: iter(of_claim) for name, of_claim in runs.items()}
    for record in found.records:
        claim, run = CLAIMS[record.claim], next(read[record.claim])
        assert claim.configuration(record.configuration) == record.configuration
        assert plain(run.numbers) == record.numbers
        assert claim.judge(run.settings, run.numbers) == record.verdict


@pytest.mark.parametrize(
    ("name", "part"), [("zhai2025", "seeds"), ("jacot2025", "paths"), ("beaglehole2024", "paths")]
)
def test_a_verdict_on_several_seeds_does_not_speak_of_the_first_alone(name, part, runs):
    for run in runs[name]:
        turned = replace(run.numbers, **{part: getattr(run.numbers, part)[::-1]})
        assert CLAIMS[name].judge(run.settings, turned) == CLAIMS[name].judge(
            run.settings, run.numbers
        )


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


def test_ratios_are_compared_within_runs_that_differ_in_nothing_else(runs):
    """Runs at R = 10 with one weight decay and at R = 100 with another tell nothing of R."""
    mnist = [
        run
        for run in runs["deep"]
        if (run.settings.dataset, run.settings.profile) == ("mnist", "step")
        and networks.uneven(run)
    ]
    ratio, decay = (lambda run: run.settings.ratio), (lambda run: run.settings.weight_decay)
    low, high = sorted({decay(run) for run in mnist})[0], sorted({decay(run) for run in mnist})[-1]
    crossed = [run for run in mnist if (ratio(run), decay(run)) in ((10, high), (100, low))]
    assert {ratio(run) for run in crossed} == {10, 100}
    assert networks.worse(mnist)
    assert not networks.worse(crossed)


def test_convergence_under_sgd_worsens_where_classifiers_and_class_means_are_both_farther(runs):
    """Class means that come nearer with the ratio are no convergence that worsens."""
    run = runs["ufm-sgd"][-1]

    def said(*ends):
        paths = []
        for path, (classifiers, means) in zip(run.numbers.ratios, ends, strict=False):
            last = path.sgd[-1]
            far = last.seeds[0].seli._replace(classifiers=classifiers, embeddings=means)
            seeds = tuple(replace(seed, seli=far) for seed in last.seeds)
            paths.append(replace(path, sgd=(*path.sgd[:-1], replace(last, seeds=seeds))))
        numbers = replace(run.numbers, ratios=tuple(paths))
        return CLAIMS["ufm-sgd"].judge(run.settings, numbers).sentence

    worsens, steady = "convergence worsens steadily with R.", "convergence is not steady in R."
    assert worsens in said((0.2, 0.2), (0.3, 0.3), (0.4, 0.4), (0.5, 0.5))
    assert steady in said((0.2, 0.5), (0.3, 0.4), (0.4, 0.3), (0.5, 0.2))
    assert steady in said((0.5, 0.2), (0.4, 0.3), (0.3, 0.4), (0.2, 0.5))
