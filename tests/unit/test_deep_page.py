"""What the page tells of a deep run, on a committed record."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lopsided import Counts, foresee
from lopsided.reproduce import CLAIMS, Record
from lopsided.reproduce.claims.thrampoulidis2022.deep.kinds import heading, kind, lettered
from lopsided.reproduce.claims.thrampoulidis2022.deep.page import overview, play
from lopsided.reproduce.claims.thrampoulidis2022.deep.run import split
from lopsided.reproduce.claims.thrampoulidis2022.deep.verdict import splits
from lopsided.reproduce.claims.thrampoulidis2022.individuality.averages import averages

RESULTS = Path(__file__).parents[2] / "results"
#: The MLP on MNIST at R = 10, published schedule.
MNIST = RESULTS / "deep-mlp-mnist-step-10-none-0-0950520a.json"


def test_the_misfit_of_the_class_means_is_mostly_unseen_or_of_single_classes():
    run = CLAIMS["deep"].read(Record.load(MNIST))
    counts = Counts(run.numbers.counts)
    measured = run.numbers.geometry.geometry(counts)
    seli = foresee(run.settings.problem(counts))
    last = run.numbers.history[-1]
    assert measured.distance(seli) == pytest.approx(last.distances.seli, abs=1e-12)
    rows = {row[0]: row[1:] for row in split(measured, seli, counts).rows}
    assert rows["class means"] == ["0.32", "0.23", "0.07", "0.22", "0.41"]


def test_a_verdict_blames_the_law_for_its_own_part_alone():
    run = CLAIMS["deep"].read(
        Record.load(RESULTS / "deep-mlp-fashion-mnist-step-100-none-0-16751960.json")
    )
    law, etf = splits(run.settings, run.numbers)
    last = run.numbers.history[-1].distances
    assert last.etf.embeddings - last.prediction.embeddings < 0.04
    assert etf.embeddings.law > 2 * law.embeddings.law
    verdict = CLAIMS["deep"].judge(run.settings, run.numbers)
    assert verdict == run.verdict
    assert "visible class means 0.25 and 0.62. SELI explains both better." in verdict.sentence


def test_the_page_holds_the_network_to_play_with_beside_what_is_predicted():
    run = CLAIMS["deep"].read(Record.load(MNIST))
    (fold,) = play([run])
    (component,) = fold.blocks
    assert f'"title":{json.dumps(heading(run))}' in component.component
    assert '"measured":[{' in component.component


def test_every_kind_of_run_has_letters_of_its_own():
    letters = [lettered(place, "").removesuffix(": ") for place in range(800)]
    assert len(set(letters)) == len(letters)
    assert [letters[place] for place in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]
    runs = [CLAIMS["deep"].read(Record.load(path)) for path in sorted(RESULTS.glob("deep-*"))]
    kinds = {kind(run): [run] for run in runs}
    assert len(kinds) > 26
    for place, row in enumerate(overview(kinds).rows):
        assert row[0].startswith(f"{letters[place]}: ")


def test_runs_of_other_counts_or_images_are_of_other_kinds():
    run = CLAIMS["deep"].read(Record.load(MNIST))

    def trained(**settings):
        changed = replace(run.settings, **settings)
        counts = [int(word) for word in changed.counts.split(",") if word]
        if not counts:
            counts = Counts.exponential(10, changed.largest, changed.ratio).values.tolist()
        return replace(run, settings=changed, numbers=replace(run.numbers, counts=tuple(counts)))

    def given(last, **settings):
        return trained(profile="given", counts=f"{'40,' * 6}{last}", **settings)

    several = [
        given("40,30,10,6"),
        given("40,12,8,6"),
        given("40,40,10,6"),
        given("40,10,10,6"),
        given("40,40,6,6"),
        given("40,40,40,40"),
        given("40,40,40,40,35,30,25,20,15,10"),
        given("40,40,40,40,35,30,25,20,11,10"),
        given("40,40,6,6", dataset="a/images"),
        given("40,40,6,6", dataset="b/images"),
        given("40,40,6,6", dataset="b/images.1"),
        *(trained(profile="exponential", largest=100, ratio=ratio) for ratio in (60.0, 100.0)),
    ]
    assert len({kind(one) for one in several}) == len(several)
    orders = [given("40,10,6,30"), given("6,10,30,40")]
    assert kind(orders[0]) == kind(orders[1]) != kind(several[0])
    for one in several:
        assert kind(replace(one, settings=replace(one.settings, seed=7))) == kind(one)
    assert averages([*several, *orders, orders[0]]) == averages([*orders, orders[0]])
