"""Laws of every predicted geometry, and each closed form against its definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lopsided import Adjustment, Counts, Problem, distance, predict, solve

settings.register_profile("laws", deadline=None, derandomize=True, max_examples=25)
settings.load_profile("laws")

COUNTS = st.lists(st.integers(1, 10_000), min_size=2, max_size=7)
EXPONENTS = st.floats(-1.5, 1.5)
FORMS = {
    "seli": predict.seli,
    "etf": lambda counts: predict.etf(counts.k),
    "free-bias": predict.free_bias,
    "non-negative": predict.nonnegative,
    "contrastive": predict.contrastive,
    "cdt": lambda counts: predict.cross_entropy(counts, Adjustment.cdt(counts, 0.4)),
    "ldt": lambda counts: predict.cross_entropy(counts, Adjustment.ldt(counts, -0.3)),
    "margin": lambda counts: predict.cross_entropy(counts, Adjustment(margin=counts.values**0.3)),
    "non-negative, ridge": lambda counts: predict.nonnegative(counts, 0.9),
    "squared": lambda counts: predict.squared(counts, 0.7),
}


def dense(n, d, x):
    """Classifiers, embeddings and logits by the SVD of the label matrix, as the definition says."""
    n = np.asarray(n, np.float64)
    X = (np.eye(len(n)) - np.outer(d, d) / (d @ d)) @ np.diag(x)
    return *factors(X, n), X


def factors(X, n):
    """Grams of the balanced factors of logits on n samples a class."""
    U, s, V = np.linalg.svd(X * np.sqrt(n))
    V = V.T / np.sqrt(n)[:, None]
    return (U * s) @ U.T, (V * s) @ V.T


def agree(geometry, matrices, tolerance=1e-9):
    for part, matrix in zip(
        (geometry.classifiers, geometry.embeddings, geometry.logits), matrices, strict=True
    ):
        assert np.abs(part.matrix() - matrix).max() <= tolerance * max(np.abs(matrix).max(), 1e-300)


@pytest.mark.parametrize("name", FORMS)
@given(values=COUNTS)
def test_grams_are_positive_semidefinite_and_classifiers_times_means_are_the_logits(name, values):
    geometry = FORMS[name](Counts(values))
    W, M = geometry.classifiers.matrix(), geometry.embeddings.matrix()
    joint = np.block([[W, geometry.logits.matrix()], [geometry.logits.matrix().T, M]])
    scale = np.sqrt(np.maximum(np.diag(joint), 1e-300))
    values = np.linalg.eigvalsh(joint / np.outer(scale, scale))
    assert values[0] >= -1e-9 * values[-1]
    # As vectors they exist with their logits in at most k dimensions.
    assert (values > 1e-7 * values[-1]).sum() <= geometry.k


@pytest.mark.parametrize("name", FORMS)
@given(values=COUNTS, seed=st.integers(0, 99))
def test_relabelling_the_classes_permutes_the_geometry(name, values, seed):
    order = np.random.default_rng(seed).permutation(len(values))
    one, other = FORMS[name](Counts(values)), FORMS[name](Counts(np.array(values)[order]))
    for part in ("classifiers", "embeddings", "logits"):
        a, b = getattr(one, part).matrix(), getattr(other, part).matrix()
        np.testing.assert_allclose(a[np.ix_(order, order)], b, atol=1e-12 * np.abs(a).max())


@pytest.mark.parametrize(
    "name", ["seli", "etf", "free-bias", "non-negative", "contrastive", "cdt", "ldt"]
)
@given(values=COUNTS, factor=st.integers(2, 100))
def test_only_the_ratios_of_the_counts_matter_as_the_ridge_vanishes(name, values, factor):
    one, other = FORMS[name](Counts(values)), FORMS[name](Counts(np.array(values) * factor))
    assert max(one.distance(other)) < 1e-12


@pytest.mark.parametrize("name", ["seli", "etf", "free-bias", "cdt", "ldt", "margin"])
@given(k=st.integers(2, 30), n=st.integers(1, 1000))
def test_balanced_classes_give_the_simplex_etf(name, k, n):
    assert max(FORMS[name](Counts([n] * k)).distance(predict.etf(k))) < 1e-12


@given(values=COUNTS, gamma=EXPONENTS, per_sample=st.booleans())
def test_cross_entropy_is_the_factorised_label_matrix(values, gamma, per_sample):
    counts = Counts(values)
    rng = np.random.default_rng(len(values))
    adjustment = Adjustment(
        scale=(counts.values / counts.values.max()) ** gamma,
        margin=rng.uniform(0.5, 2, counts.k),
        weight=rng.uniform(0.5, 2, counts.k),
        shift=rng.normal(size=counts.k),
        per_sample=per_sample,
    )
    scale = np.ones(counts.k) if per_sample else adjustment.scale
    samples = adjustment.margin / (adjustment.scale if per_sample else 1)
    agree(
        predict.cross_entropy(counts, adjustment), dense(values, 1 / scale, samples / scale), 1e-7
    )


@given(values=COUNTS)
def test_a_free_bias_is_the_label_matrix_centred_over_samples(values):
    counts, k = Counts(values), len(values)
    n = counts.values / counts.n
    X = np.eye(k) - n[:, None]
    geometry, (W, M) = predict.cross_entropy(counts, bias="free"), factors(X, counts.values)
    agree(geometry, (W, M, X))
    np.testing.assert_allclose(geometry.embeddings.matrix() @ n, 0, atol=1e-12)
    np.testing.assert_allclose(geometry.classifiers.matrix().sum(axis=0), 0, atol=1e-11 * W.max())
    np.testing.assert_allclose(
        geometry.classifiers.spectrum(), np.linalg.eigvalsh(W)[::-1], atol=1e-11 * W.max()
    )


@given(values=COUNTS)
def test_neutral_adjustment_is_seli_and_weights_shifts_and_additive_margins_leave_it(values):
    counts = Counts(values)
    seli = predict.seli(counts)
    for adjustment in (
        Adjustment(),
        Adjustment.weighted(counts),
        Adjustment.logit_adjusted(counts),
        Adjustment.ldam(counts),
        Adjustment.vs(counts, gamma=0, tau=1),
    ):
        assert max(predict.cross_entropy(counts, adjustment).distance(seli)) < 1e-13
    free = predict.free_bias(counts)
    assert (
        max(predict.cross_entropy(counts, Adjustment.ldam(counts), "free").distance(free)) < 1e-13
    )


@given(values=COUNTS, gamma=EXPONENTS)
def test_centring_is_as_stated(values, gamma):
    counts = Counts(values)
    scale = Adjustment.cdt(counts, gamma).scale
    cdt, ldt = (
        predict.cross_entropy(counts, make(counts, gamma))
        for make in (Adjustment.cdt, Adjustment.ldt)
    )
    for gram, weights in (
        (cdt.classifiers, 1 / scale),
        (cdt.embeddings, np.ones(counts.k)),
        (ldt.classifiers, np.ones(counts.k)),
        (ldt.embeddings, scale),
    ):
        matrix = gram.matrix()
        np.testing.assert_allclose(
            matrix @ weights, 0, atol=1e-9 * np.abs(matrix).max() * np.abs(weights).max()
        )


@given(values=COUNTS)
def test_root_counts_align_cdt_and_make_the_classifiers_of_ldt_and_margins_an_etf(values):
    counts = Counts(values)
    aligned = predict.cross_entropy(counts, Adjustment.cdt(counts, 0.5))
    np.testing.assert_allclose(aligned.alignment(), 1, rtol=1e-9)
    etf = predict.etf(counts.k).classifiers
    for adjustment in (Adjustment.ldt(counts, 0.5), Adjustment(margin=counts.values**-0.5)):
        assert distance(predict.cross_entropy(counts, adjustment).classifiers, etf) < 1e-9


@given(values=st.lists(st.integers(1, 10**9), min_size=2, max_size=8), gamma=EXPONENTS)
def test_the_certificate_holds_for_any_counts_scales_and_margins(values, gamma):
    counts = Counts(values)
    margin = np.random.default_rng(len(values)).uniform(0.1, 10, counts.k)
    for adjustment in (
        None,
        Adjustment.cdt(counts, gamma),
        Adjustment.ldt(counts, gamma),
        Adjustment(margin=margin),
    ):
        proof = predict.certificate(counts, adjustment)
        assert proof.holds
        assert proof.largest_sign < 0
    assert predict.certificate(counts, bias="free").holds


@given(values=COUNTS, gamma=EXPONENTS)
def test_the_certificate_is_that_of_the_dense_dual(values, gamma):
    counts, k = Counts(values), len(values)
    d = 1 / Adjustment.cdt(counts, gamma).scale
    W, _, X = dense(values, d, d)
    B = np.linalg.pinv(W, rcond=1e-9, hermitian=True) @ X
    proof = predict.certificate(counts, Adjustment.cdt(counts, gamma))
    size = np.abs(B).max()
    assert B[~np.eye(k, dtype=bool)].max() <= proof.largest_sign + 1e-6 * size
    assert np.linalg.norm(B * np.sqrt(counts.values), 2) == pytest.approx(1, abs=1e-6)
    assert proof.primal == pytest.approx(np.trace(W), rel=1e-7)


GOLDEN = {
    1: (1, 1, -0.1111, -0.1111, -0.1111, -0.1111, 1, 1),
    5: (2.016, 0.4844, -0.1397, -0.0275, -0.0763, -0.1659, 0.9968, 0.9851),
    10: (2.672, 0.3508, -0.1440, 0.0334, -0.0697, -0.1867, 0.9956, 0.9639),
    100: (5.766, 0.1156, -0.1480, 0.3380, -0.0630, -0.2284, 0.9942, 0.8116),
    1000: (9.066, 0.0370, -0.1484, 0.6707, -0.0623, -0.2431, 0.9941, 0.5758),
}


@pytest.mark.parametrize("R", GOLDEN)
def test_seli_has_the_published_numbers(R):
    geometry = predict.seli(Counts.step(k=10, minority=3, ratio=R))
    w, m, aligned = geometry.classifiers, geometry.embeddings, geometry.alignment()
    ratios = [g.squared_norms()[0] / g.squared_norms()[9] for g in (w, m)]
    found = [
        *ratios,
        *(float(g.cosine(*pair)) for g in (w, m) for pair in ((0, 1), (8, 9))),
        aligned[0],
        aligned[9],
    ]
    np.testing.assert_allclose(found, GOLDEN[R], atol=6e-4, rtol=0)


def test_a_free_bias_has_its_norm_ratios():
    for ratio, published in ((10, 2.85), (100, 8.65)):
        squares = predict.free_bias(
            Counts.step(k=10, minority=1, ratio=ratio)
        ).classifiers.squared_norms()
        assert squares[0] / squares[-1] == pytest.approx(published, abs=0.005)


@given(k=st.integers(2, 12), few=st.integers(1, 11), n=st.integers(1, 50), R=st.integers(2, 1000))
def test_step_written_out_is_seli(k, few, n, R):
    counts = Counts.step(k, n, R, rho=min(few, k - 1) / k)
    assert max(predict.step(counts).distance(predict.seli(counts))) < 1e-13


@pytest.mark.parametrize(
    ("k", "rho"), [(10, 0.5), (10, 0.2), (5, 0.8), (10, 0.1), (2, 0.5), (7, 3 / 7)]
)
def test_step_tends_to_its_limit(k, rho):
    limit, seli = predict.step_limit(k, rho), predict.seli(Counts.step(k, 1, 2**44, rho))
    a = k - round(rho * k)
    for gram, cosines in (
        (seli.classifiers, limit.classifiers),
        (seli.embeddings, limit.embeddings),
    ):
        found = [
            float(gram.cosine(0, 1)) if a > 1 else np.nan,
            float(gram.cosine(k - 1, k - 2)) if k - a > 1 else np.nan,
            float(gram.cosine(0, k - 1)),
        ]
        np.testing.assert_allclose(found, cosines, atol=2e-4)
    squares = seli.classifiers.squared_norms()
    assert squares[0] / squares[-1] == pytest.approx(limit.classifier_norm_ratio, rel=1e-4)


def test_published_norm_ratios_of_cdt_and_ldt():
    k = 10
    for R in (5.0, 10.0, 100.0):
        for gamma in np.linspace(-1.5, 1.5, 7):
            counts, D = Counts.step(k, 2, R), R**gamma
            cdt = (np.sqrt(R) / D * (k - 2) * (1 + D**2) ** 1.5 + 2 * D**2 * np.sqrt(R + 1)) / (
                (k - 2) * (1 + D**2) ** 1.5 + 2 * np.sqrt(R + 1)
            )
            q = np.sqrt((R + D**2) / 2)
            ldt = ((k - 2) * np.sqrt(R) + q) / ((k - 2) * D + q)
            for make, published in ((Adjustment.cdt, cdt), (Adjustment.ldt, ldt)):
                squares = predict.cross_entropy(
                    counts, make(counts, gamma)
                ).classifiers.squared_norms()
                assert squares[0] / squares[-1] == pytest.approx(published, rel=1e-9)


def test_one_hot_supports_are_seli():
    counts = Counts([4, 1, 2])
    labels = np.repeat(np.arange(3), counts.values)
    proxy, seli = predict.supports(np.arange(3)[:, None] == labels), predict.seli(counts)
    assert predict.exactness(np.arange(3)[:, None] == labels).exact
    np.testing.assert_allclose(proxy.classifiers.matrix(), seli.classifiers.matrix(), atol=1e-13)
    np.testing.assert_allclose(
        proxy.embeddings.matrix(), seli.embeddings.matrix()[np.ix_(labels, labels)], atol=1e-13
    )


def test_all_supports_of_one_size_have_an_exact_proxy():
    from itertools import combinations

    for k, size in ((4, 2), (5, 2), (5, 3)):
        columns = [np.isin(np.arange(k), chosen) for chosen in combinations(range(k), size)]
        assert predict.exactness(np.array(columns).T).exact


@given(values=COUNTS)
def test_all_is_zero_from_the_norm_of_the_label_matrix_on(values):
    k, counts = len(values), Counts(values)
    matrix = (np.eye(k) - 1 / k) * np.sqrt(values)
    zero = solve.largest_ridge(Problem(counts, ridge=1.0))
    assert zero == pytest.approx(np.linalg.norm(matrix, 2), rel=1e-12)
    assert zero == pytest.approx(predict.seli(counts).classifiers.spectrum()[0], rel=1e-12)


@given(counts=COUNTS.map(Counts), ridge=st.floats(0.01, 3), layers=st.integers(1, 4))
def test_the_squared_loss_has_the_best_lengths(counts, ridge, layers):
    # One class alone: logit z costs n (z_c - 1)^2 / 2 and (M + 1) ridge / 2 sigma^(2 / (M + 1))
    # with sigma = z sqrt(n).
    geometry = predict.squared(counts, ridge, layers)
    z = np.concatenate([[0.0], np.linspace(1e-4, 1.0, 4001)])
    for n, found in zip(counts.values, np.diag(geometry.logits.matrix()), strict=True):
        cost = n * (z - 1) ** 2 / 2 + (layers + 1) * ridge / 2 * (z * np.sqrt(n)) ** (
            2 / (layers + 1)
        )
        own = n * (found - 1) ** 2 / 2 + (layers + 1) * ridge / 2 * (found * np.sqrt(n)) ** (
            2 / (layers + 1)
        )
        assert own <= cost.min() + 1e-9 * n
        assert (found == 0) == (n <= predict.squared_threshold(ridge, layers))
