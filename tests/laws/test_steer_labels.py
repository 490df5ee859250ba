"""Labels of every form mean the same to every loss, and a marked sample is as if it were not in the
batch.

What a loss must give is written with PyTorch's own operations on the samples that are kept.
"""

import copy
import itertools

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn import functional

from lopsided import Adjustment, Counts, steer
from lopsided.steer.losses import blocks

N, K = 12, 4
COUNTS = Counts([50, 20, 5, 1])
WEIGHT = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
SHIFT = torch.tensor(np.log(COUNTS.values / COUNTS.n))


def cross_entropy(z, y):
    return functional.cross_entropy(z, y, reduction="none").mean()


def adjusted(z, y):
    return functional.cross_entropy(z + SHIFT.to(z), y, reduction="none").mean()


def weighted(z, y):
    return functional.cross_entropy(z, y, weight=WEIGHT.to(z), reduction="mean")


def smoothed(z, y):
    return functional.cross_entropy(
        z, y, WEIGHT.to(z), reduction="none", label_smoothing=0.1
    ).mean()


def focal(z, y):
    p = z.softmax(1)[torch.arange(len(z)), y]
    return (-((1 - p) ** 2) * p.log()).mean()


def squared(z, y):
    return (z - functional.one_hot(y, K)).square().sum(1).mean() / 2


def dots(z, y):
    return (z[torch.arange(len(z)), y] - 1).square().mean() / 2


def contrastive(h, y):
    h, losses = functional.normalize(h, dim=1), []
    for i in range(len(h)):
        others = torch.arange(len(h)) != i
        partners = others & (y == y[i])
        if partners.any():
            share = (h[others] @ h[i] / 0.5).logsumexp(0)
            losses.append(share - (h[partners] @ h[i] / 0.5).mean())
    return torch.stack(losses).mean() if losses else 0 * h.sum()


#: Name -> the loss with labels to leave out, and its formula on samples that are all kept.
LOSSES = {
    "cross-entropy": (lambda **o: steer.AdjustedCrossEntropy(Adjustment(), **o), cross_entropy),
    "logit-adjusted": (
        lambda **o: steer.AdjustedCrossEntropy(Adjustment.logit_adjusted(COUNTS), **o),
        adjusted,
    ),
    "weighted-mean": (lambda **o: weighted_loss(reduction="weighted-mean", **o), weighted),
    "smoothed": (lambda **o: weighted_loss(label_smoothing=0.1, **o), smoothed),
    "focal": (lambda **o: steer.Focal(2.0, **o), focal),
    "squared": (steer.SquaredError, squared),
    "dot-regression": (steer.DotRegression, dots),
    "contrastive": (lambda **o: steer.SupervisedContrastive(0.5, **o), contrastive),
}


def weighted_loss(**options):
    return steer.AdjustedCrossEntropy(Adjustment(weight=WEIGHT.numpy()), **options)


#: The types that labels come in.
TYPES = (
    torch.uint8,
    torch.int8,
    torch.int16,
    torch.int32,
    torch.int64,
    torch.uint16,
    torch.uint32,
    torch.uint64,
)

#: Name -> ignore_index, and the labels it marks.
MARKS = {
    "nothing marked": (None, ()),
    "none of them there": (-100, ()),
    "out of range": (255, (255,)),
    "negative": (-1, (-1,)),
    "the first class": (0, (0,)),
    "the last class": (K - 1, (K - 1,)),
    "several": ([0, 255], (0, 255)),
    "several, as NumPy has them": ((np.int64(255), np.uint8(3), 2**70, -(2**70)), (255, 3)),
    "all": (range(K), tuple(range(K))),
}

losses = pytest.mark.parametrize("name", LOSSES)
marks = pytest.mark.parametrize("mark", MARKS)


@pytest.fixture(params=["framework", "blocks"])
def by_blocks(request, monkeypatch):
    if request.param == "blocks":
        monkeypatch.setattr(blocks, "BLOCK", 3 * K)


def batch(marked, seed=0):
    """Return values, labels of which some are marked, and which samples are kept."""
    random = torch.Generator().manual_seed(seed)
    z, y = torch.randn(N, K, generator=random), torch.arange(N) % K
    for i, label in enumerate(marked):
        y[2 * i + 1 :: 5] = label
    return z, y, torch.tensor([int(label) not in marked for label in y])


def wanted(formula, z, y, kept):
    """Return the loss of the kept samples and its gradient; zeros if there are none."""
    z = z.clone().requires_grad_()
    value = formula(z[kept], y[kept]) if kept.any() else 0 * z.sum()
    return value.detach(), torch.autograd.grad(value, z)[0]


def forms_of(y, types=TYPES):
    """Return the labels in every type that holds them, as vector and as column."""
    types = [t for t in types if torch.iinfo(t).min <= y.min() and y.max() <= torch.iinfo(t).max]
    return [labels for t in types for labels in (y.to(t), y.to(t)[:, None])]


def same(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@losses
@marks
def test_a_marked_label_is_left_out_by_every_loss_in_every_form(by_blocks, name, mark):
    build, formula = LOSSES[name]
    ignore, marked = MARKS[mark]
    z, y, kept = batch(marked)
    value, slope = wanted(formula, z, y, kept)
    loss = build(ignore_index=ignore)
    for labels in forms_of(y):
        variable = z.clone().requires_grad_()
        found = loss(variable, labels)
        found.backward()
        same(found.detach(), value)
        same(variable.grad, slope)


def compiled(loss, z, labels, backend):
    torch._dynamo.reset()
    variable = z.clone().requires_grad_()
    found = torch.compile(loss, fullgraph=True, backend=backend)(variable, labels)
    found.backward()
    return found.detach(), variable.grad


@losses
def test_so_it_is_where_a_graph_is_compiled(name):
    build, formula = LOSSES[name]
    ignore, marked = MARKS["several, as NumPy has them"]
    z, y, kept = batch(marked)
    same(
        compiled(build(ignore_index=ignore), z, y.to(torch.uint8)[:, None], "eager"),
        wanted(formula, z, y, kept),
    )


@pytest.mark.parametrize("name", ["logit-adjusted", "weighted-mean", "contrastive"])
def test_so_it_is_where_gradients_are_compiled_too(name):
    build, formula = LOSSES[name]
    z, y, kept = batch((-1, 0))
    same(
        compiled(build(ignore_index=[0, -1]), z, y.int(), "aot_eager"), wanted(formula, z, y, kept)
    )


@losses
@marks
def test_so_it_is_for_gradients_of_every_part_of_a_batch(name, mark):
    build, formula = LOSSES[name]
    ignore, marked = MARKS[mark]
    z, y, kept = batch(marked)
    parts = [slice(start, start + size) for size in (1, 4) for start in range(0, N, size)]
    for size, group in itertools.groupby(parts, lambda part: part.stop - part.start):
        slopes = torch.stack([wanted(formula, z[part], y[part], kept[part])[1] for part in group])
        for labels in forms_of(y, (torch.uint8, torch.int64)):
            found = torch.vmap(torch.func.grad(build(ignore_index=ignore)))(
                z.reshape(-1, size, K), labels.reshape(-1, size, *labels.shape[1:])
            )
            same(found, slopes)


@losses
@marks
def test_so_it_is_for_functional_derivatives(name, mark):
    build, formula = LOSSES[name]
    ignore, marked = MARKS[mark]
    z, y, kept = batch(marked)
    value, slope = wanted(formula, z, y, kept)
    loss = build(ignore_index=ignore)
    same(torch.func.jacrev(loss)(z, y), slope)
    same(torch.func.vjp(lambda z: loss(z, y), z)[0], value)
    # A batch of logits beside one row of labels: each is a batch of its own.
    both = torch.vmap(torch.func.grad(loss), in_dims=(0, None))(torch.stack([z, 2 * z]), y)
    same(both, torch.stack([slope, wanted(formula, 2 * z, y, kept)[1]]))


@losses
def test_only_shapes_are_needed_where_there_are_only_shapes(name):
    loss = LOSSES[name][0](ignore_index=[0, 255])
    z, y, _ = batch((0, 255))
    assert copy.deepcopy(loss).to("meta")(z.to("meta"), y.to("meta")).shape == ()
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        assert loss(mode.from_tensor(z), mode.from_tensor(y)).shape == ()
    same(make_fx(loss)(z, y)(z, y), loss(z, y))
    same(torch.export.export(loss, (z, y)).module()(z, y), loss(z, y))


@losses
@pytest.mark.parametrize("reduction", ["mean", "weighted-mean", "sum", "none"])
def test_of_no_kept_sample_loss_and_gradient_are_zero(by_blocks, name, reduction):
    if name == "weighted-mean":
        loss = weighted_loss(reduction=reduction, ignore_index=1)
    else:
        loss = LOSSES[name][0](
            ignore_index=1, **({} if name == "smoothed" else {"reduction": reduction})
        )
    for n in (0, 1, 5):
        z = torch.randn(n, K, requires_grad=True)
        found = loss(z, torch.ones(n, dtype=torch.int64))
        found.sum().backward()
        assert not found.any()
        assert z.grad.shape == (n, K)
        assert not z.grad.any()


@losses
def test_a_label_nobody_marked_is_refused_and_named(name):
    if name == "contrastive":
        pytest.skip("its labels only tell samples apart")
    build, _ = LOSSES[name]
    z, y, _ = batch((0, 255))
    for form, ignore in itertools.product((torch.uint8, torch.int64), (None, -100, 0, [0, 254])):
        labels = y.to(form)
        with pytest.raises(
            ValueError, match=rf"labels must be from 0 to {K - 1}, got 255 for sample 3"
        ):
            build(ignore_index=ignore)(z, labels)
        with pytest.raises((IndexError, RuntimeError)):
            torch.vmap(build(ignore_index=ignore))(z[None], labels[None])
    with pytest.raises(ValueError, match=rf"got {2**64 - 100} for sample 1"):
        build()(z[:2], torch.tensor([0, 2**64 - 100], dtype=torch.uint64))


@losses
def test_what_are_no_labels_is_refused_in_the_same_words(name):
    build, _ = LOSSES[name]
    z, y, _ = batch(())
    for labels, error, words in [
        (y.float(), TypeError, "labels must be whole numbers, got dtype torch.float32"),
        (y.bool(), TypeError, "labels must be whole numbers, got dtype torch.bool"),
        (
            y.to(torch.complex64),
            TypeError,
            "labels must be whole numbers, got dtype torch.complex64",
        ),
        (
            functional.one_hot(y, K).bool(),
            TypeError,
            "labels must be whole numbers, got dtype torch.bool",
        ),
        (
            functional.one_hot(y, K),
            ValueError,
            rf"shape \({N},\) or \({N}, 1\) .* got \({N}, {K}\)",
        ),
        (y[:-1], ValueError, rf"shape \({N},\) or \({N}, 1\) .* got \({N - 1},\)"),
        (y[0], ValueError, rf"shape \({N},\) or \({N}, 1\) .* got \(\)"),
    ]:
        with pytest.raises(error, match=words):
            build()(z, labels)
    for mark in (np.array(1), torch.tensor(1), np.int8(1), np.array([1]), torch.tensor([1])):
        assert build(ignore_index=mark).ignore_index == (1,)
    for mark in (1.0, True, "0", [0, None], np.array(1.0), np.True_, torch.tensor(True)):
        with pytest.raises(TypeError, match="label to leave out must be a whole number"):
            build(ignore_index=mark)


def test_with_one_class_a_column_of_whole_numbers_is_labels_and_of_fractions_a_distribution():
    z, loss = torch.randn(3, 1), steer.AdjustedCrossEntropy(Adjustment())
    assert loss(z, torch.zeros(3, 1, dtype=torch.int64)) == 0
    assert loss(z, torch.ones(3, 1)) == 0
    with pytest.raises(ValueError, match="sum to 1"):
        loss(z, torch.zeros(3, 1))
    with pytest.raises(ValueError, match="from 0 to 0, got 1 for sample 0"):
        loss(z, torch.ones(3, 1, dtype=torch.int64))


def test_distributions_are_taken_wherever_only_shapes_may_be_looked_at():
    z, soft = torch.randn(N, K), torch.rand(N, K).softmax(1)
    for options in ({}, {"reduction": "weighted-mean"}, {"label_smoothing": 0.1}):
        loss = weighted_loss(**options)
        single = [torch.func.grad(loss)(z[i : i + 1], soft[i : i + 1]) for i in range(N)]
        same(torch.vmap(torch.func.grad(loss))(z[:, None], soft[:, None]), torch.stack(single))
        assert copy.deepcopy(loss).to("meta")(z.to("meta"), soft.to("meta")).shape == ()
        torch._dynamo.reset()
        same(torch.compile(loss, fullgraph=True, backend="eager")(z, soft), loss(z, soft))


def test_marks_and_distributions_do_not_go_together():
    z, soft = torch.randn(N, K), torch.full((N, K), 1 / K)
    with pytest.raises(RuntimeError, match="ignore_index"):
        functional.cross_entropy(z, soft, ignore_index=0)
    for ignore in (0, 255, [-1, 3]):
        with pytest.raises(ValueError, match="soft targets have none"):
            steer.AdjustedCrossEntropy(Adjustment(), ignore_index=ignore)(z, soft)


@losses
def test_what_a_left_out_sample_holds_does_not_matter_to_the_others(name):
    build, formula = LOSSES[name]
    z, y, kept = batch((255,))
    value, slope = wanted(formula, z, y, kept)
    z = z.masked_fill(~kept[:, None], torch.nan).requires_grad_()
    found = build(ignore_index=255)(z, y)
    found.backward()
    same(found.detach(), value)
    same(z.grad[kept], slope[kept])
