"""Few dimensions, and the sphere: codes, uniformity, prototypes, attention.

Golden numbers came from direct optimisation elsewhere, or are exact."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from lopsided import Counts, Gram, distance, hull, predict, solve, steer
from lopsided.measure.metrics import Undefined, dot_product_wasserstein, energy, one_vs_rest

GOLDEN = (1 + 5**0.5) / 2
ICOSAHEDRON = np.concatenate(
    [np.roll([(0, a, b * GOLDEN) for a in (1, -1) for b in (1, -1)], i, axis=1) for i in range(3)]
)


def test_the_nearest_point_of_a_hull_is_below_every_vector():
    rng = np.random.default_rng(0)
    for _ in range(60):
        m, d = rng.integers(1, 20), rng.integers(1, 30)
        vectors = rng.normal(size=(m, d)) + rng.choice([0, 1, 3]) * rng.normal(size=d)
        point, weights = hull.nearest(vectors)
        assert (weights >= 0).all()
        assert weights.sum() == pytest.approx(1)
        assert (vectors @ point >= point @ point - 1e-12).all()
    assert not hull.nearest([[1.0, 0], [-1.0, 1e-3], [-1, -1e-3]]).point.any()
    assert one_vs_rest(Gram.of_vectors(np.eye(3))) == pytest.approx(1.5**0.5)
    assert hull.one_vs_rest(1e200 * np.eye(3)) / 1e200 == pytest.approx(1.5**0.5)


@pytest.mark.parametrize(
    ("k", "d", "margin"),
    [(4, 3, 4 / 3), (5, 2, 0.690983006), (6, 3, 1), (5, 3, 1), (7, 4, 1), (9, 2, 1 - 0.766044443)],
)
def test_closed_codes_have_their_one_vs_rest_distance(k, d, margin):
    code = predict.softmax_code(k, d)
    assert one_vs_rest(code.classifiers) == pytest.approx(np.full(k, margin), abs=1e-9)
    assert np.linalg.matrix_rank(code.classifiers.matrix()) <= d


@pytest.mark.parametrize(
    ("k", "d", "least"), [(12, 3, 0.552786404), (10, 4, 5 / 6 - 1e-9), (7, 3, 0.78952)]
)
def test_the_solver_finds_the_code(k, d, least):
    code = solve.softmax_code(k, d, starts=2, seed=1)
    low, high = predict.code_bounds(k, d)
    assert low < least <= code.margin < high
    W, H = code.geometry.vectors(d)
    ahead = np.sum(W * H, axis=1)[None] - W @ H.T
    assert ahead[~np.eye(k, dtype=bool)].min() == pytest.approx(code.margin, abs=1e-6)


def test_margins_on_the_sphere_differ_by_the_temperature_times_the_log_ratio():
    """At high temperatures rare classes merge; as it falls the counts are forgotten."""
    merged, lopsided, nearer = solve.spherical(
        [50, 50, 1, 1, 1], 2, [0.5, 0.1, 0.05], starts=3, seed=0
    )
    assert np.sort(merged.margins)[:2] == pytest.approx(0, abs=1e-6)
    assert np.sort(lopsided.margins)[[0, -1]] == pytest.approx([0.477, 0.893], abs=1e-3)
    assert np.sort(nearer.margins)[[0, -1]] == pytest.approx([0.593, 0.796], abs=1e-3)
    gaps = [np.ptp(found.margins) for found in (lopsided, nearer)]
    assert gaps == pytest.approx([0.1 * np.log(50), 0.05 * np.log(50)], rel=0.07)


def test_the_best_start_on_the_sphere_is_returned_where_objectives_are_below_float64():
    given = [50, 50, 1, 1, 1], 2, [1e-4]
    best = solve.spherical(*given, starts=3)[0]
    each = [solve.spherical(*given, starts=1, seed=seed)[0] for seed in range(3)]
    assert best.objective == 0 == each[0].objective
    assert best.margins.min() == max(one.margins.min() for one in each) > 0.69
    assert each[0].margins.min() < 0.65
    assert best.log_objective == min(one.log_objective for one in each)


def test_energy_and_wasserstein_of_known_frames():
    simplex, icosahedron = predict.etf(5).classifiers, Gram.of_vectors(ICOSAHEDRON)
    assert energy(simplex) == pytest.approx(-0.458145366, abs=1e-9)
    assert energy(simplex, order=1) == pytest.approx(0.632455532, abs=1e-9)
    orders = [energy(icosahedron, order=order) for order in (0, 1, 2)]
    assert orders == pytest.approx([-0.327365837, 0.744928077, 0.590909091], abs=1e-9)
    orthoplex = predict.softmax_code(6, 3).classifiers
    assert energy(orthoplex) == pytest.approx(-0.415888308, abs=1e-9)
    assert one_vs_rest(icosahedron) == pytest.approx(np.full(12, 1 - 5**-0.5))
    assert dot_product_wasserstein(simplex, 4) == pytest.approx(0.463993367, abs=1e-9)


@pytest.mark.parametrize("order", [0, 2, 4])
def test_energy_has_six_digits_or_is_not_told(order):
    for angle in 10.0 ** -np.arange(1, 9):
        gram = Gram.of_vectors([[np.cos(angle), np.sin(angle)], [1, 0]])
        apart = 2 * np.sin(angle / 2)
        try:
            value = energy(gram, order=order)
        except Undefined:
            assert angle < 4e-5
        else:
            assert value == pytest.approx(apart**-order if order else -np.log(apart), rel=1e-6)


def test_the_energy_of_random_directions_is_that_of_the_uniform_sphere():
    vectors = np.random.default_rng(0).normal(size=(300, 8))
    gram = Gram.of_vectors(vectors)
    for order, value in ((0, -0.308333333), (1, 0.752552551), (2, 0.6)):
        assert predict.uniform_energy(8, order) == pytest.approx(value, abs=1e-9)
        assert energy(gram, order=order) == pytest.approx(value, rel=5e-3)
    assert predict.uniform_energy(4) == pytest.approx(-0.25)
    assert predict.uniform_energy(4, 1) == pytest.approx(0.848826363, abs=1e-9)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    x = np.linspace(-1, 1, 20001)
    observed = np.searchsorted(np.sort((unit @ unit.T)[~np.eye(300, dtype=bool)]), x) / 300 / 299
    density = (1 - x**2) ** 2.5
    uniform = np.cumsum(density) / density.sum()
    expected = np.trapezoid(np.abs(observed - uniform), x)
    assert dot_product_wasserstein(gram, 8) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("counts", [Counts([9, 9, 2, 2]), Counts([9, 5, 5, 2, 1])])
def test_uniformity_of_groups_is_that_of_every_class_on_its_own(counts):
    grouped = predict.seli(counts).classifiers
    single = Gram.of_matrix(grouped.matrix())
    for metric in (energy, one_vs_rest, lambda g: dot_product_wasserstein(g, 4)):
        assert metric(grouped) == pytest.approx(metric(single), rel=1e-9)


def descend(loss, shape, seed=0):
    def slope(x):
        given = torch.tensor(x.reshape(shape), requires_grad=True)
        value = loss(given)
        return value.item(), torch.autograd.grad(value, given)[0].numpy().ravel()

    start = np.random.default_rng(seed).normal(size=int(np.prod(shape)))
    options = {"maxiter": 2000, "ftol": 1e-15, "gtol": 1e-10}
    end = minimize(slope, start, jac=True, method="L-BFGS-B", options=options)
    return torch.tensor(end.x.reshape(shape)), end.fun


@pytest.mark.parametrize(
    ("loss", "shape", "least"),
    [
        (steer.DecoupledInfoNCE(0.5), (2, 5, 4), np.log(4) - 2.5),
        (steer.KernelContrastive(), (2, 5, 4), 2 * 0.082084999 - 2),
        (steer.KernelContrastive(), (2, 6, 3), 2 * 0.111931354 - 2),
        (steer.KernelContrastive("log"), (2, 5, 4), np.log(1 / 3.5)),
        (steer.KernelContrastive("riesz"), (2, 5, 4), 2 * 3.5**-0.5 - 2),
    ],
)
def test_two_views_align_at_the_least_energy(loss, shape, least):
    (a, b), value = descend(lambda x: loss(*x), shape)
    assert value == pytest.approx(least, abs=1e-8)
    assert torch.nn.functional.cosine_similarity(a, b).min() > 1 - 1e-6


def test_the_gap_of_uniformity_is_least_at_a_collapsed_simplex():
    W, _ = predict.etf(5).vectors(4)
    loss = steer.UniformityGap(5, 4).double()
    labels = torch.tensor([0, 1, 2, 3, 4, 4, 4])
    loss.weight.data = torch.as_tensor(W)
    found = loss(torch.as_tensor(W)[labels] * 3, labels)
    assert found.item() == pytest.approx(0.4)
    none = torch.empty(0, dtype=torch.int64)

    def proxies(w):
        given = {"weight": w}
        return torch.func.functional_call(loss, given, (torch.empty(0, 4), none))

    assert descend(proxies, (5, 4))[1] == pytest.approx(0.4, abs=1e-9)
    away = torch.as_tensor(np.roll(W, 1, axis=0))  # each class at another's proxy: sqrt(2 k/(k-1))
    assert loss(away[labels], labels).item() == pytest.approx(0.4 + 2.5**0.5)
    assert loss(away[labels], labels - 1 + (labels == 0) * -99).isfinite()


def test_proxies_crowded_on_a_circle_keep_the_digits_of_their_gap():
    # The closest of 200 random points of a circle are some 1e-4 apart: 1e-8 squared, where single
    # precision has no digit of 2 - 2 cos.
    loss = steer.UniformityGap(200, 2)
    value = loss(torch.empty(0, 2), torch.empty(0, dtype=torch.int64))
    value.backward()
    angles = torch.atan2(*loss.weight.detach().double().T)
    apart = (angles[:, None] - angles)[~torch.eye(200, dtype=torch.bool)]
    assert value.item() == pytest.approx((2 * (apart / 2).sin()).pow(-2).mean().item(), rel=1e-6)
    assert value.dtype == torch.float32
    assert loss.weight.grad.isfinite().all()


@pytest.mark.parametrize(
    ("copies", "away", "least"), [(1, 0.189096, 40.0193629), (100, 0.024815, 96.9671015)]
)
def test_prototypes_draw_class_means_to_their_frame(copies, away, least):
    W, _ = predict.etf(4).vectors(4)
    W /= np.linalg.norm(W, axis=1, keepdims=True)
    labels = torch.arange(4).repeat_interleave(torch.tensor([8, 8, 2, 2]))
    loss = steer.SupervisedContrastive(0.5, W, copies, reduction="sum")
    means, value = descend(lambda x: loss(x[labels], labels), (4, 4))
    assert value == pytest.approx(least, abs=1e-6)
    unit = torch.nn.functional.normalize(means, dim=1).numpy()
    assert distance(Gram.of_vectors(unit), predict.etf(4).embeddings) == pytest.approx(
        away, abs=1e-5
    )


def test_many_copies_of_prototypes_are_fixed_classifiers():
    frame = np.array([(1, 0, 0), (0.6, 0.8, 0), (0, 0.6, 0.8), (0, 0, 1)])
    limit = predict.prototype_means(frame, 0.5)
    assert distance(limit, Gram.of_vectors(frame)) > 0.5  # not the prototypes themselves
    labels = torch.arange(4).repeat_interleave(torch.tensor([8, 8, 2, 2]))
    for copies, within in ((400, 0.012), (40000, 1.3e-4)):
        loss = steer.SupervisedContrastive(0.5, frame, copies)
        means, _ = descend(lambda x, loss=loss: loss(x[labels], labels), (4, 3))
        unit = torch.nn.functional.normalize(means, dim=1).numpy()
        assert distance(Gram.of_vectors(unit), limit) < within


@pytest.mark.parametrize("temperature", [0.1, 0.02])
def test_class_means_beside_prototypes_are_the_best_angles_of_a_fine_grid(temperature):
    def unit(angle):
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)

    prototypes, angle = unit(np.radians([0, 60, 180])), np.linspace(0, 2 * np.pi, 100_001)
    scores = unit(angle) @ prototypes.T / temperature
    best = [
        angle[np.logaddexp.reduce(np.delete(scores, c, 1) - scores[:, [c]], axis=1).argmin()]
        for c in range(3)
    ]
    found = predict.prototype_means(prototypes, temperature).matrix()
    assert found == pytest.approx(unit(np.array(best)) @ unit(np.array(best)).T, abs=1e-3)


def test_as_the_temperature_vanishes_class_means_have_the_largest_margin():
    prototypes = np.random.default_rng(0).normal(size=(5, 4))
    prototypes /= np.linalg.norm(prototypes, axis=1, keepdims=True)
    apart = [hull.nearest(w - np.delete(prototypes, c, 0)).point for c, w in enumerate(prototypes)]
    limit = Gram.of_vectors([point / np.linalg.norm(point) for point in apart])
    assert predict.prototype_means(prototypes, 1e-6).matrix() == pytest.approx(
        limit.matrix(), abs=1e-4
    )


def test_without_prototypes_the_formula_is_naive():
    rng = np.random.default_rng(0)
    h, frame, y = rng.normal(size=(6, 3)), np.eye(3), np.array([0, 0, 1, 1, 1, 2])
    h /= np.linalg.norm(h, axis=1, keepdims=True)
    total = 0.0
    for i in range(6):
        others = [(h[j], y[j]) for j in range(6) if j != i]
        others += [(frame[c], c) for c in range(3)] * 2
        share = np.log(sum(np.exp(x @ h[i] / 0.4) for x, _ in others))
        total += np.mean([share - x @ h[i] / 0.4 for x, c in others if c == y[i]])
    loss = steer.SupervisedContrastive(0.4, frame, 2, reduction="sum")
    assert loss(torch.as_tensor(h), torch.as_tensor(y)).item() == pytest.approx(total)


def test_the_spectral_loss_is_least_at_its_prediction():
    labels = torch.arange(3).repeat_interleave(torch.tensor([6, 3, 1]))
    H, value = descend(lambda x: steer.SpectralContrastive()(x, labels), (10, 4))
    M = np.stack([H[labels == c].mean(0).numpy() for c in range(3)])
    law = predict.spectral_contrastive([6, 3, 1]).embeddings.matrix()
    assert value == pytest.approx(-3, abs=1e-9)
    assert pytest.approx(law, abs=1e-3) == M @ M.T
    twice = torch.tensor([1.0, 2, 1, 1, 1, 1, 1, 1, 1, 3])
    again = torch.arange(10).repeat_interleave(twice.long())
    loss = steer.SpectralContrastive()
    assert loss(H + 1, labels, twice).item() == pytest.approx(
        loss(H[again] + 1, labels[again]).item()
    )


@pytest.mark.parametrize(
    "loss",
    [
        steer.SpectralContrastive(),
        steer.UniformityGap(3, 4).double(),
        steer.SupervisedContrastive(0.5, np.eye(3, 4), 2),
        steer.MultipleCenters(predict.multiple_centers([2, 1], [1, 1], 0.2), [1, 1], 4),
    ],
)
def test_a_sample_left_out_is_as_if_it_were_not_there(loss):
    h = torch.randn(7, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = torch.tensor([0, -100, 1, 1, 0, -100, 1])
    kept = labels >= 0
    assert loss(h, labels).item() == pytest.approx(loss(h[kept], labels[kept]).item())
    assert loss(h[~kept], labels[~kept]).isfinite()


@pytest.mark.parametrize("kernel", ["gaussian", "log", "riesz"])
def test_kernels_narrower_than_rounding_are_as_in_double_precision(kernel):
    a = torch.randn(20, 6, generator=torch.Generator().manual_seed(0))
    a, loss = torch.cat([a, a]), steer.KernelContrastive(kernel, width=1e-8)
    found = loss(a, a)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(loss(a.double(), a.double()).item(), rel=1e-6)


def test_picking_all_labels_is_the_sum_of_their_cross_entropies():
    z = torch.randn(5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    sets = torch.tensor([[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 1], [0, 0, 0, 1], [1, 0, 1, 0]])
    entropy = torch.nn.functional.cross_entropy
    expected = [sum(entropy(z[i], c) for c in sets[i].nonzero()[:, 0]).item() for i in range(5)]
    losses = steer.PickAllLabel(reduction="none")(z, sets.bool())
    assert losses.tolist() == pytest.approx(expected)


def test_a_sample_is_drawn_to_the_nearest_center_of_its_class():
    frame = predict.multiple_centers([9, 3, 1], [1, 2, 3], angle=0.2)
    loss = steer.MultipleCenters(frame, [1, 2, 3], d=9, reduction="none")
    V, y = torch.as_tensor(loss.vectors), torch.tensor([0, 1, 1, 2, 2, 2])
    assert loss(5 * V, y).abs().max() < 1e-12
    h = torch.randn(6, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    cosines = torch.nn.functional.normalize(h, dim=1) @ V.T
    expected = [1 - max(cosines[i, y == y[i]]).item() for i in range(6)]
    assert loss(h, y).tolist() == pytest.approx(expected)


TOKENS = np.array(
    [[(1, 0, 0), (0, 1, 0), (0.5, 0.5, 1)], [(0, 1, 1), (1, 0, 0.5), (-1, 0, 0)]], float
)


@pytest.mark.parametrize(("norm", "value"), [("frobenius", 1.256335297), ("nuclear", 1.376440)])
def test_attention_margins_are_proved_by_their_multipliers(norm, value):
    found = solve.attention_margin(TOKENS, TOKENS[:, -1], [0, 1], norm)
    assert found.value == pytest.approx(value, abs=1e-6)
    assert found.margins.min() >= 1 - 1e-9
    assert (found.multipliers >= 0).all()
    assert found.relative_gap < 1e-6
    rows = [
        np.outer(TOKENS[i, c] - TOKENS[i, t], TOKENS[i, -1])
        for i, c in ((0, 0), (1, 1))
        for t in range(3)
        if t != c
    ]
    pull = np.tensordot(found.multipliers.ravel(), rows, 1)
    assert np.linalg.norm(pull, 2 if norm == "nuclear" else "fro") == pytest.approx(1)
    assert found.bound == pytest.approx(found.multipliers.sum())


@pytest.mark.parametrize("norm", ["frobenius", "nuclear"])
@pytest.mark.parametrize("orders", [2, 4, 8])
def test_attention_margins_are_met_beside_queries_of_very_different_lengths(norm, orders):
    rng = np.random.default_rng(0)
    x, chosen = rng.normal(size=(4, 3, 4)), [0, 1, 2, 0]
    z = rng.normal(size=(4, 4)) * 10.0 ** np.array([[-orders], [0], [1], [orders]])
    found = solve.attention_margin(x, z, chosen, norm)
    scores = np.einsum("ntd,de,ne->nt", x, found.W, z)
    ahead = scores[np.arange(4), chosen][:, None] - scores
    assert np.sort(ahead, axis=1)[:, 1].min() > 1 - 1e-6
    assert -1e-12 < found.relative_gap < 1e-6


@pytest.mark.parametrize("norm", ["frobenius", "nuclear"])
def test_attention_margins_agree_with_a_conic_solver(norm):
    cvxpy = pytest.importorskip("cvxpy")
    rng = np.random.default_rng(0)
    x, z, chosen = rng.normal(size=(4, 4, 5)), rng.normal(size=(4, 5)), [0, 3, 1, 2]
    found = solve.attention_margin(x, z, chosen, norm)
    W = cvxpy.Variable((5, 5))
    ahead = [
        (x[i, c] - x[i, t]) @ W @ z[i] >= 1
        for i, c in enumerate(chosen)
        for t in range(4)
        if t != c
    ]
    size = cvxpy.norm(W, "nuc" if norm == "nuclear" else "fro")
    least = cvxpy.Problem(cvxpy.Minimize(size), ahead).solve(solver=cvxpy.SCS, eps=1e-8)
    assert found.value == pytest.approx(least, rel=1e-5)


def test_descent_on_the_log_of_the_attention_goes_to_the_margin():
    W, queries = np.zeros((3, 3)), TOKENS[:, -1]
    for t in range(1, 2001):
        slope = np.zeros((3, 3))
        for i, c in ((0, 0), (1, 1)):
            scores = TOKENS[i] @ W @ queries[i]
            share = np.exp(scores - scores.max())
            share /= share.sum()
            slope += np.outer(share @ TOKENS[i] - TOKENS[i, c], queries[i])
        W -= 0.5 / np.sqrt(t) * slope / np.linalg.norm(slope)
    law = solve.attention_margin(TOKENS, queries, [0, 1]).W
    assert np.sum(W * law) / np.linalg.norm(W) / np.linalg.norm(law) > 0.9987


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: predict.softmax_code(10, 3), r"solve\.softmax_code\(k, d\)"),
        (lambda: predict.softmax_code(3, 1), "two unit vectors, and k=3 classes share them"),
        (lambda: predict.code_bounds(4, 3), "k > d"),
        (lambda: solve.softmax_code(3, 1), "at least 2, got 1"),
        (lambda: solve.softmax_code(5, 3, seed=-1), "seed must be a whole number"),
        (lambda: solve.spherical([3, 2], 2, [0.0]), "temperatures"),
        (lambda: solve.spherical([3, 2], 2, [1e-9]), r"the limit is solve\.softmax_code"),
        (lambda: solve.attention_margin(1e200 * TOKENS, TOKENS[:, 0], [0, 1]), "tokens reach"),
        (lambda: hull.nearest(np.empty((0, 2))), "shape"),
        (
            lambda: solve.attention_margin([[[0.0, 1], [1, 0]]] * 2, [[1.0, 0]] * 2, [0, 1]),
            "contains the origin",
        ),
        (lambda: solve.attention_margin(TOKENS, TOKENS[:, 0], [0, 3]), "got 3 for sequence 1"),
        (lambda: solve.attention_margin(TOKENS, TOKENS[:, 0], [0, 1], "max"), "frobenius"),
        (lambda: predict.prototype_means(2 * np.eye(3), 0.5), "class 0 has length 2"),
        (lambda: steer.SupervisedContrastive(0.5, 2 * np.eye(3)), "class 0 has length 2"),
        (lambda: steer.PickAllLabel()(torch.ones(1, 2), torch.ones(1, 2)), "sample 0 has 2"),
        (lambda: steer.PickAllLabel()(torch.ones(1, 2), torch.zeros(1, 2)), "sample 0 has 0"),
        (lambda: steer.KernelContrastive("cosine"), "gaussian"),
        (lambda: steer.DecoupledInfoNCE()(torch.ones(2, 2), torch.ones(3, 2)), "one shape"),
        (
            lambda: steer.MultipleCenters(predict.multiple_centers([2, 1], [1, 1], 0.2), [1, 1], 2),
            "take 3 dimensions",
        ),
        (
            lambda: steer.MultipleCenters(predict.multiple_centers([9, 1], [1, 2], 0.2), [2, 1], 5),
            r"those of the frame, 3 in all, \[1, 2\]",
        ),
        (lambda: energy(Gram.of_vectors([[1.0, 0], [2.0, 0]])), "same way"),
        (lambda: one_vs_rest(predict.etf(51).classifiers), "most=51"),
        (lambda: predict.uniform_energy(3, 2.0), "below d - 1"),
    ],
)
def test_what_has_no_answer_on_the_sphere_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
