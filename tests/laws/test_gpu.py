"""On a GPU everything gives the numbers that it gives on the CPU.

These are all skipped where there is none; `pytest -k gpu` runs them, and the few that stand beside
what they are about.
"""

import copy
import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import members
from lopsided import Adjustment, Counts, Gram, measure, predict, steer
from lopsided.measure import ood
from lopsided.steer import posthoc
from members import COUNTS, LABELS

#: Compilation warns of itself; LDAM is of cosines.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning"
)

GPU = "cuda"
if not torch.cuda.is_available():
    pytest.skip("no GPU", allow_module_level=True)

N, K, D = 240, COUNTS.k, 12
RANDOM = torch.Generator().manual_seed(0)
X, Y = torch.randn(N, 5, generator=RANDOM), torch.arange(N) % K
FEATURES = torch.randn(N, D, generator=RANDOM) + 3 * functional.one_hot(Y, D)

#: Type -> how near.
NEAR = {torch.float32: 1e-5, torch.float64: 1e-11}
everyone = pytest.mark.parametrize("name", steer.LOSSES)


def slopes(loss, given):
    """Return the loss and its gradients, on the CPU in float64."""
    leaves = [x.clone().requires_grad_(x.is_floating_point()) for x in given]
    value = loss(*leaves)
    found = torch.autograd.grad(value.sum(), [x for x in leaves if x.requires_grad])
    assert {x.device for x in (value, *found)} == {given[0].device}
    return [part.detach().double().cpu() for part in (value, *found)]


def agree(found, expected, within):
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=within, atol=within * (1 + float(b.abs().max())))


def on(given, dtype=torch.float64):
    return [x.to(GPU, dtype if x.is_floating_point() else x.dtype) for x in given]


@everyone
@pytest.mark.parametrize("dtype", NEAR, ids=str)
@pytest.mark.parametrize("how", ["stays", "moved", "made there", "moved back and forth", "copied"])
def test_every_loss(name, dtype, how):
    make = steer.LOSSES[name].function
    given = members.given(name, loss := make(COUNTS))
    expected = slopes(loss, given)
    if how == "moved":
        loss = loss.to(GPU)
    elif how == "made there":
        with torch.device(GPU):
            loss = make(COUNTS)
    elif how == "moved back and forth":
        loss = loss.to(GPU).to("cpu").to(GPU)
    elif how == "copied":
        loss = copy.deepcopy(loss.to(GPU))
    elif [*loss.parameters(), *loss.buffers()]:
        pytest.skip("what learns or holds vectors must be moved, as any module")
    agree(slopes(loss, on(given, dtype)), expected, NEAR[dtype])
    if how == "moved":
        agree(slopes(loss.to("cpu"), given), expected, 1e-13)


@everyone
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int16], ids=str)
def test_every_loss_of_labels_in_small_types(name, dtype):
    loss = steer.LOSSES[name].function(COUNTS)
    given = members.given(name, loss)
    expected = slopes(loss, given)
    small = [x if x.is_floating_point() or x.dtype == torch.bool else x.to(dtype) for x in given]
    agree(slopes(loss.to(GPU), on(small)), expected, 1e-11)


@everyone
@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16], ids=str)
def test_every_loss_under_autocast(name, half):
    loss = steer.LOSSES[name].function(COUNTS)
    given = [x.to(half) if x.is_floating_point() else x for x in members.given(name, loss)]
    expected = loss(*[x.double() if x.is_floating_point() else x for x in given])
    with torch.autocast(GPU, dtype=half):
        found = loss.to(GPU)(*[x.to(GPU) for x in given])
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double().cpu(), expected, rtol=1e-5, atol=1e-5)


@everyone
def test_every_loss_compiled(name):
    torch.compiler.reset()
    loss = steer.LOSSES[name].function(COUNTS)
    given = members.given(name, loss)
    expected = slopes(loss, given)
    loss = loss.to(GPU)
    found = slopes(torch.compile(loss, fullgraph=name != "supervised-contrastive"), on(given))
    agree(found, expected, 1e-11)


ADJUSTED = ["logit-adjusted", "vs", "ldam", "focal", "squared", "dot-regression"]


@pytest.mark.parametrize("name", ADJUSTED)
@pytest.mark.parametrize("size", [K, 3000])
def test_losses_are_captured_as_a_graph_and_replayed(name, size):
    counts = Counts(np.arange(size, 0, -1))
    loss = steer.LOSSES[name].function(counts).to(GPU)
    z = torch.randn(64, size, generator=RANDOM).tanh().to(GPU).requires_grad_()
    y = torch.randint(0, size, (64,), generator=RANDOM).to(GPU)
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            torch.autograd.grad(loss(z, y), z)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        value = loss(z, y)
        (slope,) = torch.autograd.grad(value, z)
    with torch.no_grad():
        z.copy_(torch.randn(64, size, generator=RANDOM).tanh())
    y.copy_(torch.randint(0, size, (64,), generator=RANDOM))
    graph.replay()
    agree(
        [value.double().cpu(), slope.double().cpu()],
        slopes(loss.to("cpu"), [z.detach().double().cpu(), y.cpu()]),
        1e-5,
    )


MARKED = {
    "vs": lambda counts, **o: steer.AdjustedCrossEntropy.from_counts("vs", counts, **o),
    "focal": lambda counts, **o: steer.Focal(2.0, Adjustment.logit_adjusted(counts), **o),
    "squared": lambda counts, **o: steer.SquaredError(**o),
    "dot-regression": lambda counts, **o: steer.DotRegression(**o),
}


@pytest.mark.parametrize("name", MARKED)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_losses_of_many_classes_with_labels_left_out(name, reduction):
    loss = MARKED[name](Counts(np.arange(9000, 0, -1)), reduction=reduction, ignore_index=-100)
    z = torch.randn(64, 9000, generator=RANDOM, dtype=torch.float64).tanh()
    y = torch.randint(0, 9000, (64,), generator=RANDOM)
    y[::5] = -100
    agree(slopes(loss.to(GPU), on([z, y], torch.float32)), slopes(loss, [z, y]), 1e-5)


@pytest.mark.parametrize("name", steer.HEADS)
@pytest.mark.parametrize("how", ["moved", "made there"])
def test_every_head(name, how):
    make = steer.HEADS[name]
    here = make.function(COUNTS, D)
    with torch.device(GPU if how == "made there" else "cpu"):
        there = make.function(COUNTS, D)
    there = there.to(GPU)
    there.load_state_dict(here.state_dict())
    given = [FEATURES[:6], LABELS][: len(make.needs)]
    agree(slopes(there, on(given, torch.float32)), slopes(here, given), 1e-5)
    here.eval(), there.eval()
    agree([there(FEATURES.to(GPU)).double().cpu()], [here(FEATURES).double()], 1e-5)
    compiled = torch.compile(there)(FEATURES.to(GPU))
    agree([compiled.double().cpu()], [here(FEATURES).double()], 1e-5)
    for tensor in there.state_dict().values():
        assert tensor.device.type == GPU


@pytest.mark.parametrize("name", steer.RULES)
def test_every_rule(name):
    rule, given = steer.RULES[name].function, members.of_rule(name, FEATURES.double())
    there = rule(
        **{need: x.to(GPU) if isinstance(x, torch.Tensor) else x for need, x in given.items()}
    )
    assert there.device.type == GPU
    agree([there.cpu().double()], [rule(**given).double()], 1e-12)


def moments_agree(found, expected, within=1e-9):
    np.testing.assert_array_equal(found.moments.counts, expected.moments.counts)
    a, b = found.to_dict()["metrics"], expected.to_dict()["metrics"]
    assert a.keys() == b.keys()
    for metric, value in b.items():
        assert a[metric] == pytest.approx(value, rel=within, abs=within), metric


@pytest.mark.parametrize("scatter", ["pooled", "none"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_streams_in_batches_merged_saved_and_moved(scatter, dtype):
    features = (FEATURES + 1e3).to(dtype)
    labels = torch.where(torch.arange(N) % 7 == 0, -100, Y)
    logits = FEATURES[:, :K].to(dtype)
    streams = {}
    for device in ("cpu", GPU):
        first, second = (measure.Stream(K, D, scatter, device, ignore=-100) for _ in range(2))
        for i in range(0, N, 23):
            batch = [x[i : i + 23].to(device) for x in (features, labels, logits)]
            (first if i % 2 else second).update(*batch)
        first.merge(second)
        kept = measure.Stream(K, D, scatter, device, ignore=-100)
        kept.load_state_dict(first.state_dict())
        streams[device] = kept
    streams["back"] = streams[GPU].to("cpu").to(GPU)
    weight = FEATURES[:K]
    for name in (GPU, "back"):
        moments_agree(
            streams[name].compute(weight.to(GPU), weight[:, 0].to(GPU)),
            streams["cpu"].compute(weight, weight[:, 0]),
        )


def test_threads_that_feed_one_stream_lose_no_sample():
    stream, x, y = measure.Stream(K, D, device=GPU), FEATURES.to(GPU), Y.to(GPU)
    work = [
        threading.Thread(target=lambda: [stream.update(x[:24], y[:24]) for _ in range(50)])
        for _ in range(8)
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert stream.n == 8 * 50 * 24
    once = measure.Stream(K, D)
    once.update(FEATURES[:24], Y[:24])
    np.testing.assert_allclose(stream.moments.means, once.moments.means, rtol=1e-10)


def net(device):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, D), nn.Dropout(0.1), nn.ReLU(), nn.Linear(D, K)).to(device)


def loader(device):
    order = torch.arange(N).split(32)
    return [(X[i].to(device), Y[i].to(device)) for i in order]


@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("data", ["cpu", GPU])
def test_a_trained_network_is_measured_where_it_is_and_left_as_it_was(passes, data):
    model = net(GPU)
    before = torch.cuda.get_rng_state()
    found = measure.trained(model, loader(data), passes=passes, show_progress=False)
    expected = measure.trained(net("cpu"), loader("cpu"), passes=passes, show_progress=False)
    moments_agree(found, expected, 1e-4)
    assert torch.equal(torch.cuda.get_rng_state(), before)
    assert model.training


def test_a_network_is_diagnosed_in_layers_and_by_its_gradients():
    for call in (
        lambda device: (
            measure.diagnose(
                net(device), loader("cpu"), held_out=loader("cpu")[:4], show_progress=False
            ).collapse
        ),
        lambda device: measure.layers(net(device), loader(device), ["0"], show_progress=False)["0"],
    ):
        moments_agree(call(GPU), call("cpu"), 1e-4)
    sample = X.to(GPU)
    np.testing.assert_allclose(
        measure.agop(net(GPU).eval(), sample), measure.agop(net("cpu").eval(), X), rtol=1e-4
    )


@pytest.mark.parametrize("scatter", ["pooled", "replay", "none"])
@pytest.mark.parametrize("how", ["plain", "autocast", "compiled", "several streams"])
def test_training_is_watched(scatter, how):
    def watched(device):
        model = net(device)
        model[1].p = 0.0
        run = torch.compile(model) if how == "compiled" else model
        optimizer = torch.optim.SGD(model.parameters(), 0.01)
        half = torch.autocast(device, torch.bfloat16, enabled=how == "autocast")
        with measure.watch(model, counts=COUNTS, scatter=scatter) as watching:
            for x, y in loader(device):
                optimizer.zero_grad()
                stream = torch.cuda.Stream() if (how, device) == ("several streams", GPU) else None
                with torch.cuda.stream(stream), half:
                    loss = functional.cross_entropy(run(x), y)
                    watching.labels(y)
                loss.backward()
                optimizer.step()
                torch.cuda.synchronize()
            return watching.epoch()

    moments_agree(watched(GPU), watched("cpu"), 0.1 if how == "autocast" else 2e-3)


def test_arrays_that_live_there_are_taken_by_every_noun():
    y = Y.to(GPU)
    assert Counts.from_labels(y) == Counts.from_labels(Y)
    w = FEATURES[:K]
    assert Gram.of_vectors(w.to(GPU)).distance(Gram.of_vectors(w)) < 1e-7
    here = measure.Moments(K, D)
    here.update(FEATURES, Y)
    there = measure.Moments(K, D)
    there.update(FEATURES.to(GPU), y)
    np.testing.assert_array_equal(here.means, there.means)
    z = FEATURES[:, :K]
    assert posthoc.fit_tau(z.to(GPU), y, COUNTS) == posthoc.fit_tau(z, Y, COUNTS)
    np.testing.assert_allclose(
        np.asarray(torch.as_tensor(posthoc.fit_scales(z.to(GPU), y)).cpu()),
        np.asarray(posthoc.fit_scales(z, Y)),
        rtol=1e-6,
    )
    scores = {}
    for device in ("cpu", GPU):
        known = ood.Known.of(here, w.to(device), w[:, 0].to(device))
        scores[device] = [score(known, FEATURES.to(device)) for score in ood.SCORES.values()]
    for a, b in zip(scores[GPU], scores["cpu"], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)


def test_heads_are_set_and_frames_found_there():
    linear = steer.initialise_(nn.Linear(D, K).to(GPU), predict.seli(COUNTS))
    weight = linear.weight.detach()
    assert weight.device.type == GPU
    assert Gram.of_vectors(weight).distance(predict.seli(COUNTS).classifiers) < 1e-6
    means = FEATURES[:K].double()
    for find in (
        steer.nearest_etf,
        lambda m: steer.assign(m, functional.normalize(m.flip(0), dim=1)),
        lambda m: steer.flow(*(functional.normalize(v, dim=1) for v in (m, m.flip(0))), 0.3),
    ):
        agree([find(means.to(GPU)).cpu()], [find(means)], 1e-10)


def test_impossible_labels_are_refused_or_stopped_by_the_device():
    """In a process of its own, for an assertion on the device ends all that comes after it."""
    import subprocess
    import sys

    program = (
        "import torch; from lopsided import steer, Adjustment\n"
        "z = torch.zeros(4, 3, device='cuda'); y = torch.tensor([0, 1, 2, 7], device='cuda')\n"
        "steer.AdjustedCrossEntropy(Adjustment())(z, y).item()"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode
    assert "assert" in run.stderr.lower() or "labels must be" in run.stderr
