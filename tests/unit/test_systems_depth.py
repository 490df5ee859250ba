"""Depth: ReLU between the layers, linear layers at the end, spectra, and layers side by side."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from lopsided import measure, predict, solve


def forward(factors):
    """Return the logits (k, k) of ReLU layers, a row a class."""
    *weights, last, features = factors
    for w in weights:
        features = np.maximum(features @ w.T, 0)
    return features @ last.T


@pytest.mark.parametrize(
    ("r", "layers", "n", "graph", "collapse"),
    [
        (5, 4, 1, 0.227153932, 0.249496965),
        (10, 6, 1, 0.838565807, 1.572733718),
        (5, 3, 1, 0.210912249, 0.199497475),
        (4, 3, 7, None, None),
    ],
)
def test_the_graph_solution_costs_what_its_factors_cost(r, layers, n, graph, collapse):
    found = predict.graph_solution(r, n, 0.01, layers)
    off = forward(found.factors) - np.eye(found.k)
    squares = [np.sum(f**2) for f in found.factors]
    squares[-1] *= n
    cost = n / 2 * np.sum(off**2) + 0.01 / 2 * sum(squares)
    assert found.objective == pytest.approx(cost, rel=1e-12)
    assert np.ptp(squares) < 1e-12
    if graph:
        assert (found.objective, found.collapse) == pytest.approx((graph, collapse), abs=1e-9)
    features, ranks = found.factors[-1], []
    for w in found.factors[: layers - 1]:
        ranks.append(np.linalg.matrix_rank(features))
        features = np.maximum(features @ w.T, 0)
    assert (*ranks, np.linalg.matrix_rank(features)) == found.ranks
    own = forward(found.factors).diagonal()
    assert own == pytest.approx(found.response)


@pytest.mark.parametrize(("r", "layers"), [(4, 3), (9, 3), (4, 4), (5, 4), (9, 5), (4, 2)])
def test_at_small_ridges_graphs_win_from_four_layers_on(r, layers):
    k = r * (r - 1) // 2
    found = predict.graph_solution(r, 3, 1e-9, layers)
    wins = r ** (layers - 1) < 2 * k ** (layers - 2)
    assert (found.objective < found.collapse) == wins
    assert wins == (layers >= 4)


def test_a_ridge_that_is_too_large_leaves_nothing():
    found = predict.graph_solution(4, 2, 5.0, 3)
    assert (found.response, found.objective, found.collapse) == (0.0, 6.0, 6.0)
    assert not any(found.ranks)


def test_collapse_costs_what_the_squared_form_costs():
    n, ridge, layers = 5, 0.02, 3
    law = predict.squared([n] * 6, ridge, layers)
    x = law.logits.matrix()[0, 0]
    cost = n / 2 * (1 - x) ** 2 + (layers + 1) / 2 * ridge * (n * x**2) ** (1 / (layers + 1))
    found = predict.graph_solution(4, n, ridge, layers)
    assert found.collapse == pytest.approx(6 * cost, rel=1e-12)


@pytest.mark.parametrize(("counts", "least"), [([3, 3], 0.261755239), ([5, 2], 0.266994900)])
def test_two_classes_collapse_under_deep_relus(counts, least):
    found = solve.deep_relu(counts, 0.05, 3, 5, starts=3)
    assert found.objective == pytest.approx(least, abs=1e-7)
    assert found.collapsed
    assert found.ranks == (2, 2, 2)
    assert (np.diff(found.objectives) >= 0).all()
    off = forward(found.factors) - np.eye(2)
    squares = [np.sum(f**2) for f in found.factors[:-1]]
    squares.append(np.sum(np.array(counts)[:, None] * found.factors[-1] ** 2))
    cost = np.sum(np.array(counts)[:, None] * off**2) / 2 + 0.05 / 2 * sum(squares)
    assert found.objective == pytest.approx(cost, rel=1e-12)


def test_a_small_ridge_hides_no_descent_that_stopped_early():
    ridge = 1e-6
    found = solve.deep_relu([3, 3], ridge, 3, 4, starts=2)
    z = predict.squared([3, 3], ridge, 3).logits.matrix().diagonal()
    least = np.sum(3 * (1 - z) ** 2 + 4 * ridge * (3**0.5 * z) ** 0.5) / 2
    assert found.objective == pytest.approx(least, rel=1e-6)
    assert found.converged == (True, False)  # the other ends at a kink, 2 % above


def hessian(counts, ridge, layers, layer):
    """Return the eigenvalues in one layer, at the collapsed optimum, by automatic derivatives."""
    k, n = len(counts), np.repeat(np.arange(len(counts)), counts)
    s = np.sqrt(counts) * predict.squared(counts, ridge, layers).logits.matrix().diagonal()
    t = torch.tensor(s ** (1 / (layers + 1)))
    weights = [torch.diag(t) for _ in range(layers)]
    H = torch.diag(t)[n] / torch.sqrt(torch.tensor(counts, dtype=t.dtype))[n][:, None]
    target = torch.eye(k, dtype=t.dtype)[n]

    def loss(w):
        Z = H
        for i, given in enumerate(weights, 1):
            Z = Z @ (w.reshape(k, k) if i == layer else given).T
        return (Z - target).square().sum() / 2

    at = weights[layer - 1].ravel().clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss(at), at)
    assert slope.numpy() == pytest.approx(-ridge * at.detach().numpy(), abs=1e-10)  # an optimum
    return np.linalg.eigvalsh(torch.autograd.functional.hessian(loss, at.detach()).numpy())[::-1]


@pytest.mark.parametrize(
    ("counts", "layers", "layer"), [([4, 4, 4], 3, 2), ([9, 4, 2], 2, 1), ([9, 4, 2], 2, 2)]
)
def test_spectra_of_layers_are_those_of_the_hessian(counts, layers, layer):
    found = predict.layer_spectrum(counts, 0.2, layers, layer)
    assert found == pytest.approx(hessian(counts, 0.2, layers, layer), abs=1e-12)


def test_imbalance_splits_the_spectrum_of_a_layer():
    equal = predict.layer_spectrum([4, 4, 4], 0.2, 3, 2)
    assert equal == pytest.approx(np.full(9, 2.522557103), abs=1e-8)
    first, second = (predict.layer_spectrum([9, 4, 2], 0.2, 2, layer) for layer in (1, 2))
    assert second[:3] == pytest.approx(np.full(3, 4.057915038), abs=3e-8)
    assert second[3] < 4
    assert first[1:3] == pytest.approx(np.full(2, 3.021169280), abs=3e-8)


def test_weight_decay_balances_linear_layers_at_a_rate_that_no_data_change():
    torch.manual_seed(0)
    layers = [torch.nn.Linear(*size, bias=False).double() for size in ((4, 6), (6, 5), (5, 3))]
    x, y = torch.randn(9, 4, dtype=torch.float64), torch.randn(9, 3, dtype=torch.float64)
    decay, rate, steps = 0.2, 1e-3, 200
    before = measure.linear_tail([layer.weight.detach() for layer in layers])
    for _ in range(steps):
        z = x
        for layer in layers:
            z = layer(z)
        weights = [layer.weight for layer in layers]
        slopes = torch.autograd.grad((z - y).square().mean(), weights)
        with torch.no_grad():
            for w, slope in zip(weights, slopes, strict=True):
                w -= rate * (slope + decay * w)
    after = measure.linear_tail([layer.weight.detach() for layer in layers])
    shrunk = np.exp(-2 * decay * rate * steps)
    assert after.balance == pytest.approx(before.balance * shrunk, rel=1e-3)


def test_balanced_layers_have_the_root_of_the_condition_of_their_product():
    rng = np.random.default_rng(0)
    bases = [np.linalg.qr(rng.normal(size=(6, 6)))[0][:, :3] for _ in range(4)]
    values = np.array([4.0, 2.0, 1.0])
    weights = [(after * values) @ before.T for before, after in pairwise(bases)]
    tail = measure.linear_tail(weights)
    assert abs(tail.balance).max() < 1e-12
    assert tail.condition_product == pytest.approx(64)
    assert tail.condition_head == pytest.approx(tail.predicted)


class Blocks(torch.nn.Module):
    """A convolution, a residual block and a head."""

    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(1, 5, 3)
        self.block = torch.nn.Linear(5, 5)
        self.drop = torch.nn.Dropout()
        self.head = torch.nn.Linear(5, 3)

    def forward(self, x):
        h = self.stem(x).relu().mean((2, 3))
        return self.head(self.drop(h + self.block(h)))


def test_layers_of_one_pass_are_measured_as_their_features_alone():
    torch.manual_seed(0)
    model, x = Blocks().train(), torch.randn(12, 1, 6, 6)
    y = torch.arange(12) % 3
    loader = [(x[:7], y[:7]), (x[7:], y[7:])]
    found = measure.layers(model, loader, ["stem", "block"], [4, 4, 4], show_progress=False)
    assert list(found) == ["stem", "block", "head"]
    assert model.training
    assert not model.stem._forward_hooks
    with torch.no_grad():
        stem = model.stem(x)
        h = stem.relu().mean((2, 3))
        own = {"stem": stem.mean((2, 3)), "block": model.block(h), "head": h + model.block(h)}
    for name, features in own.items():
        moments = measure.Moments(3, 5)
        moments.update(features.numpy(), y.numpy())
        assert found[name].nc1 == pytest.approx(measure.Collapse.of(moments).nc1, rel=1e-4)
    whole = measure.trained(model, loader, show_progress=False)
    assert found["head"].nc3 == pytest.approx(whole.nc3)
    assert found["stem"].weight is None


def test_layers_are_as_alike_as_their_directions():
    rng = np.random.default_rng(0)
    a, b, turn = (
        rng.normal(size=(9, 4)),
        rng.normal(size=(9, 4)),
        np.linalg.qr(rng.normal(size=(4, 4)))[0],
    )
    found = measure.layer_cosines([a, 2 * a, b])
    assert found[0] == pytest.approx([1, 1, found[1, 2]])
    naive = np.mean(
        [x @ z / np.linalg.norm(x) / np.linalg.norm(z) for x, z in zip(a, b, strict=True)]
    )
    assert found[0, 2] == pytest.approx(naive)
    assert measure.layer_cosines([a @ turn, a @ turn, b @ turn]) == pytest.approx(found)


def shared():
    unit = torch.nn.ReLU()
    return torch.nn.Sequential(
        torch.nn.Linear(2, 3), unit, torch.nn.Linear(3, 3), unit, torch.nn.Linear(3, 2)
    )


DATA = [(torch.eye(2), torch.tensor([0, 1]))]


def test_a_layer_is_measured_at_its_own_output_whatever_is_written_there_later():
    torch.manual_seed(0)
    x, y = torch.randn(12, 4), torch.arange(12) % 3
    first, head = torch.nn.Linear(4, 5), torch.nn.Linear(5, 3)
    found = [
        measure.layers(
            torch.nn.Sequential(first, torch.nn.ReLU(inplace), head),
            [(x, y)],
            ["0"],
            show_progress=False,
        )["0"].moments.means
        for inplace in (False, True)
    ]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: predict.graph_solution(3, 1, 0.1, 3), "vertices must be a whole number of at le"),
        (lambda: predict.graph_solution(4, 1, 0.1, 1), "layers must be a whole number"),
        (lambda: predict.graph_solution(4, 1, 0.0, 3), "ridge"),
        (lambda: solve.deep_relu([3, 3, 3], 0.1, 3, 2), "width must be a whole number of at least"),
        (lambda: solve.deep_relu([3, 3], 0.1, 1, 2), "layers must be a whole number"),
        (lambda: solve.deep_relu([3, 3], -0.1, 2, 2), "ridge"),
        (lambda: predict.layer_spectrum([3, 3], 0.1, 2, 3), "layer must be from 1 to 2"),
        (lambda: measure.layer_cosines([]), "list of"),
        (lambda: measure.layer_cosines([np.eye(2), np.eye(3)]), "in layer 1; compare"),
        (lambda: measure.layer_cosines([np.zeros((1, 2))]), "sample 0 in layer 0"),
        (lambda: measure.layers(shared(), DATA, ["9"]), "no layer '9'"),
        (lambda: measure.layers(shared(), DATA, "0"), "a list of names"),
        (lambda: measure.layers(shared(), DATA, ["0", "0"]), "named once"),
        (lambda: measure.layers(shared(), DATA, ["1"], show_progress=False), "made 2 outputs"),
        (lambda: measure.layers(shared(), DATA, ["0", "4"], show_progress=False), "is the head"),
        (lambda: measure.layers(shared(), [], ["0"], show_progress=False), "no batch"),
        (lambda: measure.linear_tail([np.eye(2)]), "at least 2 layers, got 1"),
        (lambda: measure.linear_tail([np.eye(2), np.eye(3)]), "layer 1 takes 3 inputs"),
        (lambda: measure.linear_tail([np.eye(2), np.zeros((2, 2))]), "not all 0"),
        (lambda: measure.linear_tail([[[1, 0], [0, 0]], [[0, 0], [0, 1.0]]]), "product"),
    ],
)
def test_depths_that_have_no_answer_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
