"""Laws of the dual: its derivatives, its gap, and the two methods that climb it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lopsided import Adjustment, Counts, solve
from lopsided.solve.methods.ball import inside
from lopsided.solve.methods.dual import Dual
from lopsided.solve.methods.system import System
from lopsided.solve.reduced import Reduced

law = settings(deadline=None, derandomize=True, max_examples=15)
COUNTS = Counts([50, 50, 50, 20, 9, 9, 3])
ADJUSTMENTS = {
    "plain": Adjustment(),
    "ldam": Adjustment.ldam(COUNTS, 0.5, 3.0),
    "vs": Adjustment.vs(COUNTS, 0.2, 1.0),
    "ldt": Adjustment.ldt(COUNTS, 0.3),
    "weighted": Adjustment.weighted(COUNTS, 0.5),
}
BIASES = ("none", "free", 0.7)


def problems():
    """Every adjustment and bias, and soft targets with zeros, at a small and a large ridge."""
    rng = np.random.default_rng(0)
    targets = (
        rng.dirichlet(np.full(4, 0.5), 6).T * (rng.random((4, 6)) < 0.7)
        + 0.3 * np.eye(4)[:, [0, 1, 2, 3, 0, 1]]
    )
    for bias in BIASES:
        for ridge in (0.3, 6.0):
            for adjustment in ADJUSTMENTS.values():
                yield solve.Problem(COUNTS, adjustment, ridge=ridge, bias=bias)
        yield solve.Problem.of_targets(
            targets / targets.sum(axis=0), rng.uniform(1, 9, 6), ridge=0.2, bias=bias
        )


@pytest.mark.parametrize("problem", list(problems()))
def test_the_dual_has_the_derivatives_it_says(problem):
    dual = Dual(problem.ridge, Reduced.of(problem))
    P = inside(dual).matrix()
    E = np.random.default_rng(1).normal(size=P.shape)
    E -= np.outer(dual.left, dual.left @ E)
    if dual.free:
        E -= np.outer(E @ dual.right, dual.right)
    E *= 1e-6 * np.abs(P).max() / np.abs(E).max()
    now, up, down = dual.at(P), dual.at(P + E), dual.at(P - E)
    slope = problem.ridge * np.vdot(now.point.across, E)
    assert (up.value - down.value) / 2 == pytest.approx(slope, rel=1e-4, abs=1e-13 * abs(now.value))
    bend = np.sum(now.curvature * E**2) + dual.stiff * np.sum((E @ dual.right) ** 2)
    assert -np.vdot(up.point.across - down.point.across, E) / 2 == pytest.approx(bend, rel=1e-3)


@pytest.mark.parametrize("problem", list(problems()))
def test_the_gap_of_a_point_of_the_ball_is_the_misfit_of_its_logits(problem):
    """Fenchel and Young: primal - V = ridge (||Y||_* - <P, Y>)."""
    reduced = Reduced.of(problem)
    dual = Dual(problem.ridge, reduced)
    P = inside(dual).matrix()
    trial = dual.at(P)
    nuclear = np.linalg.norm(trial.point.across, "nuc")
    misfit = problem.ridge * (nuclear - np.vdot(P, trial.point.across))
    assert dual.objective(trial.point, nuclear) - trial.value == pytest.approx(misfit, rel=1e-9)


@pytest.mark.parametrize(
    ("shape", "rank"), [((5, 5), 5), ((5, 6), 5), ((5, 6), 2), ((6, 4), 3), ((4, 4), 0)]
)
@pytest.mark.parametrize("stiff", [0.0, 3.0])
def test_a_system_is_solved_alike_by_iteration_and_by_decomposition(shape, rank, stiff):
    rng = np.random.default_rng(0)
    (a, b), c = shape, min(shape)
    left, right = (np.linalg.qr(rng.normal(size=(7, 7)))[0][:, :n] for n in shape)
    swap = rng.uniform(0, 0.5, (c, c))
    swap[:rank, :rank] = 0
    same = 1 + rng.random((a, b))
    same[:c, :c] += same[:c, :c].T
    weight, along = rng.uniform(0.1, 10, (7, 7)), rng.normal(size=b)
    system = System(left, right, weight, stiff, along, same, swap + swap.T, rank)
    slope = system.tangent(rng.normal(size=shape))
    exact, iterated = system.exactly(slope), system.iterated(slope, 1e-12)
    assert iterated == pytest.approx(exact, abs=1e-8)
    assert system.times(exact) == pytest.approx(slope, abs=1e-9)


@st.composite
def any_problem(draw):
    counts = Counts(draw(st.lists(st.integers(1, 10**4), min_size=2, max_size=6)))
    kinds = [
        Adjustment(),
        Adjustment.logit_adjusted(counts),
        Adjustment.cdt(counts, 0.3),
        Adjustment.ldam(counts, 0.5, 5.0),
        Adjustment.vs(counts, 0.2, 0.5),
    ]
    problem = solve.Problem(
        counts, draw(st.sampled_from(kinds)), ridge=1.0, bias=draw(st.sampled_from(BIASES))
    )
    return problem.at(solve.largest_ridge(problem) * 10 ** draw(st.floats(-6, -0.01)))


@law
@given(any_problem())
def test_the_faces_and_the_central_path_end_at_one_optimum(problem):
    by_faces = solve.minimize(problem)
    by_path = solve.minimize(problem, method="interior", tolerance=1e-9)
    assume(by_path.status is solve.Status.OPTIMAL)
    assert by_faces.status is solve.Status.OPTIMAL
    assert by_faces.objective == pytest.approx(by_path.objective, rel=2e-9)
    # Strong convexity is only where shares are: logits agree to the root of the gap.
    scale = np.abs(by_faces.logits.matrix()).max()
    assert by_faces.geometry.distance(by_path.geometry).logits < 1e-3 or scale > 50


TAILS = {
    "exponential, R = 5000": Counts.exponential(k=40, largest=5000, ratio=5000),
    "Pareto": Counts(
        np.sort((5 + 4980 * np.random.default_rng(0).random(60) ** 6).astype(int))[::-1].copy()
    ),
    "few of one": Counts(
        [50552, 33353, 18049, 9779, 4100, 1200, 640, 333, 180, 91, 44, 23, 11, 6, 6, 3, 2, 1, 1, 1]
    ),
}


@pytest.mark.parametrize("name", TAILS)
@pytest.mark.parametrize("share", [1e-6, 1e-3, 0.02, 0.2, 0.4, 0.6, 0.8, 0.95, 0.999])
def test_real_tails_are_solved_at_every_ridge(name, share):
    problem = solve.Problem(TAILS[name], ridge=1.0)
    solution = solve.minimize(problem.at(share * solve.largest_ridge(problem)))
    assert solution.status is solve.Status.OPTIMAL


@pytest.mark.parametrize("ridge", [1e-8, 1e-50, 1e-200, 1e-270])
@pytest.mark.parametrize("bias", BIASES)
def test_ridges_may_be_as_small_as_they_like(ridge, bias):
    problem = solve.Problem(
        Counts([50, 50, 5, 5]), Adjustment.ldam(Counts([50, 50, 5, 5])), ridge=ridge, bias=bias
    )
    assert solve.minimize(problem).status is solve.Status.OPTIMAL


def test_the_rank_is_that_of_the_optimum_not_of_the_arithmetic():
    counts = Counts(np.unique(np.floor(30 * np.geomspace(1, 100, 30)).astype(int))[::-1].copy())
    problem = solve.Problem(counts, ridge=1.0)
    top = solve.largest_ridge(problem)
    assert [solve.minimize(problem.at(share * top)).rank for share in (0.15, 0.5, 0.8)] == [
        24,
        9,
        3,
    ]
