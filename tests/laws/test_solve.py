"""Laws of the solver: every solution carries a proof, and structure never changes the answer."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from lopsided import Adjustment, Counts, Pairing, Targets, predict, solve
from lopsided.geometry import Geometry, Source
from lopsided.solve.methods import newton as newton_method
from lopsided.solve.methods.factored import Factored
from lopsided.solve.methods.factors import factors
from lopsided.solve.reduced import Reduced

law = settings(deadline=None, derandomize=True, max_examples=25)
counts_of = st.lists(st.integers(1, 200), min_size=2, max_size=6).map(Counts)


@st.composite
def problems(draw):
    """Draw a problem with any adjustment, ridge and bias."""
    counts = draw(counts_of)

    def vector(low, high):
        values = st.lists(st.floats(low, high), min_size=counts.k, max_size=counts.k)
        return draw(st.one_of(st.none(), values))

    adjustment = Adjustment(
        weight=vector(0.3, 3),
        scale=vector(0.3, 3),
        shift=vector(-2, 2),
        additive_margin=vector(0, 1),
        per_sample=draw(st.booleans()),
    )
    ridge = draw(st.floats(-4, 1.2).map(lambda x: 10**x))
    bias = draw(st.sampled_from(["none", "free", 0.3]))
    return solve.Problem(counts, adjustment, ridge=ridge, bias=bias)


@law
@given(problems())
def test_every_problem_is_solved_with_a_proof(problem):
    solution = solve.minimize(problem)
    assert -1e-12 <= solution.certificate.relative_gap <= 1e-8
    assert solution.certificate.primal == solution.objective


@law
@given(problems(), st.integers(0, 99))
def test_no_logits_are_below_the_dual_value_of_others(problem, seed):
    rng = np.random.default_rng(seed)
    optimum = solve.minimize(problem)
    candidate = solve.certify(
        problem, optimum.logits.matrix() + rng.normal(size=(problem.k, problem.k))
    )
    assert candidate.dual <= optimum.objective * (1 + 1e-9)
    assert candidate.primal >= optimum.certificate.dual * (1 - 1e-9)


@law
@given(problems())
def test_the_objective_is_that_of_the_explicit_factors(problem):
    """W, M and bias give the objective by its definition, sample by sample class, nothing
    reduced."""
    solution = solve.minimize(problem)
    a, counts, k = problem.adjustment, problem.counts.values, problem.k
    W, M = solution.W, solution.M
    bias = np.zeros(k) if solution.bias is None else solution.bias
    total = problem.ridge / 2 * (np.sum(W**2) + np.sum(counts[:, None] * M**2))
    if not isinstance(problem.bias, str):
        total += problem.bias / 2 * np.sum(bias**2)
    for y in range(k):
        z = W @ M[y] + bias
        if a.additive_margin is not None:
            z[y] -= a.additive_margin[y]
        if a.scale is not None:
            z = z * (a.scale[y] if a.per_sample else a.scale)
        if a.shift is not None:
            z = z + a.shift
        total += (
            counts[y] * (1 if a.weight is None else a.weight[y]) * (np.logaddexp.reduce(z) - z[y])
        )
    assert total == pytest.approx(solution.objective, rel=1e-9)


@law
@given(problems())
def test_reduced_and_unreduced_certificates_agree(problem):
    solution = solve.minimize(problem, tolerance=1e-6)
    by_groups, by_classes = (
        solve.certify(problem, solution.logits),
        solve.certify(problem, solution.logits.matrix()),
    )
    assert by_groups.primal == pytest.approx(by_classes.primal, rel=1e-10)
    assert by_groups.dual == pytest.approx(by_classes.dual, rel=1e-7, abs=1e-9 * by_groups.primal)


@pytest.mark.parametrize("ratio", [1, 10, 100])
@pytest.mark.parametrize("ridge", [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6])
def test_step_imbalance_is_certified_at_every_ridge(ratio, ridge):
    solution = solve.minimize(solve.Problem(Counts.step(10, 1, ratio), ridge=ridge))
    assert solution.status is solve.Status.OPTIMAL
    assert abs(solution.certificate.relative_gap) <= 1e-10


@pytest.mark.parametrize(
    ("ratio", "ridge", "distances"),
    [
        (10, 0.5, (0.181, 0.326, 0.305)),
        (10, 1e-8, (0.041, 0.068, 0.065)),
        (100, 1e-2, (0.131, 0.168, 0.259)),
        (100, 1e-8, (0.056, 0.056, 0.119)),
    ],
)
def test_distance_to_seli_falls_like_one_over_the_logarithm_of_the_ridge(ratio, ridge, distances):
    """The table of the design page, which a different optimiser made."""
    counts = Counts.step(10, 1, ratio)
    found = solve.minimize(solve.Problem(counts, ridge=ridge)).geometry.distance(
        predict.seli(counts)
    )
    assert found == pytest.approx(distances, abs=5.1e-4)


@pytest.mark.parametrize("ridge", [0.1, 2.0, 6.9, 7.1])
def test_balanced_classes_give_the_simplex_of_known_size(ridge):
    k, n = 5, 49
    logits = solve.minimize(solve.Problem(Counts([n] * k), ridge=ridge)).logits.matrix()
    alpha = np.log(1 + k * (np.sqrt(n) / ridge - 1)) if ridge < np.sqrt(n) else 0.0
    assert logits == pytest.approx(alpha * (np.eye(k) - 1 / k), abs=1e-5)


@pytest.mark.parametrize("bias", ["none", "free", 1.0])
@pytest.mark.parametrize(
    "targets",
    [
        Targets.contexts([[0, 1, 0], [0.5, 0, 0.5], [0.5, 0, 0.5]], [8, 5, 5]),
        Targets.label_sets([{0}, {1, 2}, {0}, {0}], 3, [4, 3, 1, 1]),
    ],
)
def test_labels_that_always_occur_together_have_one_classifier(targets, bias):
    for share in (0.9, 0.5, 0.1, 0.01):
        problem = solve.Problem(targets, ridge=1.0, bias=bias)
        solution = solve.minimize(problem.at(share * solve.largest_ridge(problem)))
        assert solution.certificate.proves(1e-10)
        assert solution.W[1] == pytest.approx(solution.W[2], abs=1e-4)


def test_a_face_without_unknowns_is_no_obstacle():
    counts = Counts([1, 100, 1])
    adjustment = Adjustment.logit_adjusted(counts)
    problem = solve.Problem(counts, adjustment, ridge=0.00968917444793886, bias="free")
    assert solve.minimize(problem, tolerance=1e-14).certificate.relative_gap < 1e-12


@pytest.mark.parametrize("per_sample", [False, True])
def test_a_free_bias_has_mean_zero_whatever_the_scales(per_sample):
    adjustment = Adjustment(scale=[0.5, 1.0, 3.0], shift=[1.0, 0.0, -2.0], per_sample=per_sample)
    problem = solve.Problem([7, 7, 2], adjustment, ridge=0.3, bias="free")
    found = solve.minimize(problem)
    assert found.bias.mean() == pytest.approx(0, abs=1e-12)
    own = problem.objective([found.W], found.M, found.bias)
    assert own.value == pytest.approx(found.objective, rel=1e-12)


@pytest.mark.parametrize("factor", [0.99, 1.01])
def test_the_optimum_is_zero_exactly_from_the_largest_ridge_on(factor):
    problem = solve.Problem(Counts([90, 40, 40, 7]), ridge=1.0)
    solution = solve.minimize(problem.at(factor * solve.largest_ridge(problem)))
    assert (solution.status is solve.Status.ZERO) == (factor > 1)


@pytest.mark.parametrize("adjustment", [None, Adjustment(weight=2.0, scale=0.5)])
def test_a_group_collapses_exactly_at_its_breakpoint(adjustment):
    problem = solve.Problem(Counts([100, 100, 25, 25, 25]), adjustment, ridge=1.0)
    for point in solve.breakpoints(problem, directions=False)[:2]:
        above, below = (solve.minimize(problem.at(f * point.ridge)).geometry for f in (1.02, 0.98))
        a, b = point.classes[:2]
        assert above.logits.entries(a, a) == pytest.approx(above.logits.entries(a, b), abs=1e-7)
        assert below.logits.entries(a, a) > below.logits.entries(a, b) + 1e-3


@pytest.mark.parametrize(
    ("counts", "bias", "thresholds"),
    [
        ([500] * 5 + [100] * 5, "none", [10, 13.81595, 500**0.5]),
        ([9, 9, 5, 5, 5, 1, 1], "none", [1, None, 5**0.5, None, 3]),
        ([500, 300, 100, 20], "none", [None, None, None]),
        ([50, 50, 5, 5], 2.0, [5**0.5, None, 50**0.5]),
        ([813, 813, 4, 4], "free", [2, None, 813**0.5]),
        ([813, 813, 4], "free", [None, 813**0.5]),
        ([270, 270, 79, 43, 43, 11, 11], 8.0, [11**0.5, None, 43**0.5, None, None, 270**0.5]),
    ],
)
def test_the_optimum_loses_rank_at_every_breakpoint_and_nowhere_else(counts, bias, thresholds):
    problem = solve.Problem(Counts(counts), ridge=1.0, bias=bias)
    found = [point.ridge for point in solve.breakpoints(problem)]
    assert len(found) == len(thresholds)
    for ridge, known in zip(found, thresholds, strict=True):
        assert known is None or ridge == pytest.approx(known, rel=1e-6)
    ranks = [
        [solve.minimize(problem.at(ridge * f)).rank for f in (0.9995, 1.0005)] for ridge in found
    ]
    assert ranks[0][0] == len(counts) - 1
    assert ranks[-1][1] == 0
    assert all(above < below for below, above in ranks)
    assert all(here[1] == there[0] for here, there in itertools.pairwise(ranks))


def neutral(term, value):
    return value if term is None else term


@pytest.mark.parametrize(("loss", "share"), [("logit-adjusted", 0.8), ("vs", 0.8), ("ldam", 0.5)])
def test_the_rank_is_the_number_of_directions_in_which_the_gradient_is_the_ridge(loss, share):
    """Where the central path is long, and descent on the factors ends where ranks are blurred."""
    counts = Counts.exponential(k=27, largest=1500, ratio=1500)
    made = Adjustment.named(loss, counts)
    problem = solve.Problem(counts, made, ridge=0.0)
    problem = problem.at(share * solve.largest_ridge(problem))
    solution = solve.minimize(problem)
    logits = solution.logits.matrix() - np.diag(
        np.broadcast_to(neutral(made.additive_margin, 0.0), 27)
    )
    scale, shift = (
        np.broadcast_to(x, 27)[:, None]
        for x in (neutral(made.scale, 1.0), neutral(made.shift, 0.0))
    )
    residual = softmax(scale * logits + shift, axis=0) - np.eye(27)
    values = np.linalg.svd(scale * residual * np.sqrt(counts.values))[1]
    assert solution.rank == np.count_nonzero(values > (1 - 1e-5) * problem.ridge)


@pytest.mark.parametrize("loss", ["ldt", "vs"])
def test_a_limit_is_found_without_descent_on_the_factors(loss, monkeypatch):
    """Which rounding ends early at a ridge as small as a limit is looked for at, and takes long."""
    counts = Counts([1000, 300, 100, 30, 10, 3, 1])
    monkeypatch.setattr("lopsided.solve.methods.newton.factors", None)
    problem = solve.Problem(counts, Adjustment.named(loss, counts), ridge=0.0, bias="free")
    assert solve.minimize(problem).status is solve.Status.OPTIMAL


def test_the_directions_between_groups_may_be_left_out():
    problem = solve.Problem(Counts([500] * 5 + [100] * 5), ridge=1.0)
    closed = solve.breakpoints(problem, directions=False)
    assert [(round(p.ridge, 6), len(p.classes)) for p in closed] == [(10.0, 5), (22.36068, 10)]


def test_a_path_of_fifty_ridges_is_certified_everywhere():
    problem = solve.Problem(Counts.step(10, 1, 100), ridge=1.0)
    top = solve.largest_ridge(problem)
    path = solve.path(problem, np.geomspace(top, 1e-8 * top, 50))
    assert max(s.certificate.relative_gap for s in path) <= 1e-6
    assert path[0].status is solve.Status.ZERO


def test_match_finds_the_ridge_that_made_a_geometry():
    problem = solve.Problem(Counts([50, 30, 30, 4]), ridge=0.37)
    assert solve.match(problem, solve.minimize(problem).geometry).ridge == pytest.approx(
        0.37, rel=1e-3
    )


@pytest.mark.parametrize("counts", [[50, 30, 30, 4], [100, 100, 1, 1]])
def test_match_finds_the_ridge_of_a_network_measured_about_its_mean(counts):
    # The optimum's means do not sum to zero: uncentred, the ridge came out as .16 and .30.
    problem = solve.Problem(Counts(counts), ridge=0.37)
    classifiers, means = solve.minimize(problem).geometry.vectors()
    seen = Geometry.of_vectors(
        classifiers, means - means.mean(axis=0), Source("network", "a test"), problem.counts
    )
    found = solve.match(problem, seen)
    assert found.ridge == pytest.approx(0.37, rel=1e-3)
    assert max(found.distances) < 1e-3


@pytest.mark.parametrize(
    "problem",
    [
        solve.Problem([50, 50, 50], ridge=0.3),
        solve.Problem([500, 3], ridge=0.1),
        solve.Problem([20, 4], Adjustment.vs([20, 4], 0.3, 1.0), ridge=0.1, bias="free"),
        solve.Problem(Targets.smoothed([9, 9, 9, 9], 0.1), ridge=0.3),
        solve.Problem(Targets.label_sets([{0}, {1}, {2}], k=3), ridge=0.2),
    ],
    ids=["equal", "two", "two-vs-free", "smoothed", "sets"],
)
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_where_all_ridges_have_one_geometry_match_names_none(problem, noise):
    W, M = solve.minimize(problem).geometry.vectors()
    off = noise * np.random.default_rng(0).normal(size=M.shape)
    seen = Geometry.of_vectors(W + off, M + off, Source("network"))
    with pytest.raises(ValueError, match="all ridges fit alike"):
        solve.match(problem, seen)


def test_where_a_range_of_ridges_has_one_geometry_match_names_none_of_it():
    # From 5.9 on minorities have vanished, and nothing else changes.
    problem = solve.Problem(Counts.step(10, 5, 100), ridge=7.0)
    with pytest.raises(ValueError, match=r"several ridges from .* to 22\.1 fit alike"):
        solve.match(problem, solve.minimize(problem).geometry)
    # A range that is shorter than a step between ten ridges a decade.
    problem = solve.Problem(Counts([50, 50, 5, 5]), ridge=4.95)
    with pytest.raises(ValueError, match=r"several ridges from 4\.8.* to 7.* fit alike"):
        solve.match(problem, solve.minimize(problem).geometry)


@pytest.mark.parametrize(
    ("counts", "made", "ridge"),
    [
        ([50, 50, 5, 5], lambda _: Adjustment(), 2.8284),
        ([60, 60, 6, 6], lambda _: Adjustment(), 3.1),
        ([56, 56, 50, 35, 5], Adjustment.logit_adjusted, 1.303),
        ([100, 50, 20, 5], partial(Adjustment.cdt, gamma=0.5), 2.95),
        ([64, 32, 16, 8, 4], partial(Adjustment.vs, gamma=0.3, tau=1.0), 4.43),
    ],
)
def test_a_match_between_breakpoints_that_lie_close_is_found(counts, made, ridge):
    problem = solve.Problem(Counts(counts), made(Counts(counts)), ridge=ridge, bias="free")
    found = solve.match(problem, solve.minimize(problem).geometry)
    assert found.ridge == pytest.approx(ridge, rel=1e-3)
    assert max(found.distances) < 1e-3


def test_a_match_is_as_near_as_the_nearest_of_many_ridges():
    problem = solve.Problem(Counts.step(10, 5, 100), ridge=7.0)
    W, M = solve.minimize(problem).geometry.vectors()
    off = 0.1 * np.random.default_rng(0).normal(size=M.shape)
    seen = Geometry.of_vectors(W + off, M + off, Source("network"))
    found = np.linalg.norm(solve.match(problem, seen).distances)
    for each in solve.path(problem, np.geomspace(1e-2, 21, 300)):
        assert (
            found <= np.linalg.norm(each.geometry.about_mean().distance(seen.about_mean())) + 1e-6
        )


@pytest.mark.parametrize(
    ("made", "bias"),
    [
        (lambda _: Adjustment(), "none"),
        (Adjustment.weighted, "free"),
        (Adjustment.logit_adjusted, "none"),
        (partial(Adjustment.cdt, gamma=0.3), "none"),
    ],
)
def test_a_network_in_a_flat_valley_of_the_path_is_matched_to_its_floor(made, bias):
    # Where every optimum is far, ridges some percent apart fit alike, though their shapes differ:
    # of networks in records more than a quarter.
    counts = Counts([71, 67, 62, 55, 50, 47])
    problem = solve.Problem(counts, made(counts), ridge=0.2, bias=bias)
    W, M = solve.minimize(problem).geometry.vectors(6)
    for seed in range(3):
        off = np.random.default_rng(seed).normal(size=M.shape)
        seen = Geometry.of_vectors(
            W + 0.02 * np.abs(W).max() * off, M + 0.02 * np.abs(M).max() * off[::-1], Source("it")
        )
        found = np.linalg.norm(solve.match(problem, seen).distances)
        for each in solve.path(problem, np.geomspace(1e-4, 2, 100), tolerance=1e-12):
            far = each.geometry.about_mean().distance(seen.about_mean())
            assert found <= np.linalg.norm(far) + 1e-6


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.int8])
def test_numbers_of_a_narrow_type_are_those_numbers(kind):
    counts = [5000, 20, 5]
    narrow, given = kind(2.1), float(kind(2.1))
    wide = solve.minimize(solve.Problem(counts, ridge=given, bias=given, width=2))
    found = solve.minimize(solve.Problem(counts, ridge=narrow, bias=narrow, width=np.float64(2)))
    assert found.objective == wide.objective
    assert isinstance(found.objective, float)
    assert found.W.shape == wide.W.shape
    decays = kind(2.1), kind(3.2)
    assert (
        solve.Problem.from_weight_decay(counts, *decays).ridge
        == solve.Problem.from_weight_decay(counts, *map(float, decays)).ridge
    )
    bounds = solve.layer_peeled([20, 1], kind(2.1), kind(2.1))
    assert bounds.problem.ridge == solve.layer_peeled([20, 1], given, given).problem.ridge


@pytest.mark.parametrize(
    ("counts", "shift", "bias"),
    [
        ([41, 41, 41], [9.6, 7.6, 8.5], 0.47),
        ([7, 2], [0.4, 2.8], 0.06),
        ([22, 22482, 11, 25318], None, 1e-4),
        ([84, 974, 84, 84], [1.0, 2.0, 1.0, 1.0], "free"),
    ],
)
def test_a_bias_that_is_taken_out_leaves_no_dimension(counts, shift, bias):
    problem = solve.Problem(counts, Adjustment(shift=shift), ridge=1.0, bias=bias)
    top = solve.largest_ridge(problem)
    ridges = [share * top for share in (0.01, 0.3, 0.9, 0.99, 0.999, 0.9999)]
    ranks = [s.rank for s in solve.path(problem, ridges, tolerance=1e-12)]
    assert ranks == sorted(ranks, reverse=True)
    assert ranks[0] < len(counts)
    assert ranks[-1] >= 1


@pytest.mark.parametrize("method", ["newton", "interior"])
@pytest.mark.parametrize(
    "adjustment",
    [
        Adjustment(weight=[1e8, 1, 1e-8]),
        Adjustment(scale=[1e100, 1, 1e-100]),
        Adjustment(scale=[1e15, 1, 1e-15], per_sample=True),
        Adjustment(shift=[1e5, 1, -1e5]),
    ],
)
def test_adjustments_of_many_orders_are_solved_or_said_not_to_be(adjustment, method):
    problem = solve.Problem([50, 20, 5], adjustment, ridge=1.0)
    for bias in ("none", "free", 1.0):
        for share in (1e-3, 0.5):
            asked = replace(problem, bias=bias)
            found = solve.minimize(asked.at(share * solve.largest_ridge(asked)), method=method)
            proved = found.certificate.proves(1e-10)
            assert proved == (found.status in (solve.Status.OPTIMAL, solve.Status.ZERO))


def test_logits_of_factors_are_certified_as_the_array_is():
    problem = solve.Problem([50, 20, 5], ridge=1.0)
    W, M = np.random.default_rng(0).normal(size=(2, 3, 4))
    assert solve.certify(problem, Pairing.of_factors(W, M)) == solve.certify(problem, W @ M.T)


@pytest.mark.filterwarnings("error")
def test_a_bias_that_a_step_leaves_too_far_is_found_without_a_warning():
    counts = [270, 270, 270, 89432]
    problem = solve.Problem(counts, Adjustment.cdt(counts, -0.934), ridge=0.1, bias="free")
    for seed in range(20):
        logits = np.random.default_rng(seed).normal(size=(4, 4))
        for size in (0.2, 20.0, 200.0):
            assert solve.certify(problem, size * logits).primal > 0


def test_a_weight_on_the_features_is_another_ridge_and_not_another_scale_alone():
    counts = Counts([20, 20, 20, 2, 2, 2])
    plain = solve.minimize(solve.Problem(counts, ridge=0.3)).geometry
    n = counts.n
    weighed = solve.Problem.from_weight_decay(counts, 0.3 / n, 10 * 0.3 / n)
    assert weighed.ridge == pytest.approx(0.3 * 10**0.5)
    assert min(solve.minimize(weighed).geometry.distance(plain)) > 0.05


def test_a_bias_whose_ridge_stays_is_no_bias_in_the_limit():
    counts = Counts([50, 50, 5, 5])
    plain = solve.minimize(solve.Problem(counts, ridge=0.0))
    kept = solve.minimize(solve.Problem(counts, ridge=0.0, bias=0.5))
    assert kept.status is solve.Status.OPTIMAL
    assert kept.objective == plain.objective


def test_a_million_classes_in_two_groups_are_two_groups():
    problem = solve.Problem(Counts.step(10**6, 5, 100), ridge=1e-2)
    solution = solve.minimize(problem)
    assert solution.certificate.relative_gap <= 1e-9
    assert solution.geometry.classifiers.norms().shape == (10**6,)


def test_weight_decay_of_a_mean_loss_is_a_ridge_of_the_sum():
    counts, (lambda_w, lambda_h) = Counts([30, 10, 3]), (2e-3, 5e-4)
    problem = solve.Problem.from_weight_decay(counts, lambda_w, lambda_h)
    solution = solve.minimize(problem)
    W, M = (lambda_h / lambda_w) ** 0.25 * solution.W, (lambda_w / lambda_h) ** 0.25 * solution.M
    n = counts.values
    z = W @ M.T
    loss = np.sum(n * (np.logaddexp.reduce(z, axis=0) - np.diag(z))) / n.sum()
    mean = loss + lambda_w / 2 * np.sum(W**2) + lambda_h / 2 * np.sum(n[:, None] * M**2)
    assert n.sum() * mean == pytest.approx(solution.objective, rel=1e-8)


def test_losses_of_classes_and_the_nuclear_norm_are_the_objective():
    zipf, ridge = Counts([50, 20, 7, 3, 3]), 0.5
    for problem in (
        solve.Problem(zipf, ridge=ridge),
        solve.Problem(zipf, Adjustment.vs(zipf, 0.2, 1.0), ridge=ridge),
        solve.Problem(Targets.contexts(np.eye(3)[:, [0, 1, 2, 0]], [5, 3, 2, 4]), ridge=ridge),
    ):
        found = solve.minimize(problem)
        weights = problem.targets.weights
        norm = np.linalg.norm(found.logits.matrix() * np.sqrt(weights), "nuc")
        total = weights @ solve.class_losses(found) + ridge * norm
        assert total == pytest.approx(found.objective, rel=1e-9)


def test_classes_have_no_loss_to_tell_at_ridge_0():
    # Its logits are those of unit margins, whose loss is that of no ridge at all.
    with pytest.raises(ValueError, match="the loss of every class vanishes"):
        solve.class_losses(solve.minimize(solve.Problem([5, 4, 3], ridge=0.0)))


def test_the_chance_of_the_own_label_is_a_diagonal_of_the_polar_factor():
    counts = np.array([50, 20, 7, 3, 1])
    found = solve.minimize(solve.Problem(counts, ridge=0.5))
    losses = solve.class_losses(found)
    np.testing.assert_allclose(
        losses, [0.06372361, 0.09991794, 0.16507761, 0.24323057, 0.39175645], atol=1e-6
    )
    u, values, v = np.linalg.svd(found.logits.matrix() * np.sqrt(counts))
    polar = u[:, values > 1e-9] @ v[values > 1e-9]
    np.testing.assert_allclose(
        -np.expm1(-losses), 0.5 * polar.diagonal() / np.sqrt(counts), rtol=1e-4
    )


def test_losses_over_the_ridge_tend_to_the_squared_class_means_of_seli():
    counts = Counts([50, 20, 7, 3, 1])
    means = predict.seli(counts).embeddings.squared_norms()
    gaps = [
        np.abs(solve.class_losses(found) / found.problem.ridge / means - 1).max()
        for found in solve.path(solve.Problem(counts, ridge=1.0), [1e-2, 1e-4, 1e-8])
    ]
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[1] == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("counts", [[10**8, 10**7, 1], [10**8, 5 * 10**7, 10**4, 1], [10**6, 1]])
@pytest.mark.parametrize("ridge", [1e-6, 1.0, 1e3])
def test_the_rarest_class_is_as_exact_as_the_others_by_default(counts, ridge):
    problem = solve.Problem(Counts(counts), ridge=ridge)
    found, finest = (
        solve.minimize(problem, **options).logits.matrix() for options in ({}, {"tolerance": 1e-13})
    )
    apart = np.linalg.norm(found - finest, axis=0)
    assert (apart <= 1e-4 * np.linalg.norm(finest, axis=0)).all()


def test_no_method_tries_for_less_than_rounding_lets_it_prove(monkeypatch):
    descents = []
    monkeypatch.setattr(newton_method, "factors", lambda *_: descents.append(1))
    for counts in ([90, 40, 7, 2], [1000, 10, 10], [5, 4, 3, 2, 1]):
        for bias in ("none", "free"):
            problem = solve.Problem(Counts(counts), ridge=0.1, bias=bias)
            found = solve.minimize(problem, tolerance=1e-20)
            assert found.status is solve.Status.INEXACT
            assert abs(found.certificate.relative_gap) <= found.certificate.rounding
    assert not descents


@pytest.mark.parametrize(
    "problem",
    [
        solve.Problem([9, 9, 9, 3, 3, 1], ridge=0.2),
        solve.Problem([20, 9, 9, 2], Adjustment.vs([20, 9, 9, 2], 0.3, 1.0), ridge=0.1, bias=0.5),
        solve.Problem.of_targets([[0.7, 0.2], [0.3, 0.3], [0.0, 0.5]], [3.0, 2.0], ridge=0.1),
    ],
)
def test_slope_and_curvature_on_the_factors_are_those_of_the_value(problem):
    on, rng = Factored(problem.ridge, Reduced.of(problem), 3), np.random.default_rng(0)
    x, steps = rng.normal(size=on.size), 1e-5 * np.eye(on.size)
    beside = [(on.slope(x + step), on.slope(x - step)) for step in steps]
    slope = [(after[0] - before[0]) / 2e-5 for after, before in beside]
    curvature = [(after[1] - before[1]) / 2e-5 for after, before in beside]
    np.testing.assert_allclose(on.slope(x)[1], slope, atol=1e-7)
    np.testing.assert_allclose(on.curvature(x), curvature, atol=1e-7)


@pytest.mark.parametrize(("gamma", "ridge", "bias"), [(-1.5, 1e-4, 0.5), (-1.5, 1e-2, "none")])
def test_where_faces_and_path_stall_the_factors_have_the_last_digits(gamma, ridge, bias):
    counts = Counts([1, 300, 50, 5000, 20, 5000, 20])
    problem = solve.Problem(counts, Adjustment.cdt(counts, gamma), ridge=ridge, bias=bias)
    assert solve.minimize(problem).status is solve.Status.OPTIMAL


def test_an_optimum_of_low_rank_among_many_groups_is_found_on_few_columns(monkeypatch):
    widths = []

    def counted(ridge, reduced, start, tolerance, width):
        widths.append(width)
        return factors(ridge, reduced, start, tolerance, width)

    monkeypatch.setattr(newton_method, "factors", counted)
    rng = np.random.default_rng(0)
    tail = 3 * rng.zipf(1.2, 40).clip(1, 100_000) + rng.integers(0, 50, 40)
    counts = Counts(sorted(tail.tolist(), reverse=True))
    largest = solve.largest_ridge(solve.Problem(counts, ridge=1.0, bias="free"))
    found = solve.minimize(solve.Problem(counts, ridge=0.9 * largest, bias="free"))
    assert found.status is solve.Status.OPTIMAL
    assert found.rank < 16
    assert widths == [16]


def test_a_bias_is_found_where_rounding_leaves_a_direction_without_curvature():
    adjustment = Adjustment(
        weight=[0.47, 5.68, 0.5, 0.3, 2.75, 0.25, 1.22, 0.21],
        scale=[0.114, 0.288, 6.94, 0.465, 0.101, 0.476, 2.82, 0.392],
        shift=[5.5, -0.95, 1.52, 2.05, 2.78, -1.09, -2.04, -3.26],
        additive_margin=[1.2, 0.65, 0.91, 1.85, 0.25, 1.09, 1.48, 1.86],
    )
    counts = Counts([54, 4158, 85, 1, 14, 97, 5, 10])
    problem = solve.Problem(counts, adjustment, ridge=1.4e-5, bias="free")
    assert solve.minimize(problem).status is solve.Status.OPTIMAL


SCALED = [
    ([127, 102, 62, 54, 15, 9, 4], Adjustment.cdt, 0.3),
    ([190, 100, 85, 39, 10], partial(Adjustment.vs, tau=1.0), 0.4),
    ([176, 55, 37, 13], Adjustment.cdt, 0.5),
    ([8954, 8839, 8722, 7781, 7710, 7075, 3065, 379, 186, 12], Adjustment.cdt, 0.2),
]


@pytest.mark.parametrize(("counts", "made", "gamma"), SCALED)
def test_scaled_logits_beside_a_free_bias_have_a_proven_max_margin_optimum(counts, made, gamma):
    adjustment = made(Counts(counts), gamma=gamma)
    problem = solve.Problem(Counts(counts), adjustment, ridge=0.0, bias="free")
    found = solve.minimize(problem)
    assert found.status is solve.Status.OPTIMAL
    # Where the ridge path leads, which approaches it as 1 / log(1 / ridge).
    near = [solve.minimize(problem.at(ridge)) for ridge in (1e-20, 1e-80, 1e-240)]
    distances = [found.geometry.distance(each.geometry).logits for each in near]
    assert distances[0] > 2 * distances[1] > 4 * distances[2]
    assert distances[2] < 0.01


@pytest.mark.parametrize(
    ("counts", "scale"),
    [
        ([1, 5, 100], [1.4941542979930837, 4.446555318833472, 1.3169177252250897]),
        ([2, 100, 5], [1.6602527675783387, 1.0691319773134127, 3.166218121533659]),
        ([2, 100, 5], [0.3203519081334542, 0.343563288477885, 0.618938057053896]),
    ],
)
def test_a_lower_bound_of_multipliers_that_are_balanced_up_to_rounding_is_one(counts, scale):
    problem = solve.Problem(counts, Adjustment(scale=scale), ridge=0.0, bias="free")
    found = solve.minimize(problem)
    assert found.status is solve.Status.OPTIMAL
    assert found.certificate.gap >= 0


@pytest.mark.parametrize(("counts", "made", "gamma"), SCALED[:3])
def test_max_margin_optima_are_those_of_a_conic_solver(counts, made, gamma):
    cvxpy = pytest.importorskip("cvxpy")
    counts = Counts(counts)
    adjustment = made(counts, gamma=gamma)
    scale, k = np.asarray(adjustment.resolve(counts).columns), counts.k
    scale = scale[adjustment.resolve(counts).groups.of_class(np.arange(k))]
    X, b = cvxpy.Variable((k, k)), cvxpy.Variable(k)
    scaled = cvxpy.multiply(scale[:, None], X + b[:, None] @ np.ones((1, k)))
    won = [scaled[c, c] - scaled[i, c] >= 1 for c in range(k) for i in range(k) if i != c]
    size = cvxpy.norm(X @ np.diag(np.sqrt(counts.values)), "nuc")
    best = cvxpy.Problem(cvxpy.Minimize(size), won).solve(solver="SCS", eps=1e-7, max_iters=50000)
    found = solve.minimize(solve.Problem(counts, adjustment, ridge=0.0, bias="free"))
    assert found.objective == pytest.approx(best, rel=1e-5)
