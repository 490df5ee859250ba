"""At the ends of what float64 holds a figure is right or refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lopsided import Counts, Problem, measure, predict, solve, steer
from lopsided.measure import ood
from lopsided.solve.depth import best_multiple, deep_objective, pairs


@pytest.mark.parametrize("small", [1e-4, 1e-6])
def test_a_condition_number_keeps_small_singular_values(small):
    tail = measure.linear_tail([np.diag([1, small])] * 2)
    assert tail.condition_product == pytest.approx(small**-2)
    assert tail.condition_head == pytest.approx(1 / small) == tail.predicted


def test_a_condition_number_that_rounding_hides_is_refused():
    with pytest.raises(ValueError, match="singular value 2 of their product"):
        measure.linear_tail([np.diag([1, 1e-9])] * 2)


def test_the_zero_network_has_rank_0_and_is_not_collapsed():
    found = solve.deep_relu([3, 3, 2], ridge=5.0, layers=2, width=4, starts=1)
    assert (found.objective, found.ranks, found.collapsed) == (4.0, (0, 0), False)
    assert not any(f.any() for f in found.factors)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("scale", [1e-20, 1e6])
def test_the_best_multiple_of_logits_does_not_depend_on_their_scale(layers, scale):
    problem, logits = Problem(Counts([10, 10, 1, 1]), ridge=0.02), np.eye(4) - 0.25
    a, least = best_multiple(problem, logits, layers)
    found, value = best_multiple(problem, scale * logits, layers)
    assert found * scale == pytest.approx(a, rel=1e-5)
    assert value == pytest.approx(least, rel=1e-12) == deep_objective(problem, a * logits, layers)
    others = [deep_objective(problem, b * logits, layers) for b in np.geomspace(1e-3, 1e3, 60)]
    assert least <= min(others)


@pytest.mark.parametrize("layers", [1, 3])
def test_no_multiple_of_logits_is_worth_a_large_ridge(layers):
    problem = Problem(Counts([3, 3]), ridge=50)
    a, value = best_multiple(problem, np.eye(2), layers)
    assert (a, value) == (0, pytest.approx(6 * np.log(2)))
    assert best_multiple(Problem(Counts([3, 3]), ridge=0.1), -np.eye(2), layers)[0] == 0


@pytest.mark.parametrize("size", [1, 1e-9, 1e9])
def test_a_covariance_that_is_none_is_refused_at_any_size(size):
    with pytest.raises(ValueError, match="must be symmetric"):
        predict.regression_error(size * np.array([[2.0, 1.0], [-1.0, 2.0]]), 1.5)
    with pytest.raises(ValueError, match="outputs 0 and 0 is not"):
        predict.regression_error([[np.inf, 0], [0, size]], 1.5)
    with pytest.raises(ValueError, match=r"got shape \(0, 0\)"):
        predict.regression_error(np.zeros((0, 0)), 1.5)


@pytest.mark.parametrize("layers", [np.nan, np.inf, True, "2", 2.5, 0])
def test_what_is_no_number_of_layers_is_refused(layers):
    with pytest.raises(ValueError, match="layers must be a whole number of at least 1"):
        deep_objective(Problem(Counts([3, 3]), ridge=0.1), np.eye(2), layers)


@pytest.mark.parametrize("k", [2.0, 0, -2, 3])
def test_what_makes_no_pairs_is_refused(k):
    with pytest.raises(ValueError, match=r"k must be a whole number|even number"):
        pairs(k)


RNG = np.random.default_rng(0)
TARGETS, CELLS, HEAD = RNG.normal(size=(50, 2)), RNG.normal(size=(3, 3, 2)), RNG.normal(size=(3, 4))
FEATURES = np.hstack([TARGETS @ RNG.normal(size=(2, 2)), 0.1 * RNG.normal(size=(50, 2))])
MOMENTS = measure.Moments(3, 4)
MOMENTS.update(FEATURES, np.arange(50) % 3)
KNOWN = ood.Known.of(MOMENTS, HEAD)
ABOUT_0 = replace(KNOWN, mean=np.zeros(4))


@pytest.mark.parametrize("scale", [2.0**-600, 2.0**600])
@pytest.mark.parametrize(
    "figure",
    [
        lambda s: measure.regression_collapse(s * FEATURES, TARGETS, HEAD[:2]),
        lambda s: measure.regression_collapse(s * FEATURES, TARGETS, HEAD[:2], form="unit"),
        lambda s: measure.regression_collapse(FEATURES, TARGETS, s * HEAD[:2]),
        lambda s: measure.additivity(s * CELLS),
        lambda s: measure.feature_ansatz(s * HEAD, HEAD.T @ HEAD, 0.5),
        lambda s: measure.feature_ansatz(HEAD, s * (HEAD.T @ HEAD), 3.0),
        lambda s: measure.layer_cosines([s * FEATURES, 1 + FEATURES]),
        lambda s: ood.neco(KNOWN, s * FEATURES),
        lambda s: ood.nci(ABOUT_0, s * FEATURES),
        lambda s: ood.visible(ABOUT_0, s * FEATURES),
    ],
)
def test_a_figure_that_no_scale_changes_keeps_its_digits_at_every_scale(figure, scale):
    assert figure(scale) == pytest.approx(figure(1.0), rel=1e-12)


def test_a_gap_of_scale_is_refused_where_squares_leave_float64():
    with pytest.raises(ValueError, match="targets reach "):
        measure.regression_collapse(FEATURES, 1e160 * TARGETS, HEAD[:2])


@pytest.mark.parametrize("size", [0.1, 1e-200, 1e200])
def test_equal_cells_have_no_additivity(size):
    with pytest.raises(ValueError, match="all cell means are the same"):
        measure.additivity(np.full((3, 3, 2), size))


@pytest.mark.parametrize(
    ("found", "error", "words"),
    [
        (np.nan, ValueError, "it gave NaN"),
        ("a", TypeError, "must be one number, got 'a'"),
        (np.ones(3), TypeError, "must be one number, got array"),
    ],
)
def test_a_target_that_gives_no_number_is_refused(found, error, words):
    with pytest.raises(error, match=words):
        steer.design([50, 5, 5], lambda geometry: found)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_transferability_beyond_float64_is_refused(scale):
    with pytest.raises(ValueError, match="features reach"):
        measure.transferability(scale * FEATURES, np.arange(50) % 3)


@pytest.mark.parametrize("size", [1e60, 1e-60])
def test_a_tail_of_many_layers_has_a_condition_at_any_size(size):
    tail = measure.linear_tail([size * np.diag([1, 0.5])] * 7)
    assert tail.condition_product == pytest.approx(2**7)


def test_a_far_coordinate_that_is_the_same_in_all_cells_has_no_part_in_additivity():
    near = np.random.default_rng(0).normal(size=(3, 3, 1))
    far = np.concatenate([np.full((3, 3, 1), 1e18 + 0.1), near], axis=2)
    assert measure.additivity(far) == pytest.approx(measure.additivity(near), rel=1e-12)


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_gradients_whose_squares_leave_float64_are_refused_as_such(size):
    with pytest.raises(ValueError, match=r"gradients reach .* leave float64"):
        measure.agop(lambda x: x * size, np.ones((2, 3)))


def test_scores_of_logits_that_overflow_are_refused():
    far, eye = 1e250 * np.eye(2), np.eye(2)
    known = ood.Known(1e60 * eye, np.zeros(2), eye, np.zeros(2), eye, eye)
    with pytest.raises(ValueError, match="logits of sample 0 leave float64"):
        ood.probability(known, far)


def test_ranks_are_of_directions_however_short_the_features_of_a_common_class_are():
    found = solve.deep_relu([10**15, 3], ridge=1e-2, layers=2, width=4, starts=1, seed=1)
    assert (found.ranks, found.collapsed) == ((2, 2), True)
