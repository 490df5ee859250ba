"""Systems whose targets are no classes: golden numbers that came from direct optimisation
elsewhere."""

import numpy as np
import pytest

from lopsided import Problem, Squared, Targets, predict
from lopsided.measure.regression import nrc3, regression_collapse

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


def test_embeddings_of_label_pairs_are_scaled_sums_of_those_of_their_labels():
    found = predict.label_sets(4, {1: 10, 2: 3}, 0.3)
    _, H = found.vectors()
    assert H[4] == pytest.approx(3.3441647 / 3.8660487 * (H[0] + H[1]), abs=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: regression_collapse(np.ones((3, 2)), np.eye(3), np.eye(3, 2)),
            "features must vary",
        ),
        (lambda: regression_collapse(np.eye(3), np.eye(2), np.eye(3)), "must fit"),
        (lambda: predict.regression([[np.inf]], 0.5), "sample 0"),
        (lambda: predict.label_sets(3, {3: 1}, 0.5), "1 to 2 labels"),
    ],
)
def test_what_has_no_answer_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
