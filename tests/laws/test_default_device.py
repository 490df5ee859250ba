"""What is computed follows the data, wherever new tensors are made by default.

The default device here is "meta", on which there are no numbers: what would be made there ends in
an error or in nothing.
"""

import copy

import numpy as np
import pytest
import torch

import members
from lopsided import measure, steer
from members import COUNTS, LABELS

N, K, D = 60, COUNTS.k, 6
RANDOM = torch.Generator().manual_seed(0)
X, Y = torch.randn(N, 3, generator=RANDOM), torch.arange(N) % K
FEATURES = torch.randn(N, D, generator=RANDOM) + 3 * torch.nn.functional.one_hot(Y, D)
LOADER = [(X[i : i + 20], Y[i : i + 20]) for i in range(0, N, 20)]


MODEL = torch.nn.Sequential(torch.nn.Linear(3, D), torch.nn.ReLU(), torch.nn.Linear(D, K))


def elsewhere(call):
    """Return what a call gives where new tensors are made on another device."""
    with torch.device("meta"):
        return call()


def same(call):
    expected, found = call(), elsewhere(call)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


@pytest.mark.filterwarnings("ignore::UserWarning")  # LDAM's cosines
@pytest.mark.parametrize("name", steer.LOSSES)
@pytest.mark.parametrize("times", [1, 20000], ids=["few samples", "many"])
def test_every_loss(name, times):
    loss = steer.LOSSES[name].function(COUNTS)
    given = members.given(name, loss)
    if times > 1:
        if steer.LOSSES[name].needs not in {("logits", "labels"), ("cosines", "labels")}:
            pytest.skip("other losses are computed at once")
        given = [given[0].repeat(times, 1), given[1].repeat(times)]

    def slopes():
        leaves = [x.clone().requires_grad_(x.is_floating_point()) for x in given]
        value = loss(*leaves)
        (slope,) = torch.autograd.grad(value.sum(), leaves[:1])
        return value.detach(), slope

    same(slopes)


@pytest.mark.parametrize("name", steer.HEADS)
def test_every_head(name):
    head = steer.HEADS[name].function(COUNTS, D)
    given = [FEATURES[:6], LABELS][: len(steer.HEADS[name].needs)]
    same(lambda: [copy.deepcopy(head)(*given), copy.deepcopy(head).eval()(*given)])


@pytest.mark.parametrize("name", steer.RULES)
def test_every_rule(name):
    rule, given = steer.RULES[name].function, members.of_rule(name, FEATURES)
    same(lambda: [rule(**copy.deepcopy(given))])


def stream():
    found = measure.Stream(K, D)
    for i in range(0, N, 20):
        found.update(FEATURES[i : i + 20], Y[i : i + 20], FEATURES[i : i + 20, :K])
    kept = measure.Stream(K, D)
    kept.load_state_dict(found.state_dict())
    return kept.compute(FEATURES[:K])


def watched():
    model = copy.deepcopy(MODEL)
    with measure.watch(model, counts=COUNTS) as watching:
        for x, y in LOADER:
            model(x)
            watching.labels(y)
    return watching.epoch()


@pytest.mark.parametrize(
    "call",
    [
        stream,
        watched,
        lambda: measure.trained(MODEL, LOADER, show_progress=False),
        lambda: measure.trained(MODEL, LOADER, passes=2, show_progress=False),
        lambda: measure.layers(MODEL, LOADER, ["0"], show_progress=False)["0"],
        lambda: measure.diagnose(MODEL, LOADER, held_out=LOADER[:1], show_progress=False).collapse,
    ],
)
def test_every_measurement(call):
    expected, found = call().to_dict(), elsewhere(call).to_dict()
    assert found["metrics"] == expected["metrics"]


def test_a_metric():
    pytest.importorskip("torchmetrics")
    from lopsided.measure.adapters.torchmetrics import GeometryMetric

    def scalars():
        metric = GeometryMetric(K, D, MODEL[2])
        metric.update(FEATURES, Y, MODEL[2](FEATURES))
        return metric.compute().values()

    same(scalars)


def test_gradients_and_prescriptions():
    same(lambda: [measure.agop(MODEL, X), measure.agop(MODEL, X.numpy())])

    def prescribed():
        found = steer.prescribe(MODEL[2], (FEATURES, Y), (FEATURES.flip(0), Y.flip(0)))
        return [np.asarray(found.weight), np.asarray(found.bias)]

    same(prescribed)
