"""Laws of shape: one definition each, whatever the groups; and of the split of a measured
geometry."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lopsided import (
    Adjustment,
    Counts,
    Geometry,
    Gram,
    Pairing,
    Problem,
    Source,
    foresee,
    measure,
    predict,
    shape,
)
from lopsided.groups import Groups
from lopsided.split import average

RESULTS = Path(__file__).parents[2] / "results"


@given(st.lists(st.integers(0, 3), min_size=2, max_size=8), st.integers(0, 99))
def test_contrast_is_the_mean_over_pairs_of_classes(labels, seed):
    rng = np.random.default_rng(seed)
    groups = Groups.of_columns(np.array(labels))
    base = rng.normal(size=(groups.m, 3))
    gram = Gram.paired(
        groups, base, base, np.einsum("gq,gq->g", base, base) + rng.uniform(0, 1, groups.m)
    )
    rare = rng.random(gram.k) < 0.5
    found, cosines, squares = (
        shape.contrast(gram, np.flatnonzero(rare)),
        gram.cosines(),
        gram.squared_norms(),
    )
    pairs = ~np.eye(gram.k, dtype=bool)
    for value, mine, theirs in (
        (found.majority, ~rare, ~rare),
        (found.minority, rare, rare),
        (found.across, ~rare, rare),
    ):
        chosen = cosines[np.outer(mine, theirs) & pairs]
        assert value == pytest.approx(
            chosen.mean() if chosen.size else np.nan, nan_ok=True, abs=1e-12
        )
    if 0 < rare.sum() < gram.k:
        assert found.norm_ratio == pytest.approx(squares[~rare].mean() / squares[rare].mean())


def of_arrays(classifiers, embeddings, logits, counts):
    each = Groups.each(len(classifiers))
    cross = Pairing.paired(
        each, np.asarray(logits), np.eye(len(classifiers)), np.diag(logits).copy()
    )
    return Geometry(
        Gram.of_matrix(classifiers), Gram.of_matrix(embeddings), cross, Source("network"), counts
    )


def margined(counts):
    """A law that tells classes of equal count apart."""
    return predict.cross_entropy(counts, Adjustment(margin=np.array([1.0, 2.0, 1.0, 2.0, 3.0])))


@given(
    st.integers(0, 99),
    st.sampled_from([(5, 5, 5, 1, 1), (9, 4, 4, 2, 1), (3, 3, 3, 3, 3)]),
    st.sampled_from([predict.seli, margined]),
)
def test_a_distance_is_the_misfit_to_the_law_and_single_classes_squared(seed, counts, law):
    counts, rng = Counts(list(counts)), np.random.default_rng(seed)
    network = Geometry.of_vectors(
        rng.normal(size=(5, 7)), rng.normal(size=(5, 7)), Source("network"), counts
    )
    found = network.split(law(counts))
    for parts in (found.classifiers, found.embeddings, found.logits):
        assert parts.distance**2 == pytest.approx(parts.law**2 + parts.individual**2, rel=1e-12)
    assert found.classifiers.distance == pytest.approx(
        network.distance(law(counts)).classifiers, rel=1e-12
    )
    own = law(counts).split(law(counts))
    assert np.allclose([own.classifiers, own.embeddings, own.logits], 0, atol=1e-6)
    assert 0 <= found.visible <= 1 + 1e-12


@given(st.integers(0, 99))
def test_an_average_over_permutations_is_their_mean(seed):
    groups, matrix = (
        Groups.of_columns(np.array([2, 1, 2, 2])),
        np.random.default_rng(seed).normal(size=(4, 4)),
    )
    orders = [
        [a, 1, b, c] for a in (0, 2, 3) for b in (0, 2, 3) for c in (0, 2, 3) if len({a, b, c}) == 3
    ]
    assert average(matrix, groups) == pytest.approx(
        np.mean([matrix[np.ix_(order, order)] for order in orders], axis=0)
    )


def test_means_inside_the_span_of_the_classifiers_are_wholly_visible():
    rng = np.random.default_rng(0)
    W, counts = rng.normal(size=(4, 6)), Counts([9, 9, 2, 2])
    inside, outside = rng.normal(size=(4, 4)) @ W, np.linalg.svd(W)[2][4:]
    seen = Geometry.of_vectors(W, inside, Source("network"), counts)
    assert seen.split(predict.seli(counts)).visible == pytest.approx(1)
    hidden = Geometry.of_vectors(W, rng.normal(size=(4, 2)) @ outside, Source("network"), counts)
    assert hidden.split(predict.seli(counts)).visible == pytest.approx(0, abs=1e-12)


NETWORKS = {
    f"{name} {i}": form.geometry(problem)
    for name, form in predict.FORMS.items()
    for i, problem in enumerate(form.examples())
    if form.kind == "classes"
} | {f"ridge {r:g}": foresee(Problem([9, 5, 5, 1], ridge=r)) for r in (0.1, 1.0)}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_that_is_its_law_is_at_no_distance_from_it(name):
    law = NETWORKS[name]
    counts = Counts([2] * law.k) if law.counts is None else law.counts
    W, M = law.vectors(d=law.k + 2)
    moments = measure.Moments(law.k, law.k + 2)
    moments.update(np.repeat(M, counts.values, axis=0) + 3, np.arange(law.k).repeat(counts.values))
    network = measure.Collapse.of(moments, W, counts=counts).geometry
    for found in (network.distance(law), law.distance(network)):
        assert np.nan_to_num(found) == pytest.approx(np.zeros(3), abs=1e-6)


@pytest.mark.parametrize("ratio", [1, 10**4, 10**9, 10**14])
def test_a_law_is_wholly_visible_to_its_own_head_at_any_ratio(ratio):
    seli = predict.seli(Counts.step(k=4, minority=1, ratio=ratio))
    found = seli.split(seli)
    assert found.visible == pytest.approx(1, abs=1e-6)
    assert found.embeddings.distance == pytest.approx(0, abs=1e-6)


def test_runs_of_permuted_counts_tell_the_law_from_single_classes():
    rng, runs = np.random.default_rng(0), []
    for _ in range(40):
        counts = Counts(rng.permutation([8, 5, 3, 1]))
        W, M = predict.seli(counts).vectors(5)
        runs.append(
            Geometry.of_vectors(W + 0.1 * rng.normal(size=W.shape), M, Source("network"), counts)
        )
    found = runs[0].split(predict.seli(Counts([8, 5, 3, 1])), *runs[1:])
    assert found.classifiers.law < 0.03 < 0.05 < found.classifiers.individual


def test_class_means_of_the_mlp_on_mnist_miss_seli_by_single_classes_and_the_etf_by_the_law():
    record = json.loads((RESULTS / "deep-mlp-mnist-step-10-none-0-0950520a.json").read_text())[
        "numbers"
    ]
    counts = Counts(record["counts"])
    network = of_arrays(*record["geometry"].values(), counts)
    seli, etf = (
        network.split(predict.seli(counts)),
        network.split(replace(predict.etf(10), counts=counts)),
    )
    assert round(network.distance(predict.seli(counts)).embeddings, 2) == 0.32
    assert [round(part, 2) for part in seli.embeddings] == [0.23, 0.07, 0.22]
    assert round(etf.embeddings.law, 2) == 0.41
    assert round(seli.visible, 2) == 0.93


def test_a_split_without_counts_is_refused():
    seli = predict.seli(Counts([4, 2]))
    with pytest.raises(ValueError, match="has none"):
        seli.split(predict.etf(2))
    with pytest.raises(ValueError, match="same counts"):
        seli.split(predict.seli(Counts([5, 2])))


def test_a_measurement_says_why_it_is_not_each_prediction():
    rng, labels = np.random.default_rng(0), np.arange(400) % 4
    moments = measure.Moments(4, 6)
    moments.update(np.eye(4, 6)[labels] + 0.1 * rng.normal(size=(400, 6)), labels)
    collapse = measure.Collapse.of(moments, rng.normal(size=(4, 6)), counts=Counts([9, 9, 2, 2]))
    predictions = {"SELI": predict.seli(collapse.counts), "ETF": predict.etf(4)}
    found = collapse.splits(predictions)
    for name, other in predictions.items():
        assert found[name].classifiers.distance == pytest.approx(
            collapse.geometry.distance(other).classifiers
        )
    assert found["SELI"].visible == found["ETF"].visible
