"""The two laws of closed forms: each is the optimum of its own problem, and those that speak of one
problem agree."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from lopsided import (
    Counts,
    CrossEntropy,
    Geometry,
    Gram,
    Problem,
    Source,
    foresee,
    predict,
    solve,
)
from lopsided.predict import FORMS
from optimum import descend, size

CASES = [(name, i) for name, form in FORMS.items() for i in range(len(form.examples()))]


def own_value(form, problem, geometry):
    """Return the problem's objective at a geometry, with the best bias."""
    W, H = geometry.vectors()
    if form.objective is not None:
        return form.objective(problem, H)[0]
    if problem.ridge == 0:
        return size(problem, [W], H)
    penalty = problem.ridge / 2 * (np.sum(W**2) + problem.targets.weights @ np.sum(H**2, axis=1))

    def loss(bias):
        value, slope = problem.loss.value(W @ H.T + bias[:, None], problem.targets)
        beta = 0.0 if isinstance(problem.bias, str) else problem.bias
        return (
            problem.targets.weights @ value + beta / 2 * bias @ bias,
            slope @ problem.targets.weights + beta * bias,
        )

    origin = np.zeros(problem.k)
    return penalty + (
        loss(origin)[0]
        if problem.bias == "none"
        else minimize(loss, origin, jac=True, tol=1e-14).fun
    )


def require_optimal(form, problem):
    assert form.speaks(problem) == ""
    law = form.geometry(problem)
    value, found = descend(problem, form.objective)
    if form.objective is not None:  # no classifiers are trained
        assert found.embeddings.matrix() == pytest.approx(law.embeddings.matrix(), abs=2e-3)
        assert own_value(form, problem, law) == pytest.approx(value, rel=1e-6)
        return
    if law.classifiers.frobenius():
        assert found.distance(law) == pytest.approx((0, 0, 0), abs=2e-3)
    for part in ("classifiers", "embeddings", "logits"):
        mine, theirs = (getattr(geometry, part).frobenius() for geometry in (law, found))
        assert mine == pytest.approx(theirs, rel=1e-3, abs=1e-4)
    if problem.layers == 1:
        assert own_value(form, problem, law) == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(("name", "i"), CASES)
def test_a_form_is_the_optimum_of_its_own_problem(name, i):
    require_optimal(FORMS[name], FORMS[name].examples()[i])


@pytest.mark.parametrize(("name", "i"), CASES)
def test_forms_that_speak_of_one_problem_agree(name, i):
    problem = FORMS[name].examples()[i]
    first, *others = (form.geometry(problem) for form in FORMS.values() if not form.speaks(problem))
    for other in others:
        for part in ("classifiers", "embeddings", "logits"):
            mine, theirs = (getattr(geometry, part).matrix() for geometry in (first, other))
            assert mine == pytest.approx(
                theirs, rel=1e-9, abs=1e-9 * np.abs(mine).max(initial=1e-300)
            )


@pytest.mark.parametrize(("name", "i"), CASES)
def test_a_form_is_the_optimum_that_the_solver_finds(name, i):
    problem = FORMS[name].examples()[i]
    try:
        solution = solve.minimize(problem, tolerance=1e-9)
    except ValueError:
        pytest.skip("not convex in the logits")
    law = FORMS[name].geometry(problem)
    for part in ("classifiers", "embeddings", "logits"):
        mine, theirs = (getattr(geometry, part).matrix() for geometry in (law, solution.geometry))
        assert mine == pytest.approx(theirs, abs=2e-4 * max(1.0, np.abs(mine).max()))


@pytest.mark.parametrize(("name", "i"), CASES)
def test_a_form_speaks_where_the_width_holds_its_optimum(name, i):
    form, problem = FORMS[name], FORMS[name].examples()[i]
    spoken = [w for w in range(1, problem.k + 2) if not form.speaks(replace(problem, width=w))]
    assert form.geometry(problem).vectors(spoken[0])  # refused where it has more dimensions
    shared = isinstance(problem.loss, CrossEntropy) and problem.features == "free"
    assert spoken[0] == problem.k - shared


def another_ridge(form):
    return lambda problem: form.geometry(problem.at(1.1 * problem.ridge))


def another_size(form):
    def geometry(problem):
        law = form.geometry(problem)
        part = "classifiers" if form.objective is None else "embeddings"
        gram = getattr(law, part)
        larger = Gram.paired(gram.groups, 1.05 * gram.left, gram.right, 1.05 * gram.own)
        return replace(law, **{part: larger})

    return geometry


def another_centre(_form):
    def geometry(problem):
        k, root = problem.k, np.sqrt(problem.targets.weights)
        left, values, right = np.linalg.svd((np.eye(k) - 0.9 / k) * root)
        return Geometry.of_vectors(
            left * np.sqrt(values), right.T / root[:, None] * np.sqrt(values), Source("injected")
        )

    return geometry


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *(
            (name, another_ridge)
            for name in (
                "balanced",
                "smoothed",
                "squared",
                "non-negative",
                "regression",
                "label-sets",
            )
        ),
        *((name, another_size) for name in FORMS),
        ("seli", another_centre),
    ],
)
def test_a_form_that_is_wrong_breaks_the_law(name, wrong):
    form = FORMS[name]
    with pytest.raises(AssertionError):
        require_optimal(replace(form, geometry=wrong(form)), form.examples()[0])


def test_a_problem_that_no_form_speaks_of_is_answered_with_every_reason():
    problem = Problem(Counts([9, 5, 1]), ridge=0.3)
    with pytest.raises(ValueError, match="all counts must be equal") as refused:
        predict.geometry(problem)
    assert all(name in str(refused.value) for name in FORMS)
    assert foresee(problem).source.name == "UFM optimum"
    assert foresee(problem.at(0.0)).source.name == "SELI"
