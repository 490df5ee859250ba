"""What the inputs of a network allow: kernels, neurons, anchors, gradients, graphs."""

import mpmath
import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from lopsided import measure, predict, solve
from lopsided.measure import Collapse, Moments
from lopsided.measure.metrics import nc1, scatter_ratio

X = np.array([(1, 0), (0.6, 0.8), (0, 1), (-0.8, 0.6), (-1, 0.2)])
Y = np.array([0, 0, 0, 1, 1])


def moments_of(features, labels):
    moments = Moments(int(labels.max()) + 1, features.shape[1])
    moments.update(features, labels)
    return moments


def ratio_by_blocks(kernel, labels):
    k, shares = int(labels.max()) + 1, np.bincount(labels) / len(labels)
    blocks = np.array(
        [[kernel[np.ix_(labels == a, labels == b)].mean() for b in range(k)] for a in range(k)]
    )
    within = np.trace(kernel) / len(labels) - shares @ blocks.diagonal()
    C = np.eye(k) - 1 / k
    return within / (np.trace(C @ blocks @ C) / k)


@pytest.mark.parametrize(
    ("kernel", "hidden", "activation", "entry", "ratio"),
    [
        (predict.nngp, 1, "relu", 0.677547568, 0.591822845),
        (predict.ntk, 1, "relu", 1.100447227, 0.736701733),
        (predict.nngp, 3, "relu", None, 0.749074973),
        (predict.ntk, 3, "relu", None, 1.066755911),
        (predict.nngp, 1, "erf", 0.193973368, 0.462426111),
        (predict.ntk, 1, "erf", 0.394181024, 0.478582187),
    ],
)
def test_kernels_of_wide_networks_have_the_scatter_of_their_blocks(
    kernel, hidden, activation, entry, ratio
):
    K = kernel(X, hidden, activation)
    assert entry is None or K[0, 1] == pytest.approx(entry, abs=1e-9)
    moments = moments_of(measure.features_of(K), Y)
    assert scatter_ratio(moments) == pytest.approx(ratio, abs=1e-9)
    assert ratio_by_blocks(K, Y) == pytest.approx(ratio, abs=1e-9)


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_kernels_are_expectations_over_a_wide_random_network(activation):
    rng, width, d = np.random.default_rng(0), 20000, 2
    omega, beta = 1.5, 0.3
    x = torch.tensor(X, requires_grad=True)
    W = torch.tensor(rng.normal(size=(width, d)) * np.sqrt(omega / d), requires_grad=True)
    b = torch.tensor(rng.normal(size=width) * np.sqrt(beta), requires_grad=True)
    v = torch.tensor(rng.normal(size=width) * np.sqrt(omega / width), requires_grad=True)
    c = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    unit = torch.relu if activation == "relu" else torch.erf
    hidden = unit(x @ W.T + b)
    found = (omega / width * hidden @ hidden.T + beta).detach().numpy()
    K = predict.nngp(X, 1, activation, weight=omega, bias=beta)
    assert found == pytest.approx(K, abs=0.03)
    outputs = hidden @ v + c * np.sqrt(beta)
    # In the parametrisation of the kernel every weight is a unit Gaussian times a scale.
    scales = (np.sqrt(omega / d), np.sqrt(beta), np.sqrt(omega / width), 1)
    grads = [
        torch.cat(
            [
                g.ravel() * s
                for g, s in zip(
                    torch.autograd.grad(out, (W, b, v, c), retain_graph=True), scales, strict=True
                )
            ]
        )
        for out in outputs
    ]
    tangent = torch.stack(grads) @ torch.stack(grads).T
    assert tangent.numpy() == pytest.approx(
        predict.ntk(X, 1, activation, weight=omega, bias=beta), abs=0.06
    )


def test_tiles_of_a_kernel_are_the_kernel_entry_by_entry():
    x = np.random.default_rng(0).normal(size=(300, 4))
    pair = [2, 280]
    for kernel in (predict.nngp, predict.ntk):
        whole = kernel(x, 3)
        assert (whole == whole.T).all()
        assert whole[np.ix_(pair, pair)] == pytest.approx(kernel(x[pair], 3), rel=1e-12)


@pytest.mark.parametrize("scale", [1.0, 1e8])
def test_the_erf_kernels_keep_their_digits_at_any_size_of_the_inputs(scale):
    x = scale * X[:3, :]
    with mpmath.workdps(60):
        K = mpmath.matrix((x / scale).tolist())
        K = mpmath.mpf(scale) ** 2 * K * K.T / 2
        T = K.copy()
        for i, j in np.ndindex(3, 3):
            own = (1 + 2 * K[i, i]) * (1 + 2 * K[j, j])
            T[i, j] = 2 / mpmath.pi * mpmath.asin(2 * K[i, j] / mpmath.sqrt(own))
            T[i, j] += K[i, j] * 4 / mpmath.pi / mpmath.sqrt(own - 4 * K[i, j] ** 2)
        right = np.array(T.tolist(), float)
    assert predict.ntk(x, 1, "erf") == pytest.approx(right, rel=1e-13)


def test_features_of_a_kernel_measure_as_the_features_that_made_it():
    rng = np.random.default_rng(1)
    y = np.repeat([0, 1, 2], [9, 5, 3])
    h = rng.normal(size=(17, 6)) + 2 * rng.normal(size=(3, 6))[y]
    again = measure.features_of(h @ h.T)
    assert again.shape == (17, 6)
    for metric in (nc1, scatter_ratio):
        assert metric(moments_of(again, y)) == pytest.approx(metric(moments_of(h, y)), rel=1e-11)


@pytest.mark.parametrize("of", [np.asarray, torch.as_tensor])
@pytest.mark.parametrize("shift", [0, 5])
def test_a_kernel_of_single_precision_has_the_features_of_single_precision(of, shift):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [150, 100, 50])
    h = (rng.normal(size=(300, 5)) + rng.normal(size=(3, 5))[y] + shift).astype(np.float32)
    K = h @ h.T
    again = measure.features_of(of(K))
    assert again.shape == (300, 5)
    assert nc1(moments_of(again, y)) == pytest.approx(nc1(moments_of(h, y)), rel=1e-3)
    with pytest.raises(ValueError, match="more than rounding of float64; give a kernel in the ty"):
        measure.features_of(K.astype(float))
    for half in (torch.float16, torch.bfloat16):
        with pytest.raises(TypeError, match="16 is rounded too coarsely"):
            measure.features_of(torch.as_tensor(K).to(half))


def test_the_scatter_ratio_is_that_of_the_traces():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [8, 3, 2])
    h = rng.normal(size=(13, 4))
    means = np.stack([h[y == c].mean(axis=0) for c in range(3)])
    within = np.sum((h - means[y]) ** 2) / 13
    for center, middle in (("classes", means.mean(axis=0)), ("samples", h.mean(axis=0))):
        between = np.sum((means - middle) ** 2) / 3
        found = scatter_ratio(moments_of(h, y), center=center)
        assert found == pytest.approx(within / between)
    assert Collapse.of(moments_of(h, y)).scatter_ratio == pytest.approx(
        scatter_ratio(moments_of(h, y))
    )


@pytest.mark.parametrize("bias", [False, True])
def test_no_neuron_is_proved_by_multipliers_and_a_neuron_by_itself(bias):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [2, 8, 12])
    x = 30 * (rng.normal(size=(22, 6)) + 2 * rng.normal(size=(3, 6))[y])
    found = measure.collapsible(x, y, bias=bias)
    assert found.possible[0]
    assert not found.possible[2]
    rows = np.hstack([x, np.ones((22, 1))]) if bias else x
    for c in range(3):
        own, u, at = y == c, found.multipliers[c], rows @ found.neurons[c]
        reached = max(abs(at[own] - 1).max(), at[~own].max())
        assert reached == pytest.approx(found.gaps[c], abs=1e-9)
        if not found.possible[c]:
            assert abs(np.where(own, -u, u) @ rows).max() < 1e-9 * abs(rows).max()
            assert u[own].sum() == pytest.approx(found.gaps[c])
            assert u[~own].min() >= 0
            assert abs(u).sum() == pytest.approx(1)


@pytest.mark.parametrize("bias", [False, True])
def test_units_of_input_dimensions_do_not_decide_what_neurons_can_hold(bias):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(20, 5)), np.repeat([0, 1, 2], [3, 5, 12])
    x[:3], x[3:, 0] = x[:3] * 0.3 + 3 * np.eye(5)[0], x[3:, 0] - 2
    units = 10.0 ** np.array([-11, -4, 0, 3, 9])
    found, other = (measure.collapsible(given, y, bias=bias) for given in (x, x * units))
    assert found.possible.tolist() == other.possible.tolist() == [True, False, False]
    assert other.gaps == pytest.approx(found.gaps, abs=1e-9)
    held = x[:3] * units @ other.neurons[0, :5] + (other.neurons[0, 5] if bias else 0)
    assert held == pytest.approx(1, abs=1e-6)


def test_a_wide_random_layer_lets_any_inputs_collapse():
    rng, y = np.random.default_rng(0), np.repeat([0, 1, 2], 20)
    x = rng.normal(size=(60, 5))
    assert not measure.collapsible(x, y).possible.any()
    few, many = (np.maximum(x @ rng.normal(size=(5, width)), 0) for width in (20, 60))
    assert not measure.collapsible(few, y).possible.all()
    assert measure.collapsible(many, y).possible.all()


def near_collapse(H0, Y, ridge, beta, steps=20000):
    """Descend exactly in W and H by turns, to the last digits."""
    H, d = H0, H0.shape[1]
    for _ in range(steps):
        W = Y.T @ H @ np.linalg.inv(H.T @ H + ridge * np.eye(d))
        new = (Y @ W + beta * H0) @ np.linalg.inv(W.T @ W + (ridge + beta) * np.eye(d))
        if abs(new - H).max() < 1e-15:
            break
        H = new
    return W, H


def test_deviations_near_collapse_contract_least_along_rare_classes():
    counts, ridge, beta, d = [9, 4, 1], 0.4, 50.0, 5
    law = predict.contraction(counts, ridge, beta)
    assert law.along == pytest.approx([0.943396226, 0.961538462, 0.980392157], abs=1e-9)
    assert law.across == pytest.approx(0.992063492, abs=1e-9)
    y = np.repeat([0, 1, 2], counts)
    _, M = predict.squared(counts, ridge).vectors(d)
    rng = np.random.default_rng(0)
    off = 1e-4 * rng.normal(size=(14, d))
    off -= np.stack([off[y == c].mean(axis=0) for c in range(3)])[y]
    W, H = near_collapse(M[y] + off, np.eye(3)[y], ridge, beta)
    after = H - np.stack([H[y == c].mean(axis=0) for c in range(3)])[y]
    for c, factor in enumerate(law.along):
        unit = W[c] / np.linalg.norm(W[c])
        assert after @ unit == pytest.approx(factor * (off @ unit), abs=1e-8)
    hidden = np.linalg.svd(W)[2][3:].T
    assert after @ hidden == pytest.approx(law.across * (off @ hidden), abs=1e-8)
    merged = predict.contraction([9, 4, 1], 2.5, beta)
    assert merged.along[1:] == pytest.approx(merged.across)


def test_the_variance_within_classes_falls_along_the_flow():
    k, n, d, ridge, step = 3, 4, 5, 0.4, 0.01
    rng, y = np.random.default_rng(0), np.repeat(np.arange(3), 4)
    target = np.eye(k)[y]
    H = (rng.normal(size=(k, d))[y] + rng.normal(size=(k * n, d))) / 2

    def traces(H):
        means = np.stack([H[y == c].mean(axis=0) for c in range(k)])
        return np.sum((H - means[y]) ** 2), np.sum((means - means.mean(axis=0)) ** 2)

    ratios, grown = [], []
    for t in range(801):
        if t % 200 == 0:
            within, between = traces(H)
            ratios.append(within / between)
            grown.append(within * np.exp(2 * ridge * t * step))
        W = target.T @ H @ np.linalg.inv(H.T @ H + ridge * np.eye(d))
        H = H - step * ((H @ W.T - target) @ W + ridge * H)
    assert (np.diff(ratios) < 0).all()
    assert ratios[-1] < 0.01 * ratios[0]
    assert (np.diff(grown) < 1e-9).all()


def test_gradient_outer_products_are_the_mean_over_jacobians():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Tanh(), torch.nn.Linear(6, 3))
    net, x = net.double().train(), torch.randn(7, 4, dtype=torch.float64)
    jacobians = [torch.autograd.functional.jacobian(net, row) for row in x]
    naive = sum((J.T @ J).numpy() for J in jacobians) / 7
    assert measure.agop(net, x) == pytest.approx(naive, rel=1e-12)
    assert net.training
    assert all(p.grad is None for p in net.parameters())
    W = net[0].weight.detach().numpy()
    assert measure.agop(net[0], x.numpy()) == pytest.approx(W.T @ W)
    assert measure.agop(net[0], x.numpy()[::-1]) == pytest.approx(W.T @ W)  # a view that is turned
    single = measure.agop(net[0].float(), x.numpy())  # an array is given as the parameters are
    assert single == pytest.approx(W.T @ W, rel=1e-5)
    apart = torch.tensor([[1.0, 0.0]])
    half_constant = measure.agop(lambda z: z[:, :2] * apart, x.numpy())
    assert half_constant == pytest.approx(np.diag([1.0, 0, 0, 0]))
    assert measure.feature_ansatz(W, W.T @ W) == pytest.approx(1)
    assert measure.feature_ansatz(W, (W.T @ W) @ (W.T @ W), 0.5) == pytest.approx(1)


def test_shares_of_active_units_of_a_nonnegative_frame_sum_to_one():
    y = np.repeat(np.arange(4), 3)
    frame = np.kron(np.eye(4), np.ones(5))
    assert measure.active_share(frame[y], y).sum() == pytest.approx(1)
    noise = np.maximum(np.random.default_rng(0).normal(size=(400, 200)), 0)
    assert measure.active_share(noise, np.arange(400) % 4) == pytest.approx(0.5, abs=0.02)
    assert measure.active_share(noise, np.arange(400) % 4, 1e9).max() == 0


def rings():
    """Return two rings of 12 nodes, each joined to four of its own and two of the other."""
    A = np.zeros((24, 24))
    for i in range(12):
        for start in (0, 12):
            for reach in (1, 2):
                A[start + i, start + (i + reach) % 12] = 1
        A[i, 12 + i] = A[i, 12 + (i + 1) % 12] = 1
    return A + A.T, np.repeat([0, 1], 12)


def test_nodes_collapse_where_classes_see_the_same_mix_of_classes():
    A, y = rings()
    fractions = measure.neighbor_fractions(A, y)
    assert fractions[0] == pytest.approx([2 / 3, 1 / 3])
    assert fractions == pytest.approx(fractions[[0, 12]][y])
    assert measure.neighbor_fractions(csr_array(A), y) == pytest.approx(fractions)
    whole = solve.graph_ufm(csr_array(A), y, 0.5, 4)
    assert whole.objective == pytest.approx(2.692912544, abs=1e-9)
    assert max(whole.ratios) < 1e-12
    assert whole.spread < 1e-9
    classes = solve.graph_classes(fractions[[0, 12]], [12, 12], 0.5, 4)
    assert classes.objective == pytest.approx(whole.objective, abs=1e-9)


@pytest.mark.parametrize("ridge", [1e-10, 1e-6, 0.1, 1.0, 10.0])
def test_a_graph_under_any_ridge_has_the_optimum_of_its_classes(ridge):
    ring = np.roll(np.eye(8), 1, axis=1)
    whole = solve.graph_ufm(ring + ring.T, [0, 0, 1, 1] * 2, ridge, 3)
    classes = solve.graph_classes(np.full((2, 2), 0.5), [4, 4], ridge, 3)
    # In the basis of sum and difference the logits are H W_1' + (mean of H) W_2'.
    costs = ridge, ridge / 2**0.5  # a difference is seen once, a sum by both factors
    sizes = [max(2 - cost, 0) for cost in costs]
    least = sum((2 - s) ** 2 / 2 + cost * s for s, cost in zip(sizes, costs, strict=True))
    assert whole.objective == pytest.approx(least, rel=1e-6)
    assert classes.objective == pytest.approx(least, rel=1e-6)
    assert whole.ratios[1] == classes.ratios[1] == np.inf  # every node sees the same mean
    collapsed = ridge < 2
    assert whole.ratios[0] < 1e-6 if collapsed else whole.ratios[0] == np.inf
    assert classes.ratios[0] == (0 if collapsed else np.inf)
    assert bool(whole.features.any()) == collapsed


def test_nodes_of_a_random_graph_collapse_in_part():
    rng, y = np.random.default_rng(0), np.repeat([0, 1], 20)
    linked = np.triu(rng.random((40, 40)) < np.where(y[:, None] == y, 0.6, 0.2), 1)
    own, around = solve.graph_ufm(1.0 * (linked | linked.T), y, 0.5, 4, starts=1).ratios
    assert 1e-3 < own < 0.1 < around


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: predict.nngp([[0.0, 0.0], [1, 0]], 1), "makes zero of input 0"),
        (lambda: predict.nngp([[1.0, 0.0]], 1, weight=0), "makes zero of input 0"),
        (lambda: predict.nngp(X, -1), "hidden layers must be a whole number"),
        (lambda: predict.ntk(X, 1, "tanh"), "'relu' or 'erf', got 'tanh'"),
        (lambda: predict.ntk(X, 1, weight=-1.0), "weight is a variance"),
        (lambda: predict.ntk(X, 3, weight=1e300), "leaves float64"),
        (lambda: predict.nngp(X, 900, weight=9.0), "leaves float64"),
        (lambda: predict.ntk([[1.0, np.nan]], 1), "input 0 is not"),
        (lambda: predict.ntk([1.0, 2.0], 1), r"array \(n, d\)"),
        (lambda: measure.features_of([[1.0, 0.5], [0.0, 1.0]]), "symmetric, entries"),
        (lambda: measure.features_of([[1.0, 2.0], [2.0, 1.0]]), "negative eigenvalue, got -1"),
        (lambda: measure.features_of(np.zeros((2, 2))), "has no features"),
        (lambda: measure.features_of([[1.0, 2.0]]), r"must be \(n, n\)"),
        (lambda: measure.features_of([[1.0, np.nan], [np.nan, 1.0]]), r"entry \(0, 1\) is nan"),
        (lambda: measure.collapsible(X, [0, 0, 2, 2, 2]), "class 1 has none"),
        (lambda: measure.collapsible(X[:, 0], Y), r"array \(n, d\)"),
        (lambda: measure.active_share(X, Y, -1.0), "tolerance"),
        (lambda: predict.contraction([2, 1], 0.5, -1.0), "strength"),
        (lambda: predict.contraction([2, 1], 0.0, 1.0), "ridge"),
        (lambda: measure.agop(lambda x: x.sum(1), X), "one row for each"),
        (lambda: measure.agop(lambda x: x, X[0]), "inputs must be"),
        (lambda: measure.agop(lambda x: x.sqrt(), np.zeros((2, 2))), "not finite"),
        (lambda: measure.agop(lambda x: x[:, :0], X), "one row for each"),
        (lambda: measure.agop(lambda x: torch.ones(5, 2), X), "constant, detached"),
        (lambda: measure.agop(lambda x: x.detach(), X), "constant, detached"),
        (lambda: measure.agop(lambda x: x, [[1.0, 2.0], [np.nan, 0.0]]), "input 1 is not"),
        (lambda: measure.feature_ansatz(X, np.diag([1.0, -1.0])), "negative eigenvalue, got -1"),
        (lambda: measure.feature_ansatz(X, np.eye(3)), "must fit"),
        (lambda: measure.feature_ansatz(X, np.zeros((2, 2))), "AGOP must be finite"),
        (lambda: measure.feature_ansatz(X, np.eye(2), 0.0), "power"),
        (lambda: measure.feature_ansatz(X, [[1.0, 1.0], [0.0, 1.0]]), "symmetric"),
        (lambda: measure.neighbor_fractions(np.eye(3)[:2], [0, 1]), r"\(n, n\)"),
        (lambda: measure.neighbor_fractions(np.diag([1.0, 0.0]), [0, 1]), "node 1 has no"),
        (lambda: measure.neighbor_fractions(-np.eye(2), [0, 1]), "at least 0, got -1"),
        (lambda: measure.neighbor_fractions(np.eye(2), [0, -1]), "-1 for node 1"),
        (lambda: measure.neighbor_fractions(np.eye(3), [0, 1]), "3 whole numbers"),
        (lambda: measure.neighbor_fractions(np.eye(3), [0, 2, 2]), "each must have nodes"),
        (lambda: solve.graph_classes([[0.5, 0.5], [1, 1]], [2, 2], 0.5, 2), "class 1 sum to 2"),
        (lambda: solve.graph_classes([[0.5, 0.5]], [2, 2], 0.5, 2), r"must be \(2, 2\)"),
        (lambda: solve.graph_ufm(np.eye(2), [0, 1], 0.5, 0), "width"),
        (lambda: solve.graph_ufm(np.eye(2), [0, 1], 0.0, 1), "ridge"),
    ],
)
def test_inputs_that_have_no_answer_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: measure.agop(torch.nn.Linear(2, 2), torch.ones(3, 2).long()), "got torch.int64"),
        (lambda: measure.agop(lambda x: x.detach().numpy(), X), "must return a tensor"),
        (lambda: measure.active_share(X, Y, "0.1"), "tolerance must be one number"),
    ],
)
def test_inputs_of_a_wrong_type_are_refused(call, words):
    with pytest.raises(TypeError, match=words):
        call()
