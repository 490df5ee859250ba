"""Losses that draw features to a collapsed geometry: their formulas, and what they reach."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lopsided import Adjustment, Gram, predict, steer

K, D = 5, 6


def data(n=20, seed=0):
    random = np.random.default_rng(seed)
    return torch.tensor(random.normal(size=(n, D))), torch.tensor(random.integers(0, K - 1, n))


def frame_head(k=K, d=D):
    return steer.FixedHead(predict.etf(k), d).double()


def naive_induced(loss, h, y):
    m = loss.weight.detach().numpy()
    within = np.mean([np.mean(np.sum((h[y == c] - m[c]) ** 2, axis=1)) for c in set(y)])
    middle = m.mean(axis=0)
    unit = (m - middle) / np.linalg.norm(m - middle, axis=1, keepdims=True)
    nearest = [max(unit[c] @ unit[e] for e in range(K) if e != c) for c in range(K)]
    return 0.3 * within - 0.7 * np.mean(np.arccos(nearest)) + 0.2 * middle @ middle


def naive_centers(loss, h, y):
    W = loss.head.weight.numpy()
    each = []
    for c in set(y):
        z = W @ h[y == c].mean(axis=0)
        each.append(np.log(np.exp(z).sum()) - z[c])
    return loss.weight * np.mean(each)


LOSSES = {
    "induced": (lambda: steer.InducedCollapse(K, D, 0.3, 0.7, 0.2).double(), naive_induced),
    "centers": (lambda: steer.CenterClassification(frame_head(), 0.4), naive_centers),
}


@pytest.mark.parametrize("name", LOSSES)
def test_it_is_its_formula_where_a_class_is_absent_too(name):
    make, naive = LOSSES[name]
    h, y = data()
    loss = make()
    assert loss(h, y).item() == pytest.approx(naive(loss, h.numpy(), y.numpy()), rel=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_slopes_are_those_of_finite_differences_and_finite_far_out(name):
    h, y = data(8)
    loss = LOSSES[name][0]()
    assert torch.autograd.gradcheck(lambda x: loss(x, y), h.clone().requires_grad_())
    far = (200 * h.float()).requires_grad_()
    loss(far, y).backward()
    assert torch.isfinite(far.grad).all()


@pytest.mark.parametrize("name", LOSSES)
def test_marked_samples_change_nothing_and_a_batch_of_them_is_no_loss_of_samples(name):
    h, y = data()
    loss = LOSSES[name][0]()
    marked = y.masked_fill(torch.arange(len(y)) % 3 == 0, -100)
    kept = marked >= 0
    dirty = h.masked_fill(~kept[:, None], torch.nan).requires_grad_()
    value = loss(dirty, marked)
    torch.testing.assert_close(value, loss(h[kept], y[kept]))
    value.backward()
    assert not dirty.grad[~kept].any()
    nothing = loss(h, torch.full_like(y, -100))
    assert torch.isfinite(nothing)


def test_centers_that_only_push_end_at_the_simplex_etf():
    loss = steer.InducedCollapse(K, D, pull=0.0, push=1.0, center=0.1).double()
    optimizer = torch.optim.Adam(loss.parameters(), 0.05)
    h, y = data()
    for step in range(150):
        for group in optimizer.param_groups:
            group["lr"] = 0.1 * 0.95**step
        optimizer.zero_grad()
        loss(h, y).backward()
        optimizer.step()
    m = loss.weight.detach().numpy()
    unit = (m - m.mean(axis=0)) / np.linalg.norm(m - m.mean(axis=0), axis=1, keepdims=True)
    cosines = (unit @ unit.T)[~np.eye(K, dtype=bool)]
    assert cosines.max() == pytest.approx(-1 / (K - 1), abs=0.01)
    assert Gram.of_vectors(unit).distance(predict.etf(K).classifiers) < 0.05


def test_coinciding_centers_have_a_finite_slope():
    loss = steer.InducedCollapse(3, 2)
    loss.weight.data = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-2.0, 0.0]])
    loss(torch.ones(3, 2), torch.tensor([0, 1, 2])).backward()
    assert torch.isfinite(loss.weight.grad).all()


@pytest.mark.parametrize("angle", [0.0, 1e-7, 1e-3, 1.0, math.pi - 1e-3])
def test_the_angle_of_the_nearest_center_has_all_its_digits_and_its_slope(angle):
    loss = steer.InducedCollapse(4, 2, pull=0.0, push=1.0, center=0.0).double()
    turns = torch.tensor([0.0, angle, math.pi, math.pi + angle], dtype=torch.float64)
    loss.weight.data = torch.stack([turns.cos(), turns.sin()], dim=1)
    value = loss(torch.ones(1, 2), torch.tensor([0]))
    value.backward()
    assert -value.item() == pytest.approx(min(angle, math.pi - angle), rel=1e-8)
    # Each center is pushed away from its nearest, its own angle and that of the other growing.
    pushed = [0.0 if angle == 0 else 0.5] * 4
    assert loss.weight.grad.norm(dim=1).tolist() == pytest.approx(pushed, rel=1e-6)


def test_two_centers_are_opposite_about_their_mean_wherever_they_are():
    loss = steer.InducedCollapse(2, 3, pull=0.0, push=1.0, center=0.0).double()
    for seed in range(5):
        loss.weight.data = torch.randn(2, 3, generator=torch.Generator().manual_seed(seed)).double()
        loss.weight.grad = None
        value = loss(torch.ones(1, 3), torch.tensor([0]))
        value.backward()
        assert value.item() == pytest.approx(-math.pi, rel=1e-15)
        assert loss.weight.grad.abs().max() < 1e-14
        second = torch.autograd.functional.hessian(
            lambda weight: torch.func.functional_call(
                loss, {"weight": weight}, (torch.ones(1, 3), torch.tensor([0]))
            ),
            loss.weight.detach(),
        )
        assert not second.any()
    loss.weight.data = torch.zeros(2, 3).double()  # no direction, and no angle
    loss(torch.ones(1, 3), torch.tensor([0])).backward()
    assert torch.isfinite(loss.weight.grad).all()


def test_every_class_present_has_the_same_part_in_the_slope_of_its_center():
    """However many its samples are: 90 of one class, 1 of another."""
    loss = steer.CenterClassification(frame_head(), 1.0)
    h = torch.zeros(91, D, dtype=torch.float64, requires_grad=True)
    y = torch.tensor([0] * 90 + [1])
    loss(h, y).backward()
    sums = torch.stack([h.grad[y == c].sum(0).norm() for c in range(2)])
    torch.testing.assert_close(sums[0], sums[1])


def test_maps_are_their_pixels():
    loss = steer.CenterClassification(frame_head())
    maps, labels = torch.randn(2, D, 3, 4).double(), torch.randint(0, K, (2, 3, 4))
    labels[0, 0] = -100
    flat = maps.permute(0, 2, 3, 1).reshape(-1, D)
    torch.testing.assert_close(loss(maps, labels), loss(flat, labels.flatten()))


def test_a_class_of_many_pixels_loses_no_digits():
    loss = steer.CenterClassification(steer.FixedHead(predict.etf(2), 2))
    pixel, label = torch.tensor([[0.3, -0.7]]), torch.tensor([1])
    n = 1_000_000
    torch.testing.assert_close(
        loss(pixel.expand(n, 2), label.expand(n)), loss(pixel, label), rtol=1e-6, atol=0.0
    )
    many, one = (steer.NearestETFHead(2, 3) for _ in range(2))
    many(pixel.expand(n, 2), label.expand(n))
    one(pixel, label)
    torch.testing.assert_close(many.means, one.means, rtol=1e-6, atol=0.0)


def test_a_deferred_loss_is_the_first_then_the_second_and_resumes():
    z, y = data()[0][:, :K], data()[1]
    first = steer.AdjustedCrossEntropy(Adjustment())
    then = steer.AdjustedCrossEntropy(Adjustment(weight=2.0))
    loss = steer.Deferred(first, then, after=3)
    plain = float(first(z, y))
    loss.eval()
    assert float(loss(z, y)) == pytest.approx(plain)
    loss.train()
    with torch.no_grad():  # as a validation does, without a word to the loss
        assert float(loss(z, y)) == pytest.approx(plain)
    seen = [float(loss(z, y)) for _ in range(2)]
    other = steer.Deferred(first, then, after=3)
    other.load_state_dict(loss.state_dict())
    seen += [float(other(z, y)) for _ in range(3)]
    assert seen == pytest.approx([plain] * 3 + [2 * plain] * 2)
    assert float(other.eval()(z, y)) == pytest.approx(2 * plain)
    assert "after=3" in repr(loss)


def test_one_head_at_every_layer_is_the_weighted_sum_of_its_losses():
    h, y = data()
    layers = torch.stack([h, h.flip(1), h**2])
    head = torch.nn.Linear(D, K).double()
    weights, plain = (0.5, 0.0, 2.0), torch.nn.functional.cross_entropy
    loss = steer.AlignedExits(weights)
    torch.testing.assert_close(
        loss(list(layers), head, y),
        sum(w * plain(head(x), y) for w, x in zip(weights, layers, strict=True)),
    )
    last = steer.AlignedExits(np.array([0, 0, 1]))
    torch.testing.assert_close(last(list(layers), head, y), plain(head(layers[2]), y))
    moved = layers.clone().requires_grad_()
    loss(list(moved), head, y).backward()
    assert (moved.grad.flatten(1).abs().amax(1) > 0).tolist() == [True, False, True]


def test_exits_leave_out_and_weigh_what_their_loss_does():
    h, y = data()
    heavy = steer.AdjustedCrossEntropy(Adjustment(weight=[1.0, 2.0, 3.0, 4.0, 5.0]))
    head, marked = frame_head(), y.masked_fill(y == 1, -100)
    both = steer.AlignedExits([1.0, 1.0], heavy)([h, h], head, marked)
    torch.testing.assert_close(both, 2 * heavy(head(h), marked))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: steer.InducedCollapse(1, 3), "classes k"),
        (lambda: steer.InducedCollapse(3, 3, pull=-1.0), "pull"),
        (lambda: steer.InducedCollapse(3, 3, push=math.nan), "push"),
        (lambda: steer.CenterClassification(frame_head(), 0.0), "weight"),
        (
            lambda: steer.CenterClassification(frame_head())(
                torch.zeros(2, 6, 3, 4), torch.zeros(2, 4, 3, dtype=torch.int64)
            ),
            r"shape \(2, 3, 4\) beside maps",
        ),
        (lambda: steer.AlignedExits([0.0, 0.0]), "not all 0"),
        (lambda: steer.AlignedExits([1.0, -1.0]), "at least 0"),
        (lambda: steer.AlignedExits(1.0), "for each layer"),
        (lambda: steer.AlignedExits([1.0])([], frame_head(), torch.zeros(2)), "1 weights, for 0"),
        (
            lambda: steer.AlignedExits([1, 1])([torch.ones(2, 3), torch.ones(2, 4)], None, None),
            "in layer 1",
        ),
        (lambda: steer.Deferred(torch.nn.MSELoss(), torch.nn.MSELoss(), after=-1), "after"),
        (lambda: steer.InducedCollapse(K, D)(torch.zeros(2, D), torch.tensor([0, 9])), "sample 1"),
        (lambda: steer.CenterClassification(frame_head())(torch.zeros(2, 3), torch.zeros(2)), "6"),
        (
            lambda: steer.CenterClassification(steer.FixedHead(predict.etf(3), 3))(
                torch.zeros(3), torch.arange(3)
            ),
            r"shape \(n, 3\), got \(3,\)",
        ),
    ],
)
def test_what_means_nothing_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
