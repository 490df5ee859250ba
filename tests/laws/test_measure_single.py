"""Laws of single precision: what is worked on in it is what double precision gives."""

import numpy as np
import pytest

from lopsided.measure import Collapse, Means, Moments, SecondPass

#: Samples, dimensions, classes: enough numbers for single precision.
N, D, K = 2400, 128, 6


def features(case):
    """Hard inputs, in the precision they are stored in."""
    rng = np.random.default_rng(3)
    labels = rng.permutation(np.arange(N) % K)
    means, noise = rng.standard_normal((K, D)), rng.standard_normal((N, D))
    if case == "counts like Zipf":
        shares = 1 / np.arange(1, K + 1) ** 2
        labels = np.r_[np.arange(K), rng.choice(K, N - K, p=shares / shares.sum())]
    if case == "random directions, one weak":
        means *= np.r_[1e-4, np.ones(D - 1)]
        noise *= np.r_[1e-4, np.ones(D - 1)]
        turn = np.linalg.qr(rng.standard_normal((D, D)))[0]
        means, noise = means @ turn, noise @ turn
    if case == "classes differ in a weak direction":
        means *= 1e-4 * (np.arange(D) < K)
    if case in ("a heavy direction", "a heavy direction far from zero"):
        heavy = np.linalg.qr(rng.standard_normal((D, 1)))[0]
        noise += 1e4 * rng.standard_normal((N, 1)) @ heavy.T
    scale = {"collapsed": 1e-5, "collapsed far from zero": 1e-4, "an outlier": 1.0}.get(case, 1.0)
    x = means[labels] + scale * noise
    if "far from zero" in case:
        x += 100
    if case == "an outlier":
        x[0] += 1e4
    if case == "of one point a class":
        x = means[labels]
    return x.astype(np.float16 if case == "half precision" else np.float32), labels


HARD = (
    "easy",
    "far from zero",
    "collapsed",
    "collapsed far from zero",
    "counts like Zipf",
    "random directions, one weak",
    "classes differ in a weak direction",
    "a heavy direction",
    "a heavy direction far from zero",
    "an outlier",
    "half precision",
    "of one point a class",
)


def two_passes(x, labels, batch=1024, head=None):
    first = Means(K, D)
    parts = [slice(start, start + batch) for start in range(0, len(x), batch)]
    for part in parts:
        first.update(x[part], labels[part])
    second = SecondPass(first, *(head or ()))
    for part in parts:
        second.update(x[part], labels[part])
    return second


@pytest.mark.parametrize("case", HARD)
def test_two_passes_in_single_precision_keep_the_digits_of_double(case):
    x, labels = features(case)
    weight = np.eye(K, D)
    found = Collapse.of(two_passes(x, labels).moments(), weight)
    exact = Collapse.of(two_passes(x.astype(np.float64), labels).moments(), weight)
    if case == "of one point a class":
        assert found.nc1 == exact.nc1 == 0
    else:
        assert found.nc1 == pytest.approx(exact.nc1, rel=1e-7)
        assert found.cdnv == pytest.approx(exact.cdnv, rel=1e-7)
        np.testing.assert_allclose(found.spreads, exact.spreads, rtol=1e-7)
    assert found.embedding_equiangularity == pytest.approx(exact.embedding_equiangularity, rel=1e-6)


@pytest.mark.parametrize("case", ["easy", "far from zero", "collapsed far from zero"])
def test_answers_in_single_precision_are_those_of_double(case):
    x, labels = features(case)
    rng = np.random.default_rng(4)
    weight, bias = rng.standard_normal((K, D)), rng.standard_normal(K)
    weight[5] = weight[4]
    bias[5] = bias[4]  # a tie of two classes is one in either precision
    found = two_passes(x, labels, head=(weight, bias)).decisions
    exact = two_passes(x.astype(np.float64), labels, head=(weight, bias)).decisions
    for name in ("counts", "errors", "answered", "compared", "agreed"):
        np.testing.assert_array_equal(getattr(found, name), getattr(exact, name))
    for a, b in zip(found.confusions.pairs(), exact.confusions.pairs(), strict=True):
        np.testing.assert_array_equal(a, b)
    scale = np.linalg.norm(x, axis=1).max() * np.linalg.norm(weight, axis=1).max()
    np.testing.assert_allclose(found.smallest_margin, exact.smallest_margin, atol=1e-6 * scale)


@pytest.mark.parametrize("stored", ["by rows", "by columns", "in half precision"])
@pytest.mark.parametrize("case", ["rows share much", "rows beyond single precision"])
def test_answers_of_hard_heads_are_those_of_double_however_features_are_stored(case, stored):
    x, labels = features("far from zero")
    x = x.astype(np.float16 if stored == "in half precision" else np.float32)
    x = np.asfortranarray(x) if stored == "by columns" else x
    rng = np.random.default_rng(4)
    weight = rng.standard_normal((K, D))
    weight = 1e3 + 1e-3 * weight if case == "rows share much" else 1e45 * weight
    weight[5] = weight[4] * (1 + 1e-9)  # all samples are near the border of the two
    found = two_passes(x, labels, head=(weight, None)).decisions
    exact = two_passes(x.astype(np.float64), labels, head=(weight, None)).decisions
    for name in ("errors", "answered", "agreed"):
        np.testing.assert_array_equal(getattr(found, name), getattr(exact, name))
    for name in ("smallest_margin", "margin_sum"):
        np.testing.assert_allclose(getattr(found, name), getattr(exact, name), rtol=1e-4)


def test_batches_of_any_size_and_type_make_one_measurement():
    x, labels = features("far from zero")
    whole = two_passes(x, labels).moments()
    first, halves = Means(K, D), [Means(K, D), Means(K, D)]
    cuts = np.array_split(np.arange(N), [1, 700, 720, 2000])
    for i, cut in enumerate(cuts):
        part = x[cut].astype(np.float64) if i == 2 else x[cut]
        halves[i % 2].update(part, labels[cut])
    for half in halves:
        first.merge(half)
    second, other = SecondPass(first), SecondPass(first)
    for i, cut in enumerate(cuts):
        (second, other)[i % 2].update(x[cut], labels[cut])
    second.merge(other)
    assert Collapse.of(second.moments()).nc1 == pytest.approx(Collapse.of(whole).nc1, rel=1e-7)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_named_and_nothing_is_kept(value):
    x, labels = features("easy")
    first = Means(K, D)
    first.update(x, labels)
    second, broken = SecondPass(first), x[:1000].copy()
    broken[700, 5] = value
    before = first.means.copy()
    for state in (Means(K, D), first, Moments(K, D), second):
        with pytest.raises(ValueError, match="sample 700 of the batch"):
            state.update(broken, labels[:1000])
    fresh = Means(K, D)
    with pytest.raises(ValueError, match="sample 700"):
        fresh.update(broken, labels[:1000])
    assert not fresh.n
    assert (first.means == before).all()
    second.update(x, labels)
    second.moments()


@pytest.mark.parametrize("scale", [1e-30, 1e-22, 1e25, 3e37])
def test_numbers_near_the_ends_of_single_precision_are_measured_in_double(scale):
    x, labels = features("easy")
    x = (x * np.float32(scale)).astype(np.float32)
    found = Collapse.of(two_passes(x, labels).moments())
    exact = Collapse.of(two_passes(x.astype(np.float64), labels).moments())
    assert found.nc1 == pytest.approx(exact.nc1, rel=1e-7)
    np.testing.assert_allclose(found.spreads, exact.spreads, rtol=1e-7)
