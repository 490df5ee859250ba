"""Laws of problems: the objective and its slope, and what stands for what."""

import itertools

import numpy as np
import pytest
import torch

from lopsided import (
    Adjustment,
    Counts,
    CrossEntropy,
    Geometry,
    Gram,
    Problem,
    Squared,
    Targets,
    foresee,
    measure,
    predict,
    solve,
    steer,
)
from lopsided.geometry import Source
from lopsided.measure.regression import regression_collapse
from lopsided.predict.forms.spectral_contrastive import SpectralContrastive
from lopsided.steer import posthoc

COUNTS = Counts([7, 7, 3, 1])
PAIRS = [{c} for c in range(4)] + [set(pair) for pair in itertools.combinations(range(4), 2)]
PROBLEMS = {
    "classes": Problem(COUNTS, ridge=0.3),
    "every adjustment": Problem(
        COUNTS,
        Adjustment(
            weight=[1, 2, 1, 3],
            scale=[1, 0.5, 2, 1],
            shift=[0, 1, 0, -1],
            margin=[1, 2, 1, 1],
            additive_margin=[0.5, 0, 1, 0],
        ),
        ridge=0.3,
        bias="free",
    ),
    "scales by label": Problem(
        COUNTS, Adjustment(scale=[1, 0.5, 2, 1], per_sample=True, additive_margin=0.3), ridge=0.3
    ),
    "smoothed": Problem(Targets.smoothed(COUNTS, 0.2), ridge=0.3, bias=0.7),
    "contexts": Problem(
        Targets.contexts([[0.5, 1, 0], [0.5, 0, 0.1], [0, 0, 0.9]], [3, 2, 9]), ridge=0.3
    ),
    "label sets": Problem(Targets.label_sets(PAIRS, 4, [10.0] * 4 + [3.0] * 6), ridge=0.3),
    "squared, three layers": Problem(COUNTS, Squared(), ridge=0.3, layers=3),
    "regression": Problem(
        Targets.regression([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]]), Squared(), ridge=0.3, bias="free"
    ),
}


def point(problem, d=3, seed=0):
    rng = np.random.default_rng(seed)
    shapes = (
        [(problem.k, d)] + [(d, d)] * (problem.layers - 1) + [(problem.targets.m, d), (problem.k,)]
    )
    *layers, embeddings, bias = (rng.normal(size=shape) for shape in shapes)
    return layers, embeddings, bias if problem.bias != "none" else np.zeros(problem.k)


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_slope_of_an_objective_is_its_derivative(name):
    problem = PROBLEMS[name]
    layers, embeddings, bias = point(problem)
    found = problem.objective(layers, embeddings, bias)
    slopes = [*found.layers, found.embeddings, *([found.bias] if problem.bias != "none" else [])]
    values = [*layers, embeddings, *([bias] if problem.bias != "none" else [])]
    rng = np.random.default_rng(1)
    for slope, value in zip(slopes, values, strict=True):
        way = rng.normal(size=value.shape)
        ends = []
        for step in (1e-6, -1e-6):
            value += step * way
            ends.append(problem.objective(layers, embeddings, bias).value)
            value -= step * way
        assert np.sum(slope * way) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6)


@pytest.mark.parametrize(
    "name", [name for name, problem in PROBLEMS.items() if problem.adjustment is not None]
)
def test_the_solver_minimises_the_problems_own_objective(name):
    problem = PROBLEMS[name]
    solution = solve.minimize(problem)
    own = problem.objective([solution.W], solution.M, solution.bias)
    assert own.value == pytest.approx(solution.objective, rel=1e-9)
    for slope in (*own.layers, own.embeddings, own.bias):
        assert np.abs(slope).max() < 1e-3
    assert solution.geometry.logits.matrix() == pytest.approx(solution.W @ solution.M.T, abs=1e-9)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize(
    "terms",
    [
        {"weight": [1, 2, 1, 3]},
        {"weight": [3, 1, 2, 1], "shift": [0, 1, 0, -1], "additive_margin": [0.5, 0, 1, 0]},
        {"scale": [1, 0.5, 2, 1], "margin": [1, 2, 1, 1]},
        {"weight": [1, 9, 1, 3], "scale": [1, 0.5, 2, 1], "per_sample": True},
    ],
    ids=lambda terms: " ".join(terms),
)
def test_a_problem_and_the_loss_to_train_with_read_an_adjustment_alike(terms, smoothing):
    adjustment, logits = Adjustment(**terms), np.random.default_rng(0).normal(size=(4, 4))
    problem = Problem(Targets.smoothed(COUNTS, smoothing), adjustment, ridge=0.3)
    trained = steer.AdjustedCrossEntropy(adjustment, label_smoothing=smoothing, reduction="none")
    losses = trained(torch.tensor(logits.T), torch.arange(4))
    assert problem.loss.value(logits, problem.targets)[0] == pytest.approx(losses.numpy())


@pytest.mark.parametrize("ridge", [1e-10, 1e-17])
def test_a_loss_far_below_one_keeps_its_digits(ridge):
    problem = Problem([50, 20, 5], ridge=ridge)
    solution = solve.minimize(problem)
    own = problem.objective([solution.W], solution.M)
    assert own.value == pytest.approx(solution.objective, rel=1e-12)
    assert np.abs(own.layers[0]).max() < 1e-6 * ridge * np.abs(solution.W).max()


def test_pick_all_label_learning_has_the_value_of_systems_of_two_sizes():
    """k = 4, ten samples a label and three a pair: 41.883462435 by direct descent, the strength in
    the loss alone."""
    solution = solve.minimize(PROBLEMS["label sets"])
    assert solution.objective == pytest.approx(41.883462435, rel=1e-10)


def test_what_stands_for_what():
    assert Problem(COUNTS, ridge=1.0).targets.counts == COUNTS
    assert Problem(COUNTS, Adjustment(weight=2.0), ridge=1.0).loss == CrossEntropy(
        Adjustment(weight=2.0)
    )
    assert Problem(COUNTS, None, ridge=1.0).adjustment == Adjustment()
    assert Problem(COUNTS, Squared(), ridge=1.0).adjustment is None
    assert Problem(COUNTS, ridge=1.0, bias="free").at(2.0).bias == "free"


def test_smoothed_classes_are_contexts_of_the_same_matrix():
    by_classes, by_contexts = (
        solve.minimize(Problem(targets, ridge=0.4))
        for targets in (
            Targets.smoothed(COUNTS, 0.2),
            Targets.contexts(0.8 * np.eye(4) + 0.05, COUNTS.values),
        )
    )
    assert by_classes.objective == pytest.approx(by_contexts.objective, rel=1e-10)
    assert by_classes.geometry.paired
    assert not by_contexts.geometry.paired
    assert by_classes.geometry.distance(by_contexts.geometry) == pytest.approx((0, 0, 0), abs=1e-7)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Problem(Targets.regression([[1.0]]), ridge=1.0), "use Squared"),
        (
            lambda: Problem(Targets.contexts(np.eye(2)), Adjustment(weight=2.0), ridge=1.0),
            "one label a sample",
        ),
        (lambda: Targets.label_sets([{0, 1}], 2), "set 0 must hold 1 to 1 labels"),
        (lambda: Targets.label_sets([{0}, {5}], 4), "set 1 must hold"),
        (lambda: Targets.smoothed(COUNTS, 1.0), "below 1"),
        (lambda: Targets.regression([[1.0], [np.nan]]), "sample 1"),
        (lambda: Problem(COUNTS, ridge=1.0, bias=True), "got True"),
        (lambda: Problem(COUNTS, ridge=1.0, bias=1e-20), 'of less, "free" is the limit'),
        (lambda: Problem(COUNTS, ridge="0.1"), "got '0.1'"),
        (lambda: Problem(COUNTS, ridge=1.0, layers=np.inf), "layers"),
        (
            lambda: foresee(Problem(Counts([100, 50, 20, 10, 5, 2]), ridge=0.1, width=3)),
            "could not be proved",
        ),
        (
            lambda: predict.geometry(Problem(COUNTS, SpectralContrastive(), ridge=1.0)),
            "the ridge must be 0",
        ),
        (lambda: Targets.contexts(np.eye(2), [1.0]), "one a column"),
    ],
)
def test_what_means_nothing_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: Targets.label_sets(np.array([[1, 0, 0], [0, 1, 1]]), k=3),
        lambda: Targets.label_sets([{0.7}], k=3),
        lambda: Targets("classes"),
        lambda: Targets("contexts"),
        lambda: Targets("classes", COUNTS, array=np.eye(4)),
        lambda: Targets.smoothed(COUNTS, "a"),
        lambda: Problem(COUNTS, "cross-entropy", ridge=1.0),
        lambda: Problem(COUNTS, CrossEntropy, ridge=1.0),
        lambda: Counts.of(torch.empty(3, device="meta")),
        lambda: Counts.step(k=4, minority=1, ratio="10"),
        lambda: Counts.zipf(4, "100"),
        lambda: Adjustment.cdt(COUNTS, [0.1, 0.2]),
        lambda: Adjustment.logit_adjusted(COUNTS, [1.0, 2.0]),
        lambda: Adjustment(scale=[1, "2"]),
        lambda: Problem.from_weight_decay(COUNTS, None, 1.0),
        lambda: solve.minimize(Problem(COUNTS, ridge=1.0), tolerance="a"),
        lambda: steer.design(COUNTS, "equal-norms", ridge="1"),
        lambda: predict.etf(3).distance(COUNTS),
        lambda: foresee(COUNTS),
        lambda: foresee([7, 7, 3, 1]),
        lambda: predict.geometry(COUNTS),
        lambda: solve.minimize(COUNTS),
        lambda: solve.path(COUNTS, [1.0]),
        lambda: solve.certify(COUNTS, np.eye(4)),
        lambda: Targets.label_sets(["12"], k=3),
        lambda: Targets.regression(np.ma.array([[1.0], [2.0]], mask=[[1], [0]])),
        lambda: Counts(np.ma.array([5, 6, 7], mask=[0, 1, 0])),
        lambda: Counts.from_labels(np.ma.array([0, 0, 0, 1], mask=[1, 1, 0, 0])),
        lambda: measure.Moments(3, 2).update(
            np.ones((3, 2)), np.ma.array([0, 1, 2], mask=[1, 0, 0])
        ),
        lambda: measure.Moments(3, 2).update(np.ma.array(np.ones((3, 2)), mask=True), [0, 1, 2]),
    ],
)
def test_what_would_be_read_as_something_else_is_refused(call):
    with pytest.raises(TypeError):
        call()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("foo",), "of classes, contexts, label sets, regression, got 'foo'"),
        (("classes", COUNTS, 1.5), "smoothing must be at least 0 and below 1"),
        (("regression", None, 0.5, np.eye(2)), "smoothing .* is of classes"),
        (("contexts", None, 0.0, np.ones((2, 2))), "columns that are distributions"),
        (("label sets", None, 0.0, np.ones((2, 2))), "columns of 0 and 1, with 1 to 1 ones"),
        (("regression", None, 0.0, [1.0, 2.0]), r"finite array \(k, m\)"),
        (("regression", None, 0.0, [[np.nan]]), r"finite array \(k, m\)"),
        (("regression", None, 0.0, np.eye(2), [1.0]), "weights must be 2 positive finite numbers"),
    ],
)
def test_targets_are_checked_by_whatever_door_they_come(arguments, words):
    with pytest.raises(ValueError, match=words):
        Targets(*arguments)


MOMENTS = measure.Moments(2, 2)
MOMENTS.update([[1.0, 0.0], [0.0, 2.0]], [0, 1])
IMAGINARY = np.eye(2) + 1j
#: Every door for numbers -> a call with complex ones, whose imaginary part would be lost.
REAL = {
    "counts": lambda: Counts(IMAGINARY[0]),
    "shares": lambda: Counts.from_shares(IMAGINARY[0]),
    "labels": lambda: Counts.from_labels(np.array([0j, 1])),
    "adjustment": lambda: Adjustment(scale=IMAGINARY[0]),
    "contexts": lambda: Targets.contexts(IMAGINARY),
    "weights": lambda: Targets.contexts(np.eye(2), IMAGINARY[0]),
    "regression": lambda: Targets.regression(IMAGINARY),
    "squared": lambda: predict.squared([5, 3], 0.1 + 1j),
    "vectors": lambda: Gram.of_vectors(IMAGINARY),
    "inner products": lambda: Gram.of_matrix(IMAGINARY),
    "classifiers": lambda: Geometry.of_vectors(IMAGINARY, np.eye(2), Source("")),
    "embeddings": lambda: Geometry.of_factors(np.eye(2), IMAGINARY, Source("")),
    "certify": lambda: solve.certify(Problem([5, 3], ridge=1.0), IMAGINARY),
    "path": lambda: solve.path(Problem([5, 3], ridge=1.0), IMAGINARY[0]),
    "moments": lambda: measure.Moments(2, 2).update(IMAGINARY, [0, 1]),
    "labels measured": lambda: measure.Moments(2, 2).update(np.eye(2), np.array([0j, 1])),
    "means": lambda: measure.Means(2, 2).update(IMAGINARY, [0, 1]),
    "second pass": lambda: measure.SecondPass(MOMENTS, IMAGINARY),
    "decisions": lambda: measure.Decisions(2).update(IMAGINARY, [0, 1]),
    "stream": lambda: measure.Stream(2, 2).update(torch.tensor(IMAGINARY), torch.arange(2)),
    "head": lambda: measure.Collapse.of(MOMENTS, IMAGINARY),
    "bias of a head": lambda: measure.Collapse.of(MOMENTS, np.eye(2), IMAGINARY[0]),
    "regression measured": lambda: regression_collapse(IMAGINARY, np.eye(2), np.eye(2)),
    "nearest mean": lambda: posthoc.nearest_mean(torch.tensor(IMAGINARY), torch.eye(2)),
    "logit adjustment": lambda: posthoc.logit_adjustment(torch.tensor(IMAGINARY), [5, 3]),
    "loss": lambda: steer.AdjustedCrossEntropy(Adjustment())(
        torch.tensor(IMAGINARY), torch.arange(2)
    ),
}


@pytest.mark.parametrize("door", REAL)
def test_complex_numbers_are_refused_by_every_door(door):
    with pytest.raises((TypeError, ValueError), match=r"(real|whole) numbers|floating point"):
        REAL[door]()


@pytest.mark.parametrize(
    ("layers", "bias", "words"),
    [
        ([np.eye(2), np.eye(2)], None, "the 1 weight matrices of this problem, got 2"),
        ([], None, "got 0"),
        ([np.eye(2)], np.ones(2), "no bias"),
    ],
)
def test_factors_that_a_problem_does_not_have_are_refused(layers, bias, words):
    with pytest.raises(ValueError, match=words):
        Problem([5, 2], ridge=0.1).objective(layers, np.eye(2), bias)


@pytest.mark.parametrize("form", [list, torch.tensor, lambda x: x.astype(object)])
@pytest.mark.parametrize("loss", [CrossEntropy(), Squared()], ids=lambda loss: type(loss).__name__)
def test_a_loss_is_that_of_the_numbers_in_whatever_form_they_come(loss, form):
    logits, targets = np.array([[1.0, 2.0], [0.5, -1.0]]), Targets.classes(Counts([3, 1]))
    for one, other in zip(
        loss.value(form(logits), targets), loss.value(logits, targets), strict=True
    ):
        assert np.array_equal(one, other)
    with pytest.raises(TypeError, match="logits must be real numbers"):
        loss.value(1j * logits, targets)


@pytest.mark.parametrize("form", [np.float64, np.longdouble, np.array, torch.tensor])
def test_a_problems_numbers_may_be_of_any_type_that_holds_one(form):
    given = Problem([5, 2], ridge=form(0.5), bias=form(0.25), layers=form(1), width=form(3))
    numbers = given.ridge, given.bias, given.layers, given.width
    assert numbers == (0.5, 0.25, 1, 3)
    assert [type(number) for number in numbers] == [float, float, int, int]
    with pytest.raises(ValueError, match="ridge must be a finite number"):
        Problem([5, 2], ridge=form([0.5, 0.5]) if form is np.array else form(np.nan))


@pytest.mark.parametrize("form", [list, torch.tensor, lambda x: x.astype(object)])
def test_an_objective_is_that_of_the_numbers_in_whatever_form_they_come(form):
    problem = Problem([5, 2], ridge=0.1, bias="free")
    W, H, b = np.random.default_rng(0).normal(size=(3, 2, 2))
    plain, other = (
        problem.objective([part(W)], part(H), part(b[0])) for part in (np.asarray, form)
    )
    assert other.value == plain.value
    for one, same in zip((other.layers[0], *other[2:]), (plain.layers[0], *plain[2:]), strict=True):
        assert np.array_equal(one, same)


@pytest.mark.parametrize(
    ("W", "H", "b"),
    [
        (np.eye(2), np.eye(2), np.ones(1)),
        (np.eye(2), np.eye(2), np.ones((2, 1))),
        (np.eye(2), np.ones((1, 2)), np.ones(2)),
        (np.eye(3), np.eye(2, 3), np.ones(2)),
        (np.eye(2), np.eye(2, 3), np.ones(2)),
    ],
)
def test_factors_that_do_not_fit_are_refused(W, H, b):
    with pytest.raises(ValueError, match=r"factors must be weight matrices \(2, ..\)"):
        Problem([5, 2], ridge=0.1, bias="free").objective([W], H, b)
