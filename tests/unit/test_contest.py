"""The claim contest in short, and its verdict on made-up numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lopsided import steer
from lopsided.reproduce import CLAIMS, Place
from lopsided.reproduce.claims.contest import members, training
from lopsided.reproduce.claims.contest.numbers import BASE, Entry, Numbers
from lopsided.reproduce.claims.contest.settings import Settings

CLAIM = CLAIMS["contest"]
#: One member of each kind: with a prediction, of features, beside another, with labels in training.
FEW = (
    "cross-entropy",
    "dot-regression",
    "uniformity-gap",
    "induced-collapse",
    "designed: equal-norms",
    "nearest-etf head",
    "balanced sampler",
    "deferred weights",
)
SHORT = {"steps": 3, "rates": (0.01, 0.02), "seeds": 2, "tested": 10, "held_out": 2, "batch": 32}


def test_every_member_of_the_tables_takes_part_or_needs_what_is_not_there():
    found = members.ways()
    absent = {name for name in steer.LOSSES if name not in found}
    views_and_sets = {"pick-all-label", "decoupled-infonce", "kernel-contrastive"}
    assert absent == views_and_sets | {"peer-to-peer", "group-aligned", "shortcut"}
    assert {name for name in steer.HEADS if f"{name} head" not in found} == {"primed"}
    assert set(steer.RULES) < set(members.rules())


def test_a_short_run_is_recorded_and_shown(tmp_path, monkeypatch):
    chosen = {name: way for name, way in members.ways().items() if name in FEW}
    monkeypatch.setattr(training, "ways", lambda: chosen)
    record = CLAIM.run(SHORT, Place(tmp_path).context("short"))
    run = CLAIM.read(record)
    assert set(FEW) < set(run.numbers.entries)
    figure, table = CLAIM.show([run])
    assert len(table.rows) == len(FEW) + len(members.rules())
    assert all(name in figure.svg for name in FEW[1:])
    assert ("± " in str(table.rows)) == (run.settings.seeds > 1)
    twice = CLAIM.show([run, run])
    assert len({part.caption for part in twice[1:]}) == 1  # one record, one name
    assert record.name.rpartition("-")[2] in twice[1].caption
    (shapes,) = {len(run.numbers.entries[name].shapes) for name in FEW}
    assert shapes == 2
    assert run.numbers.entries["cross-entropy"].shapes[0].own is not None
    assert "balanced accuracy" in record.verdict.sentence


def test_of_rates_that_are_as_good_the_least_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "ways", lambda: {BASE: members.ways()["cross-entropy"]})
    scored = training.Scored(0.5, (0.5,) * 10, None, {})
    monkeypatch.setattr(training, "one", lambda *_: scored)
    for rates in ((0.01, 0.02), (0.02, 0.01)):
        context = Place(tmp_path).context(f"rates {rates}")
        found = training.compute(Settings(**SHORT | {"rates": rates}), context)
        assert found.numbers.entries[BASE].rate == 0.01


def test_which_class_is_rare_is_drawn_and_no_sample_is_in_two_sets(tmp_path):
    settings, context = Settings(**SHORT), Place(tmp_path).context("sets")
    one, other = (training.sets(settings, seed, context) for seed in (0, 1))
    assert np.bincount(one.labels[0]).tolist() == settings.counts.values.tolist()
    assert np.bincount(one.labels[1]).tolist() == [2] * 10
    rows = torch.cat(one.images[:2]).flatten(1).unique(dim=0)
    assert len(rows) > 0.99 * sum(len(labels) for labels in one.labels[:2])
    assert not torch.equal(one.images[2], other.images[2])


def test_a_network_that_diverges_is_right_nowhere(tmp_path):
    settings, context = Settings(**SHORT), Place(tmp_path).context("far")
    way = members.ways()["spectral-contrastive"]
    found = training.one(settings, way, 1e9, 0, context, ruled=False)
    assert found.held_out == 0.0
    assert found.shape is None


def entries(**ahead):
    base = np.array([[0.9, 0.7], [0.8, 0.6]])
    rows = {BASE: base, "cross-entropy": base - 0.1} | {n: base + gap for n, gap in ahead.items()}
    made = {n: Entry("loss", 0.1, tuple(map(tuple, table.tolist()))) for n, table in rows.items()}
    return Numbers("T", (9, 1), 10, made)


@pytest.mark.parametrize("gap", [0.02, 0.005])
def test_the_verdict_follows_the_paired_differences(gap):
    verdict = CLAIM.judge(Settings(seeds=2), entries(a=gap, b=-0.05, c=-0.005))
    assert verdict.holds == (gap < 0.01)
    # a and c are ahead and behind in every seed, but not by the point that is asked for
    bar = "Of 4 others, by more than 1 point in the mean and with no seed against it,"
    found = "none is ahead" if gap < 0.01 else "1 is ahead (a +2.0)"
    assert f"{bar} {found} and 2 are behind." in verdict.sentence
    mixed = entries(a=np.array([[0.2], [-0.01]]))
    assert CLAIM.judge(Settings(seeds=2), mixed).holds
    assert mixed.gaps("a").tolist() == pytest.approx([0.2, -0.01])
    assert replace(mixed).as_trained("cross-entropy")[0] == pytest.approx(0.78)
