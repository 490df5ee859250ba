"""Where only directions count no length changes anything, and what is differentiated or vectorised
leaves modules as a plain call does.
"""

import copy

import pytest
import torch
from torch.utils.checkpoint import checkpoint

import members
from lopsided import measure, predict, steer


class Normalised(torch.nn.Linear):
    """A head of cosines as the framework's own functions make it."""

    def forward(self, x):
        unit = torch.nn.functional.normalize
        return unit(x, dim=-1) @ unit(self.weight, dim=-1).T


N, K, D = 8, 3, 5
LABELS = torch.arange(N) % K
SIZES = (1e-30, 1e-13, 1e13, 1e30)


def values(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


ETF = steer.nearest_etf(values(K, D, 1))
#: Name -> what is asked of (N, D) vectors of any length.
OF_DIRECTIONS = {
    "cosine head": lambda h: steer.CosineHead(D, K)(h),
    "nearest-etf head": lambda h: steer.NearestETFHead(D, K).eval()(h),
    "nearest-etf head in training": lambda h: steer.NearestETFHead(D, K)(h, LABELS),
    "contrastive": lambda h: steer.SupervisedContrastive()(h, LABELS),
    "uniformity gap": lambda h: steer.UniformityGap(K, D)(h, LABELS),
    "centers": lambda h: steer.MultipleCenters(
        predict.multiple_centers([4, 2, 2], [1, 1, 1], angle=0.3), [1, 1, 1], D
    )(h, LABELS),
    "peers, features": lambda h: steer.PeerToPeer()(h, values(K, D, 1), LABELS),
    "peers, weight": lambda h: steer.PeerToPeer()(values(N, D, 1), h[:K], LABELS),
    "decoupled": lambda h: steer.DecoupledInfoNCE()(h, values(N, D, 1)),
    "kernels": lambda h: steer.KernelContrastive()(h, values(N, D, 1)),
    "nearest etf": lambda h: steer.nearest_etf(h[:K]),
    "nearest etf near another": lambda h: steer.nearest_etf(h[:K], ETF, 0.1),
    "nearest frame": lambda h: steer.nearest_frame(h[:K], torch.eye(K, D), 0.1),
    "assign": lambda h: steer.assign(h[:K], values(N, D, 1)),
    "frame to be assigned": lambda h: steer.assign(values(K, D, 1), h),
    "flow": lambda h: steer.flow(h, h.roll(1, 0), 0.3),
}


@pytest.mark.parametrize("asked", OF_DIRECTIONS.values(), ids=OF_DIRECTIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_length_changes_what_is_of_directions(asked, dtype):
    h = values(N, D).to(dtype)
    wanted = asked(h)
    for size in SIZES:
        torch.testing.assert_close(asked(size * h), wanted, rtol=1e-5, atol=1e-5)


def test_distances_are_in_proportion_whatever_their_size():
    prototypes, h = values(K, D, 1), values(N, D)
    wanted = steer.PrototypeHead(D, K, means=prototypes)(h)
    for size in SIZES:
        found = steer.PrototypeHead(D, K, means=size * prototypes)(size * h)
        torch.testing.assert_close(found / size, wanted)


def test_one_length_beside_others_changes_no_assignment():
    means = torch.tensor([[1.0, 0.9], [1.0, 0.0]])
    for size in SIZES:
        found = steer.assign(means * torch.tensor([[1.0], [size]]), torch.eye(2))
        assert found.tolist() == [1, 0]


@pytest.mark.parametrize("head", [steer.CosineHead(D, K), Normalised(D, K)], ids=repr)
def test_a_head_of_directions_is_measured_beside_a_feature_of_nearly_none(head):
    h = values(N, D).double()
    h[0] *= 1e-14
    net = torch.nn.Sequential(torch.nn.Identity(), head.double())
    found = measure.trained(net, [(h, LABELS)], counts=[3, 3, 2], head=net[1], show_progress=False)
    assert found.counts.values.tolist() == [3, 3, 2]


#: Modules that keep something of a call, and the call.
KEEPING = {
    "group-aligned": (
        lambda: steer.GroupAligned(),
        lambda module, h: module(h[:, :K], h, LABELS, LABELS.clamp_max(1)),
    ),
    "deferred": (
        lambda: steer.Deferred(steer.SquaredError(), steer.Focal(2.0), after=1),
        lambda module, h: module(h[:, :K], LABELS),
    ),
    "nearest-etf": (
        lambda: steer.NearestETFHead(D, K),
        lambda module, h: module(h, LABELS).square().sum(),
    ),
}


@pytest.mark.parametrize("name", KEEPING)
def test_a_module_keeps_what_a_plain_call_leaves_after_a_derivative(name):
    make, call = KEEPING[name]
    plain, module = make(), make()
    call(plain, values(N, D))
    torch.func.grad(lambda h: call(module, h))(values(N, D))
    for found, wanted in zip(copy.deepcopy(module).buffers(), plain.buffers(), strict=True):
        assert torch.equal(found, wanted)


def test_a_module_is_whole_after_it_was_vectorised():
    h = torch.stack([values(N, D), values(N, D, 2)])
    (make, call), (make_head, call_head) = KEEPING["group-aligned"], KEEPING["nearest-etf"]
    loss, head = make(), make_head()
    found = torch.vmap(lambda h: call(loss, h))(h)
    torch.testing.assert_close(found, torch.stack([call(make(), each) for each in h]))
    assert int(copy.deepcopy(loss).skipped) == 0
    before = copy.deepcopy(head.state_dict())
    with pytest.raises(ValueError, match=r"head\.eval\(\) first"):
        torch.vmap(lambda h: call_head(head, h))(h)
    assert all(torch.equal(before[name], part) for name, part in head.state_dict().items())
    torch.testing.assert_close(torch.vmap(head.eval())(h), head(h))


reentrant = pytest.mark.parametrize("older", [False, True], ids=["newer", "older"])


@reentrant
@pytest.mark.parametrize("name", steer.LOSSES)
def test_a_loss_has_in_a_checkpoint_the_slopes_that_it_has_without(name, older):
    loss = steer.LOSSES[name].function(members.COUNTS)
    shown, *rest = members.given(name, loss)
    slopes = []
    for inside in (True, False):  # the first call looks at the logits as no other does
        z = shown.clone().requires_grad_()
        value = checkpoint(loss, z, *rest, use_reentrant=older) if inside else loss(z, *rest)
        value.backward()
        slopes.append(z.grad)
    assert torch.equal(*slopes)


@reentrant
def test_a_deferred_loss_turns_in_time_in_a_checkpoint(older):
    loss = steer.Deferred(lambda z: z.sum(), lambda z: z.square().sum(), after=3)
    slopes = []
    for _ in range(5):
        z = torch.full((1,), 4.0, requires_grad=True)
        checkpoint(loss, z, use_reentrant=older).backward()
        slopes.append(z.grad.item())
    assert (slopes, loss.steps.item()) == ([1.0, 1.0, 1.0, 8.0, 8.0], 5)


@reentrant
def test_a_head_that_joins_batches_is_not_run_again_by_a_checkpoint(older):
    head, h = steer.NearestETFHead(D, K), values(N, D).requires_grad_()
    value = checkpoint(lambda h: head(h, LABELS).square().sum(), h, use_reentrant=older)
    with pytest.raises(ValueError, match="leave the head out of it"):
        value.backward()
