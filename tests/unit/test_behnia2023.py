"""The claim behnia2023 in short: free features arrive, the record is drawn, an interrupted run goes
on."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lopsided import Adjustment, Counts, predict
from lopsided.report import Row, Table
from lopsided.reproduce import CLAIMS, Place, Record
from lopsided.reproduce.claims.behnia2023 import descend
from lopsided.reproduce.disk import seal
from lopsided.reproduce.seen import Skews
from lopsided.reproduce.shapes import geometry

STEP = Counts.step(k=6, minority=4, ratio=9)
SHORT = {
    "dataset": "digits",
    "largest": 100,
    "epochs": 1,
    "steps": 300,
    "width": 32,
    "depth": 2,
    "exponents": (-0.5, 0.25, 0.5),
    "free": (0.5,),
}


@pytest.mark.parametrize(
    "adjustment",
    [
        Adjustment(),
        Adjustment.weighted(STEP),
        Adjustment.logit_adjusted(STEP),
        Adjustment.cdt(STEP, 0.5),
        Adjustment.cdt(STEP, -0.5),
        Adjustment.ldt(STEP, 0.5),
        Adjustment.ldt(STEP, -0.5),
    ],
    ids=repr,
)
def test_descent_on_free_features_arrives_at_the_prediction(adjustment):
    law = predict.cross_entropy(STEP, adjustment)
    assert max(descend(STEP, adjustment, steps=2500, d=8).distance(law)) < 0.05


def test_skews_are_the_ratio_and_cosine_of_the_closed_form():
    counts = Counts.step(k=10, minority=5, ratio=10)
    seen = Skews.of(predict.seli(counts), counts)
    assert seen.classifiers.norm_ratio == pytest.approx(2.6721, abs=1e-4)
    assert seen.classifiers.minority == pytest.approx(
        float(predict.seli(counts).classifiers.cosine(8, 9))
    )
    np.testing.assert_array_equal(counts.minorities, np.flatnonzero(counts.values == 5))


def test_a_short_run_is_judged_and_drawn_and_resumes(tmp_path):
    claim, place = CLAIMS["behnia2023"], Place(tmp_path)

    def stop(fraction, text):
        if text.startswith("network"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        claim.run(SHORT, place.context("short", stop))
    # What was finished before an interruption is taken as it is.
    kept = next((tmp_path / ".work" / "short").glob("free-CDT 0.5.*"))
    identity, value = json.loads(kept.read_text())
    kept.unlink()
    seal(
        kept.parent,
        "free-CDT 0.5",
        ".json",
        json.dumps(
            [identity, {**value, "distance": {**value["distance"], "classifiers": 1.5}}]
        ).encode(),
    )
    record = claim.run(SHORT, place.context("short"))
    assert "CDT 0.5, 1.5e+00" in record.verdict.sentence
    assert len(claim.show([claim.read(record)])) == 3


@pytest.mark.parametrize(
    "adjustment", [Adjustment(), Adjustment.cdt(STEP, 0.4), Adjustment.ldt(STEP, 0.4)], ids=repr
)
def test_an_offset_of_all_features_does_not_move_the_measured_geometry(adjustment):
    law = predict.cross_entropy(STEP, adjustment)
    W, M = law.vectors(seed=1)
    offset = np.random.default_rng(0).normal(size=M.shape[1])
    assert max(geometry(W, M + offset, STEP, adjustment).distance(law)) < 1e-6


@pytest.mark.parametrize("option", [{"bias": "free"}, {"device": "cuda"}, {"amp": "bf16"}])
def test_options_that_the_comparison_does_not_have_are_refused(option):
    with pytest.raises(ValueError, match="a comparison of losses has"):
        CLAIMS["behnia2023"].configuration(option)


def test_balanced_classes_leave_nothing_to_compare_losses_by():
    settings = CLAIMS["behnia2023"].settings(profile="given", counts=",".join(["60", "50"] * 5))
    with pytest.raises(ValueError, match=r"no class is one at a ratio of 1\.2"):
        settings.class_counts(10)


def test_runs_of_other_settings_are_drawn_and_named_apart():
    claim, results = CLAIMS["behnia2023"], Path(__file__).parents[2] / "results"
    records = [Record.load(path) for path in sorted(results.glob("behnia2023-*.json"))]
    lengths = {record.configuration["epochs"] for record in records}
    assert len(lengths) == len(records) == 2

    def blocks(records):
        shown = claim.show([claim.read(record) for record in records])
        (table,) = (block for block in shown if isinstance(block, Table))
        return [block for block in shown if isinstance(block, Row)], [row[0] for row in table.rows]

    figures, names = blocks(records)
    assert len(figures) == 2  # classifiers and class means of the longest training
    assert {"CE, 200 epochs", "CE, 1000 epochs"} < set(names)
    other = [replace(one, configuration={**one.configuration, "seed": 1}) for one in records]
    figures, names = blocks([*records, *other])
    assert len(set(names)) == len(names) == 12
    assert {"CE, seed 0, 200 epochs", "LA, seed 1, 1000 epochs"} < set(names)
    assert [row.caption.split(":")[0] for row in figures] == [
        f"{part}, seed {seed}" for seed in (0, 1) for part in ("Classifiers", "Class means")
    ]
