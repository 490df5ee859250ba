"""Threads that add to one state lose nothing; copies and pickles of a state are states of their
own."""

import copy
import os
import pickle
import random
import subprocess
import sys
import tempfile
import threading
import tracemalloc
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib import figure
from torch._dynamo.testing import CompileCounter
from torch.nn.utils.parametrize import register_parametrization
from torch.utils.data import DataLoader, TensorDataset

from lopsided import plot, report
from lopsided.measure import (
    Decisions,
    Means,
    Moments,
    SecondPass,
    Stream,
    diagnose,
    layers,
    trained,
    watch,
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


class Named(Means):
    """A state that leaves out of copies what cannot be copied, and holds itself."""

    def __init__(self, k, d):
        super().__init__(k, d)
        self.lock, self.within = threading.Lock(), [self]

    def __getstate__(self):
        return {name: part for name, part in vars(self).items() if name != "lock"}

    def __setstate__(self, parts):
        vars(self).update(parts)
        self.lock = threading.Lock()


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state))])  # noqa: S301
def test_a_subclass_says_what_its_copies_hold(twin):
    state = Named(K, D)
    state.update(*batch(0))
    other = twin(state)
    other.update(*batch(1))
    assert other.within[0] is other
    assert other.lock is not state.lock
    assert (state.counts.sum(), other.counts.sum()) == (ROWS, 2 * ROWS)


class Paired(Means):
    """A state whose copies hold a pair, as those of classes with slots do."""

    def __getstate__(self):
        return dict(vars(self)), {"version": 1}

    def __setstate__(self, pair):
        vars(self).update(pair[0])


@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy])
def test_what_copies_of_a_subclass_hold_need_be_no_dictionary(twin):
    state = Paired(K, D)
    state.update(*batch(0))
    assert twin(state).counts.sum() == ROWS


def test_the_copy_that_a_pickle_holds_is_one():
    stream = Stream(K, 256)
    held = len(pickle.dumps(stream))
    tracemalloc.start()
    pickle.dumps(stream, protocol=5, buffer_callback=lambda buffer: None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < peak < 1.7 * held


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state))])  # noqa: S301
@pytest.mark.parametrize("name", STATES)
def test_a_copy_or_pickle_while_a_thread_adds_holds_whole_batches(name, twin):
    make, update, sums = STATES[name]
    after, grown = {}, make()
    for _ in range(BATCHES):
        update(grown, *batch(0))
        after[int(np.sum(sums(grown)[0]))] = [np.array(part) for part in sums(grown)]
    seen = tried = 0
    # On a busy machine a thread may be through before a copy is taken.
    while tried < 4 or (not seen and tried < 400):
        state, tried = make(), tried + 1
        adding = threading.Thread(target=lambda: [update(state, *batch(0)) for _ in range(BATCHES)])  # noqa: B023
        adding.start()
        while adding.is_alive():
            other = sums(twin(state))
            if n := int(np.sum(other[0])):
                assert n in after, "a part of a batch"
                seen += 1
                for a, b in zip(other, after[n], strict=True):
                    np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)
        adding.join()
    assert seen


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


def test_a_look_that_begins_during_another_one_leaves_the_head_in_its_mode():
    inside, reads, left = threading.Event(), threading.Event(), threading.Event()

    class Reads(torch.nn.Module):
        """A weight that the second thread reads until the first has left."""

        def forward(self, weight):
            if inside.is_set() and threading.current_thread() is threads[1] and not left.is_set():
                reads.set()
                assert left.wait(60)
            return weight

    def loader():
        yield tuple(map(torch.tensor, batch(0)))
        inside.set()
        reads.wait(0.5)

    def work(t):
        assert not t or inside.wait(60)
        trained(model, [tuple(map(torch.tensor, batch(0)))] if t else loader(), show_progress=False)
        left.set()

    model = torch.nn.Sequential(torch.nn.Linear(D, D), torch.nn.Linear(D, K)).double()
    register_parametrization(model[1], "weight", Reads())
    threads = [threading.Thread(target=work, args=(t,)) for t in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert left.is_set()
    assert model[1].training


def test_looks_that_overlap_leave_what_threads_share_as_it_was():
    # The first to come is the first to leave, while the second is still inside.
    inside, left = [threading.Event(), threading.Event()], threading.Event()
    data = TensorDataset(*map(torch.tensor, batch(0)))

    class Waits:
        def __init__(self, t):
            self.t = t

        def __iter__(self):
            yield from DataLoader(data, 8, shuffle=True)
            inside[self.t].set()
            assert (left if self.t else inside[1]).wait(60)

    def work(t):
        assert not t or inside[0].wait(60)
        trained(models[t], Waits(t), show_progress=False)
        if not t:
            left.set()

    models = [torch.nn.Linear(D, K).double() for _ in range(2)]
    before = torch.get_rng_state(), np.random.get_state()[1], random.getstate()  # noqa: NPY002
    threads = [threading.Thread(target=work, args=(t,)) for t in range(2)]
    compiled = torch.compile(lambda x: x + 1, backend=(counter := CompileCounter()))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert left.is_set()
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()  # noqa: NPY002
    assert random.getstate() == before[2]
    compiled(torch.ones(1))
    assert counter.frame_count == 1, "what is compiled is compiled again"


def test_a_look_that_ends_in_an_error_leaves_no_thread_of_its_progress_bar():
    before = set(threading.enumerate())
    loader = [(torch.ones(2, D), torch.tensor([0, K]))]
    with pytest.raises(ValueError, match="labels must be from 0 to 4, got 5") as kept:
        trained(torch.nn.Linear(D, K), loader)
    for thread in set(threading.enumerate()) - before:
        thread.join(60)  # what has been told to end does so a moment later
        assert not thread.is_alive(), kept


def test_what_threads_draw_at_once_is_in_one_style_and_leaves_the_caller_s():
    begun, texts = [threading.Event() for _ in range(2)], {}

    def work(t):
        def draw(axes):
            begun[t].set()
            begun[1 - t].wait(0.5)  # in vain, where one draws after the other
            axes.plot([0, 1])

        texts[t] = report.drawn(draw, "a line").svg
        plot.save(figure.Figure(), Path(folder, f"{t}.svg"))

    names = set(matplotlib.rcParams) - {"backend"}  # which is chosen when it is first asked for
    before = {name: matplotlib.rcParams[name] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        threads = [threading.Thread(target=work, args=(t,)) for t in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert texts[0] == texts[1]
    assert {name: matplotlib.rcParams[name] for name in names} == before


#: What a program may do first in several threads at once, each in a process of its own.
FIRST = {
    "predict": "from lopsided import predict\ndo = lambda: predict.seli([5, 3])",
    "foresee": "from lopsided import *\ndo = lambda: foresee(Problem([5, 3], ridge=0.1))",
    "watch": (
        "import torch\nfrom lopsided import measure\ndef do():\n"
        "    net = torch.nn.Sequential(torch.nn.Linear(3, 2))\n"
        "    with measure.watch(net, net[0], [4, 4]) as watch:\n"
        "        net(torch.ones(8, 3)), watch.labels(torch.arange(8) % 2)\n"
        "    watch.epoch()"
    ),
}


@pytest.mark.parametrize("first", FIRST)
def test_threads_that_call_at_once_wait_for_what_one_of_them_imports(first):
    at_once = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(8) as pool:\n"
        "    [job.result() for job in [pool.submit(do) for _ in range(8)]]"
    )
    program = f"{FIRST[first]}\n{at_once}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


#: What a process that is forked while another thread looks at a model may do.
FORKED = {
    "same model": "trained(model, batches, show_progress=False)",
    "other model": "trained(other, batches, show_progress=False)",
    "nothing": "pass",
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked")
@pytest.mark.parametrize("then", FORKED)
def test_a_process_forked_while_a_thread_looks_waits_for_nobody_and_has_what_was_before(then):
    program = f"""
import os, random, signal, threading, torch
from lopsided.measure import trained
begun, left = threading.Event(), threading.Event()
batches, model = [(torch.eye(2), torch.arange(2))], torch.nn.Linear(2, 2)
other = torch.nn.Linear(2, 2)
def loader():
    random.random(), torch.rand(1), begun.set(), left.wait(60)
    yield from batches
before, drawn = random.getstate(), torch.get_rng_state()
threading.Thread(target=trained, args=(model, loader()), daemon=True).start()
begun.wait(60)
if child := os.fork():
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(code), left.set(), os._exit(0)
signal.alarm(60)
{FORKED[then]}
right = random.getstate() == before and torch.equal(torch.get_rng_state(), drawn)
os._exit(0 if right and torch._dynamo.eval_frame._stance.stance == "default" else 1)
"""
    done = subprocess.run([sys.executable, "-u", "-c", program], capture_output=True, text=True)
    assert done.stdout == "0\n", done.stderr


@pytest.mark.parametrize("at", range(3))
def test_hooks_are_taken_away_where_putting_them_on_is_interrupted(at, monkeypatch):
    model = torch.nn.Sequential(torch.nn.Linear(D, D), torch.nn.Linear(D, K))
    doors = ((model, "pre_hook"), (model[1], "hook"), (model, "hook"))
    part, door = doors[at]

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(part, f"register_forward_{door}", interrupted)
    with pytest.raises(KeyboardInterrupt), watch(model):
        pass
    for layer in model.modules():
        assert not layer._forward_pre_hooks
        assert not layer._forward_hooks
