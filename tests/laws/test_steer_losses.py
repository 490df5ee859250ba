"""Every loss: against the formula written out naively in NumPy, against finite differences, and the
identities of the family."""

import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from lopsided import Adjustment, Counts, steer
from lopsided.adjustment import ARRAYS
from lopsided.steer.losses import blocks

#: LDAM is of cosines; as a formula it is tested with other logits too.
pytestmark = pytest.mark.filterwarnings("ignore:margins beside one scale")

COUNTS = Counts([90, 40, 40, 7, 2])
N, K = 12, COUNTS.k

FAMILY = {
    "plain": Adjustment(),
    "weighted": Adjustment.weighted(COUNTS),
    "effective number": Adjustment.effective_number(COUNTS, 0.9),
    "logit-adjusted": Adjustment.logit_adjusted(COUNTS),
    "cdt": Adjustment.cdt(COUNTS, 0.3),
    "ldt": Adjustment.ldt(COUNTS, -0.4),
    "vs": Adjustment.vs(COUNTS, 0.2, 1.1),
    "ldam": Adjustment.ldam(COUNTS),
    "margin": Adjustment(margin=[1.0, 2.0, 0.5, 3.0, 1.5]),
    "scalars": Adjustment(weight=2.0, scale=3.0, shift=1.0, margin=0.5, additive_margin=0.25),
    "everything": Adjustment(
        weight=[1.0, 2.0, 3.0, 4.0, 5.0],
        scale=[1.0, 0.5, 2.0, 0.7, 1.5],
        shift=[0.0, -1.0, 0.5, 1.0, -2.0],
        margin=[1.0, 2.0, 0.5, 3.0, 1.5],
        additive_margin=[0.1, 0.2, 0.0, -0.3, 1.0],
        per_sample=True,
    ),
    "everything by column": Adjustment(
        weight=[1.0, 2.0, 3.0, 4.0, 5.0],
        scale=[1.0, 0.5, 2.0, 0.7, 1.5],
        shift=[0.0, -1.0, 0.5, 1.0, -2.0],
        margin=[1.0, 2.0, 0.5, 3.0, 1.5],
        additive_margin=[0.1, 0.2, 0.0, -0.3, 1.0],
    ),
}


@pytest.fixture(autouse=True, params=[False, True], ids=["framework", "blocks"])
def by_blocks(request, monkeypatch):
    """Compute both ways: as a whole, and in blocks of three samples."""
    if request.param:
        monkeypatch.setattr(blocks, "BLOCK", 3 * K)


family = pytest.mark.parametrize("adjustment", FAMILY.values(), ids=FAMILY.keys())


def data(seed=0, spread=3.0):
    random = np.random.default_rng(seed)
    return torch.tensor(random.normal(size=(N, K)) * spread), torch.tensor(random.integers(0, K, N))


def naive(adjustment, z, y, smoothing=0.0):
    """The loss of one sample, from the docstring of `lopsided.adjustment`, term by term; each class
    has its own weight in the uniform part of a target.
    """
    weight, scale, shift, margin, additive = (
        np.broadcast_to(default if (value := getattr(adjustment, name)) is None else value, K)
        for name, default in zip(ARRAYS, [1.0, 1.0, 0.0, 1.0, 0.0], strict=True)
    )
    target = np.full(K, smoothing / K)
    target[y] += 1 - smoothing
    shown = np.array(z, dtype=float)
    shown[y] -= additive[y]
    shown = (scale[y] if adjustment.per_sample else scale) * shown / margin[y] + shift
    return target * weight @ (logsumexp(shown) - shown)


@family
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_adjusted_cross_entropy_is_its_formula(adjustment, smoothing):
    z, y = data()
    loss = steer.AdjustedCrossEntropy(adjustment, label_smoothing=smoothing, reduction="none")
    expected = [naive(adjustment, z[i].numpy(), int(y[i]), smoothing) for i in range(N)]
    np.testing.assert_allclose(
        loss(z, y), expected, rtol=1e-12, atol=1e-13
    )  # NumPy's own cancellation


@family
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_soft_targets_give_the_expected_loss_over_labels_drawn_from_them(adjustment, smoothing):
    z, _ = data(spread=20.0)
    targets = np.random.default_rng(1).dirichlet(np.full(K, 0.3), N)
    loss = steer.AdjustedCrossEntropy(adjustment, label_smoothing=smoothing, reduction="none")
    expected = [
        sum(p * naive(adjustment, z[i].numpy(), c, smoothing) for c, p in enumerate(targets[i]))
        for i in range(N)
    ]
    np.testing.assert_allclose(loss(z, torch.tensor(targets)), expected, rtol=1e-11)


@family
def test_one_hot_targets_are_labels(adjustment):
    z, y = data()
    one_hot = torch.nn.functional.one_hot(y, K).double()
    for reduction in ("mean", "sum"):
        loss = steer.AdjustedCrossEntropy(adjustment, reduction=reduction)
        torch.testing.assert_close(loss(z, one_hot), loss(z, y))
    # PyTorch's weighted mean is over weights for labels, and over samples for distributions.
    loss = steer.AdjustedCrossEntropy(adjustment, reduction="weighted-mean")
    weight = np.ones(K) if adjustment.weight is None else np.broadcast_to(adjustment.weight, K)
    torch.testing.assert_close(loss(z, one_hot), loss(z, y) * weight[y].mean())


@family
def test_gradients_are_those_of_finite_differences(adjustment):
    z, y = data(2)
    soft = torch.tensor(np.random.default_rng(3).dirichlet(np.ones(K), N))
    for targets, smoothing in ((y, 0.0), (y, 0.1), (soft, 0.1)):
        loss = steer.AdjustedCrossEntropy(adjustment, label_smoothing=smoothing)
        assert torch.autograd.gradcheck(
            lambda z, t=targets, f=loss: f(z, t), z.clone().requires_grad_(), fast_mode=True
        )


@family
def test_second_derivatives_are_those_of_finite_differences(adjustment):
    z, y = data(2, spread=1.0)
    loss = steer.AdjustedCrossEntropy(adjustment, label_smoothing=0.1)
    assert torch.autograd.gradgradcheck(
        lambda z: loss(z, y), z.clone().requires_grad_(), fast_mode=True
    )


@pytest.mark.filterwarnings(
    "ignore:.*torch.jit.script.*:DeprecationWarning"
)  # PyTorch's own, in forward mode
def test_every_kind_of_derivative_is_the_same():
    z, y = data(2)
    loss = steer.AdjustedCrossEntropy(FAMILY["everything"], reduction="none")
    variable, tangent = z.clone().requires_grad_(), torch.ones_like(z)
    jacobian = torch.func.jacrev(lambda z: loss(z, y))(variable)
    torch.testing.assert_close(
        torch.func.jvp(lambda z: loss(z, y), (variable,), (tangent,))[1], jacobian.sum((1, 2))
    )
    torch.testing.assert_close(
        torch.autograd.functional.jacobian(lambda z: loss(z, y), z, vectorize=True), jacobian
    )
    (backward,) = torch.autograd.grad(loss(variable, y).sum(), variable)
    torch.testing.assert_close(backward, jacobian.sum(0))
    with torch.autograd.forward_ad.dual_level():
        dual = loss(torch.autograd.forward_ad.make_dual(variable, tangent), y)
        torch.testing.assert_close(
            torch.autograd.forward_ad.unpack_dual(dual).tangent, jacobian.sum((1, 2))
        )


def test_what_is_not_a_number_stays_so():
    z, y = data()
    z[3, 2] = torch.nan
    z.requires_grad_()
    losses = steer.AdjustedCrossEntropy(FAMILY["vs"], reduction="none")(z, y)
    losses.sum().backward()
    assert torch.equal(losses.isnan().nonzero().flatten(), torch.tensor([3]))
    assert z.grad[3].isnan().all()
    assert not z.grad[[0, 1, 2, 4]].isnan().any()


def test_gradients_that_are_to_be_differentiated_pass_hooks_once():
    z, y = data()
    loss, calls = steer.AdjustedCrossEntropy(FAMILY["vs"]), []
    expected = torch.autograd.grad(loss(variable := z.clone().requires_grad_(), y), variable)[0]
    leaf = z.clone().requires_grad_()
    middle = leaf * 1
    middle.register_hook(lambda slope: calls.append(slope) or 2 * slope)
    (found,) = torch.autograd.grad(loss(middle, y), leaf, create_graph=True)
    assert len(calls) == 1
    torch.testing.assert_close(found, 2 * expected)


def test_gradients_for_many_slopes_at_once_hold_no_graph_unless_it_is_wanted():
    z, y = data()
    loss = steer.AdjustedCrossEntropy(FAMILY["vs"])(z.requires_grad_(), y)
    slopes = torch.tensor([1.0, -2.0], dtype=loss.dtype)
    for wanted in (False, True):
        (found,) = torch.autograd.grad(
            loss, z, slopes, is_grads_batched=True, create_graph=wanted, retain_graph=True
        )
        assert found.requires_grad == wanted
        torch.testing.assert_close(found[1], -2 * found[0])


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e5])
def test_an_offset_of_all_logits_costs_no_digits(offset):
    z, y = data()
    z = (z.float() + offset).requires_grad_()
    for smoothing in (0.0, 0.1):
        loss = steer.AdjustedCrossEntropy(Adjustment(), label_smoothing=smoothing, reduction="none")
        torch.testing.assert_close(
            loss(z, y).double(), loss(z.detach().double(), y), rtol=2e-6, atol=2e-6
        )


def test_smoothing_at_the_ends_of_float32():
    loss = steer.AdjustedCrossEntropy(Adjustment(), label_smoothing=0.1, reduction="none")
    equal = torch.full((N, K), 3e38, requires_grad=True)
    torch.testing.assert_close(
        loss(equal, torch.zeros(N, dtype=torch.long)), torch.full((N,), float(np.log(K)))
    )
    masked = torch.zeros(N, K).index_fill(1, torch.tensor([0]), -torch.inf).requires_grad_()
    assert torch.equal(loss(masked, torch.zeros(N, dtype=torch.long)), torch.full((N,), torch.inf))


@pytest.mark.parametrize("far", [100.0, -torch.inf])
def test_classes_that_cannot_be_cost_nothing(far):
    z, y = data()
    z = z.float().index_fill(1, torch.tensor([4]), -abs(far)).requires_grad_()
    y = y % 4
    loss = steer.AdjustedCrossEntropy(Adjustment())(z, y)
    torch.testing.assert_close(loss, torch.nn.functional.cross_entropy(z[:, :4], y))
    loss.backward()
    assert z.grad[:, 4].abs().max() < 1e-30


@pytest.mark.parametrize(
    "loss",
    [
        steer.Focal(0.0),
        steer.Focal(0.5),
        steer.Focal(2.0, FAMILY["everything"]),
        steer.SquaredError(),
        steer.DotRegression(),
        steer.SupervisedContrastive(0.5),
    ],
    ids=repr,
)
def test_gradients_of_other_losses_are_those_of_finite_differences(loss):
    z, y = data(4)
    assert torch.autograd.gradcheck(
        lambda z: loss(z, y), z.clone().requires_grad_(), fast_mode=True
    )


def test_weighted_mean_is_the_mean_of_the_framework_and_mean_is_not():
    z, y = data()
    weight = torch.tensor(FAMILY["weighted"].weight)
    framework = torch.nn.functional.cross_entropy(z, y, weight=weight)
    torch.testing.assert_close(
        steer.AdjustedCrossEntropy(FAMILY["weighted"], reduction="weighted-mean")(z, y), framework
    )
    torch.testing.assert_close(
        steer.AdjustedCrossEntropy(FAMILY["weighted"])(z, y), framework * weight[y].sum() / len(y)
    )


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (
            Adjustment(shift=np.log(COUNTS.values)),
            Adjustment.logit_adjusted(COUNTS, 1.0),
        ),  # balanced softmax
        (Adjustment.vs(COUNTS, 0.0, 0.7), Adjustment.logit_adjusted(COUNTS, 0.7)),
        (Adjustment.vs(COUNTS, 0.3, 0.0), Adjustment.cdt(COUNTS, 0.3)),
        (Adjustment.cdt(COUNTS, 0.0), Adjustment()),
        (Adjustment.ldt(COUNTS, 0.0), Adjustment()),
        (Adjustment.weighted(COUNTS, 0.0), Adjustment()),
        (Adjustment.effective_number(COUNTS, 0.0), Adjustment()),
        (
            Adjustment(weight=COUNTS.n / (K * COUNTS.values)),
            Adjustment.weighted(COUNTS),
        ),
        (Adjustment.ldam(COUNTS, max_margin=0.0, scale=4.0), Adjustment(scale=4.0)),
        (Adjustment(margin=COUNTS.values), Adjustment(scale=1 / COUNTS.values, per_sample=True)),
    ],
)
def test_members_of_the_family_that_are_equal(a, b):
    z, y = data()
    torch.testing.assert_close(
        steer.AdjustedCrossEntropy(a)(z, y), steer.AdjustedCrossEntropy(b)(z, y), rtol=1e-12, atol=0
    )


def test_plain_members_are_cross_entropy():
    z, y = data()
    expected = torch.nn.functional.cross_entropy(z, y)
    torch.testing.assert_close(steer.AdjustedCrossEntropy(Adjustment())(z, y), expected)
    torch.testing.assert_close(steer.Focal(0.0)(z, y), expected)


def test_focal_is_its_formula():
    z, y = data()
    p = z.softmax(1)[torch.arange(N), y]
    torch.testing.assert_close(
        steer.Focal(1.7, reduction="none")(z, y), -((1 - p) ** 1.7) * p.log()
    )


def test_squared_losses_are_their_formulas():
    z, y = data()
    torch.testing.assert_close(
        steer.SquaredError()(z, y), ((z - torch.eye(K)[y]) ** 2).sum(1).mean() / 2
    )
    torch.testing.assert_close(
        steer.DotRegression()(z, y), ((z[torch.arange(N), y] - 1) ** 2).mean() / 2
    )


def test_supervised_contrastive_is_its_formula():
    z, y = data()
    h, total, anchors = torch.nn.functional.normalize(z, dim=1), 0.0, 0
    for i in range(N):
        others = [j for j in range(N) if j != i]
        partners = [j for j in others if y[j] == y[i]]
        partition = sum(np.exp(float(h[i] @ h[j]) / 0.3) for j in others)
        total += sum(np.log(partition) - float(h[i] @ h[j]) / 0.3 for j in partners) / max(
            len(partners), 1
        )
        anchors += bool(partners)
    assert float(steer.SupervisedContrastive(0.3)(z, y)) == pytest.approx(
        total / anchors, rel=1e-12
    )


def test_an_orthogonal_frame_attains_the_least_contrastive_loss_of_non_negative_features():
    counts, tau = np.array([6, 4, 2]), 0.5
    y = torch.tensor(np.repeat(np.arange(3), counts))
    loss = steer.SupervisedContrastive(tau, reduction="sum")
    n = counts.sum()
    bound = float(np.sum(counts * np.log(counts - 1 + (n - counts) * np.exp(-1 / tau))))
    assert float(loss(torch.eye(3, dtype=torch.float64)[y], y)) == pytest.approx(bound, rel=1e-12)
    random = torch.Generator().manual_seed(0)
    for _ in range(50):
        assert (
            float(loss(torch.rand(len(y), 3, dtype=torch.float64, generator=random) ** 8, y))
            > bound
        )


@family
@pytest.mark.parametrize("spread", [1.0, 60.0])
@pytest.mark.parametrize("reduction", ["mean", "weighted-mean", "sum"])
def test_the_gradient_made_with_the_loss_is_that_of_the_losses_one_by_one(
    adjustment, spread, reduction
):
    z, y = data(6, spread)
    y[3] = -100
    loss = steer.AdjustedCrossEntropy(adjustment, reduction=reduction)
    apart = steer.AdjustedCrossEntropy(adjustment, reduction="none")
    weight = torch.tensor([1.0] * K if adjustment.weight is None else adjustment.weight).expand(K)
    counted = torch.ones(N).index_fill(0, torch.tensor([3]), 0)
    total = {
        "sum": 1,
        "mean": N - 1,
        "weighted-mean": (weight[y.clamp_min(0)] * counted).sum(),
    }[reduction]
    a, b = z.clone().requires_grad_(), z.clone().requires_grad_()
    whole, parts = loss(a, y), apart(b, y).sum() / total
    torch.testing.assert_close(whole, parts)
    (3 * whole).backward(retain_graph=True)
    (3 * parts).backward()
    torch.testing.assert_close(a.grad, b.grad)
    once = a.grad.clone()
    whole.backward(torch.tensor(3.0, dtype=torch.float64))  # a second time, onto the first
    assert torch.equal(a.grad, 2 * once)


@pytest.mark.parametrize("beta", [0.0, 0.9, 0.9999, 1 - 1e-9])
def test_weights_of_effective_numbers_are_those_of_geometric_sums(beta):
    sums = np.array([sum(beta**i for i in range(n)) for n in COUNTS.values])
    weight = Adjustment.effective_number(COUNTS, beta).weight
    np.testing.assert_allclose(weight / weight[0], sums[0] / sums, rtol=1e-6)
    for each in (weight, Adjustment.weighted(COUNTS, 0.7).weight):
        assert each @ COUNTS.values / COUNTS.n == pytest.approx(1)
    with pytest.raises(ValueError, match="beta"):
        Adjustment.effective_number(COUNTS, 1.0)
