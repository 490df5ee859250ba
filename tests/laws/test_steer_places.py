"""Losses of places and of several labels: segmentation, tokens, binary and multi-label targets."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from lopsided import Adjustment, Counts, steer

COUNTS = Counts([60, 30, 8, 2])
K = COUNTS.k
VS = Adjustment.vs(COUNTS, 0.2, 1.0)


def maps(seed=0):
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(2, K, 3, 5, generator=generator, dtype=torch.float64)
    y = torch.randint(0, K, (2, 3, 5), generator=generator)
    y[0, 0, :2] = -100
    return z, y


LOSSES = {
    "vs": lambda **o: steer.AdjustedCrossEntropy(VS, **o),
    "focal": lambda **o: steer.Focal(2.0, VS, **o),
    "focal of label scales": lambda **o: steer.Focal(0.5, Adjustment.ldt(COUNTS, 0.3), **o),
    "squared": lambda **o: steer.SquaredError(**o),
    "dot-regression": lambda **o: steer.DotRegression(**o),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_every_place_is_a_sample(name, reduction):
    z, y = maps()
    loss = LOSSES[name](reduction=reduction)
    flat = loss(z.movedim(1, -1).reshape(-1, K), y.flatten())
    found = loss(z, y)
    torch.testing.assert_close(found, flat.reshape(y.shape) if reduction == "none" else flat)
    tokens = loss(z.flatten(2), y.flatten(1))
    torch.testing.assert_close(tokens.flatten(), found.flatten())
    with pytest.raises(ValueError, match="labels must have shape"):
        loss(z, y[:, :2])
    with pytest.raises(ValueError, match=r"second axis: logits\.movedim\(-1, 1\)"):
        loss(z.movedim(1, -1), y)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_every_place_has_its_own_set_of_labels(reduction):
    z, loss = maps()[0], steer.PickAllLabel(reduction=reduction)
    sets = (z.roll(1, 1) > 0).index_fill(1, torch.tensor(0), True)
    sets = sets.index_fill(1, torch.tensor(1), False)
    flat = loss(*(values.movedim(1, -1).reshape(-1, K) for values in (z, sets)))
    found = loss(z, sets)
    torch.testing.assert_close(found, flat.reshape(found.shape) if reduction == "none" else flat)
    assert found.shape == ((2, 3, 5) if reduction == "none" else ())


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("soft", [False, True])
def test_plain_and_weighted_losses_of_places_are_those_of_pytorch(smoothing, soft):
    z, y = maps()
    targets = z.roll(1, 0).softmax(1) if soft else y
    weight = torch.tensor([0.5, 1.0, 2.0, 5.0], dtype=z.dtype)
    names = {"weighted-mean": "mean", "sum": "sum", "none": "none"}
    for given, (ours, theirs) in itertools.product((None, weight, 3 * weight), names.items()):
        loss = steer.AdjustedCrossEntropy(
            Adjustment(weight=None if given is None else given.numpy()),
            label_smoothing=smoothing,
            reduction=ours,
        )
        expected = functional.cross_entropy(
            z, targets, given, label_smoothing=smoothing, reduction=theirs
        )
        torch.testing.assert_close(loss(z, targets), expected)
        if ours == "none":
            mean = steer.AdjustedCrossEntropy(loss.adjustment, label_smoothing=smoothing)
            kept = y.numel() if soft else (y >= 0).sum()
            torch.testing.assert_close(mean(z, targets), expected.sum() / kept)
    assert torch.autograd.gradcheck(lambda x: loss(x, targets), z.requires_grad_())


@pytest.mark.parametrize("name", LOSSES)
def test_distributions_are_labels_in_the_mean(name):
    z, _ = maps()
    targets = torch.rand(z.shape, dtype=z.dtype).softmax(1)
    loss, each = LOSSES[name](), LOSSES[name](reduction="none")
    found = loss(z, targets)
    flat = targets.movedim(1, -1).reshape(-1, K)
    torch.testing.assert_close(found, loss(z.movedim(1, -1).reshape(-1, K), flat))
    of_label = torch.stack([each(z, torch.full_like(z[:, 0], c).long()) for c in range(K)], 1)
    expected = (targets * of_label).sum(1).mean()
    if name == "squared":  # to the distribution itself, so the spread of the labels is not in it
        expected = expected - 0.5 * (1 - targets.square().sum(1)).mean()
    torch.testing.assert_close(found, expected)
    assert torch.autograd.gradcheck(lambda x: loss(x, targets), z.requires_grad_())


@pytest.mark.parametrize("kind", ["column", "label", "own"])
def test_smoothing_of_distributions_by_the_rule_of_pytorch_is_that_of_labels(kind):
    adjustment = {
        "column": VS,
        "label": Adjustment.ldt(COUNTS, 0.3),
        "own": Adjustment(margin=[1.0, 2.0, 0.5, 3.0], additive_margin=[0.1, 0.2, 0.0, 1.0]),
    }[kind]
    weighted = replace(adjustment, weight=[0.5, 1.0, 2.0, 5.0])
    z = torch.randn(7, K, dtype=torch.float64)
    targets = torch.rand(7, K, dtype=z.dtype).softmax(1)
    loss = steer.AdjustedCrossEntropy(weighted, label_smoothing=0.3, reduction="weighted-mean")
    weight = torch.tensor([0.5, 1.0, 2.0, 5.0], dtype=z.dtype)
    # Of one sample the weighted mean has the weight in it once too little.
    of_label = [
        [loss(z[i : i + 1], torch.tensor([c])) * weight[c] for c in range(K)] for i in range(7)
    ]
    each = torch.stack([torch.stack(row) for row in of_label])
    torch.testing.assert_close(loss(z, targets), (targets * each).sum(1).mean())


def test_a_loss_is_made_of_labels_in_a_line():
    y = torch.arange(K).repeat_interleave(torch.tensor(COUNTS.values))
    loss = steer.AdjustedCrossEntropy.from_counts(
        "vs", Counts.from_labels(y), gamma=0.2, label_smoothing=0.1, reduction="sum"
    )
    assert loss.adjustment == VS
    assert (loss.label_smoothing, loss.reduction) == (0.1, "sum")
    for labels in (y, y.numpy(), y.tolist(), [f"class {c}" for c in y.tolist()]):
        short = steer.AdjustedCrossEntropy.from_counts("vs", labels, gamma=0.2)
        assert short.adjustment == VS
    with pytest.raises(ValueError, match="there once"):
        steer.AdjustedCrossEntropy.from_counts("vs", [2, 1, 0])
    with pytest.raises(ValueError, match="takes no beta by its name"):
        steer.AdjustedCrossEntropy.from_counts("vs", COUNTS, beta=0.9)


def test_one_logit_is_the_difference_of_two():
    z = torch.randn(12, 2, dtype=torch.float64, requires_grad=True)
    y = torch.randint(0, 2, (12,))
    one = steer.AdjustedBinary(7, n=100, tau=0.8, exponent=0.5)
    two = Adjustment(
        shift=Adjustment.logit_adjusted([93, 7], 0.8).shift,
        weight=Adjustment.weighted([93, 7], 0.5).weight,
    )
    torch.testing.assert_close(one(z[:, 1] - z[:, 0], y), steer.AdjustedCrossEntropy(two)(z, y))
    assert torch.autograd.gradcheck(lambda x: one(x[:, 1] - x[:, 0], y.double()), z)


def test_labels_are_binary_losses_side_by_side():
    z, y = torch.randn(9, 3, dtype=torch.float64), torch.randint(0, 2, (9, 3))
    together = steer.AdjustedBinary([5, 20, 80], n=100, exponent=1.0)
    alone = [steer.AdjustedBinary(p, n=100, exponent=1.0) for p in (5, 20, 80)]
    each = torch.stack([loss(z[:, i], y[:, i]) for i, loss in enumerate(alone)])
    torch.testing.assert_close(together(z, y), each.mean())
    neutral = steer.AdjustedBinary([5, 20, 80], n=100, tau=0.0)
    torch.testing.assert_close(
        neutral(z, y), functional.binary_cross_entropy_with_logits(z, y.double())
    )
    far = (200 * torch.sign(z)).float().requires_grad_()
    together(far, y).backward()
    assert torch.isfinite(far.grad).all()


def test_a_binary_loss_has_all_its_digits_however_wrong_or_right_the_logit():
    z = torch.tensor([-700.0, -41, -36, -21, -1, 0, 1, 19.9, 20.1, 36, 39.9, 41, 700]).double()
    z.requires_grad_()
    loss = steer.AdjustedBinary(50, n=100, reduction="none")
    for label in (0, 1):
        found = loss(z, torch.full_like(z, label))
        (slope,) = torch.autograd.grad(found.sum(), z)
        for x, value, slant in zip(z.tolist(), found.tolist(), slope.tolist(), strict=True):
            away = x if label == 0 else -x
            wanted = max(away, 0.0) + math.log1p(math.exp(-abs(away)))
            assert value == pytest.approx(wanted, rel=4e-16, abs=0)
            assert abs(slant) == pytest.approx(1 / (1 + math.exp(-away)), rel=4e-16, abs=0)


@pytest.mark.parametrize("positives", [[0, 3], [3, 10], [np.nan, 1]])
def test_a_label_that_all_or_none_have_is_refused(positives):
    with pytest.raises(ValueError, match="positive"):
        steer.AdjustedBinary(positives, n=10)
    with pytest.raises(ValueError, match=r"label 1 has 2\.5"):
        steer.AdjustedBinary([2, 2.5], n=10)


def test_binary_targets_have_the_shape_of_the_logits():
    loss = steer.AdjustedBinary([3, 4], n=10)
    for z, y in ((torch.zeros(5, 2), torch.zeros(5)), (torch.zeros(5, 3), torch.zeros(5, 3))):
        with pytest.raises(ValueError, match=r"\(n, 2\)"):
            loss(z, y)
    with pytest.raises(TypeError, match="floating point"):
        loss(torch.zeros(5, 2).long(), torch.zeros(5, 2))


FUNCTIONS = {
    "cross_entropy": (steer.AdjustedCrossEntropy, (VS,), {"label_smoothing": 0.1}),
    "focal": (steer.Focal, (2.0, VS), {}),
    "squared_error": (steer.SquaredError, (), {}),
    "dot_regression": (steer.DotRegression, (), {}),
    "supervised_contrastive": (steer.SupervisedContrastive, (0.3,), {}),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_modules_called_at_once(name):
    kind, given, more = FUNCTIONS[name]
    z, y = torch.randn(9, K), torch.arange(9) % K
    for reduction in ("mean", "none"):
        settings = {"ignore_index": [1, -100], "reduction": reduction, **more}
        found = getattr(steer.functional, name)(z, y, *given, **settings)
        torch.testing.assert_close(found, kind(*given, **settings)(z, y))
    torch._dynamo.reset()
    compiled = torch.compile(getattr(steer.functional, name), backend="eager")
    torch.testing.assert_close(compiled(z, y, *given, **settings), found)


def test_the_binary_function_is_its_module():
    z, y = torch.randn(9, 3), torch.randint(0, 2, (9, 3))
    found = steer.functional.binary_cross_entropy(z, y, [5, 20, 80], 100, reduction="sum")
    torch.testing.assert_close(found, 27 * steer.AdjustedBinary([5, 20, 80], 100)(z, y))


def test_labels_of_places_are_labels_of_samples():
    z, y = torch.randn(2, 3, 4, 5), torch.randint(0, 2, (2, 3, 4, 5))
    loss = steer.AdjustedBinary([5, 20, 80], n=100, exponent=0.5, reduction="none")
    flat = [part.movedim(1, -1).reshape(-1, 3) for part in (z, y)]
    torch.testing.assert_close(loss(z, y).movedim(1, -1).reshape(-1, 3), loss(*flat))
    with pytest.raises(ValueError, match="reduction must be"):
        steer.AdjustedBinary([5, 20, 80], n=100, reduction="weighted-mean")


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: steer.AdjustedBinary(0.29 * 100, n=100), ValueError, "label 0 has 28.99"),
        (lambda: steer.AdjustedBinary(5, n=100, tau=float("nan")), ValueError, "finite"),
        (
            lambda: steer.AdjustedBinary(5, n=9)(torch.zeros(3), torch.tensor([0, 1, -100])),
            ValueError,
            "from 0 to 1, got -100",
        ),
        (
            lambda: steer.functional.cross_entropy(torch.zeros(1, 2), torch.tensor([0]), [5, 5]),
            TypeError,
            "must be an Adjustment, got list",
        ),
        (lambda: steer.Focal("2"), TypeError, "gamma must be one number"),
        (lambda: steer.SupervisedContrastive("2"), TypeError, "temperature must be one number"),
        (lambda: steer.UniformityGap(2, 2, alpha="2"), TypeError, "alpha must be one number"),
        (lambda: steer.NearestETFHead(4, 3, delta="2"), TypeError, "delta must be one number"),
        (
            lambda: steer.AdjustedCrossEntropy(Adjustment(), label_smoothing="0"),
            TypeError,
            "label_smoothing must be one number",
        ),
    ],
)
def test_what_is_no_setting_and_no_target_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_what_a_module_refuses_its_function_refuses_whatever_came_before():
    z, y = torch.zeros(2), torch.ones(2)
    assert steer.functional.binary_cross_entropy(z, y, 5, 10) > 0
    with pytest.raises(ValueError, match="samples n must be a whole number"):
        steer.functional.binary_cross_entropy(z, y, 5, 10.0)


def test_a_strength_that_is_a_tensor_is_read_at_every_call():
    z, y, tau = torch.zeros(1), torch.ones(1), torch.tensor(0.0)
    before = steer.functional.binary_cross_entropy(z, y, 1, 10, tau=tau)
    tau.fill_(2.0)
    after = steer.functional.binary_cross_entropy(z, y, 1, 10, tau=tau)
    assert after == steer.functional.binary_cross_entropy(z, y, 1, 10, tau=2.0) > before
