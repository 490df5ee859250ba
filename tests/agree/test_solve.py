"""The solver agrees with closed forms, with a conic solver, and its methods with each other."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest
from scipy.optimize import brentq, minimize

from lopsided import Adjustment, Counts, Geometry, Source, Targets, predict, solve
from lopsided.solve.depth import best_multiple, deep_objective, pairs

COUNTS = Counts([40, 40, 12, 5, 5])
ADJUSTMENTS = {
    "cross-entropy": Adjustment(),
    "weighted": Adjustment.weighted(COUNTS, 0.5),
    "logit-adjusted": Adjustment.logit_adjusted(COUNTS),
    "cdt": Adjustment.cdt(COUNTS, 0.4),
    "ldt": Adjustment.ldt(COUNTS, 0.4),
    "vs": Adjustment.vs(COUNTS, 0.3, 0.7),
    "ldam": Adjustment.ldam(COUNTS, scale=2.0),
}


def conic(targets, counts, ridge, *, weight=1.0, scale=1.0, shift=0.0, bias="none"):
    """The optimal value by cvxpy: k x m logits, nuclear norm, nothing reduced."""
    k, m = targets.shape
    X, b = cp.Variable((k, m)), cp.Variable(k)
    n = counts * np.broadcast_to(weight, m)
    z = cp.multiply(
        np.broadcast_to(scale, (k, m)),
        X + (0 if bias == "none" else cp.reshape(b, (k, 1), order="C") @ np.ones((1, m))),
    )
    z = z + np.broadcast_to(shift, (k, m))
    loss = sum(n[j] * (cp.log_sum_exp(z[:, j]) - targets[:, j] @ z[:, j]) for j in range(m))
    objective = loss + ridge * cp.normNuc(X @ np.diag(np.sqrt(counts)))
    if not isinstance(bias, str):
        objective += bias / 2 * cp.sum_squares(b)
    return cp.Problem(cp.Minimize(objective)).solve(
        solver=cp.SCS, eps_abs=1e-7, eps_rel=1e-7, max_iters=20_000
    )


@pytest.mark.parametrize("bias", ["none", "free", 0.5])
@pytest.mark.parametrize("ridge", [0.3, 3.0])
def test_optimum_is_that_of_a_conic_solver(ridge, bias):
    value = conic(np.eye(5), COUNTS.values.astype(float), ridge, bias=bias)
    assert solve.minimize(solve.Problem(COUNTS, ridge=ridge, bias=bias)).objective == pytest.approx(
        value, rel=2e-5
    )


def test_optimum_of_scales_shifts_and_weights_is_that_of_a_conic_solver():
    rng = np.random.default_rng(0)
    weight, scale, shift = rng.uniform(0.5, 2, 5), rng.uniform(0.5, 2, 5), rng.normal(size=5)
    for per_sample in (False, True):
        problem = solve.Problem(
            COUNTS,
            Adjustment(weight=weight, scale=scale, shift=shift, per_sample=per_sample),
            ridge=0.7,
        )
        by_entry = scale if per_sample else scale[:, None]
        value = conic(
            np.eye(5),
            COUNTS.values.astype(float),
            0.7,
            weight=weight,
            scale=by_entry,
            shift=shift[:, None],
        )
        assert solve.minimize(problem).objective == pytest.approx(value, rel=2e-5)


@pytest.mark.parametrize("shape", [(3, 6), (6, 3)])
def test_optimum_of_soft_targets_is_that_of_a_conic_solver(shape):
    rng = np.random.default_rng(1)
    targets, weights = rng.dirichlet(np.ones(shape[0]), shape[1]).T, rng.uniform(1, 9, shape[1])
    solution = solve.minimize(solve.Problem.of_targets(targets, weights, ridge=0.2))
    assert solution.objective == pytest.approx(conic(targets, weights, 0.2), rel=2e-5)
    assert solution.certificate.relative_gap <= 1e-8
    assert np.abs(solution.W @ solution.M.T - solution.logits.matrix()).max() < 1e-10
    assert solution.geometry.logits.matrix() == pytest.approx(solution.logits.matrix())


@pytest.mark.parametrize("name", ADJUSTMENTS)
@pytest.mark.parametrize("bias", ["none", "free", 0.5])
def test_unrelated_methods_agree_to_seven_digits(name, bias):
    problem = solve.Problem(COUNTS, ADJUSTMENTS[name], ridge=0.8, bias=bias)
    values = {
        method: solve.minimize(problem, method=method, tolerance=1e-9) for method in solve.METHODS
    }
    best = values.pop("newton")
    for other in values.values():
        assert other.objective == pytest.approx(best.objective, rel=1e-7)
        assert np.abs(other.logits.matrix() - best.logits.matrix()).max() < 1e-3


def test_hard_labels_are_a_case_of_soft_targets():
    by_labels = solve.minimize(solve.Problem(COUNTS, ridge=0.05))
    by_targets = solve.minimize(solve.Problem.of_targets(np.eye(5), COUNTS.values, ridge=0.05))
    assert by_targets.objective == pytest.approx(by_labels.objective, rel=1e-8)
    assert by_targets.geometry.distance(by_labels.geometry) == pytest.approx((0, 0, 0), abs=1e-4)


@pytest.mark.parametrize(("smoothing", "n"), [(0.1, 20), (0.3, 4)])
def test_label_smoothing_of_balanced_classes_has_the_known_size(smoothing, n):
    k, ridge = 4, 0.4
    logits = solve.minimize(
        solve.Problem(Targets.smoothed(Counts([n] * k), smoothing), ridge=ridge)
    ).logits.matrix()
    sigma = smoothing / k + ridge / np.sqrt(n) / k
    alpha = np.log(1 / sigma - k + 1)
    assert logits == pytest.approx(alpha * (np.eye(k) - 1 / k), abs=1e-4)


@pytest.mark.parametrize("ridge", [0.5, 2.5, 7.0])
def test_two_clusters_have_the_optimum_of_four_scalars(ridge):
    """Hong and Ling's two clusters: a rank-one part between the clusters and a simplex inside each,
    4 unknowns."""
    (ka, na), (kb, nb) = (3, 100), (2, 5)

    def objective(u):
        ya, yb, sa, sb = u
        k = ka + kb
        left = np.repeat([np.sqrt(kb / k / ka), -np.sqrt(ka / k / kb)], [ka, kb])
        right = np.repeat([ya / np.sqrt(ka), yb / np.sqrt(kb)], [ka, kb])
        Z = np.outer(left, right)
        Z[:ka, :ka] += sa * (np.eye(ka) - 1 / ka)
        Z[ka:, ka:] += sb * (np.eye(kb) - 1 / kb)
        n = np.repeat([na, nb], [ka, kb])
        X = Z / np.sqrt(n)
        loss = n @ (np.logaddexp.reduce(X, axis=0) - np.diag(X))
        return loss + ridge * (np.hypot(ya, yb) + (ka - 1) * abs(sa) + (kb - 1) * abs(sb))

    solution = solve.minimize(
        solve.Problem(Counts([na] * ka + [nb] * kb), ridge=ridge), tolerance=1e-11
    )
    collapsed_b = ridge >= np.sqrt(nb)

    def with_collapse(u):
        return objective(np.append(u, 0.0) if collapsed_b else u)

    found = minimize(
        with_collapse,
        [5.0, -1.0, 5.0] + [2.0] * (not collapsed_b),
        method="BFGS",
        options={"gtol": 1e-8},
    )
    assert solution.objective == pytest.approx(found.fun, rel=1e-9)
    assert (solution.point.within[0] == 0) == collapsed_b


@pytest.mark.parametrize("name", ["cross-entropy", "cdt", "ldt", "vs"])
def test_vanishing_ridge_is_the_closed_form(name):
    limit = solve.minimize(solve.Problem(COUNTS, ADJUSTMENTS[name], ridge=0.0))
    assert limit.certificate.relative_gap < 1e-12
    near = solve.minimize(solve.Problem(COUNTS, ADJUSTMENTS[name], ridge=1e-10))
    further = solve.minimize(solve.Problem(COUNTS, ADJUSTMENTS[name], ridge=1e-3))
    now, before = (np.array(s.geometry.distance(limit.geometry)) for s in (near, further))
    assert (now < before).all()
    if name == "cross-entropy":
        assert limit.geometry.distance(predict.seli(COUNTS)) == pytest.approx((0, 0, 0), abs=1e-12)


def test_a_balanced_sampler_leads_where_weights_do_not_to_the_law_of_what_it_draws():
    """Descent on a feature of its own for every sample, each drawn with the chance 1 / (k n_c)."""
    counts, ridge, d = Counts([20, 20, 2, 2]), 0.02, 4
    labels = np.repeat(np.arange(4), counts.values)
    chance, asked = 1 / (4 * counts.values[labels]), np.eye(4)[labels]

    def mean(x):
        W, H = x[: 4 * d].reshape(4, d), x[4 * d :].reshape(-1, d)
        z = H @ W.T
        total = np.logaddexp.reduce(z, axis=1)
        drawn = counts.n * chance
        off = drawn[:, None] * (np.exp(z - total[:, None]) - asked)
        slope = np.concatenate([(off.T @ H).ravel(), (off @ W).ravel()]) + ridge * x
        return drawn @ (total - z[np.arange(len(z)), labels]) + ridge / 2 * x @ x, slope

    start = np.random.default_rng(0).normal(size=4 * d + counts.n * d)
    end = minimize(
        mean, start, jac=True, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 1e-15}
    )
    W, H = end.x[: 4 * d].reshape(4, d), end.x[4 * d :].reshape(-1, d)
    M = np.stack([H[labels == c].mean(axis=0) for c in range(4)])
    found = Geometry.of_vectors(W, M, Source("descent"), counts)
    weighted = solve.Problem(counts, Adjustment.weighted(counts), ridge=ridge)
    assert max(found.distance(solve.minimize(weighted).geometry)) < 1e-3
    assert found.distance(predict.seli(counts)).classifiers < 0.1
    assert found.distance(predict.etf(4)).classifiers > 0.3


@pytest.mark.parametrize(("ratio", "expected"), [(10, 2.85), (100, 8.65)])
def test_free_bias_has_another_limit(ratio, expected):
    limit = solve.minimize(solve.Problem(Counts.step(10, 1, ratio), ridge=0.0, bias="free"))
    norms = limit.geometry.classifiers.squared_norms()
    assert limit.certificate.relative_gap < 1e-12
    assert norms[0] / norms[-1] == pytest.approx(expected, abs=5e-3)


def test_next_token_limit_is_that_of_a_conic_solver():
    rng = np.random.default_rng(3)
    support = rng.random((5, 7)) < 0.4
    support[rng.integers(5, size=7), np.arange(7)] = True
    weights = rng.integers(1, 9, 7).astype(float)
    solution = solve.minimize(
        solve.Problem.of_targets(support / support.sum(0), weights, ridge=0.0), tolerance=1e-7
    )
    X = cp.Variable((5, 7))
    constraints = []
    for j in range(7):
        inside, outside = np.flatnonzero(support[:, j]), np.flatnonzero(~support[:, j])
        constraints += [X[c, j] == X[inside[0], j] for c in inside[1:]] + [
            X[inside[0], j] - X[c, j] >= 1 for c in outside
        ]
    value = cp.Problem(cp.Minimize(cp.normNuc(X @ np.diag(np.sqrt(weights)))), constraints).solve(
        solver=cp.SCS, eps=1e-7
    )
    assert solution.certificate.relative_gap <= 1e-7
    assert solution.objective == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize("size", [1e-3, 1e-2, 1.0, 30.0])
def test_layer_peeled_norms_are_at_their_bounds(size):
    found = solve.layer_peeled([20, 20, 3, 3], size, 4 * size)
    for factor in (found.W, found.M):
        assert float(np.sum(factor**2)) == pytest.approx(8 * size, rel=1e-4)


def test_layer_peeled_minorities_collapse_at_the_published_ratio():
    """Fang et al. 2021: five majority and five minority classes, E_W = 1, E_H = 5."""

    # Just above the threshold, ridge = minority weight, where the bound on the norms must hold with
    # equality.
    def excess(ratio):
        collapsed = solve.Problem(
            Counts([1] * 10), Adjustment(weight=[ratio] * 5 + [1] * 5), ridge=1 + 1e-6
        )
        return np.linalg.norm(solve.minimize(collapsed).W) ** 2 - 10 * np.sqrt(5)

    assert brentq(excess, 10, 15) == pytest.approx(12.193, abs=1e-3)
    assert (
        solve.layer_peeled([12] * 5 + [1] * 5, 1, 5).problem.ridge
        < 1
        < solve.layer_peeled([13] * 5 + [1] * 5, 1, 5).problem.ridge
    )


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_squared_loss_is_that_of_brute_force(layers):
    counts, ridge = Counts([50, 9, 2]), 1.7
    logits = predict.squared(counts, ridge, layers).logits.matrix()
    grid = np.linspace(0, 10, 400_001)
    for c, n in enumerate(counts.values):
        best = grid[
            np.argmin(
                (grid - np.sqrt(n)) ** 2 / 2 + (layers + 1) / 2 * ridge * grid ** (2 / (layers + 1))
            )
        ]
        assert logits[c, c] == pytest.approx(best / np.sqrt(n), abs=2e-5)
    assert np.count_nonzero(logits - np.diag(np.diag(logits))) == 0


def test_seli_is_a_law_of_one_layer():
    """With two linear layers and a small ridge, logits of half the rank cost less than the best
    multiple of SELI's."""
    counts = Counts.step(10, 1, 10)
    problem = solve.Problem(counts, ridge=1e-3)
    simplex, paired = predict.seli(counts).logits, pairs(10)
    assert best_multiple(problem, simplex, 1)[1] < best_multiple(problem, paired, 1)[1]
    assert best_multiple(problem, paired, 2)[1] < best_multiple(problem, simplex, 2)[1]


def test_deep_objective_is_the_least_over_factors():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(5, 5))
    problem = solve.Problem(COUNTS, ridge=0.3)
    root = np.sqrt(COUNTS.values)
    loss = COUNTS.values @ (np.logaddexp.reduce(logits, axis=0) - np.diag(logits))
    U, s, Vt = np.linalg.svd(logits * root)
    factors = [U * s ** (1 / 3), np.diag(s ** (1 / 3)), (s ** (1 / 3))[:, None] * Vt]
    assert factors[0] @ factors[1] @ factors[2] == pytest.approx(logits * root)
    value = loss + 0.3 / 2 * sum(np.sum(f**2) for f in factors)
    assert deep_objective(problem, logits, 2) == pytest.approx(value, rel=1e-12)
    assert deep_objective(problem, logits, 1) == pytest.approx(
        solve.certify(problem, logits).primal, rel=1e-12
    )
