"""Laws of the moments: one answer, however the samples are cut and in whatever order they come."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lopsided.measure import Means, Moments, SecondPass
from lopsided.measure.metrics import nc1

LAW = settings(deadline=None, derandomize=True, max_examples=30)


def sample(seed, n=60, k=4, d=5, offset=0.0):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
    return offset + 3 * rng.standard_normal((k, d))[labels] + rng.standard_normal((n, d)), labels


def naive(features, labels, k):
    # Differences from one sample are exact where rounding matters.
    start = features[0]
    features = features - start
    means = np.stack([features[labels == c].mean(0) for c in range(k)])
    deviations = features - means[labels]
    return start + means, np.bincount(labels, (deviations**2).sum(1), k), deviations.T @ deviations


def agree(moments, other, rtol=1e-12):
    np.testing.assert_array_equal(moments.counts, other.counts)
    for a, b in (
        (moments.means, other.means),
        (moments.spread, other.spread),
        (moments.scatter.matrix(), other.scatter.matrix()),
    ):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max())


def of(features, labels, k=4):
    moments = Moments(k, np.asarray(features).shape[1])
    moments.update(features, labels)
    return moments


@LAW
@given(st.integers(0, 10**6), st.lists(st.integers(0, 60), max_size=6), st.floats(-1e6, 1e6))
def test_however_a_stream_is_cut_the_moments_are_those_of_the_whole(seed, cuts, offset):
    features, labels = sample(seed, offset=offset)
    moments = Moments(4, 5)
    for part in np.split(np.arange(60), sorted(cuts)):
        moments.update(features[part], labels[part])
    means, spread, scatter = naive(features, labels, 4)
    np.testing.assert_allclose(moments.means, means, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(moments.spread, spread, rtol=1e-12)
    np.testing.assert_allclose(
        moments.scatter.matrix(), scatter, rtol=1e-12, atol=1e-12 * np.abs(scatter).max()
    )


@LAW
@given(st.integers(0, 10**6), st.permutations(range(3)), st.booleans())
def test_merging_is_associative_and_commutative(seed, order, left):
    features, labels = sample(seed)
    parts = [of(features[i::3], labels[i::3]) for i in order]
    if left:
        parts[0].merge(parts[1])
        parts[0].merge(parts[2])
    else:
        parts[1].merge(parts[2])
        parts[0].merge(parts[1])
    agree(parts[0], of(features, labels))


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6])
def test_nc1_keeps_its_digits_at_any_offset(offset):
    features, labels = sample(8, n=4000, offset=offset)
    expected = of(features - offset, labels)
    one, many, second = of(features, labels), Moments(4, 5), SecondPass(of(features, labels))
    for part in np.array_split(np.arange(4000), 7):
        many.update(features[part], labels[part])
        second.update(features[part], labels[part])
    for center in ("classes", "samples"):
        truth = nc1(expected, center=center)
        for moments in (one, many, second.moments()):
            assert nc1(moments, center=center) == pytest.approx(truth, rel=1e-12)


def test_batches_of_one_and_of_none_count():
    features, labels = sample(1)
    moments = Moments(4, 5)
    moments.update(np.zeros((0, 5)), np.zeros(0, int))
    for x, y in zip(features, labels, strict=True):
        moments.update(x[None], [y])
    agree(moments, of(features, labels))


def test_merging_nothing_changes_nothing_and_into_nothing_gives_the_other():
    features, labels = sample(2)
    moments, empty = of(features, labels), Moments(4, 5)
    moments.merge(Moments(4, 5))
    agree(moments, of(features, labels))
    empty.merge(moments)
    agree(empty, moments)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int32])
def test_any_real_type_is_summed_in_float64(dtype):
    features, labels = sample(3)
    features = (100 * features).astype(dtype)
    agree(of(features, labels), of(features.astype(np.float64), labels))


class Nullable(dict):
    """A frame of pandas with nullable columns, which comes as objects where they are whole."""

    def __array__(self, dtype=None, copy=None):
        return np.stack([column.astype(object) for column in self.values()], axis=1)


def test_frames_of_nullable_columns_are_numbers():
    features, labels = sample(0)
    agree(of(Nullable(zip("abcde", features.T, strict=True)), labels), of(features, labels))
    with pytest.raises(TypeError, match="real numbers, got dtype <U"):
        of(Nullable(a=np.full(60, "x"), b=features[:, 0]), labels)
    with pytest.raises(TypeError, match="real numbers, got dtype object"):
        of(Nullable(a=np.full(60, "2026-11-27", "datetime64[D]"), b=features[:, 0]), labels)


def test_nc1_is_the_trace_with_the_pseudo_inverse():
    features, labels = sample(4)
    means, _, scatter = naive(features, labels, 4)
    for center, mean in (("classes", means.mean(0)), ("samples", features.mean(0))):
        between = (means - mean).T @ (means - mean) / 4
        expected = np.trace(scatter / 60 @ np.linalg.pinv(between)) / 4
        assert nc1(of(features, labels), center=center) == pytest.approx(expected, rel=1e-10)
        assert nc1(of(features, labels), center=center, per_class=False) == pytest.approx(
            4 * expected, rel=1e-10
        )


def test_a_second_pass_merges_and_sees_what_the_first_saw():
    features, labels = sample(5)
    first = Moments(4, 5, scatter="none")
    first.update(features, labels)
    whole, half, rest = (SecondPass(first, np.eye(4, 5)) for _ in range(3))
    whole.update(features, labels)
    half.update(features[:20], labels[:20])
    rest.update(features[20:], labels[20:])
    with pytest.raises(
        ValueError, match=r"the second pass saw \d+ samples of class 0 and the first \d+"
    ):
        half.moments()
    half.merge(rest)
    assert nc1(half.moments()) == pytest.approx(nc1(whole.moments()), rel=1e-12)
    np.testing.assert_array_equal(half.decisions.agreed, whole.decisions.agreed)
    with pytest.raises(ValueError, match="merge only under one first pass"):
        half.merge(SecondPass(of(features + 1, labels)))
    with pytest.raises(ValueError, match="closed by a second pass"):
        whole.moments().update(features, labels)


def test_a_second_pass_decides_by_the_head_that_it_began_with():
    features, labels = sample(5)
    first, weight, bias = of(features, labels), np.eye(4, 5), np.arange(4.0)
    kept, moved = (
        SecondPass(first, *head) for head in ((weight.copy(), bias.copy()), (weight, bias))
    )
    for half in (slice(None, 20), slice(20, None)):
        for second in (kept, moved):
            second.update(features[half], labels[half])
        weight *= -1  # as training writes to the memory of its parameters
        bias += 7 * weight[:, 0]
    np.testing.assert_array_equal(moved.decisions.errors, kept.decisions.errors)
    np.testing.assert_array_equal(moved.decisions.margin_sum, kept.decisions.margin_sum)


def test_a_first_pass_of_means_is_that_of_moments_however_it_is_cut():
    features, labels = sample(6, n=3000)
    whole, parts, halves = Means(4, 5), Means(4, 5), [Means(4, 5), Means(4, 5)]
    whole.update(features, labels)
    for part in np.split(np.arange(3000), [1, 1, 700, 1724, 2999]):
        parts.update(features[part], labels[part])
        halves[len(part) % 2].update(features[part], labels[part])
    halves[0].merge(halves[1])
    expected = of(features, labels)
    for means in (whole, parts, halves[0]):
        np.testing.assert_array_equal(means.counts, expected.counts)
        np.testing.assert_allclose(means.means, expected.means, rtol=1e-12, atol=1e-12)
    assert repr(whole) == "Means(k=4, d=5, n=3,000)"


def test_measurements_may_interleave():
    features, labels = sample(7, n=3000)
    first, second = Means(4, 5), Means(4, 5)

    def batches():
        for part in np.split(np.arange(3000), 30):
            yield features[part], labels[part]
            second.update(100 * features[part], labels[part])

    first.fold(batches())
    np.testing.assert_allclose(100 * first.means, second.means, rtol=1e-12)
    np.testing.assert_allclose(first.means, of(features, labels).means, rtol=1e-12)


def test_means_that_differ_by_rounding_coincide():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 300)
    first = Means(4, 6)
    for part in np.split(np.arange(300), 3):
        first.update(np.full((100, 6), 7.1), labels[part])
    second = SecondPass(first)
    second.update(np.full((300, 6), 7.1), labels)
    with pytest.raises(ValueError, match="all class means coincide"):
        nc1(second.moments())


def test_sums_out_of_range_are_refused_and_nothing_is_kept():
    means = Means(2, 1)
    with pytest.raises(
        ValueError, match=r"sample 0 of the batch \(class 0\) has numbers beyond 1e\+70"
    ):
        means.update([[1e308], [1.2e308], [0.0]], [0, 0, 1])
    assert means.n == 0
    means.update(np.array([[3e38], [3e38]], np.float32), [0, 1])
    assert means.means.tolist() == [[float(np.float32(3e38))]] * 2


@pytest.mark.parametrize("other", [0.0, 6e307])
def test_a_number_whose_differences_leave_float64_is_told_of(other):
    with pytest.raises((ValueError, FloatingPointError), match=r"beyond 1e\+70|multiply all"):
        Moments(2, 1).update([[-6e307], [other], [1.0], [2.0], [3.0], [4.0]], [0, 0, 0, 0, 0, 1])


def test_moments_of_different_kinds_do_not_merge():
    with pytest.raises(ValueError, match="of one kind"):
        Moments(4, 5, scatter="none").merge(Means(4, 5))
    for other in (Moments(4, 6), Moments(3, 5), Moments(4, 5, scatter="none")):
        with pytest.raises(ValueError, match="merge"):
            Moments(4, 5).merge(other)
    with pytest.raises(ValueError, match="scatter must be"):
        Moments(4, 5, scatter="some")
    with pytest.raises(ValueError, match="at least 2 classes"):
        Moments(1, 5)


def test_a_second_pass_far_from_zero_keeps_the_digits_of_collapsed_features():
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    features = 1e6 + rng.standard_normal((3, 4))[labels] + 1e-7 * rng.standard_normal((300, 4))
    first = Means(3, 4)
    first.update(features, labels)
    second = SecondPass(first)
    second.update(features, labels)
    exact = features.astype(np.longdouble)
    apart = exact - np.stack([exact[labels == c].mean(axis=0) for c in range(3)])[labels]
    closed = second.moments()
    np.testing.assert_allclose(closed.spread.sum(), float((apart**2).sum()), rtol=1e-12)


def test_a_first_pass_that_goes_on_changes_no_moments_that_were_closed():
    features, labels = np.random.default_rng(0).standard_normal((30, 4)), np.arange(30) % 3
    first = Means(3, 4)
    first.update(features, labels)
    second = SecondPass(first)
    second.update(features, labels)
    closed = second.moments()
    before = closed.means.copy()
    first.update(features + 1, labels)
    np.testing.assert_array_equal(closed.means, before)


def test_a_first_pass_that_goes_on_under_a_second_is_refused():
    """Whitened by the means that were, the scatter of all samples is none of either pass."""
    features, labels = np.random.default_rng(0).standard_normal((30, 4)), np.arange(30) % 3
    first = Means(3, 4)
    first.update(features[:15], labels[:15])
    second = SecondPass(first)
    first.update(features[15:], labels[15:])
    second.update(features, labels)
    with pytest.raises(ValueError, match="samples of class 0 after the second began"):
        second.moments()
