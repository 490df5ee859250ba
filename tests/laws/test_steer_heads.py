"""Heads: realised frames have the predicted Gram, and the nearest ETF is nearest, with the
derivative of finite differences."""

import itertools

import numpy as np
import pytest
import torch

from lopsided import Counts, Gram, Problem, foresee, predict, steer
from lopsided.steer.heads.frame import frame

COUNTS = [
    Counts([5, 5, 5, 5]),
    Counts.step(k=10, minority=5, ratio=100),
    Counts.exponential(20, 500, 100),
    Counts([3, 1]),
]


@pytest.mark.parametrize("counts", COUNTS, ids=repr)
@pytest.mark.parametrize(
    "geometry", [predict.seli, lambda counts: predict.etf(counts.k)], ids=["seli", "etf"]
)
def test_a_fixed_head_has_the_gram_of_its_geometry(counts, geometry):
    wanted = geometry(counts)
    for d in (counts.k - 1, counts.k, 3 * counts.k):
        weight = steer.FixedHead(wanted, d, scale=2.0).weight.double().numpy()
        assert Gram.of_vectors(weight).distance(wanted.classifiers) < 1e-6
        assert np.mean(np.sum(weight**2, axis=1)) == pytest.approx(4.0, rel=1e-6)


def test_a_head_of_too_few_dimensions_names_the_fewest_that_work():
    with pytest.raises(ValueError, match="at least 9, got d=8"):
        steer.FixedHead(predict.seli(COUNTS[1]), 8)
    with pytest.raises(ValueError, match="at least 9, got d=8"):
        steer.initialise_(torch.nn.Linear(8, 10), predict.etf(10))
    with pytest.raises(ValueError, match="at least 9, got d=8"):
        steer.NearestETFHead(8, 10)


def test_a_fixed_head_is_saved_and_does_not_learn():
    a, b = (steer.FixedHead(predict.etf(4), 5, seed=seed) for seed in (0, 1))
    assert not torch.equal(a.weight, b.weight)
    b.load_state_dict(a.state_dict())
    assert torch.equal(a.weight, b.weight)
    assert not list(a.parameters())


def test_initialising_keeps_the_norm_and_sets_the_geometry():
    head, seli = torch.nn.Linear(12, 10), predict.seli(COUNTS[1])
    before = head.weight.norm().item()
    steer.initialise_(head, seli)
    assert head.weight.norm().item() == pytest.approx(before, rel=1e-6)
    assert Gram.of_vectors(head.weight.detach()).distance(seli.classifiers) < 1e-6
    assert not head.bias.any()
    with pytest.raises(ValueError, match="10 classes, the head 3"):
        steer.initialise_(torch.nn.Linear(12, 3), seli)


def objective(means, weight, proximal, delta):
    """The problem of Markou et al., for unit vectors `weight` = sqrt(k / (k - 1)) V B'."""
    k = len(means)
    y = means - means.mean(0)
    shrink = np.sqrt((k - 1) / k)
    near = 0 if proximal is None else delta / 2 * np.sum((shrink * (weight - proximal)) ** 2)
    return np.sum((y / np.linalg.norm(y) - shrink * weight / np.sqrt(k - 1)) ** 2) + near


@pytest.mark.parametrize("d", [4, 5, 9])
@pytest.mark.parametrize("delta", [0.0, 0.7])
def test_the_nearest_etf_is_an_etf_and_none_is_nearer(d, delta):
    random = np.random.default_rng(d)
    means = random.normal(size=(5, d))
    start = frame(predict.etf(5).classifiers, d, seed=4)
    proximal = None if delta == 0 else start
    best = steer.nearest_etf(
        torch.tensor(means), None if proximal is None else torch.tensor(proximal), delta
    ).numpy()
    assert Gram.of_vectors(best).distance(predict.etf(5).classifiers) < 1e-12
    np.testing.assert_allclose(np.linalg.norm(best, axis=1), 1)
    least = objective(means, best, proximal, delta)
    for seed in range(300):
        assert objective(means, frame(predict.etf(5).classifiers, d, seed), proximal, delta) > least
        small = np.linalg.qr(np.eye(d) + 1e-3 * random.normal(size=(d, d)))[0]
        rotation = small * np.sign(np.diag(small))
        assert objective(means, best @ rotation, proximal, delta) > least - 1e-15


@pytest.mark.parametrize("d", [5, 8])
def test_the_frame_of_markou_is_orthonormal_and_none_is_nearer(d):
    random = np.random.default_rng(d)
    means, delta = random.normal(size=(5, d)), 0.7
    near = np.linalg.qr(random.normal(size=(d, 5)))[0].T
    y = means - means.mean(0)
    y /= np.linalg.norm(y)

    def worth(rows):
        apart = y - (rows - rows.mean(0)) / 2
        return np.sum(apart**2) + delta / 2 * np.sum((rows - near) ** 2)

    tensors = torch.tensor(means), torch.tensor(near)
    best = steer.nearest_frame(*tensors, delta).numpy()
    np.testing.assert_allclose(best @ best.T, np.eye(5), atol=1e-12)
    for _ in range(300):
        assert worth(np.linalg.qr(random.normal(size=(d, 5)))[0].T) > worth(best)
        small = np.linalg.qr(np.eye(d) + 1e-3 * random.normal(size=(d, d)))[0]
        assert worth(best @ (small * np.sign(np.diag(small)))) > worth(best) - 1e-15
    # What little stays of the frame before leaves the ETF that is nearest without it.
    etf = steer.nearest_frame(*tensors, 1e-9).numpy()
    etf = np.sqrt(5 / 4) * (etf - etf.mean(0))
    np.testing.assert_allclose(etf, steer.nearest_etf(tensors[0]).numpy(), atol=1e-8)
    assert torch.autograd.gradcheck(
        lambda m: steer.nearest_frame(m, tensors[1], delta), tensors[0].requires_grad_()
    )
    with pytest.raises(ValueError, match="above 0"):
        steer.nearest_frame(*tensors, 0.0)


def test_the_least_distance_to_an_etf_is_its_nuclear_norm_formula():
    means = np.random.default_rng(0).normal(size=(6, 8))
    y = means - means.mean(0)
    y /= np.linalg.norm(y)
    best = steer.nearest_etf(torch.tensor(means)).numpy()
    assert objective(means, best, None, 0.0) == pytest.approx(
        2 - 2 * np.linalg.norm(y, "nuc") / np.sqrt(5), rel=1e-12
    )


@pytest.mark.parametrize("d", [3, 4, 7])
def test_the_derivative_of_the_nearest_etf_is_that_of_finite_differences(d):
    means = torch.randn(
        4, d, dtype=torch.float64, generator=torch.Generator().manual_seed(d), requires_grad=True
    )
    assert torch.autograd.gradcheck(steer.nearest_etf, means)
    near = torch.tensor(frame(predict.etf(4).classifiers, d))
    assert torch.autograd.gradcheck(lambda m: steer.nearest_etf(m, near, 0.3), means)


def test_the_derivative_is_right_at_an_etf_where_all_singular_values_are_equal():
    means = torch.tensor(frame(predict.etf(4).classifiers, 6)).requires_grad_()
    assert torch.autograd.gradcheck(steer.nearest_etf, means)


@pytest.mark.parametrize("d", [3, 6])
def test_second_derivatives_of_the_nearest_etf_are_those_of_finite_differences(d):
    means = torch.randn(4, d, dtype=torch.float64, generator=torch.Generator().manual_seed(d))
    simplex = torch.tensor(frame(predict.etf(4).classifiers, d))
    for at in (means, simplex):
        assert torch.autograd.gradgradcheck(steer.nearest_etf, at.clone().requires_grad_())
    slopes = torch.func.grad(lambda m: (steer.nearest_etf(m) * simplex).sum())
    penalty = lambda m: slopes(m).square().sum()  # noqa: E731  # of a function linear in the ETF
    step = 1e-5 * means.flip(0)
    wanted = (penalty(means + step) - penalty(means - step)) / 2
    found = (torch.func.grad(penalty)(means) * step).sum()
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=0.0)


def test_a_temperature_that_is_a_parameter_learns():
    h, y = torch.randn(8, 6), torch.arange(8) % 4
    for kind in (steer.NearestETFHead, steer.CosineHead):
        head = kind(6, 4, temperature=torch.nn.Parameter(torch.tensor(0.3)))
        given = (h, y) if kind is steer.NearestETFHead else (h,)
        head(*given)[0, 0].backward()
        assert head.temperature.grad.abs() > 0
        assert "temperature" in dict(head.named_parameters())


def test_coinciding_means_have_no_nearest_etf_of_their_own():
    means = torch.zeros(3, 4, dtype=torch.float64)
    near = torch.tensor(frame(predict.etf(3).classifiers, 4))
    with pytest.raises(ValueError, match="not unique"):
        steer.nearest_etf(means)
    torch.testing.assert_close(steer.nearest_etf(means, near, 1e-3), near)


def test_a_nearest_etf_head_follows_the_means_and_rests_in_evaluation():
    torch.manual_seed(0)
    head = steer.NearestETFHead(d=6, k=4, momentum=0.5, delta=1e-3)
    directions = frame(predict.etf(4).classifiers, 6, seed=9)
    y = torch.arange(4).repeat(3)
    h = (
        (torch.tensor(directions)[y] + 0.01 * torch.randn(12, 6, dtype=torch.float64))
        .float()
        .requires_grad_()
    )
    for _ in range(30):
        logits = head(h, y)
    torch.nn.functional.cross_entropy(logits, y).backward()
    assert torch.isfinite(h.grad).all()
    np.testing.assert_allclose(head.weight, directions, atol=0.05)
    before = head.weight.clone()
    head.eval()
    torch.testing.assert_close(head(h).argmax(1), y)
    assert torch.equal(before, head.weight)
    fresh = steer.NearestETFHead(d=6, k=4, momentum=0.5)
    fresh.load_state_dict(head.state_dict())
    torch.testing.assert_close(fresh.eval()(h), head(h))


def test_a_class_missing_from_a_batch_keeps_its_mean():
    head = steer.NearestETFHead(d=3, k=3)
    h = torch.nn.functional.normalize(torch.randn(3, 3), dim=1)
    head(h, torch.tensor([0, 1, 2]))
    torch.testing.assert_close(head.means, h)
    head(torch.randn(2, 3), torch.tensor([0, 0]))
    torch.testing.assert_close(head.means[1:], h[1:])
    with pytest.raises(ValueError, match="labels too"):
        head(h)
    with pytest.raises(ValueError, match="got 3 for sample 0"):
        head(h, torch.tensor([3, 0, 0]))


def test_marked_samples_take_no_part_in_the_means_whatever_they_hold():
    h, y = torch.randn(12, 6, generator=torch.Generator().manual_seed(1)), torch.arange(12) % 4
    for marks in (255, [255, 3]):
        labels = y.masked_fill(torch.arange(12) % 5 == 0, 255)
        kept = torch.tensor(
            [int(label) not in ([255] if marks == 255 else marks) for label in labels]
        )
        for form in (labels, labels.to(torch.uint8), labels[:, None]):
            head, expected = (
                steer.NearestETFHead(6, 4, ignore_index=ignore) for ignore in (marks, None)
            )
            found = head(h.masked_fill(~kept[:, None], torch.nan), form)
            torch.testing.assert_close(found[kept], expected(h[kept], y[kept]))
            assert all(
                torch.equal(a, b) for a, b in zip(head.buffers(), expected.buffers(), strict=True)
            )


def test_a_batch_that_is_refused_leaves_the_head_as_it_was():
    head = steer.NearestETFHead(6, 4)
    head(torch.randn(8, 6), torch.arange(8) % 4)
    before = [buffer.clone() for buffer in head.buffers()]
    for h, y in [
        (torch.full((4, 6), torch.nan), torch.arange(4)),
        (torch.randn(4, 6), torch.tensor([0, 1, 2, 4])),
        (torch.randn(4, 6), torch.arange(3)),
        (torch.randn(2, 2, 6), torch.arange(4)),
    ]:
        with pytest.raises((ValueError, RuntimeError)):
            head(h, y)
        assert all(torch.equal(a, b) for a, b in zip(before, head.buffers(), strict=True))


HEADS = {
    "fixed": lambda: steer.FixedHead(predict.etf(4), 6),
    "cosine": lambda: steer.CosineHead(6, 4),
    "nearest": lambda: steer.NearestETFHead(6, 4).eval(),
    "mixed": lambda: steer.MixedHead(6, 4),
    "prototype": lambda: steer.PrototypeHead(6, 4),
    "primed": lambda: steer.PrimedHead(6, 4),
}


@pytest.mark.parametrize("name", HEADS)
def test_axes_before_the_last_are_a_batch(name):
    head, h = HEADS[name](), torch.randn(2, 4, 6)
    torch.testing.assert_close(head(h), head(h.reshape(8, 6)).reshape(2, 4, 4))
    torch.testing.assert_close(head(h[0, 0]), head(h[0, :1])[0])
    torch.testing.assert_close(torch.vmap(head)(h), head(h))
    assert head(h[:, :0]).shape == (2, 0, 4)


@pytest.mark.parametrize("name", HEADS)
def test_heads_compile_without_a_graph_break(name):
    head, h = HEADS[name](), torch.randn(8, 6)
    torch._dynamo.reset()
    compiled = torch.compile(head, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(h), head(h))


@pytest.mark.filterwarnings(
    "ignore:.*should not be instantiated:DeprecationWarning"
)  # of torch's own compiler
@pytest.mark.parametrize("delta", [1e-3, 1])
def test_a_nearest_etf_head_trains_compiled_without_a_graph_break(delta):
    h, y = torch.randn(8, 6), torch.arange(8) % 4
    heads = [steer.NearestETFHead(6, 4, delta=delta) for _ in range(2)]
    torch._dynamo.reset()
    compiled = torch.compile(heads[0], fullgraph=True, backend="eager")
    for _ in range(2):
        torch.testing.assert_close(compiled(h, y), heads[1](h, y))
    torch.testing.assert_close(heads[0].weight, heads[1].weight)


@pytest.mark.parametrize("name", HEADS)
def test_features_that_do_not_fit_are_refused(name):
    head = HEADS[name]()
    for h, error, words in [
        (torch.randn(8, 5), ValueError, r"shape \(n, 6\), got \(8, 5\)"),
        (torch.tensor(1.0), ValueError, r"got \(\)"),
        (torch.ones(8, 6, dtype=torch.int64), TypeError, "floating point"),
        (np.ones((8, 6)), TypeError, "torch tensor, got ndarray"),
    ]:
        with pytest.raises(error, match=words):
            head(h)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((torch.randn(3),), r"\(k, d\)"),
        ((torch.randn(1, 3),), "k of at least 2"),
        ((torch.randn(3, 4), torch.randn(4, 4), 0.1), r"shape \(3, 4\), got \(4, 4\)"),
        ((torch.randn(3, 4), torch.randn(3, 4), -0.1), "delta"),
    ],
)
def test_means_without_a_nearest_etf_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        steer.nearest_etf(*arguments)


def test_the_nearest_etf_has_functional_derivatives_and_is_taken_of_many_means_at_once():
    means = torch.randn(5, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    one_by_one = torch.stack(
        [torch.autograd.functional.jacobian(steer.nearest_etf, m) for m in means]
    )
    torch.testing.assert_close(torch.vmap(torch.func.jacrev(steer.nearest_etf))(means), one_by_one)


def test_a_head_of_zeros_has_no_norm_to_keep():
    linear = torch.nn.Linear(6, 4)
    torch.nn.init.zeros_(linear.weight)
    with pytest.raises(ValueError, match="no norm to keep"):
        steer.initialise_(linear, predict.etf(4))
    assert steer.initialise_(torch.nn.Linear(6, 4, device="meta"), predict.etf(4)).weight.is_meta


def test_a_head_is_made_of_views_that_are_turned():
    vectors = np.arange(12.0).reshape(4, 3)
    for turned in (vectors[::-1], vectors[:, ::-1], vectors.T, vectors[::2]):
        head = steer.FixedHead.of_vectors(turned)
        np.testing.assert_array_equal(head.weight, turned)


def test_a_start_is_written_where_it_stays():
    learned = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(6, 4))
    with pytest.raises(ValueError, match="nothing written to it would stay"):
        steer.initialise_(learned, predict.etf(4))
    cosine = steer.initialise_(steer.CosineHead(6, 4), predict.etf(4))
    assert Gram.of_vectors(cosine.weight.detach()).distance(predict.etf(4).classifiers) < 1e-6


def test_cosine_logits_ignore_lengths_and_zero_features_are_undecided():
    head, h = steer.CosineHead(5, 3, temperature=0.5), torch.randn(4, 5)
    torch.testing.assert_close(head(h), head(10 * h))
    assert not head(torch.zeros(1, 5)).any()
    for i, c in itertools.product(range(4), range(3)):
        cosine = torch.nn.functional.cosine_similarity(h[i], head.weight[c], dim=0)
        torch.testing.assert_close(head(h)[i, c], cosine / 0.5)


def test_wrong_head_arguments_are_refused():
    with pytest.raises(ValueError, match="temperature"):
        steer.CosineHead(5, 3, temperature=0)
    with pytest.raises(ValueError, match="scale"):
        steer.FixedHead(predict.etf(3), 5, scale=-1)
    with pytest.raises(ValueError, match="momentum"):
        steer.NearestETFHead(5, 3, momentum=1.0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: steer.FixedHead.of_vectors(np.eye(3) * 1e60), "float32 holds, that of class 0"),
        (lambda: steer.FixedHead(predict.etf(3), 4, scale=1e60), "float32 holds"),
        (lambda: steer.MixedHead(4, 3, scale=1e60), "float32 holds"),
        (
            lambda: steer.PrototypeHead(2, 2, means=1e60 * torch.eye(2, dtype=torch.float64)),
            "float32 holds",
        ),
        (
            lambda: steer.FixedHead(
                foresee(Problem([999, 999, 1, 1], ridge=20.0)), 8, lengths=[999, 999, 1, 1]
            ),
            "class 2 is zero and has no direction",
        ),
    ],
)
def test_classifiers_that_are_none_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_lengths_by_counts_keep_the_directions_and_a_scale_learns():
    counts = Counts([50, 20, 5, 1])
    wanted = predict.etf(4)
    head = steer.FixedHead(wanted, 6, scale=2.0, lengths=counts, learn_scale=True)
    weight = head.weight.double().numpy()
    squares = np.sum(weight**2, axis=1)
    np.testing.assert_allclose(squares, 4 * counts.n / (4 * counts.values), rtol=1e-6)
    unit = weight / np.sqrt(squares)[:, None]
    np.testing.assert_allclose(unit @ unit.T, (4 * np.eye(4) - 1) / 3, atol=1e-6)
    (factor,) = head.parameters()
    h = torch.randn(3, 6)
    before = head(h)
    factor.data.fill_(3.0)
    torch.testing.assert_close(head(h), 3 * before)
    head(h).sum().backward()
    torch.testing.assert_close(factor.grad, before.sum())
    with pytest.raises(ValueError, match="counts of 4 classes, got those of 2"):
        steer.FixedHead(wanted, 6, lengths=[3, 1])
