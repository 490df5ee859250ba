"""Laws of the nouns: structured by groups or written out in full, the numbers are the same."""

from __future__ import annotations

from dataclasses import replace

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
    distance,
    measure,
    predict,
    solve,
)
from lopsided.groups import Groups
from lopsided.source import CENTERED

counts_lists = st.lists(st.integers(1, 10**6), min_size=2, max_size=12)
labelings = st.lists(st.integers(0, 3), min_size=2, max_size=12)


def structured(labels: list[int], seed: int) -> Pairing:
    """A random class matrix on the partition that the labels make."""
    groups = Groups.of_columns(np.array(labels))
    rng = np.random.default_rng(seed)
    return Pairing.paired(
        groups,
        rng.normal(size=(groups.m, 3)),
        rng.normal(size=(groups.m, 3)),
        rng.normal(size=groups.m),
    )


@given(labelings)
def test_groups_expand_what_they_group(labels):
    groups = Groups.of_columns(np.array(labels))
    distinct = np.unique(labels)
    assert groups.expand(distinct).tolist() == labels
    assert distinct[groups.of_class(np.arange(len(labels)))].tolist() == labels
    assert groups.sizes.sum() == groups.k == len(labels)
    assert np.array(labels)[groups.first].tolist() == distinct.tolist()


@given(st.data())
def test_the_join_of_two_partitions_refines_both_and_no_further(data):
    k = data.draw(st.integers(2, 12))
    first, second = (
        data.draw(st.lists(st.integers(0, 3), min_size=k, max_size=k)) for _ in range(2)
    )
    a, b = Groups.of_columns(np.array(first)), Groups.of_columns(np.array(second))
    joint, mine, theirs = a.join(b)
    classes = np.arange(k)
    assert np.array_equal(mine[joint.of_class(classes)], a.of_class(classes))
    assert np.array_equal(theirs[joint.of_class(classes)], b.of_class(classes))
    assert joint.m == len(set(zip(first, second, strict=True)))


@given(labelings, st.integers(0, 99))
def test_entries_are_those_of_the_matrix(labels, seed):
    matrix = structured(labels, seed)
    every = np.arange(matrix.k)
    np.testing.assert_allclose(matrix.entries(every[:, None], every), matrix.matrix(), rtol=1e-12)
    np.testing.assert_allclose(matrix.frobenius(), np.linalg.norm(matrix.matrix()), rtol=1e-12)
    assert matrix.entries(-1, -1) == matrix.entries(matrix.k - 1, matrix.k - 1)


@given(st.data())
def test_distance_by_groups_is_distance_of_the_written_out_matrices(data):
    k = data.draw(st.integers(2, 9))
    labels = st.lists(st.integers(0, 3), min_size=k, max_size=k)
    a, b = structured(data.draw(labels), 1), structured(data.draw(labels), 2)
    full_a, full_b = a.matrix(), b.matrix()
    expected = np.linalg.norm(full_a / np.linalg.norm(full_a) - full_b / np.linalg.norm(full_b))
    assert distance(a, b) == pytest.approx(expected, rel=1e-12)
    assert distance(b, a) == pytest.approx(distance(a, b), rel=1e-12)


@given(counts_lists, st.integers(0, 9))
def test_a_geometry_is_recovered_from_its_own_vectors_to_rounding(values, seed):
    geometry = predict.seli(Counts(values))
    W, M = geometry.vectors(len(values) + 2, seed)
    again = Geometry.of_vectors(W, M, Source("vectors"))
    assert max(geometry.distance(again)) < 1e-11


@given(counts_lists)
def test_the_spectrum_is_that_of_the_matrix_whether_known_or_computed(values):
    for gram in (predict.seli(Counts(values)).classifiers, predict.seli(Counts(values)).embeddings):
        dense = np.linalg.eigvalsh(gram.matrix())[::-1]
        anonymous = Gram.paired(gram.groups, gram.left, gram.right, gram.diagonal)
        np.testing.assert_allclose(gram.spectrum(), dense, atol=1e-10 * dense[0])
        np.testing.assert_allclose(anonymous.spectrum(), dense, atol=1e-10 * dense[0])


@given(counts_lists)
def test_cosines_and_norms_rebuild_the_matrix(values):
    gram = predict.seli(Counts(values)).classifiers
    norms = gram.norms()
    np.testing.assert_allclose(
        gram.cosines() * norms[:, None] * norms, gram.matrix(), rtol=1e-10, atol=1e-14
    )
    every = np.arange(len(values))
    np.testing.assert_allclose(
        gram.cosine(every[:, None], every), gram.cosines(), rtol=1e-12, atol=1e-15
    )


def test_a_distance_of_nearly_equal_matrices_keeps_its_digits():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(6, 4))
    a = Gram.of_vectors(vectors)
    b = Gram.of_vectors(vectors + 1e-12 * rng.normal(size=(6, 4)))
    assert 1e-13 < distance(a, b) < 1e-11


def test_distance_is_zero_to_itself_at_any_scale_and_two_to_its_negative():
    a = predict.seli(Counts([90, 9, 3])).classifiers
    minus = Pairing.paired(a.groups, -a.left, a.right, -a.diagonal)
    assert distance(a, Gram.of_matrix(7 * a.matrix())) < 1e-15
    assert distance(a, minus) == pytest.approx(2)


@given(counts_lists)
def test_counts_keep_the_order_of_the_labels(values):
    counts = Counts(values)
    assert list(counts) == values
    assert counts[0] == values[0]
    assert (counts.k, counts.n, counts.ratio) == (
        len(values),
        sum(values),
        max(values) / min(values),
    )
    assert counts == Counts(np.array(values))


def test_profiles_are_those_of_the_papers():
    assert list(Counts.step(k=10, minority=5, ratio=10)) == [50] * 5 + [5] * 5
    assert list(Counts.step(k=4, minority=3, ratio=2, rho=0.25)) == [6, 6, 6, 3]
    long_tail = [int(5000 * (1 / 100) ** (c / 9.0)) for c in range(10)]
    assert list(Counts.exponential(k=10, largest=5000, ratio=100)) == long_tail
    assert all(Counts.exponential(3, 10 * r, r)[2] == 10 for r in range(1, 1001))
    assert list(Counts.zipf(k=4, largest=12)) == [12, 6, 4, 3]
    # Powers of whole numbers that float64 rounds up: 32 ** 0.8 is 16, and 32 ** 1.8 is 512.
    assert all(Counts.zipf(32, 16 * r, 0.8)[31] == r for r in range(1, 1001))
    assert Counts.zipf(32, 512, 1.8)[31] == 1
    assert list(Counts.from_labels([0, 2, 1, 0])) == [2, 1, 1]


def test_a_billion_classes_in_two_groups_cost_two_numbers():
    counts = Counts.step(k=10**9, minority=5, ratio=10)
    assert counts.groups.m == 2
    assert counts.n == 10**9 // 2 * 55
    assert predict.seli(counts).classifiers.cosine(0, 10**9 - 1) == pytest.approx(0, abs=1e-8)


@given(st.lists(st.sampled_from([1, 10, 100]), min_size=3, max_size=8))
def test_an_adjustment_groups_classes_by_count_and_parameters(values):
    counts = Counts(values)
    scale = np.arange(len(values)) % 2 + 1.0
    given = Adjustment(scale=scale, margin=2.0, per_sample=True).resolve(counts)
    np.testing.assert_array_equal(given.groups.expand(given.counts), values)
    np.testing.assert_allclose(given.groups.expand(given.samples), scale / 2)
    assert given.groups.m == len(set(zip(values, scale.tolist(), strict=True)))


def test_a_geometry_survives_saving(tmp_path):
    geometry = predict.seli(Counts([50, 50, 5, 5], names=["a", "b", "c", "d"]))
    geometry.save(tmp_path / "seli")
    again = Geometry.load(tmp_path / "seli")
    assert max(geometry.distance(again)) < 1e-15
    assert (again.source, again.counts, again.counts.names) == (
        geometry.source,
        geometry.counts,
        geometry.counts.names,
    )


def test_adjustments_are_equal_by_their_numbers():
    counts = Counts([9, 4, 1])
    assert Adjustment.cdt(counts, 0.5) == Adjustment(scale=[1, 2 / 3, 1 / 3])
    assert Adjustment.cdt(counts, 0.5) != Adjustment.ldt(counts, 0.5)
    assert len({Adjustment.cdt(counts, 0.5), Adjustment.cdt(counts, 0.5)}) == 1
    assert "1,000 from" in repr(Adjustment(scale=np.arange(1, 1001)))


@given(st.lists(st.integers(1000, 1999), min_size=2, max_size=12))
def test_balanced_counts_with_jitter_have_no_minorities(values):
    assert not len(Counts(values).minorities)


def test_minorities_are_rare_and_at_most_half_as_large_as_the_largest():
    mnist = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert Counts(mnist).minorities.tolist() == []
    assert Counts([100] * 9 + [51]).minorities.tolist() == []
    assert Counts([100] * 9 + [50]).minorities.tolist() == [9]
    assert Counts([10**6] + [100] * 4).minorities.tolist() == [1, 2, 3, 4]
    assert Counts([100, 100, 40, 1]).minorities.tolist() == [3]
    assert Counts.exponential(10, 500, 100).minorities.tolist() == [5, 6, 7, 8, 9]
    assert Counts([3 * 2**51, 3 * 2**50]).minorities.tolist() == [1]


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 50), st.integers(1, 1000))
def test_the_minorities_of_a_step_are_its_small_classes_from_ratio_two(many, few, minority, ratio):
    counts = Counts([ratio * minority] * many + [minority] * few)
    small = list(range(many, many + few))
    assert counts.minorities.tolist() == (small if ratio >= 2 else [])


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=7))
def test_every_cosine_has_an_angle(counts):
    geometry = predict.seli(counts)
    for cosines in (
        geometry.classifiers.cosines(),
        geometry.embeddings.cosine(np.arange(len(counts)), np.arange(len(counts))),
        geometry.alignment(),
    ):
        assert np.isfinite(np.arccos(cosines)).all()


@pytest.mark.parametrize("shift", [0.0, 2.0])
def test_a_geometry_of_three_matrices_with_counts_is_that_of_its_vectors(shift):
    """As the average over seeds is given; without counts it could be of contexts."""
    counts = Counts([9, 5, 5, 2])
    rng = np.random.default_rng(0)
    w, m = rng.normal(size=(4, 6)), rng.normal(size=(4, 6)) + shift
    vectors = Geometry.of_vectors(w, m, Source("network"), counts)
    grams = Gram.of_matrix(w @ w.T), Gram.of_matrix(m @ m.T)
    given = Geometry(*grams, Pairing.of_matrix(w @ m.T), Source("network"), counts)
    law = solve.minimize(Problem(counts, ridge=0.3)).geometry
    seen = replace(law, source=Source("network", assumptions=CENTERED["classes"]))
    np.testing.assert_allclose(given.alignment(), vectors.alignment())
    np.testing.assert_allclose(given.distance(seen), vectors.distance(seen), atol=1e-7)
    for part in ("classifiers", "embeddings", "logits"):
        np.testing.assert_allclose(
            getattr(given.split(law), part), getattr(vectors.split(law), part), atol=1e-9
        )
    matched = [solve.match(Problem(counts, ridge=1.0), one).distances for one in (given, vectors)]
    np.testing.assert_allclose(*matched, atol=1e-6)
    assert [row.keys() for row in given.to_records()] == [r.keys() for r in vectors.to_records()]
    assert not replace(given, logits=Pairing.of_matrix(w @ m.T), counts=None).paired


def test_a_prediction_that_may_be_of_contexts_is_told_what_it_lacks():
    rng = np.random.default_rng(0)
    w = rng.normal(size=(3, 4))
    moments = measure.Moments(k=3, d=4)
    moments.update(rng.normal(size=(9, 4)), np.arange(9) % 3)
    unsaid = Geometry.of_factors(w, w, Source("mean of seeds"))
    with pytest.raises(ValueError, match=r"mean of seeds .* are the classes: give it their counts"):
        measure.Collapse.of(moments, w).verdict({"mean of seeds": unsaid})
