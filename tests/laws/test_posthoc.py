"""Post-hoc rules answer arrays as they answer tensors; the fitted strength undoes a prior."""

import itertools

import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from lopsided import Counts, predict
from lopsided.steer import posthoc
from lopsided.steer.posthoc import votes

COUNTS = Counts([50, 20, 5, 1])
RULES = {
    "logit adjustment": lambda z: posthoc.logit_adjustment(z, COUNTS),
    "multiplicative": lambda z: posthoc.multiplicative(z, COUNTS, 0.25),
    "one versus one": lambda z: posthoc.one_versus_one(z, COUNTS, 0.25),
    "tau-normalised": lambda z: posthoc.tau_normalised(z, 0.7),
    "nearest mean": lambda z: posthoc.nearest_mean(z, z[:4]),
}
DTYPES = [np.float64, np.float32, np.float16]


def logits(n=9, seed=0):
    return 3 * np.random.default_rng(seed).normal(size=(n, 4))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_are_answered_as_tensors_are(rule, dtype):
    z = logits().astype(dtype)
    found, expected = RULES[rule](z), RULES[rule](torch.from_numpy(z))
    assert isinstance(found, np.ndarray)
    assert found.dtype == expected.numpy().dtype
    assert found.dtype.itemsize >= 4
    assert found == pytest.approx(expected.numpy(), rel=1e-4, abs=1e-4)


def test_probabilities_are_refused_as_arrays_too():
    p = np.exp(logits())
    with pytest.raises(ValueError, match="these are probabilities"):
        posthoc.logit_adjustment(p / p.sum(axis=1, keepdims=True), COUNTS)


@pytest.mark.parametrize("tau", [0.0, 0.6, 1.0, 1.4])
@pytest.mark.parametrize("balanced", [True, False])
def test_the_fitted_tau_undoes_the_prior_that_was_put_in(tau, balanced):
    counts, rng = Counts([6000, 2000, 500, 100]), np.random.default_rng(1)
    y = np.repeat(np.arange(4), [1500] * 4 if balanced else counts.values)
    z = rng.normal(np.eye(4)[y] * 2.0, 1.0) * 2  # calibrated at equal shares
    z += tau * np.log(counts.values / counts.n)
    found = posthoc.fit_tau(z, y, counts)
    assert found == pytest.approx(tau, abs=0.12)
    assert posthoc.fit_tau(torch.from_numpy(z), torch.from_numpy(y), counts) == found
    assert posthoc.fit_tau(z.astype(np.float16), y, counts) == pytest.approx(found, abs=0.01)


@pytest.mark.parametrize("least", [np.finfo(np.float64).tiny, np.finfo(np.float32).tiny, 1e-200])
def test_zeros_of_votes_do_not_outweigh_what_other_samples_tell(least):
    counts, rng = Counts([900, 300, 60, 20]), np.random.default_rng(0)
    y = np.repeat(np.arange(4), counts.values)
    z = rng.normal(np.eye(4)[y] * 1.5, 1.0) * 1.5 + np.log(counts.values / counts.n)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    votes = np.stack([rng.multinomial(50, row) for row in p]) / 50
    assert (votes[np.arange(len(y)), y] == 0).any()
    found = posthoc.fit_tau(np.log(np.maximum(votes, least)), y, counts)
    assert found == pytest.approx(posthoc.fit_tau(np.log(p), y, counts), abs=0.2)
    assert posthoc.fit_tau(np.log(p), y, counts) == pytest.approx(posthoc.fit_tau(z, y, counts))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("sure", [1, 20, 200])
def test_logarithms_of_small_probabilities_are_no_zeros(sure, dtype):
    counts, rng = Counts([900, 300, 60, 20]), np.random.default_rng(0)
    y = np.repeat(np.arange(4), counts.values)
    z = rng.normal(np.eye(4)[y] * 1.5, 1.0) * 1.5 + np.log(counts.values / counts.n)
    z *= sure  # the smallest are below what a float32 holds, and 0 in float64
    logs = (z - logsumexp(z, axis=1, keepdims=True)).astype(dtype)
    found = posthoc.fit_tau(z, y, counts)
    assert posthoc.fit_tau(logs, y, counts) == pytest.approx(found, rel=1e-4)
    twice = np.append(np.arange(len(y)), logs.min(axis=1).argmin())
    assert posthoc.fit_tau(logs[twice], y[twice], counts) == pytest.approx(found, rel=0.02)


@pytest.mark.parametrize("offset", [1e3, 1e6, 1e9])
def test_what_the_logits_of_a_sample_have_in_common_moves_no_tau(offset):
    rng, counts = np.random.default_rng(0), [300, 90, 12]
    labels = np.repeat([0, 1, 2], counts)
    logits = rng.normal(2.0 * np.eye(3)[labels], 1.0) + np.log(np.divide(counts, 402))
    common = offset * rng.normal(size=(402, 1))
    wanted = posthoc.fit_tau(logits, labels, counts)
    assert posthoc.fit_tau(logits + common, labels, counts) == pytest.approx(wanted, rel=1e-4)


def test_what_tells_nothing_of_labels_has_no_tau():
    z = logits(400)
    with pytest.raises(ValueError, match="in one order"):
        posthoc.fit_tau(z, (-z).argmax(axis=1), COUNTS)
    with pytest.raises(ValueError, match="there is none"):
        posthoc.fit_tau(z[:0], np.zeros(0, int), COUNTS)
    with pytest.raises(ValueError, match="two classes or more, and there is class 1 alone"):
        posthoc.fit_tau(z[:3], np.ones(3, int), COUNTS)


def test_learned_scales_undo_factors_that_were_put_in():
    rng, put = np.random.default_rng(0), np.array([1.0, 0.7, 1.6, 0.5])
    z = rng.normal(size=(15_000, 4)) * 2
    z -= z.mean(axis=0)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    y = (p.cumsum(axis=1) < rng.random((len(p), 1))).sum(axis=1)
    found = posthoc.fit_scales(z / put, y)
    assert found == pytest.approx(put, abs=0.08)
    tensor = torch.from_numpy(z / put).requires_grad_()
    same = posthoc.fit_scales(tensor, torch.from_numpy(y))
    assert same.numpy() == pytest.approx(found)
    assert (tensor * same).grad_fn is not None  # to decide by, wherever the logits are
    half = posthoc.fit_scales(tensor.to(torch.bfloat16), torch.from_numpy(y))
    assert half.dtype == torch.float32


def test_learned_scales_are_the_least_of_their_problem():
    z = logits(60, seed=3) + np.array([4.0, 1.0, 0.0, -1.0])
    y = np.repeat([0, 1, 2, 3], [40, 15, 4, 1])
    found = posthoc.fit_scales(z, y)

    def value(f):
        losses = [logsumexp(f * row) - (f * row)[c] for row, c in zip(z, y, strict=True)]
        return np.dot(losses, 1 / (4 * np.bincount(y)[y])) + 0.0005 * np.square(f - 1).sum()

    least = value(found)
    for c, sign in itertools.product(range(4), (-1, 1)):
        step = 1e-4 * sign * np.eye(4)[c]
        assert value(np.maximum(found + step, 0)) >= least


@pytest.mark.parametrize("size", [1e5, 1e30, 1e60])
def test_logits_of_any_size_have_their_scales_and_their_tau(size):
    y = np.repeat([0, 1, 2, 3], [40, 15, 4, 1])
    z = logits(60, seed=3) + np.array([4.0, 1.0, 0.0, -1.0])
    # The priors on numbers near one are as nothing to logits of thousands already.
    for fit in (posthoc.fit_scales, lambda z, y: 1 / posthoc.fit_tau(z, y, [40, 15, 4, 1])):
        assert fit(size * z, y) * size == pytest.approx(fit(1e4 * z, y) * 1e4, rel=1e-3)
    right = np.eye(4)[y] + 0.1 * z / np.abs(z).max()
    assert posthoc.fit_scales(size * right, y) == pytest.approx(np.ones(4))
    mixed = z * [1, 1, 1, 0]  # this factor stays at one, and the others are tiny
    with pytest.raises(ValueError, match="the factor of class 3 is not found"):
        posthoc.fit_scales(1e5 * size * mixed, y)


def test_a_head_is_learned_as_if_all_classes_were_as_large():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [900, 90, 10])
    h = rng.normal(3 * np.eye(3)[y], 1.0)
    copies = np.repeat(np.arange(len(y)), 900 // np.bincount(y)[y])
    found, expected = posthoc.fit_head(h, y), posthoc.fit_head(h[copies], y[copies])
    test = rng.normal(size=(50, 3))
    # The features' unit is their length over the samples, and the ridge is in it.
    assert np.corrcoef(found.scores(test).ravel(), expected.scores(test).ravel())[0, 1] > 0.999
    truth = np.repeat([0, 1, 2], 300)
    answers = found.scores(rng.normal(3 * np.eye(3)[truth], 1.0)).argmax(axis=1)
    assert (answers == truth).mean() > 0.95
    with pytest.raises(ValueError, match="class 1"):
        posthoc.fit_head(h, 2 * (y > 0))
    with pytest.raises(ValueError, match="log-probabilities"):
        posthoc.fit_scales(h - np.log(np.exp(h).sum(axis=1, keepdims=True)), y)


@pytest.mark.parametrize(
    "kind",
    [np.int64, np.uint8, np.float16, np.float32, torch.int64, torch.float16, torch.bfloat16],
)
def test_a_head_scores_features_of_any_type_as_it_scores_float64(kind):
    rng = np.random.default_rng(0)
    y = np.arange(40) % 4
    whole = rng.integers(0, 9, (40, 6)) + 9 * np.eye(4, 6, dtype=np.int64)[y]
    given = whole.astype(kind) if isinstance(kind, type) else torch.tensor(whole).to(kind)
    head = posthoc.fit_head(given, y)
    expected = whole @ head.weight.T + head.bias
    assert head.scores(given) == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_the_boundaries_of_one_versus_one_are_those_of_the_paper():
    counts = Counts([100, *[10] * 9])
    angle, rho = votes.boundaries(counts), np.arccos(-1 / 9)
    assert angle[0, 1] == pytest.approx(0.404138666, abs=1e-9)
    np.testing.assert_allclose(angle + angle.T, rho)
    value = np.sin(rho) * np.cos(angle[1, 0])
    assert value == pytest.approx(0.286844723, abs=1e-9)
    assert np.sin(angle[0, 1]) + np.cos(rho) * np.sin(angle[1, 0]) == pytest.approx(value)


def test_two_classes_are_parted_at_their_angle():
    """In the plane of two classifiers of an ETF, the vote changes where the angle is theta."""
    counts = Counts([100, *[10] * 9])
    W = predict.etf(10).vectors(9)[0]
    W /= np.linalg.norm(W, axis=1, keepdims=True)
    across = W[1] - (W[1] @ W[0]) * W[0]
    across /= np.linalg.norm(across)
    angle = votes.boundaries(counts)[0, 1]
    for shift, winner in ((-1e-6, 0), (1e-6, 1)):
        h = np.cos(angle + shift) * W[0] + np.sin(angle + shift) * across
        assert posthoc.one_versus_one((h @ W.T)[None], counts).argmax() == winner


def test_equal_counts_and_norms_leave_the_order_of_the_logits():
    z = logits(200)
    found = posthoc.one_versus_one(z, Counts([7] * 4), 3.0)
    np.testing.assert_array_equal(found.argsort(axis=1), z.argsort(axis=1))
    moved = posthoc.one_versus_one(z, Counts([7] * 4), norms=[9.0, 1.0, 1.0, 1.0])
    assert (moved.argmax(axis=1) == 0).sum() < (found.argmax(axis=1) == 0).sum()
    for wrong, words in (([1.0, 2.0], "one number for each of 4"), ([1, 1, 1, 0], "positive")):
        with pytest.raises(ValueError, match=words):
            posthoc.one_versus_one(z, COUNTS, norms=wrong)
    with pytest.raises(ValueError, match="three classes or more"):
        posthoc.one_versus_one(z[:, :2], [9, 1])


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
def test_of_equal_logits_the_first_is_voted_for_as_by_every_argmax(kind):
    z = np.concatenate([np.round(logits(200)), np.zeros((2, 4)), np.full((1, 4), -np.inf)])
    found = posthoc.one_versus_one(kind(z), COUNTS, tau=0.0)
    np.testing.assert_array_equal(found.argmax(1), z.argmax(axis=1))
    np.testing.assert_array_equal(found - 4 * (found // 4) == 3, np.eye(4)[z.argmax(axis=1)] == 1)


def test_max_norm_shortens_what_is_longer_and_nothing_twice():
    weight = logits()
    lengths = np.linalg.norm(weight, axis=1)
    radius = float(np.median(lengths))
    for given in (weight.copy(), torch.nn.Parameter(torch.tensor(weight))):
        found = posthoc.max_norm_(given, radius)
        assert found is given
        once = np.array(found.tolist())
        np.testing.assert_allclose(np.linalg.norm(once, axis=1), np.minimum(lengths, radius))
        np.testing.assert_allclose(posthoc.max_norm_(found, radius).tolist(), once)
    with pytest.raises(ValueError, match="radius must be"):
        posthoc.max_norm_(weight, 0.0)


def test_max_norm_writes_where_it_stays():
    matrix = np.array([[3.0, 4.0], [0.0, 1.0]]).view(np.matrix)
    assert posthoc.max_norm_(matrix, 1.0).tolist() == pytest.approx(
        np.eye(2) @ [[0.6, 0.8], [0, 1]]
    )
    layer = torch.nn.Linear(4, 3)
    posthoc.max_norm_(layer.weight[1:], 0.01)  # a view of what learns
    assert (layer.weight.norm(dim=1) < 0.011).tolist() == [False, True, True]
    with pytest.raises(ValueError, match="computed from other tensors"):
        posthoc.max_norm_(torch.nn.utils.parametrizations.weight_norm(layer).weight, 0.01)


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
def test_lengths_whose_squares_leave_the_type_are_lengths(kind):
    weight = np.array([[3e25, 4e25], [3e-30, 4e-30], [0.6, 0.8]], np.float32)
    unit = np.array([[0.6, 0.8]] * 3, np.float32)
    np.testing.assert_allclose(posthoc.tau_normalised(kind(weight)), unit, rtol=1e-6)
    found = posthoc.max_norm_(kind(weight.copy()), 1.0)
    np.testing.assert_allclose(found[[0, 2]], unit[:2], rtol=1e-6)
    with pytest.raises(ValueError, match=r"leave (torch\.)?float32"):
        posthoc.nearest_mean(kind(weight), kind(weight[:1]))


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
def test_powers_that_leave_the_type_hide_no_answer_that_does_not(kind):
    weight = np.array([[3e25, 4e25], [3e-25, 4e-25], [0.0, 0.0]], np.float32)
    for tau in (0.0, 0.5, 1.0, 1.5, 2.0):
        wide = posthoc.tau_normalised(weight.astype(np.float64), tau)
        np.testing.assert_allclose(posthoc.tau_normalised(kind(weight), tau), wide, rtol=1e-5)
    for tau in (-1.0, 3.0):
        with pytest.raises(ValueError, match=r"longer than (torch\.)?float32 can hold"):
            posthoc.tau_normalised(kind(weight), tau)
    with pytest.raises(ValueError, match=r"logits larger than (torch\.)?float32 can hold"):
        posthoc.multiplicative(kind(weight[1::-1].T.copy()), [10**8, 1], 2.0)


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
def test_no_class_is_voted_for_by_what_is_no_number(kind):
    z = logits()
    z[4, 2] = np.nan
    with pytest.raises(ValueError, match="sample 4 has NaN"):
        posthoc.one_versus_one(kind(z), COUNTS)


@pytest.mark.parametrize("logits", [np.zeros((64, 3)), np.tile([1.0, 2.0, 3.0], (64, 1))])
def test_no_tau_is_fitted_to_logits_that_tell_nothing(logits):
    with pytest.raises(ValueError, match="tell nothing of these labels"):
        posthoc.fit_tau(logits, np.repeat([0, 1, 2], [50, 10, 4]), [50, 10, 4])


def test_no_scales_are_fitted_to_logits_of_other_classes_alone():
    y = np.repeat([0, 1, 2], [12, 4, 2])
    with pytest.raises(ValueError, match="tell nothing of these labels"):
        posthoc.fit_scales(-6 * np.eye(3)[y], y)
