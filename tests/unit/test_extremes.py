"""At the ends of what float64 holds a figure is right or refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lopsided import Counts, Problem, measure, predict, solve, steer
from lopsided.measure import ood
from lopsided.measure.checks import head_of
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
    found = solve.deep_relu([10**10, 3], ridge=1e-2, layers=2, width=8, starts=3)
    assert found.converged[0]
    short, long = np.linalg.norm(found.factors[-1], axis=1)
    assert short < 1e-3 * long
    assert (found.ranks, found.collapsed) == ((2, 2), True)


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e200])
def test_nc5_is_of_directions_at_every_size(size):
    assert ood.nc5(size * np.eye(2), [0.0, size]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: ood.nc5(np.ma.masked_array(np.eye(2), mask=np.eye(2)), [0.0, 2.0]),
            TypeError,
            "masked array",
        ),
        (lambda: ood.nc5(np.eye(2) * 1j, [0.0, 2.0]), TypeError, "class means must be real"),
        (lambda: ood.nc5(np.eye(2), [0.0, 0.0]), ValueError, "of the others has none"),
        (lambda: ood.separation([1, np.nan], [1.0]), ValueError, "inside must be finite, that of"),
        (lambda: ood.rejected([1, np.inf], [0, 1], 2), ValueError, "that of sample 1 is inf"),
        (lambda: ood.rejected([[1], [2]], [0, 1], 2), ValueError, "one number a sample"),
        (lambda: ood.rejected([1, 2], [0, 1], 2, share="5%"), TypeError, "the share must be one"),
        (lambda: ood.rejected([1, 2], [0, 1], 2.0), ValueError, "classes k must be a whole"),
    ],
)
def test_scores_and_means_that_are_none_are_refused_by_what_they_are_of(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_means_and_heads_may_be_tensors_that_learn_and_of_half_precision():
    for kind in (torch.float32, torch.bfloat16):
        learns = torch.eye(2, dtype=kind, requires_grad=True)
        assert ood.nc5(learns, [0.0, 2.0]) == 0.5
        weight, bias = head_of(learns[:1], learns[0, :1], 2, 2)
        assert weight.tolist() == [[-0.5, 0.0], [0.5, 0.0]]
        assert bias.tolist() == [-0.5, 0.5]
        assert measure.collapsible(learns, [0, 1]).neurons.tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_classes_without_held_out_samples_have_no_share_rejected():
    found = ood.Outside(5, "held-out", 0.1, {}, {"NCI": np.array([0.04, 0.06, np.nan])})
    found.separations["NCI"] = ood.Separation(0.9, 0.1)
    (row,) = found.table(Counts([100, 100, 1]))[1]
    assert row[3:5] == ["no samples", "5.0%"]


def test_rounding_has_no_part_in_a_line_and_tells_no_two_networks_apart():
    p = np.array([[0.1, 0.3, 0.4, 0.2], [0.1, 0.35, 0.45, 0.25], [0.1, 0.25, 0.2, 0.2]])
    p = np.stack([p, 1 - p], axis=2)
    found = measure.bias_variance(p, [1, 1, 1, 1])
    assert (found.variance[0], found.fitted) == (0, 3)
    assert found.slope == pytest.approx(measure.bias_variance(p[:, 1:], [1, 1, 1]).slope)
    rng, labels = np.random.default_rng(0), np.arange(90) % 3
    x = 4 * np.eye(3, 8)[labels] + rng.normal(size=(90, 8))
    turn, _ = np.linalg.qr(rng.normal(size=(8, 8)))
    hub = [measure.transferability(each, labels) for each in (x, x @ turn)]
    assert measure.hub_scores(hub).tolist() == [0, 0]


def test_gradients_are_had_inside_inference_too():
    layer = torch.nn.Linear(3, 2)
    with torch.inference_mode():
        found = measure.agop(layer, torch.ones(4, 3))
        inner, held = torch.nn.Linear(3, 2), torch.ones(3, 2)
        written = torch.zeros(4, 2)
        for function in (
            inner,
            lambda x: inner(x).sin(),
            lambda x: x @ held,
            lambda x: written.copy_(x[:, :2]),
        ):
            with pytest.raises(ValueError, match="made in torch"):
                measure.agop(function, torch.ones(4, 3))
        assert measure.agop(lambda x: x + held[:, 0], torch.ones(4, 3)).trace() == 3
    weight = layer.weight.detach().double().numpy()
    np.testing.assert_allclose(found, weight.T @ weight, rtol=1e-6)


def test_features_at_the_end_of_float64_are_summed_or_refused_without_a_warning():
    y, signs = np.repeat([0, 1], 20), np.repeat([[1, -1], [-1, 1]], 20, axis=0)
    first = measure.Means(2, 2)
    first.update(3e306 * signs, y)
    np.testing.assert_allclose(first.means, 3e306 * signs[[0, -1]], rtol=1e-15)
    with pytest.raises(ValueError, match=r"beyond 1e\+70"):
        first.update(1.7e308 * signs, y)
