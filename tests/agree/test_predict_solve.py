"""Closed forms against other routes: the solver, a conic solver on the full problem, descent from
random starts."""

import cvxpy as cp
import numpy as np
import pytest
from scipy.optimize import minimize as descend
from scipy.special import logsumexp

from lopsided import Adjustment, Counts, predict, solve
from lopsided.predict.forms.contrastive import contrastive_minimum


def max_margin(n, support, scale, margin, bias):
    """Nuclear norm and logits of the hard-margin problem over class logits (k, m), by SCS."""
    k, m = support.shape
    X = cp.Variable((k, m))
    b = cp.Variable((k, 1)) if bias == "free" else np.zeros((k, 1))
    Z = cp.multiply(scale[:, None], X + b @ np.ones((1, m)))
    rules = []
    for j in range(m):
        inside, outside = np.flatnonzero(support[:, j]), np.flatnonzero(~support[:, j])
        rules += [Z[inside[0], j] - Z[c, j] >= margin[j] for c in outside] + [
            Z[inside[0], j] == Z[c, j] for c in inside[1:]
        ]
    goal = cp.Problem(cp.Minimize(cp.normNuc(X @ np.diag(np.sqrt(n)))), rules)
    goal.solve(solver=cp.SCS, eps_abs=1e-8, eps_rel=1e-8, max_iters=50_000)
    return goal.value, X.value


CASES = [
    ("plain", Counts([20, 6, 1]), None, "none"),
    ("cdt", Counts([9, 9, 2, 1]), 0.6, "none"),
    ("ldt", Counts([9, 4, 1]), -0.5, "none"),
    ("margin", Counts([7, 3, 1]), None, "none"),
    ("free", Counts([20, 6, 6, 1]), None, "free"),
]


@pytest.mark.parametrize(
    ("name", "counts", "gamma", "bias"), CASES, ids=[case[0] for case in CASES]
)
def test_a_conic_solver_finds_the_predicted_logits(name, counts, gamma, bias):
    k, scale, margin, adjustment = counts.k, np.ones(counts.k), np.ones(counts.k), None
    if name == "cdt":
        adjustment = Adjustment.cdt(counts, gamma)
        scale = adjustment.scale
    elif name == "ldt":
        adjustment = Adjustment.ldt(counts, gamma)
        margin = 1 / adjustment.scale
    elif name == "margin":
        margin = np.array([0.5, 1.0, 3.0])
        adjustment = Adjustment(margin=margin)
    value, logits = max_margin(counts.values, np.eye(k, dtype=bool), scale, margin, bias)
    geometry = predict.cross_entropy(counts, adjustment, bias)
    np.testing.assert_allclose(geometry.logits.matrix(), logits, atol=2e-5)
    proof = predict.certificate(counts, adjustment, bias)
    assert proof.primal == pytest.approx(value, rel=1e-6)
    assert np.trace(geometry.classifiers.matrix()) == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("bias", ["none", "free"])
def test_the_solver_without_ridge_finds_the_prediction(bias):
    counts = Counts([40, 40, 9, 2, 2])
    found = solve.minimize(solve.Problem(counts, ridge=0, bias=bias)).geometry
    assert max(found.distance(predict.cross_entropy(counts, bias=bias))) < 1e-7


@pytest.mark.parametrize(
    ("ridge", "smoothing"),
    [(0.3, 0.0), (1.9, 0.0), (2.1, 0.0), (0.3, 0.2), (1.7, 0.2), (0.01, 0.1)],
)
def test_balanced_classes_are_solved_exactly(ridge, smoothing):
    k, n = 5, 4
    geometry = predict.balanced(Counts([n] * k), ridge, smoothing)
    targets = (1 - smoothing) * np.eye(k) + smoothing / k
    solution = solve.minimize(solve.Problem.of_targets(targets, np.full(k, n), ridge=ridge))
    np.testing.assert_allclose(
        geometry.logits.matrix(), solution.geometry.logits.matrix(), atol=1e-4
    )
    W, M = geometry.classifiers.matrix(), geometry.embeddings.matrix()
    loss = -n * np.sum(
        targets * (geometry.logits.matrix() - logsumexp(geometry.logits.matrix(), axis=0))
    )
    objective = loss + ridge / 2 * (np.trace(W) + n * np.trace(M))
    assert objective == pytest.approx(solution.objective, rel=1e-9)
    assert (geometry.logits.diagonal[0] == 0) == (smoothing + ridge / np.sqrt(n) >= 1)


def test_a_vanishing_ridge_on_features_that_are_not_negative_tends_to_its_limit():
    counts = Counts([50, 7, 7, 1])
    limit = predict.nonnegative(counts)
    far = [max(predict.nonnegative(counts, 10.0**-e).distance(limit)) for e in (4, 20, 100)]
    # Like 1 / log(1 / ridge).
    assert far[0] / far[1] == pytest.approx(5, rel=0.4)
    assert far[1] / far[2] == pytest.approx(5, rel=0.1)


def test_descent_on_the_contrastive_loss_finds_its_minimum():
    counts, temperature, n, d = Counts([3, 2]), 0.5, 5, 3
    labels = np.repeat(np.arange(2), counts.values)
    same = (labels[:, None] == labels) & ~np.eye(n, dtype=bool)

    def loss(flat):
        H = flat.reshape(n, d) ** 2
        H = H / np.linalg.norm(H, axis=1, keepdims=True)
        S = H @ H.T / temperature
        others = logsumexp(np.where(np.eye(n, dtype=bool), -np.inf, S), axis=1)
        return float(np.sum(others - (same * S).sum(axis=1) / same.sum(axis=1)))

    rng, least = np.random.default_rng(0), contrastive_minimum(counts, temperature)
    best = min(descend(loss, rng.normal(size=n * d), method="L-BFGS-B").fun for _ in range(6))
    assert best == pytest.approx(least, rel=1e-4)
    assert best >= least - 1e-9
    frame = np.eye(d)[labels]
    assert loss(frame) == pytest.approx(least, rel=1e-12)


def test_the_support_test_tells_exact_proxies_from_others():
    rng = np.random.default_rng(0)
    verdicts = []
    for _ in range(12):
        k, m = 6, 6
        support = rng.random((k, m)) < 0.5
        if support.all(axis=0).any() or not support.any(axis=0).all():
            continue
        proxy = predict.exactness(support)
        value, _ = max_margin(np.ones(m), support, np.ones(k), np.ones(m), "none")
        logits = predict.supports(support).logits.matrix()
        excess = np.linalg.norm(logits, "nuc") / value - 1
        verdicts.append(proxy.exact)
        if proxy.exact:
            assert abs(excess) < 1e-5
        elif proxy.exact is False:
            assert excess > 1e-5
    assert True in verdicts
    assert False in verdicts


def test_classes_collapse_and_vanish_at_the_predicted_ridges():
    counts = Counts([30, 30, 30, 5, 5])
    collapse = predict.minority_collapse_ridge(counts)
    zero = solve.largest_ridge(solve.Problem(counts, ridge=1.0))

    def geometry(ridge):
        return solve.minimize(solve.Problem(counts, ridge=ridge)).geometry

    assert float(geometry(1.01 * collapse).classifiers.cosine(3, 4)) > 1 - 1e-9
    assert float(geometry(0.99 * collapse).classifiers.cosine(3, 4)) < 1 - 1e-5
    assert geometry(1.001 * zero).classifiers.frobenius() == 0
    assert geometry(0.99 * zero).classifiers.frobenius() > 0
