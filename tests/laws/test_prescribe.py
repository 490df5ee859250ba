"""Laws of `steer.prescribe`: every fit is the minimiser of its problem, a prescription is linear,
and neither the numbering of the classes nor the basis of the features changes it."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from lopsided import Counts, measure, predict
from lopsided.diagnosis import diagnose_stored
from lopsided.measure import open_store
from lopsided.steer import CosineHead, PrototypeHead, prescribe
from lopsided.steer.prescribe import heads, rows_read
from lopsided.steer.prescribe.cause import Cause, Errors, norm_share
from lopsided.steer.prescribe.choice import folds
from lopsided.steer.prescribe.entropy import fit_linear, losses
from lopsided.steer.prescribe.gain import (
    EVEN,
    FACTOR,
    LEAST,
    Accuracies,
    Gain,
    balanced,
    gain,
)
from lopsided.steer.prescribe.heads import (
    CAUTIOUS,
    PLAIN,
    SECOND_RIDGE,
    STACKED,
    refit,
    second_head,
    three_numbers,
)
from lopsided.steer.prescribe.linear import Linear
from lopsided.steer.prescribe.samples import Samples
from lopsided.steer.prescribe.sentences import measured, reweighted
from lopsided.steer.prescribe.summary import Scale, Summary

COUNTS = (120, 40, 12, 4)


def task(counts=COUNTS, d=6, seed=0, apart=1.5, offset=True):
    """A head that leans to large classes, training features and held-out ones."""
    rng = np.random.default_rng(seed)
    k = len(counts)
    means = apart * rng.normal(size=(k, d))

    def drawn(n):
        labels = rng.permutation(np.repeat(np.arange(k), n))
        return means[labels] + rng.normal(size=(len(labels), d)), labels

    train, held_out = drawn(counts), drawn(np.maximum(np.array(counts) // 4, 1))
    head = means, -0.5 * (means**2).sum(axis=1) + 2 * offset * np.log(np.array(counts) + 1)
    return head, train, held_out


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("m", [1, 2])
def test_the_interval_contains_nine_of_ten_gains_of_few_classes(k, m):
    rng = np.random.default_rng(0)
    train = np.array([300, *[12] * (k - 1)])

    def trial():
        means = rng.normal(size=(k, 5))

        def drawn(n):
            labels = np.repeat(np.arange(k), n)
            return means[labels] + rng.normal(size=(len(labels), 5)), labels

        (x, y), held_out, test = drawn(train), drawn(train * m // 12), drawn(2000)
        own = np.stack([x[y == c].mean(axis=0) for c in range(k)])
        trained = Linear(own, np.log(train) - (own**2).sum(axis=1) / 2)
        found = prescribe((trained.weight, trained.bias), (x, y), held_out)
        was, now = (
            np.mean(head.scores(test[0]).argmax(axis=1) == test[1])
            for head in (trained, found.corrected)
        )
        return found.interval[0] <= now - was <= found.interval[1]

    assert np.mean([trial() for _ in range(80)]) >= 0.9


@given(
    st.integers(0, 10**6),
    st.sampled_from([0.0, 3.0, 1e4, 1e8]),
    st.sampled_from([np.float32, np.float64]),
    st.integers(1, 40),
)
def test_the_scale_of_features_is_found_however_far_they_lie_and_in_blocks(seed, away, kind, block):
    rng = np.random.default_rng(seed)
    y = np.concatenate([[0, 2, 3], rng.integers(0, 4, 30)])  # class 1 may have none
    x = (rng.normal(size=(33, 3)) + away).astype(kind)
    parts = [(x[i : i + block], y[i : i + block]) for i in range(0, 33, block)]
    found = Summary.of(Samples(parts, 4, 3, "train"))
    exact, n = x.astype(np.longdouble), np.bincount(y, minlength=4)
    mean = np.mean([exact[y == c].mean(axis=0) for c in range(4) if n[c]], axis=0)
    squares = [((exact[y == c] - mean) ** 2).sum(axis=1).mean() for c in range(4) if n[c]]
    length = float(np.sqrt(np.mean(squares))) or 1.0
    assert found.counts.tolist() == n.tolist()
    assert found.scale.mean == pytest.approx(mean.astype(float), rel=1e-7, abs=1e-6)
    assert found.scale.length == pytest.approx(length, rel=1e-6)


@pytest.mark.parametrize("value", [0.0, 5.0, 1e30])
def test_features_that_are_all_equal_have_the_unit_one(value):
    found = Summary.of(Samples((np.full((6, 2), value), np.arange(6) % 3), 3, 2, "train"))
    assert (found.scale.mean.tolist(), found.scale.length) == ([value, value], 1.0)


def test_the_second_head_minimises_its_objective():
    _, (x, y), _ = task(d=3)
    samples = Samples((x, y), 4, 3, "train")
    seen = Summary.of(samples)
    found = second_head(samples, seen)
    n = np.bincount(y)
    means = np.stack([x[y == c].mean(axis=0) for c in range(4)])
    assert seen.scale.mean == pytest.approx(means.mean(axis=0))
    h = (x - seen.scale.mean) / seen.scale.length
    assert ((h**2).sum(axis=1) / (4 * n[y])).sum() == pytest.approx(1)

    def objective(flat):
        W, b = flat[:12].reshape(4, 3), flat[12:]
        return (losses(h @ W.T + b, y) / (4 * n[y])).sum() + SECOND_RIDGE / 2 * (W**2).sum()

    best = scipy.optimize.minimize(objective, np.zeros(16), method="BFGS", tol=1e-8).fun
    there = seen.scale.into(found)
    reached = objective(np.concatenate([there.weight.ravel(), there.bias]))
    assert best - 1e-9 <= reached < best + 1e-3  # stopped early, as it should be


@pytest.mark.parametrize("prior", [STACKED, PLAIN, CAUTIOUS])
@pytest.mark.parametrize("seed", range(4))
def test_the_three_numbers_minimise_their_convex_objective_over_what_is_not_negative(prior, seed):
    rng = np.random.default_rng(seed)
    parts = rng.normal(size=(3, 30, 4)) * [[[3.0]], [[1.0]], [[2.0]]]
    y, shift = rng.integers(4, size=30), np.log([0.4, 0.3, 0.2, 0.1])
    parts[seed % 3, np.arange(30), y] -= 2  # one of the parts is worse than nothing
    fixed = np.isinf(prior.precisions)
    ridge = np.where(fixed, 0, prior.precisions)

    def objective(x):
        far = 0.5 * ridge @ (x - prior.means) ** 2
        return losses(np.tensordot(x, parts, 1) + shift, y).sum() + far

    found = three_numbers(parts, y, shift, prior)
    bounds = [(m, m) if f else (0, None) for m, f in zip(prior.means, fixed, strict=True)]
    general = scipy.optimize.minimize(objective, prior.means, bounds=bounds, tol=1e-12)
    assert (found >= 0).all()
    assert objective(found) <= general.fun + 1e-9
    assert found == pytest.approx(general.x, abs=1e-4)


@pytest.mark.parametrize("block", [1, 9, 2**15])
def test_the_three_numbers_are_those_of_the_samples_used_in_blocks_of_any_size(block, monkeypatch):
    rng = np.random.default_rng(0)
    parts, y = rng.normal(size=(3, 90, 4)), rng.integers(4, size=90)
    parts[0, np.arange(90), y] += 1.5
    used, shift = rng.random(90) < 0.7, np.log([0.4, 0.3, 0.2, 0.1])
    wanted = three_numbers(parts[:, used], y[used], shift, STACKED)
    monkeypatch.setattr(heads, "BLOCK", block)
    found = three_numbers(parts, y, shift, STACKED, used)
    assert found == pytest.approx(wanted, rel=1e-9)


def test_the_refit_minimises_its_objective_and_stays_where_there_is_nothing_to_learn():
    (W, b), _, (x, y) = task(d=3)
    held, shift = Samples((x, y), 4, 3, "held_out"), np.log(np.bincount(y) / len(y))
    near, scale = Linear(W, b), Scale(np.array([1.0, 0.0, -2.0]), 2.0)
    first = scale.into(near)
    found = refit(held, np.ones(len(y), bool), near, shift, scale)

    def objective(flat):
        V, c = flat[:12].reshape(4, 3), flat[12:]
        far = 0.5 * ((V - first.weight) ** 2).sum() + 0.5e-4 * ((c - first.bias) ** 2).sum()
        return losses((x - scale.mean) / 2 @ V.T + c + shift, y).sum() + far

    start = np.concatenate([first.weight.ravel(), first.bias])
    best = scipy.optimize.minimize(objective, start, method="BFGS", tol=1e-9)
    there = scale.into(found)
    reached = np.concatenate([there.weight.ravel(), there.bias])
    assert objective(reached) == pytest.approx(best.fun, rel=1e-6)
    nobody = refit(held, np.zeros(len(y), bool), near, shift, scale)
    assert np.array_equal(nobody.weight, W)


def test_the_slope_of_the_linear_fit_is_that_of_its_objective():
    (W, b), (x, y), _ = task()
    weights = np.linspace(0.1, 1, len(y))

    def read():
        yield x[:50], y[:50], weights[:50]
        yield x[50:], y[50:], weights[50:]

    scale = Scale(np.linspace(-1, 1, 6), 3.0)
    zero = Linear(0 * W, 0 * b)
    found = fit_linear(
        read, zero, np.log(COUNTS), ridge=0.1, bias_ridge=0.2, scale=scale, steps=500
    )

    def objective(flat):
        V, c = flat[:24].reshape(4, 6), flat[24:]
        z = (x - scale.mean) / 3 @ V.T + c + np.log(COUNTS)
        return weights @ losses(z, y) + 0.05 * (V**2).sum() + 0.1 * (c**2).sum()

    there = scale.into(found)
    at = np.concatenate([there.weight.ravel(), there.bias])
    slope = np.abs(scipy.optimize.approx_fprime(at, objective)).max()
    assert slope < 1e-4 * np.abs(scipy.optimize.approx_fprime(0 * at, objective)).max()


@pytest.mark.parametrize("held", [True, False])
def test_the_prescribed_head_is_linear_and_scores_as_the_stack_does(held):
    head, train, held_out = task()
    if not held:  # the norms of plain cross-entropy
        head = predict.seli(COUNTS).vectors(6, seed=0)[0], None
    found = prescribe(head, train, held_out if held else None, loss="cross-entropy")
    x = held_out[0]
    assert found.score(x) == pytest.approx(x @ found.weight.T + found.bias)
    if found.remedy == "three numbers":
        u, v, a = found.numbers
        samples = Samples(train, 4, 6, "train")
        second = second_head(samples, Summary.of(samples))
        stack = u * Linear.of(head).scores(x) + v * second.scores(x)
        assert found.score(x) == pytest.approx(stack - a * np.log(np.array(COUNTS) / sum(COUNTS)))
    if not held:
        shift = np.log(np.array(COUNTS) / sum(COUNTS))
        assert found.remedy == "logit adjustment"
        assert found.score(x) == pytest.approx(Linear.of(head).scores(x) - shift)


@pytest.mark.parametrize("only", [None, 0, 4])  # classes of the held-out samples
def test_a_class_that_is_still_to_come_is_not_lifted_for_having_no_sample(only):
    (x, y), new = task()[1], task()[2][0]
    head = np.vstack([predict.seli(COUNTS).vectors(6, seed=0)[0], np.zeros(6)]), np.zeros(5)
    held_out = None if only is None else (new, np.full(len(new), only))
    found = prescribe(head, (x, y), held_out, loss="cross-entropy")
    lift = found.score(new) - Linear.of(head).scores(new)
    assert found.remedy == "logit adjustment"
    assert lift[0, :4] == pytest.approx(-np.log(np.array(COUNTS) / sum(COUNTS)), abs=0.01)
    assert (lift[:, 4] == 0).all() == (only != 4)


def diagnosed(head, train, held_out, **options):
    model = torch.nn.Linear(6, 5).double()
    model.load_state_dict(dict(zip(("weight", "bias"), map(torch.as_tensor, head), strict=True)))
    loaders = [
        None if samples is None else [tuple(map(torch.as_tensor, samples))]
        for samples in (train, held_out)
    ]
    options |= {"classes": "seen", "loss": "cross-entropy", "show_progress": False}
    return measure.diagnose(model, loaders[0], [*COUNTS, 1], held_out=loaders[1], **options)


def diagnosed_of_files(head, train, held_out, path):
    for name, samples in (("train", train), ("held_out", held_out)):
        if samples is not None:
            parts = {"features": samples[0], "labels": samples[1]}
            np.savez(path / f"{name}.npz", **parts, weight=head[0], bias=head[1])
    stores = [
        None if samples is None else measure.open_store(path / f"{name}.npz")
        for name, samples in (("train", train), ("held_out", held_out))
    ]
    counts = Counts([*COUNTS, 1])
    collapse = measure.stored(stores[0], classes="seen", counts=counts)
    return diagnose_stored(collapse, *stores, counts, loss="cross-entropy")


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("door", ["features kept", "two passes", "files"])
def test_a_class_that_no_training_sample_is_of_is_still_to_come_in_a_diagnosis(
    door, held, tmp_path
):
    (W, b), train, held_out = task()
    if not held:  # the norms of plain cross-entropy
        W, b = predict.seli(COUNTS).vectors(6, seed=0)[0], np.zeros(4)
    head = np.vstack([W, np.zeros(6)]), np.append(b, 0.0)
    given = head, train, held_out if held else None
    if door == "files":
        found = diagnosed_of_files(*given, tmp_path).prescription
    else:
        found = diagnosed(*given, passes=2 if door == "two passes" else None).prescription
    if found is None:
        assert (door, held) == ("two passes", False)
    elif held:
        assert found.present.tolist() == [True] * 4 + [False]
    else:
        assert found.remedy == "logit adjustment"
        assert (found.head.bias - head[1])[4] == 0


def test_counts_of_fewer_classes_than_the_head_are_told_so_in_a_diagnosis_of_files(tmp_path):
    head, train, _ = task()
    np.savez(tmp_path / "a.npz", features=train[0], labels=train[1], weight=head[0], bias=head[1])
    store = measure.open_store(tmp_path / "a.npz")
    with pytest.raises(ValueError, match="counts are of 3 classes, the head has 4"):
        diagnose_stored(measure.stored(store), store, None, Counts(COUNTS[:3]))


@pytest.mark.parametrize("counts", [COUNTS, (100, 40, 20, 20)])  # the latter is refitted
def test_relabelling_rotation_origin_and_unit_change_nothing(counts):
    (W, b), (x, y), (x2, y2) = task(counts)
    found = prescribe((W, b), (x, y), (x2, y2))
    order = np.array([2, 0, 3, 1])
    place = np.argsort(order)
    relabelled = prescribe((W[order], b[order]), (x, place[y]), (x2, place[y2]))
    Q = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0]
    turned = prescribe((W @ Q, b), (x @ Q, y), (x2 @ Q, y2))
    away, same = np.linspace(30, 60, 6), np.arange(4)
    moved = prescribe((W, b - W @ away), (x + away, y), (x2 + away, y2))
    scaled = prescribe((W / 50, b), (50 * x, y), (50 * x2, y2))
    given = {id(turned): x2 @ Q, id(moved): x2 + away, id(scaled): 50 * x2}
    for other, back in ((relabelled, place), (turned, same), (moved, same), (scaled, same)):
        assert (other.remedy, str(other.cause)) == (found.remedy, str(found.cause))
        assert other.gain == pytest.approx(found.gain, abs=1e-3)
        z, w = found.score(x2), other.score(given.get(id(other), x2))[:, back]
        assert w == pytest.approx(z, abs=1e-2)


@given(st.integers(0, 2**32), st.integers(2, 6), st.integers(1, 40))
def test_the_gain_is_what_a_naive_loop_counts(seed, k, n):
    rng = np.random.default_rng(seed)
    y, before, after, model = rng.integers(k, size=(4, n))
    p, held = rng.dirichlet(np.ones(k), n), np.bincount(y, minlength=k)
    present = (rng.random(k) < 0.5) | (held > 0)  # others have no sample anywhere
    present[:2] = True
    found = gain(before, after, y, p, model, held, present)
    counted = np.mean(
        [
            np.mean([int(after[i] == c) - int(before[i] == c) for i in range(n) if y[i] == c])
            for c in range(k)
            if c in y
        ]
    )
    modelled = right = 0.0
    told = [c for c in np.flatnonzero(present) if held[c] or sum(p[:, c]) >= LEAST]
    for c in told:
        total = sum(p[i, c] for i in range(n)) * len(told)
        hit = sum(p[i, c] * ((model[i] == c) - int(before[i] == c)) for i in range(n))
        modelled += hit / total
        right += sum(p[i, c] * int(before[i] == c) for i in range(n)) / total
    m = held[present].min()
    w = m / (m + EVEN)
    assert found.counted == pytest.approx(counted)
    assert found.modelled == pytest.approx(modelled)
    possible = np.clip(FACTOR * modelled, -right, 1 - right)
    assert found.expected == pytest.approx(w * counted + (1 - w) * possible)
    assert -1 <= found.low < found.expected < found.high <= 1


@pytest.mark.parametrize("trace", [1e-9, 1e-4, 0.009])
def test_a_class_of_which_held_out_samples_tell_nothing_is_left_out_of_the_gain(trace):
    y, held, every = np.repeat([0, 1], 5), np.array([5, 5, 0]), np.ones(3, bool)
    before = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 2])  # what it takes for class 2 is of class 1
    p = np.where(y[:, None] == np.arange(3), 0.9 - trace, 0.1)
    p[:, 2] = trace / 2 ** np.arange(10)[::-1]
    p /= p.sum(axis=1, keepdims=True)
    found = gain(before, y, y, p, y, held, every)
    assert found.expected > 0  # half of the trace of class 2 is in the sample that it takes for it
    two = gain(before, y, y, p, y, held, every & (held > 0))
    assert found.modelled == two.modelled
    more = p + np.array([0, 0, 1.0])
    assert gain(before, y, y, more, y, held, every).modelled != found.modelled


def test_promises_hold_where_classes_that_are_far_apart_have_no_held_out_sample():
    came, promised, held = [], [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        mu = 2 * rng.normal(size=(5, 8))
        W, b = mu + 0.6 * rng.normal(size=mu.shape), rng.normal(size=5)
        (x, y), (x2, y2), (x3, y3) = (
            (mu[labels] + rng.normal(size=(len(labels), 8)), labels)
            for labels in (
                np.repeat(np.arange(5), numbers)
                for numbers in ((80, 36, 17, 8, 4), (32, 14, 7, 0, 0), [500] * 5)
            )
        )
        found = prescribe((W, b), (x, y), (x2, y2))
        after, before = found.corrected.scores(x3), x3 @ W.T + b
        came.append(np.mean(after.argmax(axis=1) == y3) - np.mean(before.argmax(axis=1) == y3))
        promised.append(found.gain)
        held.append(found.interval[0] <= came[-1] <= found.interval[1])
    assert np.mean(promised) == pytest.approx(np.mean(came), abs=0.05)
    assert np.mean(held) > 0.85


def test_no_gain_is_expected_that_cannot_be():
    y, ones = np.repeat(np.arange(7), 1), np.eye(7)
    found = gain(np.full(7, 0), y, y, ones, y, np.ones(7, int), np.ones(7, bool))
    assert found.expected == pytest.approx(6 / 7)
    assert found.high == 1


@pytest.mark.parametrize("seed", [14, 95, 145])
def test_features_in_large_units_under_a_head_of_usual_ones_are_judged(seed):
    rng = np.random.default_rng(seed)
    n, m = rng.choice([1, 2, 10, 40, 200], size=12), rng.choice([1, 2, 5, 20], size=12)
    centers, weight = rng.normal(size=(12, 2)), rng.normal(size=(12, 2))

    def samples(counts):
        labels = np.repeat(np.arange(12), counts)
        return 1e6 * (centers[labels] + 5 * rng.normal(size=(len(labels), 2))), labels

    found = prescribe((weight, None), samples(n), samples(m))
    assert found.interval[0] <= found.gain <= found.interval[1]


@pytest.mark.parametrize("measured", [True, False])
def test_counts_that_the_training_samples_contradict_are_told(measured):
    head, train, held_out = task()
    given = held_out if measured else None
    told = "Careful: the samples are most where the training counts are least"
    assert str(prescribe(head, train, given, counts=COUNTS[::-1])).startswith(told)
    assert "Careful" not in str(prescribe(head, train, given, counts=COUNTS))
    swapped = np.array(COUNTS)[[1, 0, 3, 2]]  # the largest two, and the rarest two
    told = "Careful: sorted by size the counts are those of the samples, but not class by class"
    assert str(prescribe(head, train, given, counts=swapped)).startswith(told)


def test_one_set_of_samples_is_not_both_trained_on_and_held_out(tmp_path):
    head, (x, y), _ = task()
    np.savez(tmp_path / "a.npz", features=x, labels=y)
    store, same = open_store(tmp_path / "a.npz"), open_store(tmp_path / "a.npz")
    (tmp_path / "b.npz").symlink_to(tmp_path / "a.npz")
    for again in (same, open_store(tmp_path / "b.npz")):
        with pytest.raises(ValueError, match=r"[ab]\.npz is among the training samples and the"):
            prescribe(head, store, again)


def test_samples_are_told_apart_by_their_features_and_only_by_these():
    signs = np.sign(np.random.default_rng(0).normal(size=(20_000, 48)))
    found = Samples((signs, np.zeros(20_000, int)), 2, 48, "train").fingerprints()
    assert len(np.unique(found)) == len(np.unique(signs, axis=0))
    assert len(np.unique(found % 2**16)) > 15_000  # each bit tells, not the first ones alone
    for x in ([[0.0, 1.0], [-0.0, 1.0]], np.float64([[1e60, 1.0], [1e60, 1.0 + 1e-12]])):
        assert np.ptp(Samples((np.array(x), np.zeros(2, int)), 2, 2, "train").fingerprints()) == 0
    large = np.array([[1e60, 1.0], [2e60, 1.0]]), np.zeros(2, int)
    assert np.ptp(Samples(large, 2, 2, "train").fingerprints()) > 0


@pytest.mark.parametrize("times", [[3, 3, 3, 3], [1, 3, 10, 30]])
def test_copies_of_held_out_samples_promise_no_more_and_no_surer_and_are_told(times):
    """As after oversampling: a copy is no sample that the head was not fitted to."""
    head, train, (x, y) = task(counts=(400, 200, 60, 20))
    plain = prescribe(head, train, (x, y))
    rows = np.repeat(np.arange(len(y)), np.array(times)[y])
    found = prescribe(head, train, (x[rows], y[rows]))
    told = f"Careful: {len(rows) - len(y):,} of {len(rows):,} held-out samples have the features"
    assert told in str(found)
    assert "held-out samples have the features" not in str(plain)
    assert abs(found.gain - plain.gain) < 0.03
    assert np.ptp(found.interval) == pytest.approx(np.ptp(plain.interval), rel=0.15)


@pytest.mark.parametrize("kind", ["int32", "int64", "uint32", ">i8", "longdouble"])
def test_whole_numbers_keep_the_digits_that_float32_lacks(kind):
    now, (_, (x, y), (x2, y2)) = 1_700_000_000, task(d=1)
    days, later = (np.rint(50 * part) + now for part in (x, x2))  # a second is what tells apart
    slope = np.linspace(-1, 1, 4)[:, None]
    head = slope, -now * slope[:, 0]
    found = prescribe(head, (days.astype(kind), y), (later.astype(kind), y2))
    same = prescribe(head, (days, y), (later, y2))
    assert found.before.balanced == same.before.balanced
    assert found.numbers == pytest.approx(same.numbers)
    answers = Linear.of(head).scores(later).argmax(axis=1)
    right = [(answers[y2 == c] == c).mean() for c in range(4)]
    assert found.before.balanced == pytest.approx(np.mean(right))


@pytest.mark.parametrize(("away", "kind"), [(0.0, "float32"), (100.0, "float32"), (2e9, "float64")])
def test_a_file_keeps_the_digits_that_features_far_from_zero_need(away, kind, tmp_path):
    (W, b), (x, y), (x2, y2) = task(counts=(400, 100, 20, 8))
    found = prescribe((W, b - away * W.sum(axis=1)), (x + away, y), (x2 + away, y2))
    held = load_file(found.save(tmp_path / "h.safetensors"))
    assert held["weight"].dtype == kind
    scores, written = found.score(x2 + away), (x2 + away) @ held["weight"].T + held["bias"]
    apart = (scores - scores[:, :1]) - (written - written[:, :1])
    assert np.abs(apart).max() < 1e-2


@pytest.mark.parametrize("size", [1e-45, 1e60])
def test_a_head_that_float32_does_not_hold_is_not_written(size, tmp_path):
    labels = np.repeat([0, 1], [60, 6])
    x = np.random.default_rng(0).normal(2 * labels[:, None], 1.0, (66, 3)) * size
    found = prescribe((np.zeros((2, 3)), np.array([9.0, 0.0])), (x, labels), (x[::2], labels[::2]))
    with pytest.raises(ValueError, match="beyond what float32 holds"):
        found.save(tmp_path / "h.safetensors")
    assert not list(tmp_path.iterdir())


def test_the_model_knows_the_balanced_accuracy_of_a_rule_where_the_posterior_is_the_truth():
    rng = np.random.default_rng(0)
    p = rng.dirichlet([3.0, 1.0, 0.3], 200_000)
    y = (p.cumsum(axis=1) < rng.uniform(size=(len(p), 1))).sum(axis=1)
    rule = (p / [0.7, 0.2, 0.1]).argmax(axis=1)
    counted = np.mean([(rule[y == c] == c).mean() for c in range(3)])
    assert balanced(rule, p, np.ones(3, bool)) == pytest.approx(counted, abs=0.01)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60))
def test_folds_are_even_and_spread_every_class(labels):
    y = np.array(labels)
    own = np.arange(len(y), dtype=np.uint64)
    found = folds(y, own)
    for each in (found, *(found[y == c] for c in np.unique(y))):
        n = np.bincount(each, minlength=3)
        assert n.max() - n.min() <= 1
    assert np.array_equal(folds(5 - y, own), found)
    twice = np.repeat(y, 2), np.repeat(own, 2)
    assert np.array_equal(folds(*twice), np.repeat(found, 2))


def test_seli_has_the_share_one_and_equal_norms_the_share_nought():
    counts = Counts.exponential(10, 500, 50)
    for law, share in ((predict.seli(counts), 1.0), (predict.etf(10), 0.0)):
        W = law.vectors(seed=3)[0]
        assert norm_share(Linear(W + 5, np.zeros(10)), counts) == pytest.approx(share, abs=1e-9)
    assert norm_share(Linear(W, np.zeros(10)), Counts([5] * 10)) is None
    assert norm_share(Linear(W, np.zeros(10)), counts) is None  # of one length, as a fixed frame is
    assert norm_share(Linear(np.zeros((10, 2)), np.zeros(10)), counts) is None


CORNERS = {
    "one held-out sample of the rarest class": {"held": (30, 10, 3, 1)},
    "a class without held-out samples": {"held": (30, 10, 3, 0)},
    "a class without training samples": {"counts": (60, 20, 6, 0), "held": (30, 10, 3, 2)},
    "two classes": {"counts": (50, 5), "held": (20, 2)},
    "a hundred classes": {
        "counts": tuple([20] * 20 + [2] * 80),
        "held": tuple([5] * 20 + [1] * 80),
    },
    "fewer dimensions than classes": {"d": 2, "held": (30, 10, 3, 1)},
    "float16": {"dtype": np.float16, "held": (30, 10, 3, 1)},
    "features that are all zero": {"scale": 0.0, "held": (30, 10, 3, 1)},
    "features that are huge": {"scale": 1e6, "held": (30, 10, 3, 1)},
    "features that are tiny": {"scale": 1e-6, "held": (30, 10, 3, 1)},
}


@pytest.mark.parametrize("corner", CORNERS)
@pytest.mark.parametrize("trained", [True, False])
def test_no_corner_is_answered_with_nan(corner, trained):
    given = {"counts": COUNTS, "d": 6, "scale": 1.0, "dtype": float, **CORNERS[corner]}
    head, train, _ = task(given["counts"], given["d"])
    _, held_out, _ = task(given["held"], given["d"], seed=0)
    x, x2 = ((given["scale"] * part[0]).astype(given["dtype"]) for part in (train, held_out))
    counts = np.maximum(given["counts"], 1)
    found = prescribe(head, (x, train[1]) if trained else None, (x2, held_out[1]), counts=counts)
    numbers = [found.gain, *found.interval, found.price, *found.numbers, found.before.balanced]
    assert np.isfinite(numbers).all()
    assert np.isfinite(found.score(x2)).all()
    assert "nan" not in f"{found!r} {found}".lower()
    assert ("no held-out sample" in str(found)) == (min(given["held"]) == 0), str(found)
    alone = prescribe(head, (x, train[1]) if trained else None, None, counts=counts)
    assert alone.gain is alone.interval is alone.price is None
    assert "Not measured" in str(alone)


def test_a_head_that_leans_to_large_classes_is_corrected_as_promised():
    head, train, held_out = task((400, 100, 20, 8), seed=3)
    found = prescribe(head, train, held_out)
    rng = np.random.default_rng(9)
    y = np.repeat(np.arange(4), 2000)
    x = head[0][y] + rng.normal(size=(len(y), 6))
    was, now = (
        np.mean([(z.argmax(axis=1) == y)[y == c].mean() for c in range(4)])
        for z in (Linear.of(head).scores(x), found.score(x))
    )
    assert found.cause.head
    assert now > was + 0.02
    assert found.interval[0] <= now - was <= found.interval[1]


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_a_prescription_stays_what_it_was_when_the_head_is_trained_further(kind):
    (weight, bias), train, held_out = task(apart=20.0, offset=False)
    weight, bias = kind(weight), kind(bias)
    found = prescribe((weight, bias), train, held_out)
    assert found.remedy == "nothing"
    before = found.score(held_out[0])
    weight += 1.0
    bias += 1.0
    assert np.array_equal(found.score(held_out[0]), before)


def test_held_out_samples_of_one_class_measure_nothing():
    head, train, (x, y) = task()
    for kept in (y == 0, np.arange(len(y)) == 0):
        found = prescribe(head, train, (x[kept], y[kept]))
        assert found.gain is found.interval is found.price is None
        assert np.isfinite(found.weight).all()
        assert "Not measured: all held-out samples are of one class." in str(found)


def test_a_gain_that_may_be_none_is_said_to_be_so():
    worth = Gain(0.05, -0.02, 0.12, 0.05, 0.05)
    there, cause = (
        Accuracies(0.5, None, 0.6),
        Cause.of(0.05, Errors(None, 0, 0.0), Errors(0.5, 0, 0.0)),
    )
    said = measured(worth, there, there, cause, np.array([9, 3]), None, second=False)[0]
    assert said.startswith("The head may be at fault")
    assert "would tell whether it gains at all" in said
    sure = measured(
        replace(worth, low=0.01), there, there, cause, np.array([9, 3]), None, second=False
    )[0]
    assert sure.startswith("The head is at fault")
    assert "would tell" not in sure
    assert "Counted there it goes" in sure
    some = measured(worth, there, there, cause, np.array([9, 0]), None, second=False)[0]
    assert "Counted there, over the classes that have held-out samples, it goes" in some


def test_norms_turned_round_are_not_called_equal():
    assert "longer for minorities" in reweighted(-0.4)
    assert "(0.00 of SELI's ratio, below 0.3) are as near to equal" in reweighted(-0.004)
    assert "near to equal" in reweighted(0.1)


@pytest.mark.parametrize(
    ("law", "uneven", "told"),
    [
        (predict.seli(COUNTS), 0.0, False),
        (predict.etf(4), 0.01, True),
        (predict.etf(4), 0.0, False),
    ],
    ids=["SELI", "nearly equal", "of one length whatever the loss"],
)
def test_tau_one_is_not_advised_where_the_norms_tell_of_weights(law, uneven, told):
    weight = (1 + np.array([[uneven], [-uneven]] * 2)) * law.vectors(6, seed=0)[0]
    found = prescribe((weight, None), task()[1], None, loss="cross-entropy")
    assert found.remedy == ("second head" if told else "logit adjustment")
    assert ("re-weights" in str(found)) == told


def test_norms_of_a_cosine_head_tell_nothing_of_its_loss():
    (_, _), (x, y), held_out = task()
    head = CosineHead(x.shape[1], 4)
    train, new = ([tuple(map(torch.as_tensor, part))] for part in ((x, y), held_out))
    found = measure.diagnose(head.double(), train, held_out=new, head=head, show_progress=False)
    assert found.prescription.norm_share is None
    assert "re-weights" not in str(found)


class OfPandas:
    """Rows of pandas 2 with an index of numbers with a point, which slices take by these."""

    def __init__(self, rows):
        self.rows, self.iloc, self.shape = rows, rows, rows.shape

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, part):
        index = np.arange(len(self.rows)) / 7 - 10
        return self.rows[(index >= part.start) & (index <= part.stop)]


FORMS = {
    "arrays": lambda x, y: (x, y),
    "frames": lambda x, y: (OfPandas(x), OfPandas(y)),
    "a frame and labels": lambda x, y: (OfPandas(x), y),
    "a list of batches": lambda x, y: [(x[:7], y[:7]), (x[7:], y[7:])],
    "tensors": lambda x, y: (torch.as_tensor(x), torch.as_tensor(y)),
    "a loader": lambda x, y: torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(torch.as_tensor(x), torch.as_tensor(y)), batch_size=9
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_samples_come_in_the_forms_that_people_have(form):
    head, train, held_out = task()
    plain = prescribe(head, train, held_out)
    layer = torch.nn.Linear(6, 4).double()
    with torch.no_grad():
        layer.weight.copy_(torch.as_tensor(head[0]))
        layer.bias.copy_(torch.as_tensor(head[1]))
    found = prescribe(layer, FORMS[form](*train), FORMS[form](*held_out))
    assert found.weight == pytest.approx(plain.weight, rel=1e-4, abs=1e-5)
    assert found.gain == pytest.approx(plain.gain, abs=1e-9)


class Table:
    """A table with the names of its columns, as pandas and polars have them."""

    columns = property(lambda self: self.named)

    def __init__(self, rows, named):
        self.rows, self.named, self.shape = rows, list(named), rows.shape

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, part):
        return self.rows[part]

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.rows, dtype)


class Arrow(Table):
    """A table that has its columns there, and their names elsewhere."""

    columns = property(lambda self: self.rows.T)
    column_names = property(lambda self: self.named)


@pytest.mark.parametrize("kind", [Table, Arrow])
def test_tables_of_the_same_columns_in_other_orders_are_refused(kind):
    (weight, bias), (x, y), (held, labels) = task()
    head, train, held_out = (
        lambda named: (kind(weight, named), bias),
        lambda named: (kind(x, named), y),
        lambda named: (kind(held, named), labels),
    )
    plain = prescribe((weight, bias), (x, y), (held, labels))
    for named in ("abcdef", "uvwxyz"):  # others may be other names of the same
        found = prescribe(head("abcdef"), train("abcdef"), held_out(named))
        assert found.gain == pytest.approx(plain.gain, abs=1e-12)
    wrong = r"the columns of {} are those of {} in another order: 'b' stands where 'a' does"
    with pytest.raises(ValueError, match=wrong.format("held_out", "train")):
        prescribe(head("uvwxyz"), train("abcdef"), held_out("bacdef"))
    with pytest.raises(ValueError, match=wrong.format("train", "head")):
        prescribe(head("abcdef"), train("bacdef"), None)


def test_memory_mapped_shards_are_read_and_never_overwritten(tmp_path: Path):
    head, train, held_out = task()
    for name, (x, y) in (("train", train), ("held", held_out)):
        np.savez(tmp_path / f"{name}.npz", features=x, labels=y, weight=head[0], bias=head[1])
    stores = [open_store(tmp_path / f"{name}.npz") for name in ("train", "held")]
    found = prescribe(head, *stores)
    assert found.weight == pytest.approx(prescribe(head, train, held_out).weight, rel=1e-6)
    copy = tmp_path / "train.safetensors"
    copy.hardlink_to(tmp_path / "train.npz")
    with pytest.raises(ValueError, match="was read for this prescription"):
        found.save(copy)
    kept = open_store(tmp_path / "train.npz", head=found.save(tmp_path / "head.safetensors"))
    assert kept.weight == pytest.approx(found.weight, rel=1e-6)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_apply_writes_the_head_into_a_layer(bias, dtype):
    head, train, held_out = task()
    found = prescribe(head, train, held_out)
    layer = torch.nn.Linear(6, 4, bias=bias, dtype=dtype)
    assert found.apply_(layer) is layer
    assert layer.weight.detach().numpy() == pytest.approx(found.weight, rel=2e-3, abs=1e-3)
    assert layer.bias.detach().numpy() == pytest.approx(found.bias, rel=2e-3, abs=1e-3)
    assert isinstance(layer.bias, torch.nn.Parameter)
    conv = found.apply_(torch.nn.Conv2d(6, 4, 1))
    assert conv.weight.detach().numpy()[:, :, 0, 0] == pytest.approx(found.weight, rel=1e-5)


REFUSED = {
    "an iterator": (lambda h, t, v: (h, iter([t]), v), "spent after once"),
    "a held-out iterator": (lambda h, t, v: (h, t, iter([v])), "held_out is read several times"),
    "a wrong width": (lambda h, t, v: (h, (t[0][:, :3], t[1]), v), r"in train: features must have"),
    "NaN": (lambda h, t, v: (h, t, (v[0] * np.nan, v[1])), "in held_out: features must be finite"),
    "a wrong label": (lambda h, t, v: (h, t, (v[0], v[1] + 9)), "labels must be from 0 to 3"),
    "one output": (lambda h, t, v: ((h[0][:1], None), t, v), "give .-w/2, w/2."),
    "no samples": (lambda h, t, v: (h, t, (v[0][:0], v[1][:0])), "held_out has no sample"),
    "nothing to count": (lambda h, t, v: (h, None, v), "or the counts of the training set"),
    "a head in words": (lambda h, t, v: ("fc", t, v), "head must be a linear layer"),
    "a head of cosines": (lambda h, t, v: (CosineHead(6, 4), t, v), "divides them by their length"),
    "a head of distances": (lambda h, t, v: (PrototypeHead(6, 4), t, v), "answers distances"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_meant_is_refused_in_a_sentence(case):
    change, sentence = REFUSED[case]
    with pytest.raises((ValueError, TypeError), match=sentence):
        prescribe(*change(*task()))


@pytest.mark.parametrize("which", ["train", "held_out"])
def test_a_loader_of_other_samples_at_each_reading_is_refused(which):
    head, *both = task()
    place = ["train", "held_out"].index(which)
    rows = torch.utils.data.TensorDataset(*map(torch.as_tensor, both[place]))
    torch.manual_seed(0)
    both[place] = torch.utils.data.DataLoader(rows, 64, shuffle=True)
    shuffled = prescribe(head, *both)
    assert shuffled.gain == pytest.approx(prescribe(head, *task()[1:]).gain, abs=0.02)
    both[place] = torch.utils.data.DataLoader(
        rows, len(rows) * 2 // 3, shuffle=True, drop_last=True
    )
    with pytest.raises(ValueError, match=f"{which} is read several times and gives other samples"):
        prescribe(head, *both)


class Remade:
    """A loader of features that are made again every time, up to a share of them."""

    def __init__(self, x, y, share, far):
        self.x, self.y, self.share, self.far = x, y, share, far
        self.rng = np.random.default_rng(0)

    def __iter__(self):
        off = self.share * self.rng.standard_normal(self.x.shape)
        return iter([(self.x * (1 + off) + self.far, self.y)])


@pytest.mark.parametrize("far", [0.0, 100.0])
@pytest.mark.parametrize("which", ["train", "held_out"])
def test_features_that_are_made_again_up_to_rounding_are_the_same_and_changed_ones_are_not(
    which, far
):
    (weight, _), *both = task((2000, 500, 20, 20), d=256)
    head = weight, -far * weight.sum(axis=1)
    place = ["train", "held_out"].index(which)
    x, y = both[place]
    both = [(features + far, labels) for features, labels in both]
    both[place] = Remade(x, y, 4e-4, far)  # a tenth of them a unit of bfloat16 off
    assert prescribe(head, *both).gain is not None
    both[place] = Remade(x, y, 0.1, far)
    with pytest.raises(ValueError, match=f"{which} is read several times and gives other samples"):
        prescribe(head, *both)


def test_other_refusals():
    head, train, held_out = task()
    with pytest.raises(ValueError, match="loss must be one of"):
        prescribe(head, train, held_out, loss="focal")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="counts are of 3 classes"):
        prescribe(head, train, held_out, counts=[3, 2, 1])
    found = prescribe(head, train, held_out)
    layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(6, 4))
    with pytest.raises(ValueError, match="computes its weight from other tensors"):
        found.apply_(layer)
    scaled = type(
        "Scaled", (torch.nn.Linear,), {"forward": lambda self, h: 3 * (h @ self.weight.T)}
    )
    with pytest.raises(ValueError, match="does not answer its weight times the features"):
        found.apply_(scaled(6, 4))
    with pytest.raises(ValueError, match=r"head of shape \(4, 6\), got one of \(4, 5\)"):
        found.apply_(torch.nn.Linear(5, 4))
    with pytest.raises(ValueError, match="linear layer is written to, got Embedding"):
        found.apply_(torch.nn.Embedding(4, 6))
    beyond = replace(found, head=Linear(found.weight * 1e6, found.bias))
    half = torch.nn.Linear(6, 4).half()
    with pytest.raises(ValueError, match=r"beyond what torch\.float16 holds"):
        beyond.apply_(half)
    assert half.weight.isfinite().all()
    with pytest.raises(ValueError, match=r"features must have shape \(n, d\), got \(\)"):
        found.score(3.0)
    with pytest.raises(ValueError, match=r"\.safetensors"):
        found.save("head.npz")


class Shuffled:
    """A loader that gives another order every time."""

    def __init__(self, x, y):
        self.given, self.rng = (x, y), np.random.default_rng(0)

    def __iter__(self):
        order = self.rng.permutation(len(self.given[1]))
        return iter([(self.given[0][order], self.given[1][order])])


class Around:
    """A loader around another, as that of Lightning Fabric."""

    def __init__(self, loader):
        self._dataloader, self.dataset = loader, loader.dataset

    def __iter__(self):
        return iter(self._dataloader)


class Bar:
    """What shows how far a loader is, and has nothing of it."""

    def __init__(self, loader):
        self.iterable = loader

    def __iter__(self):
        yield from self.iterable


AROUND = {"plain": lambda loader: loader, "around": Around, "bar": Bar}


@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
@pytest.mark.parametrize("given", ["train", "held out"])
def test_a_loader_and_the_random_numbers_go_on_as_if_no_head_had_been_sought(given, around):
    head, train, held_out = task()
    samples = [torch.as_tensor(part) for part in (train if given == "train" else held_out)]

    def drawn(sought):
        torch.manual_seed(0)
        loader = torch.utils.data.DataLoader(
            torch.utils.data.TensorDataset(*samples),
            batch_size=9,
            shuffle=given == "train",
            generator=torch.Generator().manual_seed(1) if given == "train" else None,
        )
        loader = around(loader)
        if sought:
            prescribe(head, *((loader, held_out) if given == "train" else (train, loader)))
        return torch.cat([labels for _, labels in loader]).tolist(), torch.rand(1).item()

    assert drawn(True) == drawn(False)


def test_a_loader_that_shuffles_held_out_samples_is_refused():
    head, train, held_out = task((100, 40, 20, 20))
    with pytest.raises(ValueError, match="shuffle=False"):
        prescribe(head, train, Shuffled(*held_out))
    assert prescribe(head, Shuffled(*train), held_out).gain is not None


def few_samples(*sizes, seed=0):
    rng, labels = np.random.default_rng(seed), np.repeat(np.arange(3), sizes)
    means = 2 * np.random.default_rng(7).normal(size=(3, 5))
    return (means[labels] + rng.normal(size=(len(labels), 5))).astype(np.float32), labels


def test_errors_of_a_few_samples_are_not_explained_nor_training_samples_taken_for_others():
    means = (2 * np.random.default_rng(7).normal(size=(3, 5))).astype(np.float32)
    head, train, held_out = (means / 2, None), few_samples(60, 20, 5), few_samples(20, 8, 2, seed=1)
    told = str(prescribe(head, train, held_out))
    assert "too few to tell" in told
    assert not re.search(r"can help|Careful", told)
    assert "85 of 85 held-out samples have the features" in str(prescribe(head, train, train))
    there = train[1] < 2
    part = train[0][there], train[1][there]
    assert "class 2 has no training samples" in str(prescribe(head, part, held_out))


def test_classes_without_samples_have_their_names():
    counts = Counts.of({"cat": 60, "dog": 20, "newt": 5})
    head, (x, y), (x2, y2) = (np.eye(3, 5), None), few_samples(60, 20, 5), few_samples(20, 8, 2)
    told = str(prescribe(head, (x[y < 2], y[y < 2]), (x2[y2 != 1], y2[y2 != 1]), counts=counts))
    assert "Careful: class newt has no training samples" in told
    assert "Careful: class dog has no held-out sample, so the whole gain is modelled" in told
    few = prescribe(head, (x, y), (x2[y2 == 2], y2[y2 == 2]), counts=counts)
    assert "one class" in str(few)


@pytest.mark.parametrize("held", [True, False])
def test_a_class_that_a_part_of_the_training_set_lacks_is_answered_as_before(held):
    """A second head that learned nothing of it would answer it no more, and be praised for it."""
    counts = (400, 100, 30, 20)
    head, (x, y), (x2, y2) = task(counts, d=12, apart=1.0)
    part, kept = y < 3, y2 < 4 if held else y2 < 3
    lacking = (x[part], y[part]), (x2[kept], y2[kept])
    found = prescribe(head, *lacking, counts=counts)
    test_x, test_y = task([4000] * 4, d=12, apart=1.0)[1]

    def recalls(scores):
        return np.array([(scores.argmax(axis=1) == test_y)[test_y == c].mean() for c in range(4)])

    was = recalls(Linear.of(head).scores(test_x))
    now = recalls(found.corrected.scores(test_x))
    assert now[3] >= was[3] - 0.02
    assert found.interval[0] <= (now - was).mean() <= found.interval[1]
    assert "no second head was tried" in str(found)
    assert not found.second
    assert prescribe(head, (x, y), (x2[kept], y2[kept]), counts=counts).second
    unmeasured = prescribe(head, lacking[0], None, counts=counts)
    assert unmeasured.remedy == "nothing"
    assert "no second head was tried" in str(unmeasured)


def test_minorities_are_those_of_the_classes_that_there_are():
    """A class of which there is no sample counts as one, and would make all others frequent."""
    head, train, held_out = task((400, 100, 30, 20), d=12)
    wide = np.vstack([head[0], np.zeros(12)]), np.append(head[1], -1e3)
    alone, beside = (prescribe(one, train, held_out) for one in (head, wide))
    assert alone.before.minorities is not None
    assert beside.before.minorities == alone.before.minorities


@pytest.mark.parametrize("held", [1, 5])  # the latter is refitted
@pytest.mark.parametrize("known", [True, False])
def test_classes_that_are_still_to_come_change_no_gain(known, held):
    """As of a head with outputs for classes that arrive later, or that other clients have."""
    counts, later = np.array([200, 80, 30, 20]), 40
    (W, b), train, held_out = task(counts=tuple(counts.tolist()))
    kept = np.concatenate([np.flatnonzero(held_out[1] == c)[: held * (4 - c)] for c in range(4)])
    held_out = tuple(part[kept] for part in held_out)
    wide = np.vstack([W, np.zeros((later, W.shape[1]))]), np.append(b, np.full(later, -1e3))
    alone = prescribe((W, b), train, held_out, counts=counts if known else None)
    ones = np.append(counts, np.ones(later, int))
    found = prescribe(wide, train, held_out, counts=ones if known else None)
    assert (found.remedy, str(found.cause)) == (alone.remedy, str(alone.cause))
    assert found.gain == pytest.approx(alone.gain, abs=2e-3)
    assert found.interval == pytest.approx(alone.interval, abs=2e-3)
    assert found.norm_share == pytest.approx(alone.norm_share)
    told = f"{later} of {later + 4} classes, the first is class 4, have no sample at all"
    assert told in str(found)
    assert "sample at all" not in str(alone)
    assert f"{held} of the rarest class" in str(found)
    assert "modelled" not in str(found)


@pytest.mark.parametrize("seed", range(5))
def test_training_features_that_are_not_in_the_order_of_their_labels_are_told(seed):
    """As of a loader that shuffles, with the labels of its data set: no training helps there."""
    head, (x, y), held_out = task(counts=(400, 200, 60, 60), seed=seed)
    turned = np.random.default_rng(seed).permutation(y)
    found = prescribe(head, (x, turned), held_out)
    assert "No network errs more on what it learned" in str(found)
    assert "can help" not in str(found)
    assert "No network errs more" not in str(prescribe(head, (x, y), held_out))


@pytest.mark.parametrize(
    ("sizes", "apart", "near", "told"),
    [
        ((50, 50, 50, 50), 2.3, False, "more samples can help"),  # of balanced counts none is rare
        ((100, 100, 20, 20), 50.0, True, "more samples can help"),  # two large classes are alike
        ((100, 100, 20, 20), 4.0, False, "more samples of the rare classes can help"),
    ],
)
def test_more_samples_are_asked_for_of_rare_classes_only_where_these_err_more(
    sizes, apart, near, told
):
    rng, d = np.random.default_rng(0), 300
    means = rng.normal(size=(4, d)) * apart / np.sqrt(d)
    if near:
        means[1] = means[0] + rng.normal(size=d) / np.sqrt(d)

    def drawn():
        y = np.repeat(np.arange(4), sizes)
        return means[y] + rng.normal(size=(len(y), d)), y

    x, y = drawn()
    fitted = np.stack([x[y == c].mean(axis=0) for c in range(4)])
    found = prescribe((fitted, -0.5 * (fitted**2).sum(axis=1)), (x, y), drawn())
    assert found.cause.data
    assert told in str(found)


def test_no_training_is_promised_to_help_where_classes_overlap_or_labels_are_wrong():
    head, (x, y), held_out = task(counts=(800, 400, 200, 100), apart=0.4, offset=False)
    assert "can help, unless labels are wrong or classes overlap." in str(
        prescribe(head, (x, y), held_out)
    )
    rng = np.random.default_rng(0)
    head, (x, y), held_out = task(counts=(800, 400, 200, 100), apart=2.0, offset=False)
    wrong = np.where(rng.random(len(y)) < 0.3, rng.integers(0, 4, len(y)), y)
    found = str(prescribe(head, (x, wrong), held_out))
    assert "unless labels there are wrong: are the training labels right" in found


@pytest.mark.parametrize("lacking", [[2, 3], [0], []])
def test_training_errors_are_held_against_held_out_errors_of_the_same_classes(lacking):
    head, (x, y), (x2, y2) = task(counts=(400, 200, 60, 60), apart=0.4)
    there = ~np.isin(y2, lacking)
    found = prescribe(head, (x, y), (x2[there], y2[there]))
    wrong = found.corrected.scores(x).argmax(axis=1) != y
    those = [c for c in range(4) if c not in lacking]
    assert found.cause.training_error == pytest.approx(
        np.mean([wrong[y == c].mean() for c in those])
    )
    assert found.cause.wrong[0] == wrong[np.isin(y, those)].sum()
    told = str(found)
    assert ("over the classes that have held-out samples" in told) == bool(lacking)
    assert not (lacking and "of the rare classes" in told)


@pytest.mark.parametrize("adapted", [False, True])
def test_a_layer_counts_by_what_it_answers_and_not_by_the_weight_it_holds(adapted):
    (weight, bias), train, held_out = task()

    class Adapted(torch.nn.Linear):
        def forward(self, h):
            return super().forward(h) + (h @ shift.to(h).T if adapted else 0)

    shift = torch.as_tensor(np.random.default_rng(0).normal(size=weight.shape))
    layer = Adapted(6, 4, dtype=torch.float64)
    layer.weight.data, layer.bias.data = torch.tensor(weight), torch.tensor(bias)
    told = prescribe((weight + adapted * shift.numpy(), bias), train, held_out)
    assert prescribe(layer, train, held_out).before == told.before


def test_what_is_read_is_told(tmp_path: Path):
    head, (x, y), held_out = task(counts=(400, 200, 60, 60), apart=0.4)
    told: list[int] = []
    prescribe(head, (x, y), held_out, progress=told.append)
    train, held = len(y), len(held_out[1])
    assert 10 * train < sum(told) < rows_read(train, held)
    np.savez(tmp_path / "train.npz", features=x, labels=y, weight=head[0], bias=head[1])
    np.savez(tmp_path / "val.npz", features=held_out[0], labels=held_out[1])
    store, others = (open_store(tmp_path / name) for name in ("train.npz", "val.npz"))
    again: list[int] = []
    prescribe(head, store, others, progress=again.append)
    assert sum(again) == sum(told)
    np.savez(tmp_path / "other.npz", features=held_out[0])
    measure.ood.stored_outside(store, tmp_path / "other.npz", others, progress=told.append)
    assert sum(told) == sum(again) + train + held
