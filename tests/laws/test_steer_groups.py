"""Losses of groups, shortcuts and peers, and the primed head: formulas, and what they reach."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from lopsided import Gram, predict, steer

K, D, N = 4, 5, 18


def data(seed=0, classes=K - 1):
    """Features, logits, labels (the last class is absent) and other labels, of 0 to K - 1."""
    random = np.random.default_rng(seed)
    h, z = random.normal(size=(N, D)), random.normal(size=(N, K))
    y, a = random.integers(0, classes, N), random.integers(0, K, N)
    return torch.tensor(h), torch.tensor(z), torch.tensor(y), torch.tensor(a)


def each(z, y):
    return functional.cross_entropy(z, y, reduction="none").numpy()


def test_group_alignment_of_two_groups_is_the_published_formula():
    h, z, y, a = data()
    groups = a % 2
    losses, means = each(z, y), {}
    for c in range(K):
        for g in range(2):
            if (cell := (y == c) & (groups == g)).any():
                means[c, g] = h[cell].numpy().mean(axis=0)
    fit = sum(losses[groups == g].mean() for g in range(2))
    pairs = [c for c in range(K) if (c, 0) in means and (c, 1) in means]
    apart = sum(np.sum((means[c, 0] - means[c, 1]) ** 2) for c in pairs) / D
    loss = steer.GroupAligned(2, weight=0.3)
    assert loss(z, h, y, groups).item() == pytest.approx(fit + 0.3 * apart, rel=1e-12)
    assert int(loss.skipped) == 2 * K - len(means) > 0


def test_group_alignment_of_more_groups_is_half_the_sum_over_pairs():
    """2 Σ_g ‖μ_g - μ‖² = (2 / G) Σ_{g<g'} ‖μ_g - μ_g'‖², of the G groups that a class is in."""
    h, z, y, a = data(1)
    apart = 0.0
    for c in range(K):
        means = [h[(y == c) & (a == g)].mean(0) for g in range(K) if ((y == c) & (a == g)).any()]
        pairs = [(p - q).square().sum().item() for i, p in enumerate(means) for q in means[:i]]
        apart += 2 * sum(pairs) / max(len(means), 1) / D
    aligned, plain = (steer.GroupAligned(K, weight=w)(z, h, y, a) for w in (1.0, 0.0))
    assert (aligned - plain).item() == pytest.approx(apart, rel=1e-12)


def test_classes_that_look_the_same_in_both_groups_cost_no_alignment():
    _, z, y, _ = data()
    h = torch.eye(K, D, dtype=z.dtype)[y]
    groups = torch.arange(N) % 2
    plain = sum(each(z, y)[groups == g].mean() for g in range(2))
    assert steer.GroupAligned()(z, h, y, groups).item() == pytest.approx(plain)


def test_the_shortcut_loss_is_its_formula():
    _, z, y, a = data()
    plain = torch.randn(N, K, dtype=z.dtype, generator=torch.Generator().manual_seed(0))
    expected = each(z, y) + 0.8 * each(z - plain, a)
    for reduction, of in (("mean", np.mean), ("sum", np.sum), ("none", np.asarray)):
        loss = steer.ShortcutLoss(reduction=reduction)
        np.testing.assert_allclose(loss(z, plain, y, a), of(expected), rtol=1e-12)
    assert steer.ShortcutLoss(0.0)(z, plain, y, a).item() == pytest.approx(each(z, y).mean())


def test_peers_are_their_formula_where_a_class_is_absent():
    h, _, y, _ = data()
    w = torch.randn(K, D, dtype=h.dtype, generator=torch.Generator().manual_seed(1))
    present = range(K - 1)

    def unit(v):
        return v / np.linalg.norm(v)

    means = {c: unit(h[y == c].numpy().mean(axis=0)) for c in present}
    score = {(c, e): means[c] @ unit(w[e].numpy()) / 0.4 for c in present for e in range(K)}
    total = 0.0
    for c in present:
        total += np.log(sum(np.exp(score[c, e]) for e in range(K))) - score[c, c]
        total += np.log(sum(np.exp(score[e, c]) for e in present)) - score[c, c]
    found = steer.PeerToPeer(0.4)(h, w, y).item()
    assert found == pytest.approx(total / len(present), rel=1e-12)


def test_peers_have_their_least_loss_at_one_simplex_etf():
    loss, tau, y = steer.PeerToPeer(0.5), 0.5, torch.arange(K)
    least = 2 * math.log(1 + (K - 1) * math.exp(-K / ((K - 1) * tau)))
    assert least == pytest.approx(0.378677679, abs=1e-9)
    etf = steer.FixedHead(predict.etf(K), D).double().weight
    assert loss(3 * etf, 0.2 * etf, y).item() == pytest.approx(least, abs=1e-6)
    torch.manual_seed(0)
    h, w = (torch.randn(K, D, dtype=torch.float64, requires_grad=True) for _ in range(2))
    optimizer = torch.optim.LBFGS([h, w], max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        value = loss(h, w, y)
        value.backward()
        return value

    optimizer.step(closure)
    assert loss(h, w, y).item() == pytest.approx(least, abs=1e-9)
    unit = functional.normalize(w.detach(), dim=1)
    assert Gram.of_vectors(unit).distance(predict.etf(K).classifiers) < 1e-4


LOSSES = {
    "groups": lambda given: steer.GroupAligned(K)(*(given[i] for i in ("z", "h", "y", "a"))),
    "shortcut": lambda given: steer.ShortcutLoss()(*(given[i] for i in ("z", "h", "y", "a"))),
    "peers": lambda given: steer.PeerToPeer()(*(given[i] for i in ("h", "w", "y"))),
}


def given_to(name, factor=1.0, seed=0):
    h, z, y, a = data(seed)
    h = z.flip(0) if name == "shortcut" else h
    w = torch.ones(K, D, dtype=h.dtype).tril()
    floats = {"h": h, "z": z, "w": w}
    return {key: (factor * v).requires_grad_() for key, v in floats.items()} | {"y": y, "a": a}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_values_and_slopes_are_numbers_far_out_and_of_nothing(name, dtype):
    for nothing in (False, True):
        given = given_to(name, 200.0)
        given["y"] = torch.full((N,), -100) if nothing else torch.zeros(N, dtype=torch.int64)
        for key in ("h", "z", "w"):
            given[key] = given[key].detach().to(dtype).requires_grad_()
        value = LOSSES[name](given)
        assert value.dtype == torch.float32
        value.backward()
        for key in ("h", "z", "w"):
            assert given[key].grad is None or torch.isfinite(given[key].grad).all()
        assert torch.isfinite(value)
        assert not nothing or value == 0


@pytest.mark.parametrize("name", LOSSES)
def test_marked_samples_change_nothing(name):
    given, some = given_to(name), given_to(name)
    marked = torch.arange(N) % 3 == 0
    given["y"] = given["y"].masked_fill(marked, -100)
    for key in ("h", "z", "y", "a"):
        some[key] = some[key][~marked]
    torch.testing.assert_close(LOSSES[name](given), LOSSES[name](some))


def test_a_shortcut_that_is_not_known_leaves_the_class_to_be_learned():
    _, z, y, a = data()
    unknown = torch.arange(N) % 3 == 0
    found = steer.ShortcutLoss()(z, 0 * z, y, a.masked_fill(unknown, -100)).item()
    assert found == pytest.approx(each(z, y).mean() + 0.8 * each(z, a)[~unknown].mean())
    head, h = steer.PrimedHead(D, K), torch.randn(N, D)
    logits = head(h, a.masked_fill(unknown, -100))
    assert torch.equal(logits[unknown], head(h)[unknown])
    torch.testing.assert_close(logits[~unknown], head(h, a)[~unknown])


@pytest.mark.parametrize("primes", [None, predict.seli([9, 9, 2, 2]).classifiers], ids=str)
def test_a_primed_head_is_linear_in_use_and_adds_what_no_feature_moves(primes):
    head = steer.PrimedHead(D, K, primes)
    wanted = predict.etf(K).classifiers if primes is None else primes
    assert Gram.of_vectors(head.primes.double().numpy()).distance(wanted) < 1e-6
    assert head.primes.square().sum(1).mean() == pytest.approx(1.0)
    a = torch.arange(K).repeat(2)
    h, others = torch.randn(2, 2 * K, D).requires_grad_()
    torch.testing.assert_close(head(h), h @ head.weight.T)
    added = [head(x, a) - head(x) for x in (h, others)]
    torch.testing.assert_close(added[0], added[1])
    torch.testing.assert_close(added[0], (head.primes @ head.prime_weight.T)[a])
    assert {name for name, _ in head.named_parameters()} == {"weight", "prime_weight"}
    assert head.half().primes.dtype == torch.float32
    again = steer.PrimedHead(D, K, seed=1)
    again.load_state_dict(head.state_dict())
    torch.testing.assert_close(again(h, a), head(h, a), rtol=1e-2, atol=1e-2)


def test_the_second_term_of_the_shortcut_loss_moves_no_feature():
    head, h, a = steer.PrimedHead(D, K).double(), data()[0].requires_grad_(), data()[3]
    loss = steer.ShortcutLoss(reduction="none")
    first = functional.cross_entropy(head(h, a), a, reduction="none")
    (loss(head(h, a), head(h), a, a) - first).sum().backward()
    assert h.grad.abs().max() < 1e-12
    assert head.prime_weight.grad.abs().max() > 0.01


def test_they_compile_without_a_graph_break():
    h, z, y, a = data()
    head, groups, loss = (
        steer.PrimedHead(D, K).double(),
        steer.GroupAligned(K),
        steer.ShortcutLoss(),
    )

    def total(h, z):
        return groups(z, h, y, a) + loss(head(h, a), head(h), y, a)

    torch._dynamo.reset()
    compiled = torch.compile(total, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(h, z), total(h, z))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda h, z, y, a: steer.GroupAligned(1), "groups"),
        (lambda h, z, y, a: steer.GroupAligned(weight=-1.0), "weight"),
        (lambda h, z, y, a: steer.GroupAligned(2)(z, h, y, a + 5), "groups must be from 0 to 1"),
        (lambda h, z, y, a: steer.GroupAligned(K)(z, h[1:], y, a), r"features must have shape"),
        (lambda h, z, y, a: steer.ShortcutLoss(math.inf), "weight"),
        (lambda h, z, y, a: steer.ShortcutLoss()(z, z[1:], y, a), "one shape"),
        (lambda h, z, y, a: steer.ShortcutLoss()(z, z, y, a + K), "shortcuts must be from 0 to 3"),
        (lambda h, z, y, a: steer.PeerToPeer(0.0), "temperature"),
        (lambda h, z, y, a: steer.PeerToPeer()(h, h[0], y), r"\(k, d\)"),
        (lambda h, z, y, a: steer.PeerToPeer()(h, z[:K], y), r"\(n, 4\), got \(18, 5\)"),
        (lambda h, z, y, a: steer.PrimedHead(D, 3, predict.etf(4).classifiers), "3 vectors"),
        (lambda h, z, y, a: steer.PrimedHead(D, K)(h, a[1:]), "shortcuts must have shape"),
        (lambda h, z, y, a: steer.PrimedHead(D, K)(h[None], a), r"features must have shape \(n"),
    ],
)
def test_what_means_nothing_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make(*data())
