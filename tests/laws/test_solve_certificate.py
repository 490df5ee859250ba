"""Laws of the certificate: its two bounds are those of 50-digit arithmetic, and OPTIMAL is true."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import logsumexp

from lopsided import Adjustment, Counts, Targets, singular, solve

law = settings(deadline=None, derandomize=True, max_examples=25)


def in_50_digits(problem, X):
    """Return objective and dual value of (k, k) class logits without a bias, by definition, class
    by class."""
    with mpmath.workdps(50):
        mpf, k, n = mpmath.mpf, problem.k, problem.counts.values
        a = problem.adjustment or Adjustment()

        def entry(name, c, neutral):
            value = getattr(a, name)
            return mpf(neutral) if value is None else mpf(float(np.broadcast_to(value, k)[c]))

        def scale(c, y):
            return entry("scale", y if a.per_sample else c, 1)

        ridge, Z, G, shares = mpf(problem.ridge), mpmath.matrix(k, k), mpmath.matrix(k, k), []
        loss = mpf(0)
        for y in range(k):
            weight = n[y] * entry("weight", y, 1)
            z = [
                scale(c, y)
                * (mpf(float(X[c, y])) - (entry("additive_margin", y, 0) if c == y else 0))
                for c in range(k)
            ]
            z = [value + entry("shift", c, 0) for c, value in enumerate(z)]
            others = mpmath.fsum(mpmath.exp(z[c] - z[y]) for c in range(k) if c != y)
            loss += weight * mpmath.log1p(others)
            shares.append([mpmath.exp(z[c] - z[y]) / (1 + others) for c in range(k)])
            for c in range(k):
                Z[c, y] = mpf(float(X[c, y])) * mpmath.sqrt(n[y])
                residual = shares[y][c] if c != y else -others / (1 + others)
                G[c, y] = weight * scale(c, y) * residual / mpmath.sqrt(n[y])
        primal = loss + ridge * mpmath.fsum(mpmath.svd_r(Z, compute_uv=False))
        s = min(mpf(1), ridge / max(mpmath.svd_r(G, compute_uv=False)))
        dual = mpf(0)
        for y in range(k):
            q = [s * shares[y][c] for c in range(k) if c != y]
            shift = [
                entry("shift", c, 0)
                - entry("shift", y, 0)
                + scale(y, y) * entry("additive_margin", y, 0)
                for c in range(k)
            ]
            shift.pop(y)
            own = 1 - mpmath.fsum(q)
            value = mpmath.fsum(
                x * (o - mpmath.log(x)) for x, o in zip(q, shift, strict=True)
            ) - own * mpmath.log(own)
            dual += n[y] * entry("weight", y, 1) * value
        return primal, dual


@st.composite
def small_problems(draw):
    counts = Counts(draw(st.lists(st.integers(1, 10**5), min_size=2, max_size=4)))
    kind = draw(st.sampled_from(["plain", "ldam", "la", "cdt", "ldt", "vs", "weighted"]))
    adjustment = {
        "plain": Adjustment(),
        "ldam": Adjustment.ldam(counts, 0.5, draw(st.sampled_from([1.0, 10.0, 30.0]))),
        "la": Adjustment.logit_adjusted(counts),
        "cdt": Adjustment.cdt(counts, 0.3),
        "ldt": Adjustment.ldt(counts, 0.3),
        "vs": Adjustment.vs(counts, 0.2, 1.0),
        "weighted": Adjustment.weighted(counts, 0.5),
    }[kind]
    return solve.Problem(counts, adjustment, ridge=10 ** draw(st.floats(-12, 2)))


@law
@given(small_problems())
def test_a_status_of_optimal_is_true_in_50_digits(problem):
    tolerance = 1e-10
    solution = solve.minimize(problem, tolerance=tolerance)
    primal, dual = in_50_digits(problem, solution.logits.matrix())
    certificate = solution.certificate
    assert float(certificate.primal / primal - 1) == pytest.approx(0, abs=certificate.rounding)
    assert float(certificate.dual / primal - dual / primal) == pytest.approx(
        0, abs=certificate.rounding
    )
    assert certificate.relative_gap >= -certificate.rounding
    if solution.status in (solve.Status.OPTIMAL, solve.Status.ZERO):
        assert primal - dual <= tolerance * primal


@law
@given(small_problems(), st.integers(0, 99))
def test_bounds_of_any_logits_are_those_of_50_digits(problem, seed):
    logits = np.random.default_rng(seed).normal(size=(problem.k, problem.k)) * 3
    primal, dual = in_50_digits(problem, logits)
    certificate = solve.certify(problem, logits)
    assert float(certificate.primal / primal - 1) == pytest.approx(0, abs=certificate.rounding)
    assert float(certificate.dual / primal - dual / primal) == pytest.approx(
        0, abs=certificate.rounding
    )


def test_a_gap_below_minus_rounding_proves_nothing():
    assert solve.Certificate(1.0, 1.0, 1e-14).proves(1e-10)
    assert not solve.Certificate(1.0, 1.0 + 1e-12, 1e-14).proves(1e-10)
    assert not solve.Certificate(1.0, 1.0 - 1e-14, 1e-10).proves(1e-10)


@pytest.mark.parametrize(
    ("counts", "scale", "ridge"),
    [
        ([1000, 10], 10, 1e-9),
        ([1000, 10], 30, 1e-9),
        ([1000, 10], 1, 1e-12),
        ([5, 4, 6, 8, 6, 1, 8, 5], 20, 1e-14),
    ],
)
def test_additive_margins_at_small_ridges_keep_their_digits(counts, scale, ridge):
    counts = Counts(counts)
    problem = solve.Problem(counts, Adjustment.ldam(counts, 0.5, scale), ridge=ridge)
    solution = solve.minimize(problem)
    primal, dual = in_50_digits(problem, solution.logits.matrix())
    assert solution.status is solve.Status.OPTIMAL
    assert solution.objective == pytest.approx(float(primal), rel=1e-12)
    assert solution.certificate.dual == pytest.approx(float(dual), rel=1e-12)


def test_a_finite_matrix_is_decomposed_where_divide_and_conquer_gives_up(monkeypatch):
    matrix = np.random.default_rng(0).normal(size=(4, 6))
    _, values, _ = singular.svd(matrix)

    def gives_up(*args, **kwargs):
        raise np.linalg.LinAlgError("SVD did not converge")

    monkeypatch.setattr(np.linalg, "svd", gives_up)
    left, others, right = singular.svd(matrix)
    assert left @ np.diag(others) @ right == pytest.approx(matrix, abs=1e-14)
    assert others == pytest.approx(values, abs=1e-14)
    assert singular.singular_values(matrix) == pytest.approx(values, abs=1e-14)
    with pytest.raises(ValueError, match="infs or NaNs"):
        singular.svd(np.full((2, 2), np.nan))


def test_a_solve_ends_where_its_proof_and_its_value_take_turns_in_failing():
    # Found by the campaign of random problems (seed 0, case 9405): it went on for ever.
    weight = [1.0556695051862057, 0.9739114957108804, 2.5462415379478625, 6.657166826140895]
    weight += [0.21995164177705687, 1.0951457652944263, 2.0627530617855747, 0.39474265616009707]
    scale = [1.6199774627237182, 5.301165181065097, 7.885786266799007, 9.487142019623835]
    scale += [0.3907926742269032, 9.828271406235459, 9.567346713329638, 7.8358260758655724]
    shift = [-1.832129917555239, 1.6053592850228446, 1.959878076879729, -4.464678182078638]
    shift += [-2.264499447249691, 8.639998046160331, -2.84776356962124, -0.5804455489564067]
    own = [0.7166939146832576, 1.270060667502264, 0.15911660951558182, -0.6318788806054264]
    own += [0.07674699631917292, -0.44083213117461095, 1.092842133005131, 1.0513024118578658]
    adjustment = Adjustment(
        weight=[*weight, 1.3634586711574515],
        scale=[*scale, 0.29854515808938953],
        shift=[*shift, 1.0845812912514892],
        additive_margin=[*own, -0.28089442306253143],
    )
    counts = Counts([3275, 2625, 2625, 3275, 2625, 2625, 3275, 3275, 2625])
    problem = solve.Problem(counts, adjustment, ridge=5412.9941167240995)
    assert solve.minimize(problem, tolerance=1e-10).status is solve.Status.OPTIMAL


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [1.0, 5.0, 20.0, 60.0, 200.0])
@pytest.mark.parametrize("bias", ["free", 0.1])
@pytest.mark.parametrize("soft", [False, True])
def test_the_bias_of_any_logits_is_the_best_there_is(size, bias, soft):
    """Beside BFGS from three starts; logits may put all shares on other classes than the labels."""
    rng = np.random.default_rng(int(size))
    for _ in range(8):
        k = int(rng.integers(2, 7))
        n = rng.integers(1, 300, k).astype(float)
        Z, shift = rng.normal(size=(2, k, k)) * size
        t = rng.dirichlet(np.ones(k), k).T if soft else np.eye(k)
        offset = 0 * shift[0] if soft else shift[0]
        targets = Targets.contexts(t, n) if soft else Counts(n)
        adjustment = None if soft else Adjustment(shift=offset)
        problem = solve.Problem(targets, adjustment, ridge=1.0, bias=bias)
        ridge = 0.0 if bias == "free" else bias

        def loss(b, Z=Z + offset[:, None], n=n, t=t, ridge=ridge):
            z = Z + b[:, None]
            total = logsumexp(z, axis=0)
            slope = (np.exp(z - total) - t) @ n + ridge * b
            return n @ (total - np.sum(t * z, axis=0)) + ridge / 2 * b @ b, slope

        starts = np.zeros(k), -Z.mean(axis=1) - offset, -Z.diagonal() - offset
        best = min(
            minimize(loss, b, jac=True, method="BFGS", options={"gtol": 1e-9}).fun for b in starts
        )
        nuclear = np.linalg.norm(Z * np.sqrt(n), "nuc")
        assert solve.certify(problem, Z).primal <= best + nuclear + 1e-7 * (abs(best) + nuclear)


@pytest.mark.parametrize("tau", [-1.9, -1.2, -0.5, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("gamma", [0.0, 0.3])
@pytest.mark.parametrize(
    "numbers",
    [
        [1140, 49],
        [6, 6120, 20, 9967],
        [365, 168858, 11125, 3],
        [1194, *[6] * 12, *[1] * 8],
        [50000, 10, 1, *[30] * 8],
    ],
)
def test_with_a_free_bias_the_optimum_is_zero_from_the_norm_of_the_centred_labels(
    numbers, gamma, tau
):
    counts = Counts(numbers)
    adjustment = Adjustment.vs(counts, gamma, tau)
    share = counts.values / counts.n
    centred = np.eye(counts.k) - share[:, None]  # shifts are the bias's own
    slope = np.diag(adjustment.scale) @ centred @ np.diag(np.sqrt(counts.values))
    problem = solve.Problem(counts, adjustment, ridge=1.0, bias="free")
    assert solve.largest_ridge(problem) == pytest.approx(np.linalg.norm(slope, 2), rel=1e-9)
    found = solve.minimize(problem)
    assert solve.certify(problem, found.logits).relative_gap < 1e-9
