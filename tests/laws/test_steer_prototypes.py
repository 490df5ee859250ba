"""Prototypes: assigned, on their way, sparse, mixed with learned ones, or at a distance."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from lopsided import Gram, predict, steer
from lopsided.steer.heads.frame import frame


def vectors(*shape, seed=0):
    return torch.tensor(np.random.default_rng(seed).normal(size=shape))


def test_a_flow_begins_and_ends_at_its_frames_and_turns_evenly_between_close_ones():
    start = torch.tensor(frame(predict.etf(5).classifiers, 7, seed=1))
    end = torch.tensor(frame(predict.etf(5).classifiers, 7, seed=2))
    torch.testing.assert_close(steer.flow(start, end, 0.0), start)
    torch.testing.assert_close(steer.flow(start, end, 1.0), end)
    for t in (0.2, 0.5, 0.9):
        found = steer.flow(start, end, t)
        torch.testing.assert_close(found.norm(dim=1), torch.ones(5).double())
        # The angle from the start, by the triangle of the two ends.
        whole = (start * end).sum(1).acos()
        expected = torch.atan2(t * whole.sin(), (1 - t) + t * whole.cos())
        torch.testing.assert_close((start * found).sum(1).acos(), expected)
        torch.testing.assert_close(steer.flow(end, start, 1 - t), found)
    assert torch.autograd.gradcheck(
        lambda a, b: steer.flow(a, b, 0.3), (vectors(3, 4).requires_grad_(), vectors(3, 4, seed=1))
    )


def test_a_flow_through_opposite_prototypes_is_refused_by_class():
    start, end = vectors(3, 4), vectors(3, 4, seed=1)
    end[1] = -3 * start[1]
    assert steer.flow(start, end, 0.5).isfinite().all()
    with pytest.raises(ValueError, match=r"t = 0\.25 the prototype of class 1 has no direction"):
        steer.flow(start, end, 0.25)
    for arguments, words in [
        ((start, end, 1.5), "from 0 to 1"),
        ((start, end[:2], 0.5), "as many classes, got 3 and 2"),
        ((start, end[:, :2], 0.5), "4 and 2"),
        ((start[0], end, 0.5), r"\(k, d\)"),
    ]:
        with pytest.raises(ValueError, match=words):
            steer.flow(*arguments)


@pytest.mark.parametrize(("k", "more"), [(2, 2), (3, 5), (4, 6), (6, 6)])
def test_no_assignment_has_larger_cosines_than_the_one_found(k, more):
    means, spare = 9 * vectors(k, 5, seed=k), vectors(more, 5, seed=more)
    found = steer.assign(means, spare)
    units = [torch.nn.functional.normalize(rows, dim=1) for rows in (means, spare)]
    cosines = (units[0] @ units[1].T).numpy()
    best = max(itertools.permutations(range(more), k), key=lambda p: cosines[range(k), p].sum())
    assert found.tolist() == list(best)
    head = steer.FixedHead.of_vectors(spare[found])
    torch.testing.assert_close(head.weight.double(), spare[list(best)], rtol=1e-6, atol=1e-6)


def test_means_that_cannot_be_assigned_are_refused():
    means, spare = vectors(3, 4), vectors(5, 4, seed=1)
    for arguments, words in [
        ((spare, means), "5 classes need as many vectors"),
        ((means, spare[:, :3]), "4 and 3"),
        ((means.index_fill(0, torch.tensor(2), 0.0), spare), "mean 2 has no direction"),
        ((means, spare.index_fill(0, torch.tensor(4), torch.nan)), "vector 4 has no direction"),
    ]:
        with pytest.raises(ValueError, match=words):
            steer.assign(*arguments)
    with pytest.raises(TypeError, match="torch tensor"):
        steer.assign(means.numpy(), spare)


@pytest.mark.parametrize(
    ("k", "d", "zero"), [(10, 64, 0.6), (10, 32, 0.6), (4, 8, 0.5), (3, 2, 0.2), (4, 25, 0.29)]
)
def test_a_sparse_frame_is_an_etf_with_the_zeros_asked_for(k, d, zero):
    found = steer.sparse_frame(k, d, zero, seed=3)
    assert np.linalg.norm(found @ found.T - (k * np.eye(k) - 1) / (k - 1)) < 1e-6
    assert np.count_nonzero(found == 0) == math.floor(Fraction(str(zero)) * k * d)
    assert k > 4 or np.array_equal(found, steer.sparse_frame(k, d, zero, seed=3))
    weight = steer.FixedHead.of_vectors(found).weight
    assert Gram.of_vectors(weight.double().numpy()).distance(predict.etf(k).classifiers) < 1e-6
    assert int((weight == 0).sum()) == math.floor(Fraction(str(zero)) * k * d)


@pytest.mark.parametrize(
    ("k", "d", "zero", "words"),
    [
        (10, 12, 0.6, "about 63 zeros can be had"),
        (10, 64, 0.9, "rows shared no column"),
        (4, 8, 1.0, "below 1"),
        (4, 2, 0.0, "dimensions d must be a whole number of at least 3"),
        (4, 8.5, 0.0, "dimensions d must be a whole number"),
    ],
)
def test_zeros_that_allow_no_etf_are_refused(k, d, zero, words):
    with pytest.raises(ValueError, match=words):
        steer.sparse_frame(k, d, zero)


def test_given_classifiers_are_taken_as_they_are():
    rows = vectors(3, 5)
    head = steer.FixedHead.of_vectors(rows, learn_scale=True)
    torch.testing.assert_close(head(rows), rows @ rows.T, check_dtype=False, rtol=1e-6, atol=1e-6)
    assert [parameter.shape for parameter in head.parameters()] == [()]
    for wrong, words in [(rows[0], r"\(k, d\)"), (rows[:1], "at least 2"), (rows / 0, "class 0")]:
        with pytest.raises(ValueError, match=words):
            steer.FixedHead.of_vectors(wrong)


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_a_head_of_given_numbers_holds_its_own(kind):
    torch.set_default_dtype(torch.float64)
    try:
        rows, share = kind(np.eye(3)), torch.tensor(0.5)
        fixed, mixed = steer.FixedHead.of_vectors(rows), steer.MixedHead(5, 3, share=share)
    finally:
        torch.set_default_dtype(torch.float32)
    fixed.weight.fill_(2.0)
    mixed.share.fill_(1.0)
    assert np.array_equal(rows, np.eye(3))
    assert float(share) == 0.5


def test_a_mixed_head_is_the_fixed_etf_at_share_none_and_its_own_linear_head_at_all():
    head, h, y = steer.MixedHead(6, 4, scale=3.0).double(), vectors(8, 6), torch.arange(8) % 4
    learned, fixed = head.parts(h)
    for share in (0.0, 0.3, 1.0):
        head.share.fill_(share)
        torch.testing.assert_close(head(h), share * learned + (1 - share) * fixed)
        torch.testing.assert_close(head(h), h @ head.weight.T)
        entropy = torch.nn.functional.cross_entropy
        expected = share * entropy(learned, y) + (1 - share) * entropy(fixed, y)
        torch.testing.assert_close(head.loss(h, y), expected)
    head.share.fill_(0.0)
    gram = Gram.of_vectors(head.weight.detach().numpy())
    assert gram.distance(predict.etf(4).classifiers) < 1e-6
    torch.testing.assert_close(head.weight.norm(dim=1), torch.full((4,), 3.0).double())
    assert [name for name, _ in head.named_parameters()] == ["learned"]
    assert {"fixed", "share"} <= set(head.state_dict())
    for wrong, words in [({"share": 1.5}, "share"), ({"scale": 0.0}, "scale")]:
        with pytest.raises(ValueError, match=words):
            steer.MixedHead(6, 4, **wrong)
    with pytest.raises(ValueError, match="at least 3, got d=2"):
        steer.MixedHead(2, 4)


def confidence(logits):
    """Mean largest probability, by hand."""
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return float((powers / powers.sum(1, keepdims=True)).max(1).mean())


def test_the_share_makes_a_mixed_head_as_confident_as_it_is_right():
    learned, fixed = 9 * vectors(40, 5), 0.3 * vectors(40, 5, seed=1)
    for accuracy in (0.4, 0.7, 0.9):
        share = steer.mix_for_confidence(learned, fixed, accuracy)
        mixed = (share * learned + (1 - share) * fixed).numpy()
        assert confidence(mixed) == pytest.approx(accuracy, abs=1e-9)
    assert steer.mix_for_confidence(fixed, 9 * learned, 0.9) == 1.0
    with pytest.raises(ValueError, match="every share is more confident than"):
        steer.mix_for_confidence(learned, 9 * fixed, 0.25)


def test_where_confidence_falls_and_rises_the_largest_share_that_fits_is_found():
    # The two heads disagree, so between them is the least confidence.
    learned = torch.tensor([[6.0, 0.0]]).double()
    fixed = learned.flip(1)
    share = steer.mix_for_confidence(learned, fixed, 0.8)
    # 6 |2 share - 1| = log(0.8 / 0.2)
    assert share == pytest.approx((1 + math.log(4) / 6) / 2, rel=1e-9)


def test_confidence_that_none_can_have_is_refused():
    z = vectors(4, 5)
    for arguments, words in [
        ((z, z, 0.1), "from chance, 1/5"),
        ((z, z[:, :4], 0.5), "same samples"),
        ((z[:0], z[:0], 0.5), "at least one"),
        ((z / 0, z, 0.5), "finite"),
    ]:
        with pytest.raises(ValueError, match=words):
            steer.mix_for_confidence(*arguments)


def test_logits_of_a_prototype_head_are_half_distances_by_the_naive_formula():
    head, h = steer.PrototypeHead(5, 3).double(), vectors(4, 5)
    head.temperature.data = torch.linspace(0.5, 2.0, 5).double()
    for i, c in itertools.product(range(4), range(3)):
        apart = [((h[i, j] - head.weight[c, j]) / head.temperature[j]).item() for j in range(5)]
        half = -math.sqrt(sum(each**2 for each in apart)) / 2
        assert head(h)[i, c].item() == pytest.approx(half, rel=1e-12)
    assert torch.autograd.gradcheck(head, h.requires_grad_())
    assert len(list(head.parameters())) == 2


@pytest.mark.parametrize("length", [1e-3, 1.0, 1e3])
def test_a_prototype_pulls_with_one_half_whatever_its_length(length):
    head = steer.PrototypeHead(6, 4, means=length * vectors(4, 6)).double()
    slopes = torch.autograd.functional.jacobian(head, vectors(6, seed=5))
    torch.testing.assert_close(slopes.norm(dim=1), torch.full((4,), 0.5).double())


def test_two_prototypes_are_told_apart_by_half_the_angle_at_which_they_are_seen():
    head, h = steer.PrototypeHead(64, 2).double(), vectors(64, seed=5).relu()
    slope = torch.autograd.functional.jacobian(lambda x: head(x).diff(), h).norm().item()
    cosine = torch.nn.functional.cosine_similarity(*(head.weight.detach() - h), dim=0).item()
    assert slope == pytest.approx(math.sin(math.acos(cosine) / 2), rel=1e-12)
    # Random ones start in the midst of features of unit variance, which see them far apart.
    assert slope > 0.4


def test_prototypes_begin_at_the_means_and_a_feature_there_has_no_slope_but_a_finite_one():
    means = vectors(3, 4)
    head = steer.PrototypeHead(4, 3, means=means).double()
    torch.testing.assert_close(head.weight.data, means, rtol=1e-6, atol=1e-6)
    h = head.weight.detach().clone().requires_grad_()
    logits = head(h)
    assert not logits.diagonal().any()
    logits.diagonal().sum().backward()
    assert not h.grad.any()
    for wrong, words in [(means[:2], "shape"), (means / 0, "finite")]:
        with pytest.raises(ValueError, match=words):
            steer.PrototypeHead(4, 3, means=wrong)
