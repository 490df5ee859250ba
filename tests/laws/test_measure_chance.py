"""What the verdict holds figures against: chance, and points, each by an independent route."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lopsided import Counts, Gram, predict
from lopsided.measure import Moments
from lopsided.measure.verdict.angles import MERGING, angles
from lopsided.measure.verdict.chance import (
    closest_cosine,
    noise_share,
    random_distance,
    seldom_nearer,
    variances,
)
from lopsided.measure.verdict.points import COLLAPSED, points


def moments_of(features, labels, k):
    moments = Moments(k, features.shape[1], "none")
    moments.update(features, labels)
    return moments


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.mark.parametrize(("k", "d"), [(2, 2), (5, 3), (10, 16), (20, 5), (10, 64)])
def test_random_directions_come_nearer_once_in_twenty_times_at_most(k, d):
    draws = unit(np.random.default_rng(0).standard_normal((2000, k, d)))
    cosines = np.einsum("tid,tjd->tij", draws, draws) - 2 * np.eye(k)
    nearer = np.mean(cosines.max(axis=(1, 2)) > closest_cosine(k, d))
    assert 0.03 < nearer < 0.065


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize(("k", "d"), [(5, 20), (10, 8), (10, 64), (20, 512)])
def test_the_distance_of_random_vectors_is_what_their_draws_show(k, d, centred):
    rng, counts = np.random.default_rng(0), Counts.exponential(k, 500, 50)
    for law in (
        predict.etf(k).classifiers,
        predict.seli(counts).embeddings,
        predict.seli(counts).classifiers,
    ):
        found = []
        for _ in range(40):
            vectors = rng.standard_normal((k, d))
            vectors -= centred * vectors.mean(axis=0)
            found.append(Gram.of_vectors(vectors).distance(law))
        assert random_distance(law, d, centred=centred) == pytest.approx(
            np.mean(found), rel=0.06 if k >= 10 else 0.15
        )


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("d", [2, 3, 64])
def test_random_vectors_of_few_classes_are_seldom_nearer(d, centred):
    counts, rng = [100, 50, 50, 5], np.random.default_rng(1)
    law = predict.seli(Counts(counts)).classifiers
    limit = seldom_nearer(law, d, centred=centred, chance=0.05)
    vectors = rng.standard_normal((2000, 4, d))
    vectors -= centred * vectors.mean(axis=1, keepdims=True)
    nearer = [Gram.of_vectors(each).distance(law) < limit for each in vectors]
    assert 0.03 < np.mean(nearer) < 0.07
    turned = predict.seli(Counts(counts[::-1])).classifiers
    assert seldom_nearer(turned, d, centred=centred, chance=0.05) == pytest.approx(limit, rel=1e-9)
    assert seldom_nearer(predict.etf(10).classifiers, d, centred=centred, chance=0.05) == np.inf


@pytest.mark.parametrize("apart", [0.0, 1.0])
def test_the_share_of_noise_is_that_of_means_drawn_again(apart):
    rng, counts, d = np.random.default_rng(0), np.array([30, 10, 5, 2, 1]), 200
    means, labels = apart * rng.standard_normal((5, d)), np.repeat(np.arange(5), counts)
    sizes, shares = [], []
    for _ in range(100):
        drawn = rng.standard_normal((len(labels), d))
        noise = np.stack([drawn[labels == c].mean(axis=0) for c in range(5)])
        sizes.append(np.sum((noise - noise.mean(axis=0)) ** 2))
        shares.append(noise_share(moments_of(means[labels] + drawn, labels, 5)))
    whole = np.mean(sizes) + np.sum((means - means.mean(axis=0)) ** 2)
    assert np.mean(shares) == pytest.approx(np.mean(sizes) / whole, rel=0.03)


def test_variances_are_unbiased_and_one_sample_varies_like_the_others():
    rng, labels = np.random.default_rng(0), np.array([0] * 5 + [1] * 2 + [2])
    features = rng.standard_normal((8, 3))
    parts = [features[labels == c].var(axis=0, ddof=1).sum() for c in (0, 1)]
    pooled = (4 * parts[0] + parts[1]) / 5
    np.testing.assert_allclose(variances(moments_of(features, labels, 3)), [*parts, pooled])
    assert np.isnan(variances(moments_of(features[:3], np.arange(3), 3))).all()
    assert np.isnan(noise_share(moments_of(features[:3], np.arange(3), 3)))
    assert np.isnan(noise_share(moments_of(np.ones((6, 3)), np.arange(6) % 3, 3)))


def naive_points(means, variance):
    """The rule of the module's docstring, class by class, over explicit differences."""
    k, collapsed, pairs = len(means), [], []
    for c in range(k):
        apart = {b: np.sum((means[c] - means[b]) ** 2) for b in range(k) if b != c}
        reach = [b for b in apart if COLLAPSED * apart[b] <= 2 * variance[c]]
        beyond = [apart[b] for b in apart if b not in reach]
        merged = bool(reach and beyond) and max(apart[b] for b in reach) < COLLAPSED * min(beyond)
        collapsed.append(not reach or merged)
        pairs += [{c, b} for b in reach] if merged else []
    groups = [{c} for c in range(k)]
    for pair in pairs:
        joined = set().union(*(group for group in groups if group & pair))
        groups = [group for group in groups if not group & pair] + [joined]
    kept = [sorted(c for c in group if collapsed[c]) for group in groups]
    return collapsed, sorted(group for group in kept if len(group) > 1)


@given(st.integers(0, 10**6), st.integers(3, 7))
def test_points_are_those_of_the_rule_written_out(seed, k):
    rng = np.random.default_rng(seed)
    means = rng.standard_normal((k, 3)) * 10.0 ** rng.integers(-3, 3, (k, 1))
    means[rng.integers(0, k, 2)] = means[rng.integers(0, k)] + 1e-3 * rng.standard_normal(3)
    labels, sizes = np.repeat(np.arange(k), 4), 10.0 ** rng.integers(-6, 1, k)
    features = means[labels] + sizes[labels, None] * rng.standard_normal((4 * k, 3))
    moments = moments_of(features, labels, k)
    collapsed, merged = naive_points(moments.means, variances(moments))
    found = points(moments)
    assert found.collapsed.tolist() == collapsed
    assert sorted(group.tolist() for group in found.merged) == merged
    assert (found.scatter[found.collapsed] < COLLAPSED).all()


@pytest.mark.parametrize("seed", range(8))
def test_points_in_tiles_are_those_of_the_definition(monkeypatch, seed):
    rng, labels, k = np.random.default_rng(seed), np.repeat(np.arange(30), 3), 30
    means = rng.standard_normal((k, 5))
    for size in rng.integers(2, 5, 4):
        shared = rng.permutation(k)[:size]
        means[shared] = means[shared[0]] + 1e-3 * seed * rng.standard_normal((size, 5))
    noise = rng.choice([1e-3, 0.03, 1.0], k)[labels, None] * rng.standard_normal((90, 5))
    moments = moments_of(means[labels] + noise, labels, k)
    module = sys.modules[points.__module__]
    monkeypatch.setattr(module, "_ROWS", 7)
    monkeypatch.setattr(module, "_COLUMNS", 11)
    found = points(moments)

    spread = variances(moments)
    apart = ((moments.means[:, None] - moments.means) ** 2).sum(axis=2)
    group, joined = np.arange(k), []
    for c in range(k):
        others = np.delete(apart[c], c)
        near = others * COLLAPSED <= 2 * spread[c]
        alone, all_near = not near.any(), near.all()
        merges = not alone and not all_near
        merges = merges and others[near].max() < COLLAPSED * others[~near].min()
        scale = others[~near].min() if merges else others.min()
        assert found.collapsed[c] == (alone or merges)
        assert found.scatter[c] == pytest.approx(2 * spread[c] / scale, rel=1e-6)
        if merges:
            joined += [
                (c, j) for j in range(k) if j != c and apart[c, j] * COLLAPSED <= 2 * spread[c]
            ]
    for _ in range(k):
        for a, b in joined:
            group[group == group[b]] = group[a]
    sets = [set(np.flatnonzero(group == g)) & set(np.flatnonzero(found.collapsed)) for g in group]
    assert {frozenset(part.tolist()) for part in found.merged} == {
        frozenset(part) for part in sets if len(part) > 1
    }


@given(st.integers(0, 10**6), st.integers(2, 200), st.integers(1, 300), st.integers(1, 12))
def test_noise_never_collapses_whatever_the_dimension_and_the_counts(seed, d, largest, k):
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, largest + 1, k + 1)
    labels = np.repeat(np.arange(k + 1), counts)
    found = points(moments_of(rng.standard_normal((len(labels), d)), labels, k + 1))
    few = counts < 4  # of two or three samples the scatter itself is known to a factor only
    assert not found.collapsed[~few].any()
    assert not found.collapsed[few].any() or d < 30


@given(st.integers(0, 10**6), st.integers(3, 40), st.integers(2, 400))
def test_random_classifiers_hardly_ever_merge(seed, k, d):
    weight = np.random.default_rng(seed).standard_normal((k, d))
    found = angles(weight)
    assert found.merging is None or found.merging[2] < max(MERGING, closest_cosine(k, d, 1e-3))
    assert found.closest[2] == pytest.approx(
        np.max(unit(weight) @ unit(weight).T - 2 * np.eye(k)), rel=1e-12
    )
