"""Systems whose targets are no classes: golden numbers that came from direct optimisation
elsewhere."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from lopsided import Counts, Problem, Squared, Targets, foresee, measure, predict, solve, steer
from lopsided.measure.regression import nearest_optimum, nrc3, regression_collapse
from lopsided.steer import SpectralContrastive, UniformityGap

Y = np.array([[i / 10, np.cos(i), (i**2 % 7) / 3] for i in range(40)])


@pytest.mark.parametrize(
    ("ridge", "layers", "value"),
    [(0.5, 1, 6.990530776), (3, 1, 30.695250924), (8, 1, 41.067820761)],
)
def test_a_regression_has_the_objective_of_direct_descent(ridge, layers, value):
    problem = Problem(Targets.regression(Y), Squared(), ridge=ridge, bias="free", layers=layers)
    W, H = predict.geometry(problem).vectors(d=4)
    assert problem.objective([W], H, Y.mean(axis=0)).value == pytest.approx(value, rel=1e-9)


def test_a_regression_has_the_weights_of_direct_descent():
    W = predict.regression(Y, 0.5).classifiers.matrix()
    assert [W[0, 0], W[0, 1], W[2, 2]] == pytest.approx(
        [6.79992007, 0.07752434, 2.45628036], abs=1e-8
    )
    assert not predict.regression(Y, 8.0).classifiers.matrix().any()
    deep = predict.regression(Y, 0.5, layers=2).classifiers.spectrum()
    assert deep == pytest.approx([13.49914386, 6.73683818, 3.52160072], abs=1e-8)


def test_the_training_error_of_a_regression_is_the_clipped_spectrum():
    for ridge, error in ((0.5, 0.01875), (3.0, 0.665460593)):
        residual = Y - Y.mean(axis=0) - predict.regression(Y, ridge).logits.matrix().T
        assert np.sum(residual**2) / len(Y) == pytest.approx(error, rel=1e-8)


def test_a_regression_at_its_optimum_has_collapsed():
    W, H = predict.regression(Y, 0.5).vectors(d=5)
    found = regression_collapse(H + 3.0, Y, W)
    assert found == pytest.approx((0, 0, 0, 0.00625), abs=1e-12)


def test_the_nearest_gamma_is_exact():
    gram = np.array([[2, 0.3, 0], [0.3, 1, 0.1], [0, 0.1, 0.5]])
    assert nrc3(gram, np.cov(Y.T, bias=True)) == pytest.approx((0.168542179, 0.063522317), abs=1e-9)


@given(st.integers(0, 2**32), st.integers(2, 6), st.floats(0, 0.95))
def test_no_ridge_is_nearer_than_the_nearest(seed, t, share):
    rng = np.random.default_rng(seed)
    A, noise = rng.normal(size=(2, t, t)) * 10 ** rng.uniform(-1, 1, size=(2, 1, t))
    values, vectors = np.linalg.eigh(A @ A.T)
    root = np.sqrt(np.maximum(values, 0))

    def law(c):
        return (vectors * np.maximum(root - c, 0)) @ vectors.T

    gram = law(share * root[-1]) + rng.choice([0, 0.1]) * noise @ noise.T
    gap, c, _ = nearest_optimum(gram, A @ A.T)

    def away(c):
        one, other = gram, law(c)
        return np.linalg.norm(one / np.linalg.norm(one) - other / np.linalg.norm(other))

    assert gap == pytest.approx(away(c), abs=1e-12)
    tried = [*np.linspace(0, 0.999 * root[-1], 200), share * root[-1], *root[:-1]]
    assert gap <= min(map(away, tried)) + 1e-7
    assert gap <= nrc3(gram, A @ A.T)[0] + 1e-7


def test_embeddings_of_label_pairs_are_scaled_sums_of_those_of_their_labels():
    found = predict.label_sets(4, {1: 10, 2: 3}, 0.3)
    _, H = found.vectors()
    assert H[4] == pytest.approx(3.3441647 / 3.8660487 * (H[0] + H[1]), abs=1e-6)


@pytest.mark.parametrize(
    ("c", "joint", "separate", "standardised", "whitened"),
    [
        (0.3, 0.815460593, 0.819375000, 0.616017311, 0.616017311),
        (0.8, 1.519900775, 1.520891038, 1.642712830, 1.642712830),
    ],
)
def test_one_network_for_all_outputs_errs_less_than_one_for_each(
    c, joint, separate, standardised, whitened
):
    treatments = ("joint", "separate", "standardised", "whitened")
    covariance = np.cov(Y.T, bias=True)
    found = [predict.regression_error(covariance, c, how) for how in treatments]
    assert found == pytest.approx([joint, separate, standardised, whitened], abs=1e-9)
    ridge = np.sqrt(c * len(Y))
    residual = Y - Y.mean(axis=0) - predict.regression(Y, ridge).logits.matrix().T
    assert np.sum(residual**2) / len(Y) == pytest.approx(joint)
    units = Y / Y.std(axis=0)
    residual = units - units.mean(axis=0) - predict.regression(units, ridge).logits.matrix().T
    assert np.sum((residual * Y.std(axis=0)) ** 2) / len(Y) == pytest.approx(standardised)


def test_moments_of_a_regression_are_those_of_all_batches():
    rng = np.random.default_rng(0)
    H, W = rng.normal(size=(40, 5)) + 7, rng.normal(size=(3, 5))
    parts = [measure.RegressionMoments(5, 3) for _ in range(2)]
    for i, part in enumerate(parts):
        for start in range(20 * i, 20 * i + 20, 7):
            stop = min(start + 7, 20 * i + 20)
            part.update(H[start:stop], Y[start:stop])
    parts[0].merge(parts[1])
    assert parts[0].n == 40
    whole = regression_collapse(H, Y, W)
    assert measure.collapse_of(parts[0], W) == pytest.approx(whole, rel=1e-12)
    centred = H - H.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    hidden = centred - centred @ np.linalg.pinv(W) @ W
    unit = regression_collapse(H, Y, W, form="unit")
    assert unit.nrc2 == pytest.approx(np.sum(hidden**2, axis=1).mean(), rel=1e-10)
    assert unit.nrc3 == pytest.approx(whole.nrc3)


def test_a_contexture_is_the_best_approximation_of_its_density():
    P = np.array([[0.2, 0.1, 0], [0.05, 0.2, 0.05], [0, 0.1, 0.3]])
    density = np.outer(P.sum(axis=1), P.sum(axis=0))

    def loss(x):
        F, G = x.reshape(2, 3, 3)
        Z = F @ G.T
        slope = 2 * density * Z - 2 * P
        value = np.sum(density * Z**2) - 2 * np.sum(P * Z)
        return value, np.concatenate([(slope @ G).ravel(), (slope.T @ F).ravel()])

    law = predict.contexture(P)
    least = loss(np.stack(law.vectors(3)).ravel())[0]
    start = np.random.default_rng(0).normal(size=18)
    assert least == pytest.approx(-1.7125, abs=1e-12)
    assert minimize(loss, start, jac=True, tol=1e-12).fun == pytest.approx(least, abs=1e-10)
    two = predict.contexture(P, 2)
    assert loss(np.stack(two.vectors(3)).ravel())[0] == pytest.approx(-1 - 0.76901368**2, abs=1e-7)


def test_labels_as_context_make_rare_classes_the_longest():
    law = predict.spectral_contrastive([6, 3, 1]).embeddings.matrix()
    centred = law - 1  # by the mean of all samples, whose square is 1
    assert centred.diagonal() == pytest.approx([2 / 3, 7 / 3, 9])
    assert centred[0, 1:] == pytest.approx(-1)
    joint = predict.contexture(np.diag([0.6, 0.3, 0.1])).embeddings.matrix()
    assert joint == pytest.approx(law)


def test_the_solver_finds_the_law_of_balanced_label_sets():
    problem = Problem(
        Targets.label_sets(
            [{0}, {1}, {2}, {3}, {0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}],
            k=4,
            weights=[10] * 4 + [3] * 6,
        ),
        ridge=0.3,
    )
    assert solve.minimize(problem).objective == pytest.approx(41.883462435, abs=1e-8)


@pytest.mark.parametrize("sets", [[(0,), (0,), (1,)], [(0,), (1,), (2,), (0, 1), (0, 1), (0, 2)]])
def test_a_set_that_is_there_twice_is_not_all_sets(sets):
    twice = Problem(Targets.label_sets(sets, k=3), ridge=0.1)
    assert "be there once" in predict.FORMS["label-sets"].speaks(twice)


@pytest.mark.parametrize("ridge", [1e-3, 1e-30, 1e-99])
def test_single_labels_are_the_simplex_at_a_tiny_ridge_too(ridge):
    single = predict.label_sets(4, {1: 2}, ridge).logits.matrix()
    assert single == pytest.approx(predict.balanced([2] * 4, ridge).logits.matrix(), rel=1e-12)


def test_label_sets_seen_are_kinds_of_samples():
    rows = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 1]])
    seen = measure.LabelSets.of(rows)
    assert [seen.sets[j] for j in seen.numbers(rows)] == [(0,), (1,), (0, 1), (0,), (2, 3)]
    assert seen.targets().weights.tolist() == seen.counts.tolist()
    assert (seen.rows == seen.targets().matrix.T).all()


def test_embeddings_at_the_optimum_are_tag_wise_averages():
    sets = [(c,) for c in range(4)] + [(a, b) for a in range(4) for b in range(a)]
    rows = np.array([[c in labels for c in range(4)] for labels in sets])
    seen = measure.LabelSets.of(rows)
    _, H = predict.label_sets(4, {1: 10, 2: 3}, 0.3).vectors()
    found = seen.tag_wise(H[[_place(rows, row) for row in seen.rows]] + 5.0)
    assert found.angle == pytest.approx(0, abs=1e-6)
    assert found.apart == pytest.approx(np.pi, abs=1e-6)  # h_01 is minus h_23
    assert found.scale == pytest.approx(0.8650084, abs=1e-6)


@pytest.mark.parametrize("sizes", [{1: 5}, {1: 5, 2: 3}, {2: 4}, {1: 2, 2: 3, 3: 1}])
def test_columns_of_the_law_of_label_sets_are_the_sets_as_they_are_measured(sizes):
    law = predict.label_sets(4, sizes, 0.1)
    rows = np.array([[b >> c & 1 for c in range(4)] for b in range(1, 15)])  # in no order of labels
    number = [sizes.get(size, 0) for size in rows.sum(axis=1).tolist()]
    seen = measure.LabelSets.of(np.repeat(rows, number, axis=0))
    at_it = foresee(Problem(seen.targets(), ridge=0.1))
    assert seen.geometry(*at_it.vectors()).distance(law) == pytest.approx((0, 0, 0), abs=1e-9)


def _place(rows, row):
    wanted = [(r == row).all() for r in rows[: len(rows)]]
    by_law = sorted(
        range(len(rows)), key=lambda j: (rows[j].sum(), np.flatnonzero(rows[j]).tolist())
    )
    return by_law.index(int(np.argmax(wanted)))


def test_two_orthogonal_heads_add_a_class_part_and_a_domain_part():
    k, e, ridge = 5, 3, 0.3
    law = predict.compositional(k, e, ridge)
    gains = [1.7293985046186, 1.5207552954883]  # thirty digits, root of g ridge (exp g + k - 1) = k
    lengths = gains[0] ** 2 * (1 - 1 / k) + gains[1] ** 2 * (1 - 1 / e)
    assert law.embeddings.squared_norms() == pytest.approx(lengths, abs=1e-12)
    frame = np.linalg.qr(np.random.default_rng(0).normal(size=(9, 9)))[0]

    def loss(h, y=2, a=1):
        z, domain = frame[:k] @ h, frame[k : k + e] @ h
        total = np.logaddexp.reduce(z) - z[y] + np.logaddexp.reduce(domain) - domain[a]
        return total + ridge / 2 * h @ h

    h = minimize(loss, np.zeros(9), tol=1e-10).x
    assert frame[: k + e] @ h == pytest.approx(law.logits.matrix()[:, 2 * e + 1], abs=1e-5)
    cells = law.vectors()[1].reshape(k, e, -1)
    assert measure.additivity(cells) == pytest.approx(1, abs=1e-12)
    noise = np.random.default_rng(0).normal(size=(40, 30, 4))
    assert measure.additivity(noise) == pytest.approx((39 + 29) / (40 * 30 - 1), rel=0.1)


@pytest.mark.parametrize("ridge", [1e-320, 1e-200, 1e-8, 1e3, 1e13, 1e100])
def test_class_parts_solve_their_equation_at_any_ridge(ridge):
    squares = predict.compositional(5, 5, ridge).embeddings.squared_norms()
    gain = np.sqrt(squares[0] / 1.6)  # of class and domain alike
    wanted = np.log(5) - np.log(ridge)
    assert np.log(gain) + np.logaddexp(gain, np.log(4)) == pytest.approx(wanted)


def test_label_sets_beyond_memory_are_refused_before_they_are_made():
    with pytest.raises(MemoryError, match="label sets"):
        predict.label_sets(60, {30: 1}, 0.1)


def test_centers_of_one_class_are_as_near_as_the_angle_says():
    centers = np.array([1, 2, 3, 4], np.uint64)
    law = predict.multiple_centers([40, 20, 10, 5], centers, angle=0.3).embeddings.matrix()
    assert law.diagonal() == pytest.approx(1)
    assert law[1, 2] == pytest.approx(0.0873321925, abs=1e-10)
    assert law[0, 1] == pytest.approx(-0.0291107308, abs=1e-10)
    assert np.linalg.matrix_rank(law) == 10


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: predict.contexture(np.ones((2, 2))), "must sum to 1"),
        (lambda: predict.contexture([[0.5, 0.5], [0, 0]]), "row 1 .* no mass"),
        (lambda: predict.contexture([[1, 1e-90], [1e-90, 1e-90]]), "row 1 .* a mass of 2e-90"),
        (lambda: predict.contexture(np.eye(3) / 3, d=2), "cuts between directions"),
        (lambda: predict.regression([[0.0, 1], [2, 1], [1, 1]], 0.5), "output 1 is 1 for all"),
        (lambda: predict.regression(np.eye(2, 5), 0.5), "exchanged"),
        (lambda: predict.regression_error(np.diag([1.0, 0.0]), 1, "whitened"), "output 1 does not"),
        (lambda: regression_collapse(np.eye(3), Y[:3], np.full((3, 3), np.nan)), "finite"),
        (
            lambda: regression_collapse(np.eye(3), np.ones((3, 1)) * 0.1, np.eye(1, 3)),
            "output 0 is the same",
        ),
        (lambda: measure.LabelSets.of([[1, 0], [1, 1]]), "sample 1 has all"),
        (lambda: measure.LabelSets.of([[0, 0, 0]]), "sample 0 has none"),
        (lambda: measure.LabelSets.of([[0, 2]]), "0 and 1"),
        (lambda: measure.LabelSets.of([[0, 1]]).numbers([[1, 0]]), "not seen"),
        (lambda: measure.LabelSets.of([[0, 1]]).tag_wise([[1.0]]), "several labels"),
        (
            lambda: predict.compositional(1, 2, 0.1),
            "classes k must be a whole number of at least 2",
        ),
        (lambda: predict.compositional(2, 2.5, 0.1), "domains must be a whole number"),
        (lambda: predict.softmax_code(4.5, 2), "classes k must be a whole number"),
        (lambda: predict.code_bounds(4.5, 2), "classes k must be a whole number"),
        (lambda: predict.uniform_energy(2.5), "dimensions d must be a whole number"),
        (lambda: predict.contexture(np.eye(3) / 3, d=1.5), "dimensions d must be a whole number"),
        (lambda: solve.softmax_code(4.5, 2), "classes k must be a whole number"),
        (lambda: UniformityGap(4.5, 2), "classes k must be a whole number"),
        (
            lambda: SpectralContrastive()(torch.eye(2), torch.tensor([0, 0]), -torch.ones(2)),
            "weights must be finite numbers of at least 0",
        ),
        (lambda: predict.multiple_centers(Counts([5, 2]), [1, 0], 0.2), "at least 1"),
        (lambda: measure.additivity(np.ones((2, 2, 1))), "are the same"),
        (
            lambda: regression_collapse(np.ones((3, 2)), np.eye(3), np.eye(3, 2)),
            "features must vary",
        ),
        (lambda: regression_collapse(np.eye(3), np.eye(2), np.eye(3)), "must fit"),
        (lambda: predict.regression([[np.inf]], 0.5), "sample 0"),
        (lambda: predict.label_sets(3, {3: 1}, 0.5), "1 to 2 labels"),
        (lambda: predict.label_sets(3, {1: 1}, 0.0), "the ridge must be from"),
        (lambda: predict.label_sets(3, {1.5: 1}, 0.5), "labels of a set must be a whole number"),
        (lambda: Targets.label_sets([], 3), "got none"),
    ],
)
def test_what_has_no_answer_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_a_set_of_all_labels_that_occur_alone_has_no_sum_to_be_compared_with():
    rows = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [1, 1, 0, 0], [1, 1, 1, 0]])
    means = np.random.default_rng(0).normal(size=(5, 3))
    fewer = measure.LabelSets.of(rows[:4])
    order = [_place(rows, row) for row in measure.LabelSets.of(rows).rows]
    found = measure.LabelSets.of(rows).tag_wise(means[order])
    wanted = fewer.tag_wise(means[[_place(rows, row) for row in fewer.rows]])
    np.testing.assert_allclose(found, wanted, equal_nan=True)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: predict.compositional(10_000, 10_000, 0.1), "100,000,000 cells"),
        (lambda: predict.multiple_centers([5] * 9_000, [100] * 9_000, 0.3), "900,000 centers"),
        (lambda: Targets.label_sets([{0}] * 300_000, 3_000_000), "300,000 label sets"),
        (lambda: steer.sparse_frame(50_000, 1_000_000), "50,000,000,000 entries"),
    ],
)
def test_what_memory_cannot_hold_is_refused_in_words_before_it_is_made(make, what):
    with pytest.raises(MemoryError, match=f"{what} needs .* GiB"):
        make()
