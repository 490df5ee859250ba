"""Losses under stress: extreme logits, missing classes, wrong input, compilation."""

import shutil
import warnings

import numpy as np
import pytest
import torch

from lopsided import Adjustment, Counts, steer
from lopsided.steer import posthoc

#: LDAM is of cosines; as a formula it is tested with other logits too.
pytestmark = pytest.mark.filterwarnings("ignore:margins beside one scale")

COUNTS = Counts([1000, 100, 10, 1])
ADJUSTMENTS = [
    Adjustment(),
    Adjustment.weighted(COUNTS),
    Adjustment.logit_adjusted(COUNTS),
    Adjustment.cdt(COUNTS, 0.5),
    Adjustment.ldt(COUNTS, -0.5),
    Adjustment.vs(COUNTS, 0.2, 1.0),
    Adjustment.ldam(COUNTS),
    Adjustment(
        margin=1 / np.sqrt(COUNTS.values),
        additive_margin=[0.1, 0.2, 0.3, 0.4],
        weight=COUNTS.values,
    ),
]
LOSSES = [
    *map(steer.AdjustedCrossEntropy, ADJUSTMENTS),
    steer.AdjustedCrossEntropy(Adjustment(), label_smoothing=0.1),
    steer.Focal(0.5),
    steer.Focal(2.0),
    steer.SquaredError(),
    steer.DotRegression(),
    steer.SupervisedContrastive(),
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_loss_and_gradient_are_finite_at_extreme_logits(loss, dtype):
    signs = torch.cartesian_prod(*[torch.tensor([-1e4, 0.0, 1e4])] * 4)
    z = signs.repeat(4, 1).to(dtype).requires_grad_()
    y = torch.arange(4).repeat_interleave(len(signs))
    value = loss(z, y)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(z.grad).all()
    assert value.dtype == torch.float32


@pytest.mark.parametrize("adjustment", ADJUSTMENTS, ids=repr)
def test_soft_targets_are_finite_at_extreme_logits(adjustment):
    z = torch.cartesian_prod(*[torch.tensor([-1e4, 0.0, 1e4])] * 4).requires_grad_()
    targets = torch.tensor([0.5, 0.5, 0.0, 0.0]).expand(len(z), 4)
    value = steer.AdjustedCrossEntropy(adjustment)(z, targets)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(z.grad).all()


def test_a_focal_gradient_at_a_logit_of_minus_200_is_a_number():
    z = torch.tensor([[-200.0, 0.0]], requires_grad=True)
    steer.Focal(2.0)(z, torch.tensor([0])).backward()
    torch.testing.assert_close(z.grad, torch.tensor([[-1.0, 1.0]]))


def test_ignored_samples_have_no_loss_and_no_gradient_and_do_not_count():
    z, y = torch.randn(4, 4, requires_grad=True), torch.tensor([0, -100, 3, -100])
    loss = steer.AdjustedCrossEntropy(ADJUSTMENTS[-1])
    loss(z, y).backward()
    torch.testing.assert_close(loss(z, y), loss(z[[0, 2]], y[[0, 2]]))
    assert not z.grad[[1, 3]].any()
    assert float(loss(z.detach(), torch.full((4,), -100))) == 0.0


@pytest.mark.parametrize(
    "loss", [steer.AdjustedCrossEntropy(ADJUSTMENTS[-1]), steer.Focal(2.0)], ids=["ce", "focal"]
)
def test_a_class_that_cannot_be_leaves_an_ignored_sample_without_gradient(loss):
    z, y = torch.randn(4, 4), torch.tensor([1, -100, 3, -100])
    z[:, 0] = -torch.inf  # as a mask makes it, and the class that a sample left out is read as
    z.requires_grad_()
    loss(z, y).backward()
    assert z.grad.isfinite().all()
    assert not z.grad[[1, 3]].any()


def test_an_empty_batch_has_loss_zero():
    none = torch.zeros(0, dtype=torch.long)
    assert float(steer.AdjustedCrossEntropy(Adjustment())(torch.zeros(0, 3), none)) == 0.0
    assert float(steer.AdjustedBinary([1, 2], 9)(torch.zeros(0, 2), torch.zeros(0, 2))) == 0.0


def test_a_class_with_one_sample_in_the_batch_is_no_anchor():
    features, labels = torch.randn(3, 5, requires_grad=True), torch.tensor([0, 1, 2])
    value = steer.SupervisedContrastive()(features, labels)
    value.backward()
    assert float(value.detach()) == 0.0
    assert not features.grad.any()


def test_a_class_without_samples_counts_as_one():
    counts = steer.counts_with_absent([50, 0, 5])
    loss = steer.AdjustedCrossEntropy(Adjustment.vs(counts, 0.3, 1.0))
    assert torch.isfinite(loss(torch.zeros(3, 3), torch.tensor([0, 1, 2])))
    with pytest.raises(ValueError, match="class 1"):
        Counts([50, 0, 5])
    with pytest.raises(ValueError, match="class 1"):
        steer.counts_with_absent([50, -1, 5])
    with pytest.raises(ValueError, match="at least one class"):
        steer.counts_with_absent([0, 0])


@pytest.mark.parametrize(
    ("logits", "targets", "error", "words"),
    [
        (
            torch.zeros(2, 3),
            torch.tensor([0, 1]),
            ValueError,
            "4 classes, but the logits have 3 columns",
        ),
        (
            torch.zeros(2, 4, 5),
            torch.tensor([0, 1]),
            ValueError,
            r"labels must have shape \(2, 5\)",
        ),
        (torch.zeros(2, 4, dtype=torch.long), torch.tensor([0, 1]), TypeError, "floating point"),
        (torch.zeros(2, 4), torch.tensor([0, 4]), ValueError, "from 0 to 3, got 4 for sample 1"),
        (torch.zeros(2, 4), torch.tensor([-1, 0]), ValueError, "got -1 for sample 0"),
        (torch.zeros(2, 4), torch.tensor([0.0, 1.0]), TypeError, "labels must be whole numbers"),
        (torch.zeros(2, 4), torch.tensor([0, 1, 2]), ValueError, r"shape \(2,\)"),
        (torch.zeros(2, 4), torch.full((2, 4), 0.5), ValueError, "sum to 1, those of sample 0"),
        (torch.zeros(2, 4), torch.zeros(2, 3), ValueError, r"logits' shape \(2, 4\)"),
    ],
)
def test_wrong_input_is_answered_with_what_was_expected(logits, targets, error, words):
    with pytest.raises(error, match=words):
        steer.AdjustedCrossEntropy(Adjustment.weighted(COUNTS))(logits, targets)


def test_wrong_configuration_is_refused():
    with pytest.raises(ValueError, match="reduction must be one of mean"):
        steer.AdjustedCrossEntropy(Adjustment(), reduction="average")
    with pytest.raises(ValueError, match="label_smoothing"):
        steer.AdjustedCrossEntropy(Adjustment(), label_smoothing=1.5)
    with pytest.raises(ValueError, match="gamma"):
        steer.Focal(-1.0)
    with pytest.raises(ValueError, match="temperature"):
        steer.SupervisedContrastive(0.0)
    with pytest.raises(ValueError, match="batch_size"):
        steer.BindingBatches([0, 1], 0)
    with pytest.raises(AttributeError, match="no attribute"):
        _ = steer.nothing


def test_post_hoc_logit_adjustment_has_the_sign_opposite_to_training():
    z = torch.zeros(1, 4)
    trained = steer.AdjustedCrossEntropy(Adjustment.logit_adjusted(COUNTS)).terms.adjusted(
        z, torch.tensor([0])
    )
    torch.testing.assert_close(posthoc.logit_adjustment(z, COUNTS), -trained)
    assert int(posthoc.logit_adjustment(z, COUNTS).argmax()) == 3


def test_post_hoc_rules_of_no_strength_change_nothing():
    z = torch.randn(3, 4)
    torch.testing.assert_close(posthoc.logit_adjustment(z, COUNTS, 0.0), z)
    torch.testing.assert_close(posthoc.multiplicative(z, COUNTS, 0.0), z)
    torch.testing.assert_close(posthoc.tau_normalised(z, 0.0), z)


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
def test_a_class_without_samples_is_not_the_nearest_of_all(kind):
    """The mean of none is NaN, which every argmax takes for the largest."""
    means = kind(np.array([[1.0, 0.0], [np.nan, np.nan], [0.0, 1.0]]))
    with pytest.raises(ValueError, match="the mean of class 1 is not finite"):
        posthoc.nearest_mean(means[:1], means)


def test_the_nearest_mean_is_the_nearest():
    h, means = torch.randn(50, 3), torch.randn(6, 3)
    by_hand = [min(range(6), key=lambda c, i=i: float((h[i] - means[c]).norm())) for i in range(50)]
    assert posthoc.nearest_mean(h, means).argmax(1).tolist() == by_hand


def test_post_hoc_rules_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match=r"shape \(n, 4\)"):
        posthoc.logit_adjustment(torch.zeros(2, 3), COUNTS)
    with pytest.raises(ValueError, match="finite"):
        posthoc.multiplicative(torch.zeros(2, 4), COUNTS, float("nan"))
    with pytest.raises(ValueError, match="agree in d"):
        posthoc.nearest_mean(torch.zeros(2, 3), torch.zeros(2, 4))
    with pytest.raises(ValueError, match=r"\(k, d\)"):
        posthoc.tau_normalised(torch.zeros(3))


def test_the_loss_survives_a_move_to_float64_and_stays_out_of_state_dict():
    loss = steer.AdjustedCrossEntropy(Adjustment.vs(COUNTS, 0.2, 1.0)).to(torch.float64)
    assert not loss.state_dict()
    assert loss(torch.zeros(1, 4, dtype=torch.float64), torch.tensor([0])).dtype == torch.float64


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_losses_compile_without_a_graph_break(loss):
    z, y = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 0, 1])
    torch._dynamo.reset()
    compiled = torch.compile(loss, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(z, y), loss(z, y))


def test_a_deferred_loss_compiles_to_a_graph_for_each_of_the_two_and_turns_in_time():
    loss = steer.Deferred(lambda z: z.sum(), lambda z: z.square().sum(), after=3)
    graphs = []
    torch._dynamo.reset()
    backend = lambda graph, _: graphs.append(graph) or graph.forward  # noqa: E731
    compiled = torch.compile(loss, fullgraph=True, backend=backend)
    assert [compiled(torch.arange(4.0)).item() for _ in range(6)] == [6, 6, 6, 14, 14, 14]
    assert (len(graphs), loss.steps.item()) == (2, 6)


def test_soft_targets_compile_without_a_graph_break():
    loss, z, targets = (
        steer.AdjustedCrossEntropy(ADJUSTMENTS[-1]),
        torch.randn(6, 4),
        torch.full((6, 4), 0.25),
    )
    torch._dynamo.reset()
    torch.testing.assert_close(
        torch.compile(loss, fullgraph=True, backend="eager")(z, targets), loss(z, targets)
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_losses_on_a_gpu_are_those_on_the_cpu(loss):
    z, y = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 0, 1])
    torch.testing.assert_close(loss.cuda()(z.cuda(), y.cuda()).cpu(), loss.cpu()(z, y))


@pytest.mark.skipif(
    shutil.which("c++") is None and shutil.which("g++") is None, reason="no C++ compiler"
)
@pytest.mark.filterwarnings(
    "ignore:.*torch.jit.script_method.*:DeprecationWarning"
)  # of torch's own compiler
def test_the_widest_loss_compiles_to_machine_code():
    loss, z, y = (
        steer.AdjustedCrossEntropy(ADJUSTMENTS[-1]),
        torch.randn(6, 4),
        torch.tensor([0, 1, 2, 3, 0, 1]),
    )
    torch._dynamo.reset()
    compiled = torch.compile(
        loss, fullgraph=True, options={"cpp_cache_precompile_headers": False}
    )  # one file needs none
    torch.testing.assert_close(compiled(z, y), loss(z, y))


@pytest.mark.parametrize("head", ["linear", "cosine"])
def test_the_margins_of_ldam_are_of_cosines_and_other_logits_are_warned_of_once(head):
    loss = steer.AdjustedCrossEntropy.from_counts("ldam", COUNTS)
    assert steer.LOSSES["ldam"].needs == ("cosines", "labels")
    h, y = 9 * torch.eye(4).repeat(2, 1), torch.arange(8) % 4
    made = steer.CosineHead(4, 4) if head == "cosine" else torch.nn.Linear(4, 4)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for _ in range(2):
            loss(made(h), y)
        steer.AdjustedCrossEntropy(Adjustment(scale=30.0))(h, y)
        steer.AdjustedCrossEntropy(Adjustment(additive_margin=[1.0, 2.0, 3.0, 4.0]))(h, y)
    assert ["steer.CosineHead" in str(one.message) for one in seen] == [True] * (head == "linear")


@pytest.mark.parametrize("adjustment", [Adjustment(scale=[0.5, 2.0]), Adjustment.ldam([9, 1])])
def test_a_loss_that_validates_first_in_inference_mode_trains_after_it(adjustment):
    z, y = torch.zeros(4, 2), torch.tensor([0, 1, 1, 0])
    with torch.inference_mode():
        made = steer.AdjustedCrossEntropy(adjustment)
        steer.functional.cross_entropy(z, y, adjustment)  # makes a module, and keeps it
    for loss in (made, lambda z, y: steer.functional.cross_entropy(z, y, adjustment)):
        learned = z.clone().requires_grad_()
        loss(learned, y).backward()
        assert learned.grad.any()
