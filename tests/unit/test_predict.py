"""What predictions refuse, and how long they take."""

import itertools
import time

import numpy as np
import pytest

from lopsided import Adjustment, Counts, Problem, predict
from lopsided.loss import Squared
from lopsided.predict.forms.contrastive import contrastive_minimum

COUNTS = Counts([50, 50, 5, 5])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: predict.etf(1), "at least 2 classes"),
        (
            lambda: predict.cross_entropy(COUNTS, Adjustment(scale=[1, 2, 3])),
            "3 entries, but there are 4 classes",
        ),
        (lambda: predict.cross_entropy(COUNTS, bias="ridge"), "'none' or 'free', got 'ridge'"),
        (
            lambda: predict.cross_entropy(COUNTS, Adjustment.cdt(COUNTS, 0.5), "free"),
            "one scale for all classes",
        ),
        (
            lambda: predict.certificate(COUNTS, Adjustment.ldt(COUNTS, 0.5), "free"),
            "per-sample scale for all classes",
        ),
        (lambda: predict.cross_entropy(COUNTS, Adjustment.cdt(COUNTS, 40.0)), "1e+40 for class 2"),
        (
            lambda: predict.cross_entropy(COUNTS, Adjustment(margin=[1, 1, 1, 1e150])),
            "1e+150 for class 3",
        ),
        (lambda: predict.cross_entropy(COUNTS, Adjustment(scale=1e-120)), "1e+120 for class"),
        (lambda: predict.balanced(COUNTS, 0.1), "equal counts, got 5 to 50"),
        (lambda: predict.balanced(Counts([3, 3]), 0.0), "ridge must be positive"),
        (
            lambda: predict.balanced(Counts([3, 3]), -1.0, 0.1),
            "0 or from 1e-100 to 1e100, got -1.0",
        ),
        (lambda: predict.balanced(Counts([3, 3]), 1.0, 1.0), "below 1, got 1.0"),
        (lambda: predict.balanced(Counts([3, 3]), float("nan")), "finite numbers, got nan"),
        (lambda: predict.nonnegative(COUNTS, -1.0), "0 or from 1e-100 to 1e100, got -1.0"),
        (lambda: predict.nonnegative(COUNTS, float("inf")), "finite numbers, got inf"),
        (lambda: contrastive_minimum(Counts([4, 1])), "class 1 has 1"),
        (lambda: contrastive_minimum(COUNTS, 0.0), "positive finite numbers, got 0.0"),
        (lambda: predict.squared(COUNTS, 0.0), "from 1e-100 to 1e100, got 0.0"),
        (lambda: predict.squared(COUNTS, 1e200), "from 1e-100 to 1e100, got 1e+200"),
        (lambda: predict.balanced(Counts([3, 3]), 1.0, float("nan")), "below 1, got nan"),
        (lambda: predict.squared(COUNTS, 1.0, 0), "from 1 to 1000, got 0"),
        (lambda: predict.squared(COUNTS, 1.0, 1.5), "whole number from 1 to 1000, got 1.5"),
        (lambda: predict.step(Counts([3, 2, 1])), "two distinct counts, got 3"),
        (lambda: predict.step_limit(10, 0.33), "between 1 and 9, got rho=0.33"),
        (
            lambda: predict.minority_collapse_ridge(Counts([9, 9, 1])),
            "only class 2 has the smallest count 1",
        ),
        (lambda: predict.supports([[1, 0], [0, 0]]), "context 1 has no token"),
        (lambda: predict.supports([[1, 1], [0, 1]]), "context 1 has all tokens"),
        (lambda: predict.supports([[1, 0.5], [0, 1]]), "0.5 for token 0 of context 1"),
        (lambda: predict.supports([[1, np.nan], [0, 1]]), "nan for token 0 of context 1"),
        (lambda: predict.supports([1, 0]), "shape (k, m)"),
        (lambda: predict.etf(2.5), "got 2.5"),
        (lambda: predict.etf("3"), "got '3'"),
        (lambda: predict.step_limit(10, float("nan")), "rho=nan"),
        (
            lambda: predict.free_bias(COUNTS, float("nan")),
            "margin must be positive finite numbers, got nan",
        ),
        (
            lambda: predict.cross_entropy(COUNTS, Adjustment(margin=1e-150), "free"),
            "from 1e-100 to 1e100, got 1e-150",
        ),
        (lambda: predict.squared(COUNTS, 1.0, float("nan")), "got nan"),
    ],
)
def test_impossible_predictions_are_refused_in_one_sentence(call, words):
    with pytest.raises(ValueError) as refusal:
        call()
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_step_of_any_size_takes_no_time():
    counts = Counts.step(k=10**6, minority=5, ratio=10)
    predict.seli(counts)
    best = np.inf
    for _ in range(20):
        began = time.process_time()
        predict.seli(counts).classifiers.cosine([0, 0, 10**6 - 2], [1, 10**6 - 1, 10**6 - 1])
        best = min(best, time.process_time() - began)
    assert best < 2e-3


def test_every_geometry_names_its_source_and_what_it_assumes():
    for form in predict.FORMS.values():
        source = form.geometry(form.examples()[0]).source
        assert source.name
        assert source.reference
        assert source.assumptions


def test_a_dead_class_of_the_squared_loss_is_zero_and_nothing_else():
    geometry = predict.squared(Counts([100, 3]), ridge=2.0)
    assert geometry.classifiers.norms()[1] == geometry.embeddings.norms()[1] == 0
    assert np.isnan(geometry.alignment()[1])
    assert geometry.alignment()[0] == pytest.approx(1)


@pytest.mark.parametrize("counts", [[1000, 1], [115_846, 1], [10**6, 1], [2**53, 1]])
@pytest.mark.parametrize("gamma", [-4, -3, -1, 0.5, 3, 4])
def test_the_vectors_of_two_classes_are_opposite_at_any_scales(counts, gamma):
    if counts[0] ** abs(gamma) > 1e30:
        with pytest.raises(ValueError, match="at most a factor of 1e30"):
            predict.cross_entropy(Counts(counts), Adjustment.cdt(Counts(counts), gamma))
        return
    geometry = predict.cross_entropy(Counts(counts), Adjustment.cdt(Counts(counts), gamma))
    for gram in (geometry.classifiers, geometry.embeddings):
        np.testing.assert_allclose(gram.cosines(), [[1, -1], [-1, 1]], rtol=1e-14)


@pytest.mark.parametrize(
    ("make", "ridge"),
    [
        # n_c = ridge^2, ridge^2 k / (k - 1), and 4 ridge^(3/2): there a class of count 9, 8, 32 or
        # 27 is just not alive.
        (lambda counts, ridge: predict.squared(counts, ridge), {9: 3.0}),
        (lambda counts, ridge: predict.squared(counts, ridge, 2), {32: 4.0}),
        (lambda counts, ridge: predict.nonnegative(counts, ridge), {8: 2.0}),
        (lambda counts, ridge: predict.balanced(Counts([counts[0]] * 2), ridge, 0.5), {36: 3.0}),
    ],
)
def test_a_class_at_its_threshold_is_zero_and_one_above_it_is_not(make, ridge):
    ((count, at),) = ridge.items()
    for other, alive in (
        (at, False),
        (np.nextafter(at, 0), True),
        (np.nextafter(at, np.inf), False),
    ):
        geometry = make(Counts([count, 100]), other)
        assert (geometry.embeddings.norms()[0] > 0) == alive


def test_below_its_threshold_a_class_has_no_classifier_but_behind_a_relu_no_mean():
    counts = Counts([100, 100, 9, 2])
    squared, behind = predict.squared(counts, 2.0), predict.nonnegative(counts, 2.0)
    assert squared.classifiers.norms()[3] == squared.embeddings.norms()[3] == 0
    assert behind.embeddings.norms()[3] == 0
    assert behind.classifiers.norms()[3] > 1  # it tells what the class is not


def test_sums_of_counts_beyond_sixty_three_bits_are_no_trouble():
    counts = Counts.step(10**6, minority=2**43, ratio=2**10)
    assert counts.n > 2**63
    assert predict.free_bias(counts).classifiers.norms()[0] > 0
    assert predict.step(counts).distance(predict.seli(counts)).classifiers < 1e-13
    assert predict.certificate(counts).holds
    assert np.isfinite(Adjustment.logit_adjusted(counts).shift).all()


def test_spectra_tell_the_smallest_eigenvalue_from_the_largest():
    counts = Counts([1000, 30, 1])
    geometry = predict.cross_entropy(counts, Adjustment.cdt(counts, 4.0))
    for gram in (geometry.classifiers, geometry.embeddings):
        assert (gram.spectrum() > 0).sum() == 2
        assert gram.spectrum().sum() == pytest.approx(gram.squared_norms().sum(), rel=1e-14)


@pytest.mark.parametrize("value", [[1.0, 2.0], True, "1"])
@pytest.mark.parametrize(
    "door",
    [
        lambda value: predict.squared(COUNTS, value),
        lambda value: predict.free_bias(COUNTS, value),
        lambda value: predict.contraction(COUNTS, 1.0, value),
        lambda value: predict.prototype_means(np.eye(2), value),
        lambda value: predict.Contrastive(value),
        lambda value: contrastive_minimum(COUNTS, value),
        lambda value: predict.layer_spectrum(COUNTS, 1.0, value, 1),
    ],
)
def test_a_number_is_one_number(door, value):
    with pytest.raises(TypeError, match="must be one number, got"):
        door(value)


@pytest.mark.parametrize(("layers", "ridge"), [(1, 0.1), (3, 1e-30), (50, 1e-40)])
def test_rounding_is_no_direction_of_a_regression(layers, ridge):
    problem = Problem([5, 3, 1], Squared(), ridge=ridge, bias="free", layers=layers)
    values = np.linalg.eigvalsh(predict.geometry(problem).embeddings.matrix())
    assert abs(values[0]) < 1e-14 * values[-1]
    assert values[1] > 0.1 * values[-1]


def test_every_support_of_one_size_is_exact_and_a_choice_of_them_need_not_be():
    for k in range(2, 6):
        for size in range(1, k):
            contexts = list(itertools.combinations(range(k), size))
            matrix = [[c in context for context in contexts] for c in range(k)]
            assert predict.exactness(matrix).exact
    some = [[0, 1, 0, 0], [1, 0, 0, 1], [0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 1, 1]]
    assert predict.exactness(some).exact is False
