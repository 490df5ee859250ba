"""The claim longtail in short, and its verdict on made-up numbers."""

import functools

import numpy as np
import pytest

from lopsided import Adjustment, Counts, predict, steer
from lopsided.geometry import Distances
from lopsided.reproduce import CLAIMS, Place
from lopsided.reproduce.claims.longtail import DESIGNED, scores
from lopsided.reproduce.claims.longtail_settings import Numbers, Settings
from lopsided.reproduce.claims.longtail_training import recipes
from lopsided.reproduce.seen import Laws, Seen, Skew, Skews
from lopsided.reproduce.shapes import geometry

TAIL = Counts.exponential(10, 100, 20)


@pytest.fixture(scope="module", autouse=True)
def designed_once():
    """Several runs ask for the same designs, which take longest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steer, "design", functools.cache(steer.design))
        yield


SHORT = {
    "dataset": "digits",
    "largest": 100,
    "ratio": 20.0,
    "epochs": 1,
    "seeds": 2,
    "width": 32,
    "depth": 2,
}


def test_a_short_run_compares_every_loss_and_both_ways_of_logit_adjustment(tmp_path):
    claim = CLAIMS["longtail"]
    record = claim.run(SHORT, Place(tmp_path).context("short"))
    numbers = claim.read(record).numbers
    assert set(numbers.runs) == set(recipes(TAIL))
    assert set(numbers.rules) == {"LA after training", "tau-normalised, 1"}
    assert all(len(balanced) == 2 for balanced, _ in scores(numbers).values())
    assert "balanced accuracy" in record.verdict.sentence
    table = claim.show([claim.read(record)])[0]
    assert len(table.rows) == len(numbers.runs) + len(numbers.rules)
    assert claim.run(SHORT, Place(tmp_path).context("short")).digest() == record.digest()
    again = claim.run(SHORT, Place(tmp_path).context("afresh"))
    assert again.digest() == record.digest()


@pytest.mark.parametrize("winner", ["LDAM", *DESIGNED])
def test_the_verdict_names_the_winner_whoever_it_is(winner):
    names = ["CE", "LDAM", *DESIGNED]
    accuracy = {name: [0.9, 0.9, 0.5, 0.5 + 0.1 * (name == winner)] for name in names}
    law, skew = Distances(0.25, 0.5, 0.5), Skew(2.0, 0.0)
    runs = {
        name: (Seen(found, (1.0, 1.0, 1.0, 0.5), 0.1, Laws(law, law, law), Skews(skew, skew)),)
        for name, found in accuracy.items()
    }
    numbers = Numbers("T", (50, 50, 5, 5), "", 4, {}, {}, runs, {})
    verdict = CLAIMS["longtail"].judge(Settings(seeds=1), numbers)
    assert verdict.holds == (winner in DESIGNED)
    assert "a class only to 50%" in verdict.sentence
    assert f"the best is “{winner}”" in verdict.sentence.replace("The", "the")


@pytest.mark.parametrize(
    "adjustment", [Adjustment(), Adjustment.cdt(TAIL, 0.4), Adjustment.ldt(TAIL, 0.4)], ids=repr
)
def test_an_offset_of_all_features_does_not_move_the_measured_geometry(adjustment):
    law = predict.cross_entropy(TAIL, adjustment)
    W, M = law.vectors(seed=1)
    offset = np.random.default_rng(0).normal(size=M.shape[1])
    assert max(geometry(W, M + offset, TAIL, adjustment).distance(law)) < 1e-6


def test_designed_losses_are_those_of_design():
    found = recipes(TAIL)
    assert found[DESIGNED[0]].adjustment == steer.design(TAIL, "etf-classifiers").adjustment
    law = predict.cross_entropy(TAIL, found[DESIGNED[0]].adjustment)
    assert law.classifiers.distance(predict.etf(10).classifiers) < 1e-5


@pytest.mark.parametrize("option", [{"bias": "free"}, {"device": "cuda"}, {"amp": "bf16"}])
def test_options_that_the_comparison_does_not_have_are_refused(option):
    with pytest.raises(ValueError, match="a comparison of losses has"):
        CLAIMS["longtail"].configuration(option)


@pytest.mark.parametrize("claim", ["longtail", "behnia2023"])
def test_balanced_classes_leave_nothing_to_compare_losses_by(claim):
    settings = CLAIMS[claim].settings(profile="given", counts=",".join(["60", "50"] * 5))
    with pytest.raises(ValueError, match=r"no class is one at a ratio of 1\.2"):
        settings.class_counts(10)
