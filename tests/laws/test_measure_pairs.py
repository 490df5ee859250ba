"""Figures of all pairs of classes, swept in tiles and single precision, are those of the naive."""

import numpy as np
import pytest

from lopsided.gram import Gram
from lopsided.groups import Groups
from lopsided.measure import Moments
from lopsided.measure.metrics import Undefined, pairs, within
from lopsided.measure.metrics.shape import equiangularity, gnc2, minority_cosine
from lopsided.measure.metrics.uniformity import energy
from lopsided.measure.metrics.within import cdnv
from lopsided.pairing import Pairing

K, D = 210, 6


@pytest.fixture(autouse=True)
def many(monkeypatch):
    """Take these classes for many: single precision, and tiles of which the last are not full."""
    for module in (pairs, within):
        monkeypatch.setattr(module, "MANY", 100)
    monkeypatch.setattr(pairs, "_TILE", 64)


def vectors(kind: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    found = rng.normal(size=(K, D))
    if kind == "two nearly point the same way":
        found[7] = found[200] * (1 + 1e-9) + 1e-7 * rng.normal(size=D)
    if kind == "lengths of all sizes":
        found *= np.exp(rng.normal(size=(K, 1)) * 4)
    if kind == "all nearly point the same way":
        found = 1 + 1e-4 * found
    return found


KINDS = [
    "noise",
    "two nearly point the same way",
    "lengths of all sizes",
    "all nearly point the same way",
]


@pytest.mark.parametrize("kind", KINDS)
def test_many_classes_have_the_figures_of_the_whole_matrix(kind):
    rows = vectors(kind)
    units = rows / np.linalg.norm(rows, axis=1)[:, None]
    off = ~np.eye(K, dtype=bool)
    cosines = (units @ units.T)[off]
    gram = Gram.of_vectors(rows)
    logs = -np.log(2 - 2 * cosines) / 2
    assert equiangularity(gram) == pytest.approx(np.abs(cosines + 1 / (K - 1)).mean(), rel=1e-6)
    assert equiangularity(gram, form="spread") == pytest.approx(cosines.std(), rel=1e-5)
    assert gnc2(gram) == pytest.approx(logs.std() / abs(logs.mean()), rel=1e-5)
    some = np.arange(0, K, 2)
    part = (units @ units.T)[np.ix_(some, some)]
    assert minority_cosine(gram, some) == pytest.approx(part[off[: len(some), : len(some)]].mean())
    np.fill_diagonal(part, -1)
    assert minority_cosine(gram, some, form="max") == pytest.approx(part.max(), abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("exponent", [2, 4])
def test_many_classes_have_the_variance_of_all_their_distances(kind, exponent):
    means = vectors(kind)
    moments = Moments(k=K, d=D)
    step = np.abs(means).max() * 1e-3
    moments.update(np.vstack([means - step, means + step]), np.tile(np.arange(K), 2))
    centered = moments.means - moments.means.mean(axis=0)
    apart = np.square(centered[:, None] - centered[None, :]).sum(-1)
    np.fill_diagonal(apart, np.inf)
    spread = moments.spread / moments.counts
    naive = ((spread[:, None] + spread) / (2 * apart ** (exponent / 2))).sum() / (K * (K - 1))
    assert cdnv(moments, exponent=exponent) == pytest.approx(naive, rel=1e-4)


@pytest.mark.parametrize("size", [1e-60, 1e-24, 1e-10, 1e10, 1e20, 1e60])
@pytest.mark.parametrize("exponent", [2, 4])
def test_no_size_of_features_leaves_the_precision_of_the_sweep(size, exponent):
    def of(size):
        means, moments = size * vectors("noise"), Moments(k=K, d=D, scatter="none")
        moments.update(np.vstack([0.9 * means, 1.1 * means]), np.tile(np.arange(K), 2))
        return cdnv(moments, exponent=exponent)

    assert of(size) * size ** (exponent - 2) == pytest.approx(of(1.0), rel=1e-5)


def test_single_precision_takes_no_directions_for_the_same():
    """A distance of 1e-4 has the square 1e-8, below the last digit of a cosine in float32."""
    for seed in range(5):
        rows = np.random.default_rng(seed).normal(size=(K, D))
        rows[1] = rows[0] / np.linalg.norm(rows[0]) + 1e-4 * rows[1] / np.linalg.norm(rows[1])
        units = rows / np.linalg.norm(rows, axis=1)[:, None]
        apart = np.linalg.norm(units[:, None] - units, axis=2)[~np.eye(K, dtype=bool)]
        assert energy(Gram.of_vectors(rows)) == pytest.approx(-np.log(apart).mean(), rel=1e-6)


def test_two_means_among_many_that_coincide_are_named():
    means = vectors("noise")
    means[199] = means[3]
    moments = Moments(k=K, d=D)
    moments.update(np.vstack([means - 1, means + 1]), np.tile(np.arange(K), 2))
    with pytest.raises(Undefined, match="classes 3 and 199 coincide"):
        cdnv(moments)


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6])
@pytest.mark.parametrize("batch", [7, 400])
def test_means_of_the_same_samples_in_another_order_coincide(offset, batch):
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(3, 100, 5)) + 3 * rng.normal(size=(3, 1, 5)) + offset
    features = np.vstack([*samples, rng.permutation(samples[1])])
    labels = np.arange(4).repeat(100)
    moments = Moments(k=4, d=5)
    for start in range(0, 400, batch):
        moments.update(features[start : start + batch], labels[start : start + batch])
    with pytest.raises(Undefined, match="classes 1 and 3 coincide"):
        cdnv(moments)
    features[300:] += 1e-9 * max(offset, 1.0)
    moments = Moments(k=4, d=5)
    moments.update(features, labels)
    assert cdnv(moments) > 1e3


@pytest.mark.parametrize("seed", range(20))
def test_a_distance_of_factors_is_the_distance_of_entries(seed):
    rng = np.random.default_rng(seed)
    m, q = int(rng.integers(40, 200)), int(rng.integers(1, 4))

    def drawn() -> Pairing:
        groups = Groups(np.arange(m), rng.integers(1, 4, m))
        left, right = rng.normal(size=(2, m, q))
        return Pairing.paired(groups, left, right, rng.normal(size=m) * 10.0 ** rng.integers(-3, 3))

    a, b = drawn(), drawn()
    b = Pairing.paired(a.rows, b.left, b.right, b.own)
    near = Pairing.paired(a.rows, a.left * (1 + 1e-9), a.right, a.own)
    full = {id(x): x.matrix() / np.linalg.norm(x.matrix()) for x in (a, b, near)}
    for other in (b, near):
        naive = np.linalg.norm(full[id(a)] - full[id(other)])
        assert a.distance(other) == pytest.approx(naive, rel=1e-9, abs=1e-14)
