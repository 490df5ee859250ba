"""Threads that add to one state lose nothing; copies and pickles of a state are states of their
own."""

import copy
import pickle
import sys
import threading

import numpy as np
import pytest
import torch

from lopsided.measure import (
    Decisions,
    Means,
    Moments,
    SecondPass,
    Stream,
    diagnose,
    layers,
    trained,
)
from lopsided.measure.state.regression import RegressionMoments

K, D, THREADS, BATCHES, ROWS = 5, 4, 4, 40, 40


def batch(i):
    rng = np.random.default_rng(i)
    return rng.standard_normal((ROWS, D)), rng.permutation(np.arange(ROWS) % K)


def first():
    means = Means(K, D)
    for i in range(THREADS * BATCHES):
        means.update(*batch(i))
    return means


def logits(features):
    return features @ np.random.default_rng(9).standard_normal((D, K))


def stream_update(state, features, labels):
    state.update(torch.tensor(features), torch.tensor(labels), torch.tensor(logits(features)))


#: A state -> how it is made, how it takes in a batch, and its sums.
STATES = {
    "means": (lambda: Means(K, D), Means.update, lambda s: (s.counts, s.means)),
    "moments": (
        lambda: Moments(K, D),
        Moments.update,
        lambda s: (s.counts, s.means, s.spread, s.scatter.matrix()),
    ),
    "second": (
        lambda: SecondPass(first(), np.eye(K, D)),
        SecondPass.update,
        lambda s: (*s.sums(), s.decisions.agreed),
    ),
    "decisions": (
        lambda: Decisions(K),
        lambda s, x, y: s.update(logits(x), y, y),
        lambda s: (s.counts, s.errors, s.smallest_margin, s.margin_sum, s.agreed),
    ),
    "regression": (
        lambda: RegressionMoments(D, K),
        lambda s, x, y: s.update(x, logits(x)),
        lambda s: (np.array(s.n), *s.means, *s.scatters),
    ),
    "stream": (
        lambda: Stream(K, D),
        stream_update,
        lambda s: (
            s.moments.counts,
            s.moments.spread,
            s.moments.scatter.matrix(),
            s.decisions.margin_sum,
        ),
    ),
}


@pytest.fixture(autouse=True)
def _often():
    """Change threads as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def in_threads(work):
    threads = [threading.Thread(target=work, args=(t,)) for t in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("name", STATES)
def test_what_threads_add_to_one_state_is_what_one_thread_adds(name):
    make, update, sums = STATES[name]
    shared, alone = make(), make()

    def work(t):
        for i in range(BATCHES):
            update(shared, *batch(t * BATCHES + i))

    in_threads(work)
    for i in range(THREADS * BATCHES):
        update(alone, *batch(i))
    for a, b in zip(sums(shared), sums(alone), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


def test_what_is_read_while_threads_add_is_of_some_samples_and_loses_none():
    decisions = Decisions(K)

    def work(t):
        for i in range(BATCHES):
            features, labels = batch(t * BATCHES + i)
            if t:
                decisions.update(logits(features), labels)
                continue
            for told in (decisions.state(), decisions.take(range(K)).state()):
                assert told["confusions"][1].sum() == told["errors"].sum()
        done.append(t)

    done = []
    in_threads(work)
    assert len(done) == THREADS
    assert decisions.confusions.pairs()[2].sum() == decisions.errors.sum()
    assert decisions.counts.sum() == (THREADS - 1) * BATCHES * ROWS


@pytest.mark.parametrize("name", STATES)
def test_states_that_threads_merge_into_each_other_lose_nothing_and_wait_for_nobody(name):
    make, update, sums = STATES[name]
    parts = [make() for _ in range(2)]
    for i, part in enumerate(parts):
        update(part, *batch(i))

    def work(t):
        for _ in range(
            5
        ):  # both ways: two threads that take turns in two orders would wait for ever
            parts[t % 2].merge(parts[1 - t % 2])

    in_threads(work)
    assert (sums(parts[0])[0] > 0).all()


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state))])  # noqa: S301
@pytest.mark.parametrize("name", STATES)
def test_a_copy_or_pickle_of_a_state_goes_on_alone(name, twin):
    make, update, sums = STATES[name]
    state = make()
    update(state, *batch(0))
    other = twin(state)
    before = [array.copy() for array in map(np.asarray, sums(state))]
    update(other, *batch(1))
    for a, b in zip(before, sums(state), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (sums(other)[0] >= before[0]).all()


LOOKS = {
    "trained": lambda model, loader: trained(model, loader, show_progress=False).nc1,
    "layers": lambda model, loader: layers(model, loader, ["0"], show_progress=False)["0"].nc1,
    "diagnose": lambda model, loader: str(diagnose(model, loader, show_progress=False)),
}


@pytest.mark.parametrize("name", LOOKS)
def test_threads_look_at_one_model_in_turn_and_leave_it_as_it_was(name):
    model = torch.nn.Sequential(torch.nn.Linear(D, D), torch.nn.Dropout(), torch.nn.Linear(D, K))
    loader = [tuple(map(torch.tensor, batch(i))) for i in range(8)]
    model, modes = model.double(), [True, True, False, True]
    model[1].training = False
    found = [LOOKS[name](model, loader)]
    in_threads(lambda thread: found.append(LOOKS[name](model, loader)))
    assert found == found[:1] * (1 + THREADS)
    assert [layer.training for layer in model.modules()] == modes
    assert not any(layer._forward_hooks for layer in model.modules())
