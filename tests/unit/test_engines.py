"""Every engine measures what one process does, to the bit, whatever dies on the way."""

import asyncio
import copy
import multiprocessing
import operator
import os
import pickle
import signal
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from safetensors.numpy import save_file

from deaths import Deadly, dies_within_its_answer, fails_at_once, stops_within_its_answer
from lopsided.lifeline import Workers
from lopsided.measure import Means, Moments, open_store, stored
from lopsided.measure.engine import engine_of
from lopsided.measure.engine.futures import Pool, _one_thread_each
from lopsided.measure.engine.here import Here
from lopsided.measure.engine.tree import Tree, planted
from lopsided.measure.engine.work import Work
from lopsided.measure.state.decisions import Decisions
from lopsided.measure.storage import plan
from lopsided.measure.storage.shelf import new_folder

K, D, N = 7, 5, 400
#: Dask's nannies start workers again in threads of this process, where a warning must be no error.
NANNIES = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def _small_tasks(monkeypatch):
    monkeypatch.setattr(plan, "ROWS", 50)
    monkeypatch.setattr(plan, "A_CLASS", 1)


def sample():
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.concatenate([np.arange(K), rng.integers(0, K - 1, N - K)]))
    features = 7 + rng.standard_normal((K, D))[labels] + 0.3 * rng.standard_normal((N, D))
    return features.astype(np.float32), labels, rng.standard_normal((K, D))


@pytest.fixture
def folder(tmp_path):
    """Uneven shards of three formats; the first, one in the middle and the last are empty, and a
    class is in one of them alone."""
    features, labels, weight = sample()
    folder = tmp_path / "shards"
    folder.mkdir()
    for i, (start, stop) in enumerate([(0, 0), (0, 3), (3, 250), (250, 250), (250, N), (N, N)]):
        part = {"features": features[start:stop], "labels": labels[start:stop]}
        if i % 3 == 0:
            np.savez(folder / f"{i}.npz", **part)
        elif i % 3 == 1:
            save_file(part, folder / f"{i}.safetensors")
        else:
            for name, array in part.items():
                np.save(folder / f"{i}.{name}.npy", array)
    np.savez(folder / "head.npz", weight=weight)
    return folder


@pytest.fixture(scope="module")
def cluster():
    """Two workers of Dask, real processes."""
    import distributed  # takes a second

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(
            2, threads_per_worker=1, dashboard_address=None, silence_logs=50
        ) as cluster:
            yield cluster


@pytest.fixture
def client(cluster):
    """A client of the two workers, when both have come up (again)."""
    until = time.monotonic() + 60
    while {nanny.status.name for nanny in cluster.workers.values()} != {"running"}:
        assert time.monotonic() < until
        time.sleep(0.1)
    with cluster.get_client() as client:
        yield client


@pytest.fixture(scope="module")
def rays():
    """Two workers of Ray, real processes, where Ray is installed."""
    ray = pytest.importorskip("ray")
    here = {"env_vars": {"PYTHONPATH": os.pathsep.join(sys.path)}}
    quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
    ray.init(num_cpus=2, runtime_env=here, **quiet)
    yield ray
    ray.shutdown()


def bits(collapse):
    moments, decisions = collapse.moments, collapse.decisions
    found = [moments.counts, moments.means, moments.rests, moments.spread, collapse.nc1]
    if decisions is not None:
        found += [*decisions.state().values(), collapse.nc4]
    return [np.asarray(array).tobytes() for array in found]


class FakeRay:
    """What the adapter calls of `ray`, in this process: arguments that are handles are resolved,
    and errors come in the wrapping of Ray."""

    __name__ = "ray"
    exceptions = SimpleNamespace(
        RayError=(error := type("RayError", (Exception,), {})),
        RayTaskError=type("RayTaskError", (error,), {"cause": None}),
    )

    def remote(self, function):
        def submit(*arguments):
            values = [a["value"] if isinstance(a, Handle) else a for a in arguments]
            failed = next((v for v in values if isinstance(v, Exception)), None)
            try:
                return Handle(value=failed or function(*copy.deepcopy(values)))
            except ValueError as error:
                wrapped = self.exceptions.RayTaskError()
                wrapped.cause = error
                return Handle(value=wrapped)

        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=submit))

    def wait(self, handles, num_returns):
        return handles[-num_returns:], handles[:-num_returns]

    def cancel(self, handle):
        assert isinstance(handle, Handle)

    def get(self, handle):
        if isinstance(handle["value"], Exception):
            raise handle["value"]
        return handle["value"]


class Handle(dict):
    __hash__ = object.__hash__
    __eq__ = object.__eq__


@given(st.integers(1, 40), st.randoms())
def test_leaves_merge_in_one_order_whoever_comes_first(size, random):
    def merge(a, b):
        return f"({a} {b})"

    tree, order = Tree(size, merge), list(range(size))
    random.shuffle(order)
    for i in order:
        tree.add(i, str(i))
    work = Work("w", lambda task: [str(task)], range(size), merge)
    roots, told = planted(work, lambda kind, i, function, *arguments: function(*arguments))
    assert roots == [tree.root]
    assert told == list(range(size))
    assert tree.root.replace("(", "").replace(")", "").split() == [str(i) for i in range(size)]
    assert not tree._waiting


@given(st.integers(1, 60))
def test_tasks_are_cut_over_the_rows_alone(rows):
    shards = tuple(SimpleNamespace(n=n, path=f"file{i}") for i, n in enumerate([0, 3, 57, 0, 40]))
    tasks = plan.tasks(plan.Store(shards, 2, None, None), rows)
    seen = [
        (task.store.shards[span.shard].path, row)
        for task in tasks
        for span in task.spans
        for row in range(span.start, span.stop)
    ]
    assert seen == [(shard.path, row) for shard in shards for row in range(shard.n)]
    assert {task.n for task in tasks[:-1]} <= {rows}
    assert 0 < tasks[-1].n <= rows


@pytest.mark.parametrize("passes", [1, 2])
def test_tasks_of_any_size_give_the_measurement_of_the_arrays(passes, folder, monkeypatch):
    features, labels, weight = sample()
    whole = Moments(K, D)
    whole.update(features, labels)
    for rows in (1, 7, N):
        monkeypatch.setattr(plan, "ROWS", rows)
        done = []
        found = stored(folder, passes=passes, progress=done.append)
        assert_allclose(found.moments.means, whole.means, rtol=1e-13)
        assert_allclose(found.moments.spread, whole.spread, rtol=1e-12)
        assert sum(done) == passes * N
        if passes == 2:
            wrong = (features @ weight.T).argmax(axis=1) != labels
            assert found.decisions.errors.sum() == wrong.sum()


@pytest.mark.parametrize("passes", [1, 2])
def test_executors_and_ray_give_the_bits_of_one_process(passes, folder):
    alone = bits(stored(folder, passes=passes))
    with ThreadPoolExecutor(2) as executor:
        assert bits(stored(folder, passes=passes, engine=executor)) == alone
    assert bits(stored(folder, passes=passes, engine=FakeRay())) == alone


@pytest.mark.parametrize("parts", [1, 3, K])
def test_ranges_of_classes_are_the_whole(parts, folder, monkeypatch):
    whole = stored(folder)
    monkeypatch.setattr(plan, "PART", -(-16 * K * D // parts))
    assert len(plan.ranges(K, D)) == parts
    with ThreadPoolExecutor(1) as executor:
        found = stored(folder, engine=executor)
    assert bits(found) == bits(stored(folder))
    assert bits(found)[:4] == bits(whole)[:4]
    assert found.nc1 == pytest.approx(whole.nc1, rel=1e-13)
    assert found.nc4 == whole.nc4


def test_ranges_of_means_that_span_too_little_are_whitened_as_a_whole(tmp_path, monkeypatch):
    features, labels, _ = sample()
    features[:, 0] = 3  # the Gram matrix of the means is singular
    np.savez(tmp_path / "x.npz", features=features, labels=labels)
    whole = stored(tmp_path / "x.npz").nc1
    monkeypatch.setattr(plan, "PART", 16 * D)
    assert stored(tmp_path / "x.npz").nc1 == pytest.approx(whole, rel=1e-12)


def test_there_are_no_more_ranges_than_classes(monkeypatch):
    monkeypatch.setattr(plan, "PART", 1)
    assert plan.ranges(3, 9) == (slice(0, 1), slice(1, 2), slice(2, 3))


@given(st.integers(0, 20), st.integers(0, 20), st.booleans())
def test_merging_leaves_what_is_merged_as_it_was(n, m, scatter):
    rng = np.random.default_rng(n + 21 * m)

    def state(rows):
        new = Moments(3, 2) if scatter else Means(3, 2)
        new.update(rng.standard_normal((rows, 2)), rng.integers(0, 3, rows))
        return new

    def sums(rows):
        decisions = Decisions(3)
        decisions.update(rng.standard_normal((rows, 3)), rng.integers(0, 3, rows))
        return plan.Sums(rng.integers(0, 9, 3), rng.random(3), rng.random(2), decisions)

    def numbers(state):
        if isinstance(state, plan.Sums):
            arrays = [*state[:3], *state.decisions.state().values()]
        else:
            arrays = [state.counts, state.means, state.rests]
            arrays += [state.spread, state.scatter.upper] if scatter else []
        return [array.tobytes() for array in arrays]

    for merge, one, other in ((plan.merged, state(n), state(m)), (plan.added, sums(n), sums(m))):
        before = numbers(one), numbers(other)
        once = numbers(merge(one, other))
        assert (numbers(one), numbers(other)) == before
        assert numbers(merge(one, other)) == once


def test_a_task_is_small_whatever_the_head_and_the_means_are(tmp_path):
    k, d = 300, 2000  # means of 4.8 MB
    labels = np.arange(k)
    np.savez(tmp_path / "x.npz", features=np.eye(k, d), labels=labels, weight=np.eye(k, d))
    sizes = []

    class Weighing:
        def run(self, work, done):
            sizes.extend(len(pickle.dumps((work.function, task))) for task in work.tasks)
            sizes.append(len(pickle.dumps(work.keep)))
            return Here().run(work, done)

        __enter__, __exit__ = Here.__enter__, Here.__exit__

    stored(tmp_path / "x.npz", engine=Weighing())
    assert max(sizes) < 4000


ENGINES = ["here", "threads", "ray", "dask"]
ENGINES += [pytest.param(name, marks=pytest.mark.slow) for name in ("pool", "rays")]


@NANNIES
@pytest.mark.parametrize("name", ENGINES)
def test_a_sample_that_is_not_finite_is_named_and_not_tried_again(name, folder, tmp_path, request):
    features, labels, _ = sample()
    features[123, 2] = np.nan
    np.save(folder / "2.features.npy", features[3:250])
    with ThreadPoolExecutor(1) as executor:
        engines = {"threads": executor, "ray": FakeRay(), "pool": 2}
        fixture = {"dask": "client", "rays": "rays"}.get(name)
        engine = request.getfixturevalue(fixture) if fixture else engines.get(name)
        deadly = Deadly(engine_of(engine), tmp_path)
        with pytest.raises(ValueError, match=rf"row 120 of .*2.features.npy \(class {labels[123]}"):
            stored(folder, engine=deadly)
    assert deadly.calls_of("rows 97 to 146 of") == 1


@NANNIES
@pytest.mark.parametrize("name", ["threads", "dask", *ENGINES[-2:]])
def test_after_an_error_what_waits_is_not_done(name, tmp_path, request):
    work = Work("w", partial(fails_at_once, tmp_path), range(30), operator.add)
    with ThreadPoolExecutor(1) as executor:
        fixture = {"dask": "client", "rays": "rays"}.get(name)
        engine = {"threads": executor, "pool": 2}.get(name) or request.getfixturevalue(fixture)
        with engine_of(engine) as runner, pytest.raises(ValueError, match="no number"):
            runner.run(work, lambda i: None)
        time.sleep(2)
    assert len(list(tmp_path.iterdir())) < 15


def test_a_killed_process_costs_nothing_but_its_task(folder, tmp_path):
    alone, done, others = bits(stored(folder)), [], set(multiprocessing.active_children())
    deadly = Deadly(Pool(2), tmp_path, {"means": "rows 47 to"})
    assert bits(stored(folder, engine=deadly, progress=done.append)) == alone
    assert deadly.deaths() == 1
    assert sum(done) == 2 * N
    assert set(multiprocessing.active_children()) <= others


def test_a_process_that_is_killed_while_it_answers_costs_nothing_but_its_tasks(tmp_path):
    work = Work("w", partial(dies_within_its_answer, tmp_path), range(5), operator.add)
    with Pool(2) as pool:
        assert pool.run(work, lambda i: None) == [10]


def test_workers_that_die_while_nothing_is_at_work_are_made_again(monkeypatch):
    real, broken = Pool._submit, [BrokenProcessPool()]

    def submit(pool, work, i):
        if broken:
            raise broken.pop()
        return real(pool, work, i)

    monkeypatch.setattr(Pool, "_submit", submit)
    with Pool(1) as pool:
        assert pool.run(Work("w", list, [[1], [2], [7]], operator.add), lambda i: None) == [10]


def test_workers_that_an_error_ends_while_one_answers_are_not_waited_for(tmp_path):
    def interrupted():
        with Workers(2) as workers:
            workers.submit(stops_within_its_answer, tmp_path / "within")
            while not (tmp_path / "within").exists():
                time.sleep(0.01)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()


@pytest.mark.parametrize("read", ["as a file", "from standard input"])
def test_a_script_that_its_workers_cannot_import_is_told_and_not_run_again_and_again(
    read, folder, tmp_path
):
    script, runs = tmp_path / "script.py", tmp_path / "runs"
    script.write_text(
        f"open({str(runs)!r}, 'a').write('x')\n"
        "from lopsided.measure import stored\n"
        f"stored({str(folder)!r}, engine=2)\n"
    )
    given = [script] if read == "as a file" else ["-"]
    ended = subprocess.run(
        [sys.executable, *given], input=script.read_text(), capture_output=True, text=True
    )
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("ChildProcessError: no worker could begin")
    assert "under `if __name__ == '__main__':`" in last
    assert len(runs.read_text()) <= 3  # the script itself, and once in each worker


@NANNIES
def test_a_killed_worker_of_dask_costs_nothing_but_what_it_held(folder, tmp_path, client):
    alone, done = bits(stored(folder)), []
    deadly = Deadly(engine_of(client), tmp_path, {"second": "rows 97 to"})
    assert bits(stored(folder, engine=deadly, progress=done.append)) == alone
    assert deadly.deaths() == 1
    assert sum(done) == 2 * N


@pytest.mark.slow
@NANNIES
@pytest.mark.parametrize(
    ("passes", "tasks", "calls"),
    [
        (1, {"moments": "rows 0 to"}, ()),
        (1, {}, ("moments merge",)),
        (2, {"means": "rows 97 to"}, ()),
        (2, {"second": "rows 47 to"}, ()),
        (2, {}, ("means merge",)),
        (2, {}, ("means keep",)),
        (2, {}, ("gram merge",)),
        (2, {}, ("second merge",)),
    ],
)
def test_a_worker_of_dask_may_die_at_any_time(
    passes, tasks, calls, folder, tmp_path, client, monkeypatch
):
    monkeypatch.setattr(plan, "PART", -(-16 * K * D // 3))
    alone = bits(stored(folder, passes=passes))
    deadly = Deadly(engine_of(client), tmp_path, tasks, calls)
    assert bits(stored(folder, passes=passes, engine=deadly)) == alone
    assert deadly.deaths() == 1


@pytest.mark.slow
@NANNIES
@pytest.mark.parametrize("tasks", [{"means": "rows 97 to"}, {"second": "rows 47 to"}])
def test_a_worker_of_ray_may_die(tasks, folder, tmp_path, rays):
    deadly, done = Deadly(engine_of(rays), tmp_path, tasks), []
    assert bits(stored(folder, engine=deadly, progress=done.append)) == bits(stored(folder))
    assert deadly.deaths() == 1
    assert sum(done) == 2 * N


@pytest.mark.slow
@NANNIES
def test_all_workers_of_dask_may_be_others_in_the_second_pass(folder, client):
    class Restarting(type(engine_of(client))):
        def run(self, work, done):
            if work.name == "second":
                for pid in client.run(os.getpid).values():
                    os.kill(pid, signal.SIGKILL)
            return super().run(work, done)

    assert bits(stored(folder, engine=Restarting(client))) == bits(stored(folder))


@pytest.mark.slow
def test_processes_may_die_in_each_pass_and_between(folder, tmp_path):
    others = set(multiprocessing.active_children())

    def kill_all(name):
        for process in set(multiprocessing.active_children()) - others:
            os.kill(process.pid, signal.SIGKILL)
            process.join()

    alone = bits(stored(folder))
    rows = {"means": "rows 97 to", "second": "rows 47 to"}
    deadly = Deadly(Pool(2), tmp_path, rows, before=kill_all)
    assert bits(stored(folder, engine=deadly)) == alone
    assert deadly.deaths() == 2


@pytest.mark.slow
@NANNIES
@pytest.mark.parametrize(("name", "deaths"), [("pool", 3), ("dask", 4), ("rays", 4)])
def test_rows_of_which_every_worker_dies_are_named(name, deaths, folder, tmp_path, request):
    fixture = {"dask": "client", "rays": "rays"}.get(name)
    engine = engine_of(request.getfixturevalue(fixture)) if fixture else Pool(2)
    deadly = Deadly(engine, tmp_path, {"means": "rows 97 to"}, times=99)
    with pytest.raises(
        ChildProcessError, match=rf"{deaths} workers .* rows 97 to 146 of .*2.features.npy"
    ):
        stored(folder, engine=deadly)
    assert deadly.deaths() == deaths


@pytest.mark.slow
def test_an_executor_of_processes_gives_the_same_bits_and_a_death_in_it_is_told(folder, tmp_path):
    loky = pytest.importorskip("joblib.externals.loky")
    executor = loky.get_reusable_executor(2)
    try:
        assert bits(stored(folder, engine=executor)) == bits(stored(folder))
        deadly = Deadly(engine_of(executor), tmp_path, {"means": "rows 47 to"})
        with pytest.raises(ChildProcessError, match="a worker of the executor died"):
            stored(folder, engine=deadly)
    finally:
        executor.shutdown(kill_workers=True)


@pytest.mark.slow
def test_workers_of_dask_hold_nothing_when_a_measurement_is_done(folder, client):
    stored(folder, engine=client)
    until = time.monotonic() + 30
    while any(client.run(lambda dask_worker: len(dask_worker.data)).values()):
        assert time.monotonic() < until  # a worker is told a little later
        time.sleep(0.1)


class Elsewhere(ThreadPoolExecutor):
    """An executor whose workers have another version of lopsided."""

    def submit(self, function, *arguments):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("lopsided._version", lambda: "0.9")
            done = super().submit(function, *arguments)
            done.exception()
            return done


def test_workers_of_another_version_are_told(folder, monkeypatch):
    monkeypatch.setattr("lopsided._version", lambda: "1.0")
    words = "a worker has lopsided 0.9 and this process 1.0"
    with Elsewhere(1) as executor, pytest.raises(ValueError, match=words):
        stored(folder, engine=executor)
    work = Work("w", lambda task: [task], [0], max)
    with Elsewhere(1) as executor, pytest.raises(ValueError, match=words):
        planted(work, lambda kind, i, *call: executor.submit(*call).result())


def test_what_is_no_engine_is_told(tmp_path):
    for engine in (0, True, "tcp", tmp_path / "no.json", object()):
        with pytest.raises(ValueError, match="an engine is a number of processes"):
            engine_of(engine)
    assert type(engine_of(np.int64(1))) is type(engine_of(1))


def test_a_cluster_without_its_client_and_an_asynchronous_client_are_told(cluster):
    import distributed

    with pytest.raises(ValueError, match=r"got a LocalCluster: give distributed\.Client\(cluster"):
        engine_of(cluster)

    async def measure():
        async with distributed.Client(cluster.scheduler_address, asynchronous=True) as client:
            engine_of(client)

    with pytest.raises(ValueError, match="is asynchronous"):
        asyncio.run(measure())


@pytest.mark.parametrize("text", ["", "{", "{}", "[1]", '{"address": 5}', "[" * 10_000])
def test_a_file_that_tells_no_scheduler_is_refused_by_name(text, tmp_path):
    pytest.importorskip("distributed")
    (tmp_path / "scheduler.json").write_text(text)
    with pytest.raises(ValueError, match=r"scheduler\.json tells no address of a Dask scheduler"):
        engine_of(tmp_path / "scheduler.json")


def test_a_scratch_folder_is_left_as_it_was(folder, tmp_path):
    with ThreadPoolExecutor(1) as executor:
        scratch = tmp_path / "scratch"
        with pytest.raises(FileNotFoundError):
            stored(folder, engine=executor, scratch=scratch)
        scratch.mkdir()
        stored(folder, engine=executor, scratch=scratch)
    assert list(Path(scratch).iterdir()) == []


def test_paths_that_workers_are_given_are_absolute(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder.parent)
    (task, *_) = plan.tasks(open_store(folder.name), 100)
    sent = pickle.loads(pickle.dumps(task))  # noqa: S301
    (tmp_path / "elsewhere").mkdir()
    with new_folder(".") as scratch:
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert scratch.is_dir()
        assert sum(len(y) for _, y in sent.batches(verify=True)) == 100


def test_the_store_may_be_opened_before(folder):
    assert bits(stored(open_store(folder))) == bits(stored(str(folder)))


@pytest.mark.parametrize("set_before", [False, True])
def test_pools_of_several_threads_leave_the_environment_as_it_was(set_before, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if set_before:
        monkeypatch.setenv("OMP_NUM_THREADS", "7")
    before = dict(os.environ)
    pools = [_one_thread_each() for _ in range(2)]
    for pool in pools:  # the first to start is the first to have started, as in two threads
        pool.__enter__()
        assert os.environ["OMP_NUM_THREADS"] == "1"
    for pool in pools:
        pool.__exit__(None, None, None)
    assert dict(os.environ) == before
