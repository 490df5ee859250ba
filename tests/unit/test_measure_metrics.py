"""Each metric against a naive definition, its anchors, its conventions, and the errors of public
tools."""

import functools
import itertools

import numpy as np
import pytest

from lopsided import Counts, Geometry, Gram, Source, predict
from lopsided.measure import (
    METRICS,
    Collapse,
    Decisions,
    Means,
    Moments,
    SecondPass,
    Undefined,
    geometry,
)
from lopsided.measure.metrics import (
    alignment,
    anchors,
    cdnv,
    dot_product_wasserstein,
    equiangularity,
    equinorm,
    error_rates,
    gnc2,
    minority_cosine,
    nc1,
    nc3,
    nc4,
    nearest_etf_distance,
    rank,
    smallest_margins,
    spreads,
    unc3,
    vci,
)


def sample(n=400, k=5, d=7, seed=0, spread=1.0, offset=0.0):
    rng = np.random.default_rng(seed)
    labels = np.concatenate(
        [np.arange(k), rng.choice(k, n - k, p=np.arange(1, k + 1) / np.arange(1, k + 1).sum())]
    )
    features = (
        offset + 2 * rng.standard_normal((k, d))[labels] + spread * rng.standard_normal((n, d))
    )
    return features, labels, rng.standard_normal((k, d)), rng.standard_normal(k)


def moments_of(features, labels, k, scatter="pooled"):
    moments = Moments(k, features.shape[1], scatter)
    moments.update(features, labels)
    return moments


def two_passes(features, labels, k, weight=None, bias=None):
    second = SecondPass(moments_of(features, labels, k, "none"), weight, bias)
    second.update(features[::-1], labels[::-1])
    return second


def simplex_network(k=5, d=9, seed=0):
    """Features on the vertices of a rotated simplex, the head its vertices too."""
    W, M = predict.etf(k).vectors(d, seed)
    moments = Moments(k, d)
    moments.update(np.repeat(M, 3, axis=0), np.repeat(np.arange(k), 3))
    decisions = Decisions(k)
    decisions.update(
        np.repeat(M, 3, axis=0) @ W.T,
        np.repeat(np.arange(k), 3),
        nearest=np.repeat(np.arange(k), 3),
    )
    return Collapse.of(moments, W, None, decisions, counts=Counts([9, 9, 1, 1, 1]))


def naive_pairs(function, k):
    return np.array([function(a, b) for a, b in itertools.combinations(range(k), 2)])


def test_one_pass_and_two_passes_give_one_nc1():
    features, labels, *_ = sample()
    for center in ("classes", "samples"):
        one = nc1(moments_of(features, labels, 5), center=center)
        assert nc1(two_passes(features, labels, 5).moments(), center=center) == pytest.approx(
            one, rel=1e-12
        )


def test_nc1_with_more_classes_than_dimensions():
    features, labels, *_ = sample(k=9, d=4)
    means = np.stack([features[labels == c].mean(0) for c in range(9)])
    deviations = features - means[labels]
    between = np.cov(means.T, bias=True)
    expected = np.trace(deviations.T @ deviations / len(features) @ np.linalg.inv(between)) / 9
    assert nc1(moments_of(features, labels, 9)) == pytest.approx(expected, rel=1e-10)
    assert nc1(two_passes(features, labels, 9).moments()) == pytest.approx(expected, rel=1e-10)


def test_cdnv_is_the_mean_over_pairs():
    features, labels, *_ = sample()
    parts = [features[labels == c] for c in range(5)]
    variance = [((p - p.mean(0)) ** 2).sum(1).mean() for p in parts]
    for exponent in (2, 4):
        pairs = naive_pairs(
            lambda a, b, e=exponent: (
                (variance[a] + variance[b])
                / 2
                / np.linalg.norm(parts[a].mean(0) - parts[b].mean(0)) ** e
            ),
            5,
        )
        assert cdnv(moments_of(features, labels, 5), exponent=exponent) == pytest.approx(
            pairs.mean(), rel=1e-10
        )


def test_vci_is_the_trace_with_the_total_covariance():
    features, labels, *_ = sample()
    means = np.stack([features[labels == c].mean(0) for c in range(5)])
    deviations, centred = features - means[labels], means - means.mean(0)
    between = centred.T @ centred / 5
    total = deviations.T @ deviations / len(features) + between
    expected = 1 - np.trace(np.linalg.pinv(total) @ between) / np.linalg.matrix_rank(between)
    assert vci(moments_of(features, labels, 5)) == pytest.approx(expected, rel=1e-10)


def test_metrics_of_shape_are_their_naive_definitions():
    vectors = np.random.default_rng(1).standard_normal((6, 4)) * np.arange(1, 7)[:, None]
    gram, lengths = Gram.of_vectors(vectors), np.linalg.norm(vectors, axis=1)
    unit = vectors / lengths[:, None]
    cosines = naive_pairs(lambda a, b: unit[a] @ unit[b], 6)
    logs = naive_pairs(lambda a, b: -np.log(np.linalg.norm(unit[a] - unit[b])), 6)
    assert equinorm(gram) == pytest.approx(lengths.std() / lengths.mean())
    assert equiangularity(gram) == pytest.approx(np.abs(cosines + 1 / 5).mean())
    assert equiangularity(gram, form="spread") == pytest.approx(cosines.std())
    assert gnc2(gram) == pytest.approx(logs.std() / abs(logs.mean()))
    few = naive_pairs(lambda a, b: unit[3:][a] @ unit[3:][b], 3)
    assert minority_cosine(gram, [3, 4, 5]) == pytest.approx(few.mean())
    assert minority_cosine(gram, [3, 4, 5], form="max") == pytest.approx(few.max())


@pytest.mark.parametrize(
    "counts", [Counts.step(k=6, minority=2, ratio=10), Counts([9, 5, 5, 2, 1])]
)
def test_a_metric_of_groups_is_the_metric_of_every_class_on_its_own(counts):
    grouped = predict.seli(counts).classifiers
    single = Gram.of_matrix(grouped.matrix())
    for metric in (
        equinorm,
        equiangularity,
        lambda g: equiangularity(g, form="spread"),
        gnc2,
        lambda g: minority_cosine(g, [2, 4]),
    ):
        assert metric(grouped) == pytest.approx(metric(single), rel=1e-9)


def test_nc3_and_alignment_compare_the_vectors():
    features, labels, W, _ = sample()
    moments = moments_of(features, labels, 5)
    M = moments.means - moments.means.mean(0)
    measured = geometry(moments, W)
    assert nc3(measured) == pytest.approx(
        np.linalg.norm(W / np.linalg.norm(W) - M / np.linalg.norm(M))
    )
    cosines = np.array(
        [w @ m / np.linalg.norm(w) / np.linalg.norm(m) for w, m in zip(W, M, strict=True)]
    )
    np.testing.assert_allclose(alignment(measured), cosines)
    assert unc3(measured) == pytest.approx(cosines.std() / abs(cosines.mean()))


def test_nearest_etf_distance_is_the_procrustes_distance():
    features, labels, *_ = sample()
    moments = moments_of(features, labels, 5)
    Y = moments.means - moments.means.mean(0)
    C = (np.eye(5) - 1 / 5) / 2
    left, _, right = np.linalg.svd((Y / np.linalg.norm(Y)).T @ C, full_matrices=False)
    best = np.linalg.norm(Y / np.linalg.norm(Y) - C @ (left @ right).T)
    assert nearest_etf_distance(moments) == pytest.approx(best, rel=1e-9)


def test_nc4_errors_and_margins_count_with_the_bias():
    features, labels, W, b = sample(spread=2.0)
    means = np.stack([features[labels == c].mean(0) for c in range(5)])
    logits = features @ W.T + b
    nearest = np.linalg.norm(features[:, None] - means, axis=2).argmin(1)
    decisions = two_passes(features, labels, 5, W, b).decisions
    assert nc4(decisions) == pytest.approx((logits.argmax(1) == nearest).mean())
    assert nc4(decisions) != pytest.approx(((features @ W.T).argmax(1) == nearest).mean())
    wrong = logits.argmax(1) != labels
    np.testing.assert_allclose(
        error_rates(decisions), [wrong[labels == c].mean() for c in range(5)]
    )
    others = np.where(np.eye(5, dtype=bool)[labels], -np.inf, logits).max(1)
    margins = logits[np.arange(len(labels)), labels] - others
    np.testing.assert_allclose(
        smallest_margins(decisions), [margins[labels == c].min() for c in range(5)]
    )


@pytest.mark.parametrize(
    "name",
    [name for name, metric in METRICS.items() if {"collapse", "ETF"} & metric.anchors.keys()],
)
def test_a_collapsed_simplex_network_stands_at_the_anchors(name):
    collapse, metric = simplex_network(), METRICS[name]
    for where in {"collapse", "ETF"} & metric.anchors.keys():
        anchor = metric.anchors[where]
        expected = anchor(np.full(5, 3), 9) if callable(anchor) else anchor
        np.testing.assert_allclose(getattr(collapse, name), expected, atol=1e-7)


RANDOM = {
    "balanced": ([20] * 6, 3000),
    "imbalanced": ([60, 60, 30, 4, 3, 2], 3000),
    "two samples a class": ([2] * 6, 3000),
    "as many dimensions as classes, nearly": ([9] * 60, 90),
    "more classes than dimensions": ([20] * 200, 64),
    "a tail of more classes than dimensions": (np.geomspace(99, 2, 200).astype(int).tolist(), 64),
}


@functools.cache
def random_network(case):
    counts, d = RANDOM[case]
    rng, k, n = np.random.default_rng(3), len(counts), sum(counts)
    features, labels, W = (
        rng.standard_normal((n, d)),
        np.repeat(np.arange(k), counts),
        rng.standard_normal((k, d)),
    )
    decisions = Decisions(k)
    decisions.update(
        rng.standard_normal((9000, k)), np.arange(9000) % k, nearest=rng.integers(0, k, 9000)
    )
    return Collapse.of(moments_of(features, labels, k), W, None, decisions)


@pytest.mark.parametrize("case", RANDOM)
@pytest.mark.parametrize(
    "name", [name for name, metric in METRICS.items() if "random" in metric.anchors]
)
def test_a_random_network_stands_at_the_random_anchors(name, case):
    (counts, d), anchor = RANDOM[case], METRICS[name].anchors["random"]
    expected = anchor(np.array(counts), d) if callable(anchor) else anchor
    if np.isnan(expected):
        assert name == "one_vs_rest"
        assert d < 30 * len(counts)
        return
    value = getattr(random_network(case), name)
    small = 0 if name in ("nc1", "cdnv", "classifier_equiangularity") else 0.06
    np.testing.assert_allclose(np.mean(value), expected, rtol=0.1, atol=small)


def test_random_anchors_are_the_published_limits():
    many = np.full(1000, 20)
    assert anchors.random_etf_distance(many, 512) == pytest.approx(0.915, abs=5e-4)
    assert anchors.random_equiangularity(many, 512) == pytest.approx(0.0353, abs=5e-5)
    assert anchors.random_equiangularity(np.full(5, 2), 10**7) == pytest.approx(1 / 4, rel=1e-9)
    assert anchors.random_nc1(many, 512) == pytest.approx(19 * 512 / (1000 - 514), rel=1e-9)
    assert np.isnan(anchors.random_nc1(np.full(9, 5), 8))


@pytest.mark.parametrize(("k", "d"), [(2, 1), (2, 10), (3, 3), (3, 200), (5, 4), (9, 5), (9, 40)])
def test_random_anchors_of_few_classes_are_means_over_random_networks(k, d):
    rng, labels = np.random.default_rng(1), np.arange(k).repeat(2)
    names = ("classifier_etf_distance", "logit_etf_distance", "classifier_equinorm")
    found = []
    for _ in range(600):
        features = rng.standard_normal((k, d))[labels]
        seen = Collapse.of(moments_of(features, labels, k), rng.standard_normal((k, d)))
        found.append([getattr(seen, name) for name in names])
    told = [METRICS[name].anchors["random"](np.full(k, 2), d) for name in names]
    assert told == pytest.approx(np.mean(found, axis=0), rel=0.05)


@pytest.mark.parametrize(
    ("counts", "d"), [([1000] * 5 + [10] * 5, 5), ([500] * 10 + [5] * 10, 10), ([60, 30, 9, 3], 1)]
)
def test_nc1_of_noise_in_few_dimensions_is_its_anchor_at_unequal_counts(counts, d):
    """The scatter within classes is its mean here, which many samples have."""
    rng, n, k = np.random.default_rng(1), np.array(counts), len(counts)
    means = rng.standard_normal((8000, k, d)) / np.sqrt(n)[:, None]
    means -= means.mean(axis=1, keepdims=True)
    between = np.swapaxes(means, 1, 2) @ means / k
    traces = np.trace(np.linalg.inv(between), axis1=1, axis2=2) / k
    told = anchors.random_nc1(n, d)
    assert told == pytest.approx((1 - k / n.sum()) * traces.mean(), rel=0.08)


@pytest.mark.parametrize(
    ("counts", "d"), [([20] * 3, 5), ([20] * 4, 2), ([50, 10, 3], 8), ([100, 50] + [2] * 8, 5)]
)
def test_the_scatter_ratio_of_noise_is_its_anchor(counts, d):
    """The scatter within classes is independent of the means, and its mean is known."""
    rng, n, k = np.random.default_rng(1), np.array(counts), len(counts)
    means = rng.standard_normal((200_000, k, d)) / np.sqrt(n)[:, None]
    means -= means.mean(axis=1, keepdims=True)
    ratios = (1 - k / n.sum()) * d * k / np.square(means).sum(axis=(1, 2))
    told = anchors.random_scatter_ratio(n, d)
    assert told == pytest.approx(ratios.mean(), rel=0.03)
    if not np.ptp(n):  # an inverse chi-squared variable
        exact = (1 - k / n.sum()) * n[0] * d * k / (d * (k - 1) - 2)
        assert told == pytest.approx(exact, rel=1e-9)


def test_noise_of_two_classes_in_two_dimensions_has_no_mean_scatter_ratio():
    assert np.isnan(anchors.random_scatter_ratio(np.array([30, 3]), 2))
    assert np.isnan(METRICS["cdnv"].anchors["random"](np.array([30, 3]), 2))


@pytest.mark.parametrize("d", [2, 16, 512])
def test_what_parallel_vectors_leave_undefined_is_no_matter_of_rounding(d):
    rng = np.random.default_rng(0)
    for _ in range(100):
        rows = rng.standard_normal((5, d))
        rows[1] = rng.uniform(0.1, 10) * rows[0]
        with pytest.raises(Undefined, match="two vectors point the same way"):
            gnc2(Gram.of_vectors(rows))


def test_cosines_that_average_to_zero_have_no_variation_whatever_rounding_leaves():
    rng = np.random.default_rng(0)
    for _ in range(100):
        w, v, m, n = rng.standard_normal((4, 5))
        seen = Geometry.of_vectors(np.array([w, v, w, v]), np.array([m, n, -m, -n]), Source("net"))
        with pytest.raises(Undefined, match="average to zero"):
            unc3(seen)


def test_a_class_named_twice_is_no_pair_of_classes():
    features, labels, W, _ = sample()
    with pytest.raises(ValueError, match=r"named once, got \[3, 3\]"):
        minority_cosine(Gram.of_vectors(W), [3, -2])
    with pytest.raises(ValueError, match="class 0 is once in the pooled scatter"):
        moments_of(features, labels, 5).take([0, 0, 1, 2, 3, 4])
    assert moments_of(features, labels, 5, "none").take([0, 0]).k == 2


@pytest.mark.parametrize("classes", ["all", "seen"])
def test_squares_that_leave_float64_are_refused_where_means_do_not_tell(classes):
    for scatter in ("pooled", "none"):
        moments = Moments(2, 1, scatter)
        with np.errstate(over="ignore"):
            moments.update([[1e160], [-1e160], [1.0], [2.0]], [0, 0, 1, 1])
        for call in (lambda m: Collapse.of(m, classes=classes), cdnv, spreads):
            with pytest.raises(ValueError, match="features of class 0 are so large"):
                call(moments)


def test_few_random_directions_are_off_the_uniform_ones_as_their_anchor_tells():
    rng = np.random.default_rng(0)
    for k, d in ((2, 10), (3, 3), (10, 64), (12, 5)):
        grams = [Gram.of_vectors(rng.standard_normal((k, d))) for _ in range(300)]
        mean = np.mean([dot_product_wasserstein(gram, d) for gram in grams])
        assert anchors.random_wasserstein(np.full(k, 2), d) == pytest.approx(mean, rel=0.05)
    assert np.isnan(anchors.random_wasserstein(np.full(3, 2), 1))


def test_the_etf_column_shows_the_least_distance_where_no_etf_fits():
    d, k = 3, 6
    top = np.linalg.eigh(np.eye(k) - 1 / k)[1][:, -d:]
    nearest = Collapse.of(moments_of(np.repeat(top, 2, axis=0), np.repeat(np.arange(k), 2), k), top)
    least = anchors.least_etf_distance(np.full(k, 2), d)
    assert least == pytest.approx(np.sqrt(2 - 2 * np.sqrt(3 / 5)))
    for name in ("classifier", "embedding", "logit"):
        assert getattr(nearest, f"{name}_etf_distance") == pytest.approx(least, rel=1e-9)
    assert nearest.nearest_etf_distance == pytest.approx(least, rel=1e-9)
    shown = str(nearest.table({"ETF": predict.etf(k)}).columns[-1]._cells)
    assert f"'{least:.3g}'" in shown


def test_the_spread_of_lengths_is_divided_by_k_or_by_one_less():
    gram = Gram.of_vectors(np.diag([1.0, 2.0, 4.0]))
    lengths = np.array([1.0, 2.0, 4.0])
    for ddof in (0, 1):
        assert equinorm(gram, ddof=ddof) == pytest.approx(lengths.std(ddof=ddof) / lengths.mean())
    with pytest.raises(ValueError, match="ddof must be 0 or 1, got 2"):
        equinorm(gram, ddof=2)


@functools.cache
def noise(n, d):
    return 1e-3 * np.random.default_rng(1).standard_normal((n, d), dtype=np.float32)


@pytest.mark.parametrize(("size", "truth"), [(3e-3, 0.1091), (1e-3, 0.731), (1e-4, 3.87)])
def test_nc1_is_right_where_a_float32_pseudo_inverse_reports_collapse(size, truth):
    """Peers' error 1: one direction of the class means is scaled down, as when minorities
    collapse."""
    rng, k, d, n = np.random.default_rng(0), 10, 512, 20_000
    left, _ = np.linalg.qr((np.eye(k) - 1 / k) @ rng.standard_normal((k, k - 1)))
    basis, _ = np.linalg.qr(rng.standard_normal((d, k - 1)))
    scales = np.append(np.ones(k - 2), size)
    means = left * scales @ basis.T
    labels = np.arange(n) % k
    features = means.astype(np.float32)[labels] + noise(n, d)
    exact = features.astype(np.float64)
    mu = np.stack([exact[labels == c].mean(0) for c in range(k)])
    deviations, centred = exact - mu[labels], mu - mu.mean(0)
    # The trace in coordinates of the span, each direction on its own: no matrix is inverted.
    _, S, Vt = np.linalg.svd(centred, full_matrices=False)
    expected = np.sum(np.square(deviations @ Vt[: k - 1].T).mean(0) / (S[: k - 1] ** 2))
    assert nc1(moments_of(features, labels, k)) == pytest.approx(expected, rel=1e-6)
    assert nc1(two_passes(features, labels, k).moments()) == pytest.approx(expected, rel=1e-6)
    # The published values are of other draws of this experiment, in which noise in the means
    # counts.
    assert expected == pytest.approx(truth, rel=0.2)
    naive = np.trace(
        (deviations.T @ deviations / n).astype(np.float32)
        @ np.linalg.pinv((centred.T @ centred / k).astype(np.float32))
    )
    assert not 1 / 2 < naive / k / expected < 2


def test_a_common_offset_costs_no_digits():
    """Peers' error 2: an offset of 100 a coordinate and a within-class standard deviation of
    1e-5."""
    rng, k, d, n = np.random.default_rng(0), 4, 16, 2000
    labels = np.arange(n) % k
    features = 100 + 1e-3 * rng.standard_normal((k, d))[labels] + 1e-5 * rng.standard_normal((n, d))
    shifted = features - 100  # exact: the numbers are within a factor of two
    means = np.stack([shifted[labels == c].mean(0) for c in range(k)])
    deviations, centred = shifted - means[labels], means - means.mean(0)
    expected = np.trace(deviations.T @ deviations / n @ np.linalg.pinv(centred.T @ centred / k)) / k
    for moments in (moments_of(features, labels, k), two_passes(features, labels, k).moments()):
        assert nc1(moments) == pytest.approx(expected, rel=1e-6)


def test_the_rank_of_the_means_falls_when_two_classes_merge():
    features, labels, *_ = sample()
    assert rank(moments_of(features, labels, 5)) == 4
    features[labels == 1] = features[labels == 0][0]
    features[labels == 0] = features[labels == 0][0]
    assert rank(moments_of(features, labels, 5)) == 3


def test_four_thousand_classes_take_no_square_array():
    k, d = 4_000, 8
    rng = np.random.default_rng(0)
    moments = Moments(k, d, "none")
    moments.update(rng.standard_normal((2 * k, d)), np.arange(2 * k) % k)
    measured = geometry(moments, rng.standard_normal((k, d)))
    assert 0 < cdnv(moments) < 1e6
    assert 0 < equiangularity(measured.classifiers) < 1


def test_what_is_not_defined_is_refused_with_the_reason():
    features, labels, W, _ = sample()
    moments = moments_of(features, labels, 5, "none")
    with pytest.raises(ValueError, match="nc1 needs the within-class scatter"):
        nc1(moments)
    with pytest.raises(ValueError, match="vci needs the whole"):
        vci(two_passes(features, labels, 5).moments())
    with pytest.raises(ValueError, match="center must be"):
        nc1(moments_of(features, labels, 5), center="none")
    with pytest.raises(ValueError, match="exponent must be 2 or 4"):
        cdnv(moments, exponent=3)
    same = moments_of(np.ones((10, 7)), np.arange(10) % 5, 5)
    for metric in (nc1, vci, nearest_etf_distance):
        with pytest.raises(ValueError, match="all class means coincide"):
            metric(same)
    with pytest.raises(ValueError, match="means of classes 0 and 1 coincide"):
        cdnv(same)
    with pytest.raises(ValueError, match="class 2 is zero"):
        equiangularity(Gram.of_vectors(np.diag([1.0, 1.0, 0.0])))
    W[3] = 0
    values, undefined = Collapse.of(moments, W).metrics()
    assert "class 3" in undefined["alignment"]
    assert "nc4" in undefined
    assert "cdnv" in values


def test_nc4_is_not_defined_where_all_features_are_the_same():
    features, labels = np.ones((6, 3)), np.arange(6) % 3
    first = Means(3, 3)
    first.update(features, labels)
    second = SecondPass(first, np.eye(3))
    second.update(features, labels)
    collapse = Collapse.of(second.moments(), np.eye(3), None, second.decisions)
    with pytest.raises(Undefined, match="all class means coincide"):
        _ = collapse.nc4
    assert collapse.decisions.counts.sum() == 6


def test_decisions_merged_with_themselves_count_every_error_twice():
    z = np.random.default_rng(0).normal(size=(60, 4))
    once, twice = Decisions(4), Decisions(4)
    once.update(z, np.arange(60) % 4)
    once.merge(once)
    for _ in range(2):
        twice.update(z, np.arange(60) % 4)
    for name, array in twice.state().items():
        np.testing.assert_array_equal(once.state()[name], array)


def test_decisions_between_other_classes_are_no_part_of_a_measurement():
    moments = Moments(3, 2)
    moments.update(np.eye(3)[:, :2], [0, 1, 2])
    with pytest.raises(ValueError, match="decisions are between 4 classes, the samples of 3"):
        Collapse.of(moments, decisions=Decisions(4))
