"""A network that is its law lies on it, whatever the law's class means are about."""

from __future__ import annotations

import re

import numpy as np
import pytest

from lopsided import Adjustment, Counts, predict, solve
from lopsided.diagnosis.geometry import predictions
from lopsided.measure import METRICS, Collapse, Moments, geometry
from lopsided.measure.network_geometry import comparable

STEP, TAIL = Counts.step(k=6, minority=5, ratio=20), Counts.exponential(8, 200, 30)
LAWS = {
    f"{name}, {counts!r}": law(counts)
    for counts in (STEP, TAIL)
    for name, law in {
        "SELI": predict.seli,
        "ETF": lambda counts: predict.etf(counts.k),
        "free bias": predict.free_bias,
        "vector scaling": lambda counts: predict.cross_entropy(
            counts, Adjustment.vs(counts, gamma=0.3, tau=1.0)
        ),
        "non-negative": predict.nonnegative,
        "contrastive": predict.contrastive,
        "ridge 0.1": lambda counts: solve.minimize(solve.Problem(counts, ridge=0.1)).geometry,
        "ridge 3": lambda counts: solve.minimize(solve.Problem(counts, ridge=3.0)).geometry,
    }.items()
}


def network(law, offset=0.0):
    """Samples on the class means of a law, moved as a whole."""
    W, M = law.vectors(24)
    moments = Moments(law.k, 24)
    moments.update(np.repeat(M, 2, axis=0) + offset, np.repeat(np.arange(law.k), 2))
    return Collapse.of(moments, W)


@pytest.mark.parametrize("name", LAWS)
def test_a_network_that_is_its_law_lies_on_it_wherever_its_features_are_centred(name):
    law = LAWS[name]
    for offset in (0.0, 3.0):
        collapse = network(law, offset)
        distances = collapse.geometry.distance(comparable({"law": law}, law.k)["law"])
        assert max(distances) < 1e-6
        scalars = collapse.scalars({"law": law})
        assert (
            max(scalars[f"law/{part}"] for part in ("classifiers", "embeddings", "logits")) < 1e-6
        )
        assert "law fits" in collapse.verdict(
            {"law": law}
        ) or "no better than random" in collapse.verdict({"law": law})


@pytest.mark.parametrize("center", ["classes", "samples"])
@pytest.mark.parametrize("name", LAWS)
def test_by_whatever_mean_it_is_centred_a_network_lies_on_its_law(name, center):
    law = LAWS[name]
    W, M = law.vectors(24)
    y, moments = np.repeat(np.arange(law.k), np.arange(law.k) + 1), Moments(law.k, 24)
    moments.update(M[y] + 3.0, y)
    assert max(geometry(moments, W, center=center).distance(law)) < 1e-6
    assert max(law.distance(geometry(moments, W, center=center))) < 1e-6


@pytest.mark.parametrize("name", LAWS)
def test_metrics_of_a_law_are_those_of_the_network_on_it(name):
    law = LAWS[name]
    collapse, predicted = network(law), law.about_mean()
    for metric in ("embedding_equinorm", "embedding_etf_distance", "logit_etf_distance", "nc3"):
        if metric in collapse.metrics()[0]:
            wanted = METRICS[metric].of_prediction(predicted, [])
            assert getattr(collapse, metric) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("name", LAWS)
def test_about_its_mean_a_law_is_the_centred_matrix_and_stays_so(name):
    law, k = LAWS[name], LAWS[name].k
    centre, once = np.eye(k) - 1 / k, LAWS[name].about_mean()
    np.testing.assert_allclose(
        once.embeddings.matrix(), centre @ law.embeddings.matrix() @ centre, atol=1e-8
    )
    np.testing.assert_allclose(once.logits.matrix(), law.logits.matrix() @ centre, atol=1e-8)
    assert once.about_mean() is once
    assert (law.about_mean() is law) == name.startswith(("SELI", "ETF", "vector"))


@pytest.mark.parametrize("name", LAWS)
def test_a_network_lies_on_its_law_where_some_of_its_classes_are_not_measured(name):
    law, counts = LAWS[name], STEP if LAWS[name].k == STEP.k else TAIL
    W, M = law.vectors(24)
    seen = np.array([0, 3, 5])
    moments = Moments(law.k, 24)
    moments.update(np.repeat(M[seen], 2, axis=0) + 3.0, np.repeat(seen, 2))
    collapse = Collapse.of(moments, W, classes="seen", counts=counts)
    scalars = collapse.scalars({"law": law})
    assert max(scalars[f"law/{part}"] for part in ("classifiers", "embeddings", "logits")) < 1e-6
    found = collapse.splits({"law": law})["law"]
    whole = 0.9 if name.startswith("non-negative") else 1 - 1e-6  # seen by all rows of the head
    assert found.visible > whole
    assert max(found.classifiers.distance, found.embeddings.distance, found.logits.distance) < 1e-6
    by_itself = {"itself": collapse.geometry}  # who has a prediction for the others alone gives it
    assert collapse.scalars(by_itself)["itself/classifiers"] < 1e-6
    if name.startswith(("SELI", "ETF")):
        told = collapse.scalars(predictions(collapse))
        assert told[f"{name.split(',')[0]}/classifiers"] < 1e-6
    with pytest.raises(ValueError, match="give the training counts of all"):
        Collapse.of(moments, W, classes="seen").scalars({"law": law})


@pytest.mark.parametrize("seen", [range(6), [0, 1, 3, 4], [0, 3, 4], [3, 4]])
def test_what_all_classifiers_of_a_head_share_is_left_out_also_where_some_classes_are(seen):
    law = predict.seli(STEP)
    W, M = law.vectors(24)
    moments = Moments(law.k, 24)
    moments.update(np.repeat(M[seen], 2, axis=0), np.repeat(seen, 2))
    shared = W + 3 * np.linalg.norm(W[0]) * np.eye(24)[5]
    collapse = Collapse.of(moments, shared, classes="seen", counts=STEP)
    words = collapse.verdict(predictions(collapse))
    assert re.search(r"about their mean, which no softmax depends on, 0\.00 from SELI", words), (
        words
    )
    assert "SELI explains " in words
    assert "no prediction fits" not in words
    assert "No two classifiers are merging" in words


@pytest.mark.parametrize("seen", [range(6), [0, 3, 4], [3, 4, 5], [3, 4]])
def test_minorities_merge_whatever_classes_are_measured_beside_them(seen):
    counts = Counts([10**6] * 3 + [1] * 3)
    W, M = predict.seli(counts).vectors(24)
    moments = Moments(6, 24)
    moments.update(np.repeat(M[seen], 2, axis=0), np.repeat(seen, 2))
    assert " are merging (all minorities)" in Collapse.of(
        moments, W, classes="seen", counts=counts
    ).verdict({})
    if len(seen) > 2:
        return
    for rows, told in ((W[3], "the same"), (0.0, "zero")):
        W[[3, 4]] = rows
        for known in (counts, None):
            words = Collapse.of(moments, W, classes="seen", counts=known).verdict({})
            assert "the head answers the same" not in words
            assert told in words or " are merging (all minorities)" in words
        alone = Collapse.of(moments, np.broadcast_to(W[3], W.shape), classes="seen").verdict({})
        assert f"All classifiers are {told}: the head answers the same for every sample" in alone


def test_the_simplex_of_a_table_is_that_of_all_classes_that_were_trained():
    W, M = predict.etf(6).vectors(24)
    moments = Moments(6, 24)
    moments.update(np.repeat(M[[0, 3, 4]], 2, axis=0), np.repeat([0, 3, 4], 2))
    collapse = Collapse.of(moments, W, classes="seen", counts=STEP)
    for given in ({}, {"SELI": predict.seli(STEP)}, {"ETF": predict.etf(6)}):
        columns = {str(one.header): [*one.cells] for one in collapse.table(given).columns}
        for name, found, told in zip(
            columns["metric"], columns["measured"], columns["ETF"], strict=True
        ):
            assert told in ("", found), (name, given)
        assert columns["ETF"].count("") < len(columns["ETF"]) - 10
    narrow = Collapse.of(
        _moments(np.eye(6, 4), [0, 3, 4]), np.eye(6, 4), classes="seen", counts=STEP
    )
    assert not any({str(one.header): [*one.cells] for one in narrow.table().columns}["ETF"])


def test_a_head_is_kept_whole_only_where_theory_asks_for_the_classes_left_out():
    moments = _moments(np.eye(6, 24), [0, 3, 4])
    assert Collapse.of(moments, np.eye(6, 24), classes="seen").head is None
    assert Collapse.of(moments, np.eye(6, 24), classes="seen", counts=STEP).head.shape == (6, 24)


def _moments(means, seen):
    moments = Moments(*means.shape)
    moments.update(np.repeat(means[seen], 2, axis=0), np.repeat(seen, 2))
    return moments


@pytest.mark.parametrize("name", LAWS)
def test_some_classes_of_a_law_are_those_of_its_matrices(name):
    law, chosen = LAWS[name], [4, 1, -1, 0]
    part = law.take(chosen)
    for one in ("classifiers", "embeddings", "logits"):
        whole = getattr(law, one).matrix()
        np.testing.assert_allclose(
            getattr(part, one).matrix(), whole[np.ix_(chosen, chosen)], atol=1e-12
        )
    if law.counts is not None:
        assert part.counts == Counts(law.counts.values[chosen])
    with pytest.raises(IndexError, match="classes are 0 to"):
        law.take([law.k])
    for wrong, words in (([0, 1, -law.k], "class 0 is named twice"), ([], "got none")):
        with pytest.raises(ValueError, match=words):
            law.take(np.array(wrong, int))
    with pytest.raises(ValueError, match="not the same classes"):
        predict.label_sets(4, {1: 5, 2: 3}, 0.1).take([0, 1])


def test_minorities_are_those_of_all_that_were_trained():
    W, M = predict.etf(5).vectors(24)
    W[4] = W[3] + 0.1 * W[4]
    moments = Moments(5, 24)
    moments.update(np.repeat(M[2:], 2, axis=0), np.repeat([2, 3, 4], 2))
    given = {"classes": "seen", "counts": [500, 500, 5, 4, 4]}
    collapse = Collapse.of(moments, W, **given)
    assert collapse.minorities.tolist() == [0, 1, 2]
    cosines = collapse.geometry.classifiers.cosine([0, 0, 1], [1, 2, 2])
    assert collapse.minority_cosine_mean == pytest.approx(cosines.mean())
    assert "classes 3, 4 are merging (all minorities)" in collapse.verdict()
