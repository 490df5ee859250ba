"""Half precision, autocast and moves of a module change what is stored, never what is computed.

Every loss, head and rule, on the same numbers, against itself in float32 or float64.
"""

import copy
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from lopsided import Adjustment, Counts, Gram, predict, steer
from lopsided.steer import posthoc, precision
from lopsided.steer.losses import terms

#: LDAM is of cosines; as a formula it is tested with other logits too.
pytestmark = pytest.mark.filterwarnings("ignore:margins beside one scale")

N, K, D = 24, 6, 16
COUNTS = Counts([20_000_000, 90_000, 400, 30, 30, 2])
EVERYTHING = Adjustment(
    weight=np.linspace(0.3, 2.7, K),
    scale=np.geomspace(0.1, 1.3, K),
    shift=np.log(COUNTS.values / COUNTS.n),
    margin=np.linspace(1.1, 2.3, K),
    additive_margin=np.linspace(-0.3, 0.7, K),
)
HALVES = [torch.float16, torch.bfloat16]
halves = pytest.mark.parametrize("half", HALVES, ids=str)


def values(width, seed=0):
    return torch.randn(N, width, generator=torch.Generator().manual_seed(seed))


LABELS = torch.arange(N) % K
#: Distributions that every precision holds.
SOFT = torch.tensor([0.5, 0.25, 0.125, 0.0625, 0.0625, 0.0])[
    (torch.arange(N)[:, None] + torch.arange(K)) % K
]

#: Losses of logits or features, built anew.
LOSSES = {
    "plain": lambda: steer.AdjustedCrossEntropy(Adjustment()),
    "logit-adjusted": lambda: steer.AdjustedCrossEntropy(Adjustment.logit_adjusted(COUNTS)),
    "ldam": lambda: steer.AdjustedCrossEntropy(Adjustment.ldam(COUNTS)),
    "everything": lambda: steer.AdjustedCrossEntropy(
        EVERYTHING, label_smoothing=0.1, reduction="weighted-mean"
    ),
    "focal": lambda: steer.Focal(1.5, EVERYTHING),
    "squared": steer.SquaredError,
    "dot-regression": steer.DotRegression,
    "contrastive": lambda: steer.SupervisedContrastive(0.1),
}


class Soft(steer.AdjustedCrossEntropy):
    """Everything, with distributions in the precision of the logits."""

    def forward(self, logits, labels):
        return super().forward(logits, SOFT.to(logits))


LOSSES["soft targets"] = lambda: Soft(EVERYTHING, reduction="weighted-mean")

#: Heads, which give logits of features.
HEADS = {
    "fixed": lambda: steer.FixedHead(predict.seli(COUNTS), D, scale=3.0),
    "cosine": lambda: steer.CosineHead(D, K, temperature=0.1),
    "mixed": lambda: steer.MixedHead(D, K, share=0.3),
    "prototype": lambda: steer.PrototypeHead(D, K),
    "nearest": lambda: steer.NearestETFHead(D, K).eval(),
    "primed": lambda: steer.PrimedHead(D, K),
    "nearest in training": lambda: steer.NearestETFHead(D, K, delta=0.5),
}

#: Heads that learn are rounded in what they learn.
LEARNED = ("cosine", "mixed", "primed", "prototype")

#: Rules and functions of one or two tensors.
RULES = {
    "logit adjustment": (lambda z: posthoc.logit_adjustment(z, COUNTS), lambda: (values(K),)),
    "multiplicative": (lambda z: posthoc.multiplicative(z, COUNTS, 0.25), lambda: (values(K),)),
    "tau-normalised": (lambda w: posthoc.tau_normalised(w, 0.7), lambda: (values(D)[:K],)),
    "nearest mean": (posthoc.nearest_mean, lambda: (300 * values(D), 300 * values(D, 1)[:K])),
    "nearest etf": (steer.nearest_etf, lambda: (values(D)[:K],)),
    "proximal etf": (
        lambda m, p: steer.nearest_etf(m, p, 0.5),
        lambda: (values(D)[:K], values(D, 1)[:K]),
    ),
}


def loss_call(module):
    return lambda x: module(x, LABELS.to(x.device))


def head_call(module):
    return (
        (lambda x: module(x, LABELS.to(x.device)))
        if module.training and isinstance(module, steer.NearestETFHead)
        else module
    )


#: Name -> a function of tensors made anew, and the tensors.
CALLS = (
    {
        name: (lambda b=build: loss_call(b()), lambda: (3 * values(K),))
        for name, build in LOSSES.items()
    }
    | {
        name: (lambda b=build: head_call(b()), lambda: (values(D),))
        for name, build in HEADS.items()
    }
    | {name: (lambda r=rule: r, inputs) for name, (rule, inputs) in RULES.items()}
)
calls = pytest.mark.parametrize("name", CALLS)


def close(found, expected, within=1e-3):
    """Compare relative to the largest number."""
    assert found.dtype == torch.float32
    found, expected = found.detach(), expected.detach()
    assert float((found - expected).abs().max()) <= within * float(expected.abs().max())


@calls
@halves
def test_half_precision_input_is_computed_in_full(name, half):
    build, inputs = CALLS[name]
    stored = [x.to(half) for x in inputs()]
    close(build()(*stored), build()(*[x.float() for x in stored]), within=1e-5)


@calls
@halves
def test_autocast_changes_nothing(name, half):
    build, inputs = CALLS[name]
    for kind in (torch.float32, half):
        stored = [x.to(kind) for x in inputs()]
        with torch.autocast("cpu", dtype=half):
            found = build()(*stored)
        close(found, build()(*[x.float() for x in stored]), within=1e-5)


@calls
def test_float64_is_kept(name):
    build, inputs = CALLS[name]
    exact = [x.double() for x in inputs()]
    found = build()(*exact)
    assert found.dtype == torch.float64
    close(found.float(), build()(*inputs()), within=1e-5)


@calls
@halves
def test_gradients_of_half_precision_input_are_rounded_once(name, half):
    build, inputs = CALLS[name]
    stored = inputs()[0].to(half)
    rest = inputs()[1:]
    slopes = []
    for x in (stored.clone().requires_grad_(), stored.float().requires_grad_()):
        with torch.autocast("cpu", dtype=half, enabled=x.dtype == half):
            found = build()(x, *rest)
        slopes.append(
            torch.autograd.grad(
                (found * torch.linspace(0.1, 1.0, found.numel()).reshape(found.shape)).sum(), x
            )[0]
        )
    assert slopes[0].dtype == half
    ends = torch.finfo(half)
    within = 1e-5 * float(slopes[1].abs().max()) + ends.eps * ends.smallest_normal
    torch.testing.assert_close(slopes[0].float(), slopes[1], rtol=ends.eps, atol=within)


#: Name -> what people do to a module that leaves it where it is.
MOVES = {
    "half": lambda m: m.half(),
    "bfloat16": lambda m: m.bfloat16(),
    "to float16": lambda m: m.to(torch.float16),
    "to bfloat16 and back": lambda m: m.to(torch.bfloat16).float(),
    "type": lambda m: m.type(torch.bfloat16),
    "inside a network": lambda m: torch.nn.ModuleList([torch.nn.Linear(2, 2), m]).to(
        torch.bfloat16
    )[1],
    "deepcopy": lambda m: copy.deepcopy(m.half()),
    "pickle": lambda m: pickle.loads(pickle.dumps(m)),  # noqa: S301
    "meta and back": lambda m: m.to("meta").to_empty(device="cpu"),
}
moves = pytest.mark.parametrize("move", MOVES)


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "soft targets"])
@moves
def test_a_loss_survives_every_move_to_the_last_digit(name, move):
    z, loss = 3 * values(K).double(), LOSSES[name]()
    expected = loss(z, LABELS)
    assert torch.equal(MOVES[move](loss)(z, LABELS), expected)
    assert not loss.state_dict()
    assert not [*loss.parameters(), *loss.buffers()]


@pytest.mark.parametrize("name", [name for name in HEADS if name not in LEARNED])
@pytest.mark.parametrize("move", [move for move in MOVES if move != "meta and back"])
def test_a_head_without_parameters_survives_every_move(name, move):
    h, head = values(D), HEADS[name]()
    expected = head_call(copy.deepcopy(head))(h)
    moved = MOVES[move](head)
    assert {buffer.dtype for buffer in moved.buffers()} <= {torch.float32, torch.bool}
    assert torch.equal(head_call(moved)(h), expected)


@pytest.mark.parametrize("name", LEARNED)
@halves
def test_a_head_that_learns_is_rounded_in_its_parameters_only(name, half):
    head, full = HEADS[name]().to(half), HEADS[name]()
    for rounded, exact in zip(head.parameters(), full.parameters(), strict=True):
        assert rounded.dtype == half
        exact.data = rounded.data.float()
    assert torch.equal(head(values(D)), full(values(D)))


@pytest.mark.parametrize("name", HEADS)
@halves
def test_a_head_whose_buffers_were_cast_from_outside_goes_on(name, half):
    head = HEADS[name]()
    for buffer in head.buffers():  # as wrappers with a type for buffers do
        buffer.data = buffer.to(half) if buffer.is_floating_point() else buffer
    close(head_call(head)(values(D)), head_call(HEADS[name]())(values(D)), within=0.02)


def test_float64_moves_a_head_to_float64():
    head = HEADS["nearest in training"]().double()
    assert head(values(D).double(), LABELS).dtype == torch.float64
    assert head.means.dtype == torch.float64


@halves
def test_initialising_a_head_of_half_precision_rounds_once(half):
    seli, linear = predict.seli(Counts([40, 40, 4, 4])), torch.nn.Linear(D, 4).to(half)
    norm = float(linear.weight.detach().double().norm())
    steer.initialise_(linear, seli)
    assert linear.weight.dtype == half
    assert float(linear.weight.detach().double().norm()) == pytest.approx(
        norm, rel=torch.finfo(half).eps
    )
    assert (
        Gram.of_vectors(linear.weight.detach().double().numpy()).distance(seli.classifiers)
        < torch.finfo(half).eps
    )


class NoFloat64(TorchDispatchMode):
    """A device without float64: nothing is computed in it. Arrays come in from the CPU, which has
    it."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        found = function(*args, **kwargs or {})
        if function is torch.ops.aten.lift_fresh.default:
            return found
        for part in found if isinstance(found, (tuple, list)) else (found,):
            if isinstance(part, torch.Tensor) and part.dtype == torch.float64:
                raise TypeError(f"{function} made float64, which this device does not have")
        return found


@pytest.fixture
def without_float64(monkeypatch):
    for module in (terms, precision):
        monkeypatch.setattr(module, "has_float64", lambda device: False)


@calls
def test_where_a_device_has_no_float64_none_is_made(name, without_float64):
    build, inputs = CALLS[name]
    call = build()
    expected = call(*inputs())
    call = build()
    with NoFloat64():
        found = call(*inputs())
    close(found, expected, within=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_moves_to_a_device_without_float64_and_back(name, monkeypatch):
    loss = LOSSES[name]()
    expected = loss(values(K).double(), LABELS)
    monkeypatch.setattr(terms, "has_float64", lambda device: device.type != "meta")
    moved = [
        t
        for term in loss.to("meta").modules()
        if isinstance(term, terms.Terms)
        for t in (*term._placed.single, *term._placed.double)
    ]
    assert all(t is None or (t.is_meta and t.dtype == torch.float32) for t in moved)
    assert torch.equal(loss.to_empty(device="cpu")(values(K).double(), LABELS), expected)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_follows_its_logits_where_nobody_moved_it(name):
    with torch.device("meta"):
        loss = LOSSES[name]()
    with torch.device("cpu"):
        expected = loss_call(LOSSES[name]())(values(K))
    assert torch.equal(loss_call(loss)(values(K)), expected)
    assert torch.equal(loss_call(copy.deepcopy(loss).to("meta"))(values(K)), expected)


@pytest.mark.parametrize("name", ["logit-adjusted", "everything", "ldam"])
def test_threads_use_one_loss_on_a_device_each(name):
    loss, z = LOSSES[name](), values(K)
    expected = loss(z, LABELS)

    def call(i):
        device = ("cpu", "meta")[i % 2]
        return loss(z.to(device), LABELS.to(device))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(call, range(800)))
    finally:
        sys.setswitchinterval(interval)
    assert all(torch.equal(one, expected) for one in found[::2])
    assert all(one.is_meta for one in found[1::2])


@pytest.mark.parametrize("name", [name for name in HEADS if name not in LEARNED])
@halves
def test_a_head_built_under_a_half_precision_default_is_not_rounded(name, half):
    torch.set_default_dtype(half)
    try:
        head = HEADS[name]()
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(head_call(head)(values(D)), head_call(HEADS[name]())(values(D)))


def test_post_hoc_rules_round_after_the_logarithm_and_the_power():
    z = torch.ones(1, 2, dtype=torch.float16)
    for n in ([437_000, 2], [20_000_000, 1], [10**15, 1]):
        share = np.array(n) / sum(n)
        np.testing.assert_allclose(
            posthoc.logit_adjustment(z, Counts(n))[0], 1 - np.log(share), rtol=1e-6
        )
        np.testing.assert_allclose(
            posthoc.multiplicative(z, Counts(n), 0.25)[0], (share / share.max()) ** -0.25, rtol=1e-6
        )
    with pytest.raises(ValueError, match=r"factor of class 1 larger than torch\.float32"):
        posthoc.multiplicative(z, Counts([10**15, 1]), 3.0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@calls
@halves
def test_on_a_gpu_half_precision_and_autocast_change_nothing_either(name, half):
    build, inputs = CALLS[name]
    given = [x.to(half) for x in inputs()]
    with torch.autocast("cuda", dtype=half):
        with torch.device("cuda"):
            call = build()
        found = call(*[x.cuda() for x in given])
    close(found.cpu(), build()(*[x.float() for x in given]), within=1e-4)
