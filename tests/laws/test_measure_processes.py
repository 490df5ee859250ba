"""Laws of many processes: they measure what one would, or every one of them says the same
error."""

import json
import logging
import os
import time
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch.distributed.algorithms.join import Join
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, Subset, TensorDataset

from lopsided.measure import (
    Collapse,
    LabelSets,
    Means,
    Moments,
    SecondPass,
    Stream,
    diagnose,
    layers,
    trained,
    watch,
)
from lopsided.measure.adapters.bystander import Bystander
from lopsided.measure.network import sync
from lopsided.measure.network.replay import Replay

pytestmark = pytest.mark.skipif(not dist.is_available(), reason="torch without distributed")
K, D, N, SIZE = 4, 5, 240, 4
OFFSETS = (0.0, 1e6)
#: How many samples each process has: even and uneven shares, empty ones, all in one.
SHARES = {
    "even": (60, 60, 60, 60),
    "uneven": (1, 2, 37, 200),
    "empty": (0, 120, 0, 120),
    "one": (0, 0, 0, 240),
}
#: Seconds until a process that waits for another gives up.
PATIENCE = 60.0


def sample(offset):
    rng = np.random.default_rng(0)
    labels = np.concatenate([np.arange(K), rng.integers(0, K, N - K)])
    features = offset + 3 * rng.standard_normal((K, D))[labels] + rng.standard_normal((N, D))
    return features, labels, rng.standard_normal((N, K))


def shards(shares, size):
    """Cut the samples in `size` shards, the last ones of the shares joined."""
    cuts = np.cumsum(shares)[: size - 1]
    return np.split(np.arange(N), cuts)


def again(moments, offset, part):
    features, labels, _ = sample(offset)
    second = SecondPass(moments, np.eye(K, D))
    second.update(features[part], labels[part])
    return second


def kept(offset, part):
    replay = Replay(K, D)
    replay.update(*(torch.tensor(array[part]) for array in sample(offset)))
    return replay


def named(key, stream, second, replay):
    """What is compared, by name: the state of a first pass, what a second adds, and both in one."""
    found = {name: tensor.numpy() for name, tensor in stream.state_dict().items()}
    # What rounding takes off the means counts where they are subtracted from each other.
    means, rests = found["means"], found.pop("rests")
    found["apart"] = means - means[0] + (rests - rests[0])
    found |= {"traces": second.sums()[2], "agreed": second.decisions.agreed}
    found["nc1"] = [stream.compute().nc1, Collapse.of(second.moments()).nc1, replay.compute().nc1]
    return {f"{key}/{name}": value for name, value in found.items()}


class Process:
    """What one process does; everything it finds out is written down for the tests."""

    def __init__(self, rank, folder):
        self.rank, self.folder = rank, folder
        self.said = {}
        timeout = timedelta(seconds=PATIENCE)
        dist.init_process_group(
            "gloo",
            init_method=f"file://{folder}/store",
            rank=rank,
            world_size=SIZE,
            timeout=timeout,
        )
        self.pair = dist.new_group([0, 1], timeout=timeout)
        self.hasty = dist.new_group(timeout=timedelta(seconds=2))

    def run(self):
        self.joins()
        self.refusals()
        self.metrics()
        self.spread()
        self.bystanders()
        self.wholes()
        self.networks()
        self.shares()
        self.normed()
        self.stragglers()
        (self.folder / f"said{self.rank}.json").write_text(json.dumps(self.said))
        self.deaths()

    def stream(self, offset, part, **options):
        stream = Stream(K, D, **options)
        for rows in np.array_split(part, 3):
            stream.update(*(torch.tensor(array[rows]) for array in sample(offset)))
        return stream

    def joins(self):
        found = {}
        for size, group in ((2, self.pair), (4, None)):
            if self.rank >= size:
                continue
            for name, shares in SHARES.items():
                for offset in OFFSETS:
                    part = shards(shares, size)[self.rank]
                    joint = self.stream(offset, part).sync(group)
                    second = sync.second_pass(again(joint.moments, offset, part), group)
                    replay = kept(offset, part).sync(group)
                    found |= named(f"{size}/{name}/{offset:g}", joint, second, replay)
        np.savez(self.folder / f"joint{self.rank}.npz", **found)

    def refused(self, name, act):
        try:
            act()
        except ValueError as error:
            self.said[name] = str(error)

    def refusals(self):
        odd = self.rank == 2
        self.refused("d", lambda: Stream(K, D + odd).sync())
        self.refused("k", lambda: Stream(K + odd, D).sync())
        self.refused("scatter", lambda: Stream(K, D, "none" if odd else "pooled").sync())
        self.refused("kind", lambda: Replay(K, D).sync().compute() if odd else Stream(K, D).sync())
        sets = LabelSets.of(np.eye(3)[[0, 1]] if odd else np.eye(3)[[1, 2]])
        self.refused("sets", lambda: Stream(2, D, sets=sets).sync())
        closed = again(self.stream(0.0, np.arange(N)).moments, 0.0, np.arange(N))
        self.refused("closed", lambda: sync.moments(closed.moments() if odd else Moments(K, D)))
        self.refused("phase", lambda: sync.second_pass(closed) if odd else sync.means(Means(K, D)))
        problem = "a word that is long " * 100
        self.refused(
            "problem", lambda: sync.agree("", problem=problem) if odd else Stream(K, D).sync()
        )
        answering = Stream(2, 1)
        for label in (0, 0, 1, 1):  # one at a time, whose answers may be a distribution by chance
            answer = torch.tensor([[0.25, 0.75 if odd else 3.0]])
            answering.update(torch.ones(1, 1), torch.tensor([label]), answer)
        self.refused("answers", answering.sync)
        self.said["n"] = (
            self.stream(0.0, shards(SHARES["uneven"], SIZE)[self.rank]).sync().moments.n
        )

    def metrics(self):
        try:
            from lopsided.measure.adapters.torchmetrics import GeometryMetric
        except ImportError:
            return
        part = shards(SHARES["uneven"], SIZE)[self.rank]
        features, labels, logits = (torch.tensor(array[part]) for array in sample(0.0))
        metric, only = GeometryMetric(K, D), GeometryMetric(K, D, sync_on_compute=False)
        for each in (metric, only):
            each.update(features, labels, logits)
        said = self.said["metric"] = {"nc1": metric.compute()["nc1"].item()}
        said["n"] = [metric.stream.n]
        metric.sync()
        said["n"].append(metric.stream.n)
        self.refused("synced", lambda: metric.update(features, labels, logits))
        metric.unsync()
        said["n"].append(metric.stream.n)
        only.stream.reset()
        self.refused("empty", only.compute)
        empty = GeometryMetric(K + 1, D)
        empty.update(features, labels)
        self.refused("missed", empty.compute)
        said["n"].append(empty.stream.n)

    def spread(self):
        model = torch.nn.Sequential(torch.nn.Linear(D, D), torch.nn.Linear(D, K))
        inputs, labels = torch.randn(3, D), torch.arange(3)
        with watch(model, model[1]) as watching:
            for layer in (*model, model):
                fully_shard(layer)
            model(inputs)  # ends no forward pass
            self.refused("watched", lambda: watching.labels(labels))
        self.refused("spread", lambda: watch(model, model[1]))
        self.refused("loader", lambda: trained(model, [(inputs, labels)], show_progress=False))

    def bystanders(self):
        heard = []
        handler = logging.Handler()
        handler.emit = lambda record: heard.append(record.getMessage())
        logging.getLogger("lopsided").addHandler(handler)
        torch.manual_seed(0)
        model = torch.nn.Linear(D, 3)
        data = TensorDataset(torch.randn(11, D), torch.tensor([0] * 7 + [1, 1, 2, 2]))
        loader = DataLoader(data, 2, sampler=DistributedSampler(data, shuffle=False))
        bystander = Bystander(None, "", (), {})
        bystander._open(model)
        for epoch in (1, 2, 3):
            for features, labels in loader:
                broken = epoch == 1 and self.rank == 2
                model(features * float("nan") if broken else features)
                bystander._label(lambda labels=labels: labels)
            bystander._finish(epoch, loader)
        self.said["history"] = {str(step): scalars for step, scalars in bystander.history.items()}
        self.said["unmeasured"] = bystander.unmeasured[1]
        self.said["repeated"] = bystander.collapse.moments.n
        self.said["heard"] = heard

    def wholes(self):
        """Loaders of all samples in every process, of shares, and of both."""
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(D, D), torch.nn.Linear(D, K))
        data = TensorDataset(*(torch.tensor(array) for array in sample(0.0)[:2]))
        model, own = model.double(), torch.Generator().manual_seed(self.rank)
        whole = DataLoader(data, 16, shuffle=True, generator=own)
        share = DataLoader(Subset(data, range(self.rank, N, SIZE)), 16)
        some = DataLoader(Subset(data, range(0, N, 3)), 16)
        said, quiet = {}, {"show_progress": False}
        for name, loader in (("whole", whole), ("share", share)):
            found = [trained(model, loader, passes=passes, **quiet) for passes in (1, 2)]
            found += layers(model, loader, ["0"], **quiet).values()
            said[name] = [[each.moments.n, each.moments.spread.sum()] for each in found]
            found = diagnose(model, loader, held_out=some, **quiet)
            said[name] += [int(found.collapse.moments.n), int(found.held_out.counts.sum())]
            said[name] += [found.prescription is not None]
            with watch(model.eval(), during="eval") as watching:
                for _ in range(2):
                    for features, labels in loader:
                        model(features)
                        watching.labels(labels)
                    evaluated = watching.epoch().moments
                    said[name].insert(0, [evaluated.n, evaluated.spread.sum()])
        self.said["wholes"] = said

    def shares(self):
        """Loaders that deal out a data set, as Accelerate's do, and data sets of each process."""
        torch.manual_seed(0)
        model, told = torch.nn.Linear(D, K).double(), {}
        data = TensorDataset(*(torch.tensor(array) for array in sample(0.0)[:2]))
        rows = list(range(self.rank, N, SIZE))
        loaders = {
            "even": DataLoader(data, batch_sampler=[rows[:40], rows[40:]]),
            "filled": DataLoader(data, batch_sampler=[rows[:40], [*rows[40:], 0]]),
            "own": DataLoader(Subset(data, rows), 16, drop_last=True),
            "own, a batch": DataLoader(Subset(data, rows), N),
            "pairs": DataLoader(Subset(data, range(self.rank // 2, N, 2)), 16),
        }
        for name, loader in loaders.items():
            with told_of() as told[name]:
                trained(model, loader, classes="seen", show_progress=False)
        self.said["told"] = told

    def normed(self):
        """DistributedDataParallel with buffers, which it sends around, and processes without
        samples."""
        torch.manual_seed(0)
        parts = torch.nn.Linear(D, D), torch.nn.BatchNorm1d(D), torch.nn.Linear(D, K)
        model = DistributedDataParallel(torch.nn.Sequential(*parts).double())
        inputs, labels = (torch.tensor(array) for array in sample(0.0)[:2])
        with Join([model]):  # each trains as often as it has batches, to statistics of its own
            for _ in range(1 + self.rank):
                model(inputs[self.rank :: SIZE]).sum().backward()
        own = {name: buffer.clone() for name, buffer in model.named_buffers()}
        said = self.said["normed"] = {}
        for name, size in (("first", 1), ("others", 3)):
            has = (self.rank == 0) == (name == "first")
            part = slice((self.rank - 1) % size, None, size)
            loader = [(inputs[part], labels[part])] * has
            found = [
                trained(model, loader, passes=passes, show_progress=False) for passes in (1, 2)
            ]
            found += layers(model, loader, ["module.0"], show_progress=False).values()
            said[name] = [[each.moments.n, each.moments.spread.sum()] for each in found]
            self.refused("no batch", lambda: layers(model, [], ["module.0"], show_progress=False))
        said["kept"] = all(torch.equal(own[name], kept) for name, kept in model.named_buffers())
        said["trains"] = model.require_forward_param_sync and model._join_config.enable

    def networks(self):
        """Networks of each process: one in all, moved by steps on their own data, their own."""
        features, labels = (torch.tensor(array[self.rank :: SIZE]) for array in sample(0.0)[:2])
        for name, own in (("one", 0.0), ("moved", 0.02), ("own", 1.0)):
            torch.manual_seed(0)
            model = torch.nn.Linear(D, K).double()
            torch.manual_seed(1 + self.rank)
            with torch.no_grad():
                model.weight.lerp_(torch.nn.Linear(D, K).weight.double(), own)
            loader, quiet = [(features, labels)], {"show_progress": False}
            with watch(model) as watching:
                model(features)
                watching.labels(labels)
                self.refused(f"{name} watched", watching.epoch)
            self.refused(f"{name} trained", partial(trained, model, loader, **quiet))
            self.refused(f"{name} diagnosed", partial(diagnose, model, loader, **quiet))
            with suppress(ImportError):
                from lopsided.measure.adapters.torchmetrics import GeometryMetric

                metric = GeometryMetric(K, D, model)
                metric.update(features, labels)
                self.refused(f"{name} metric", metric.compute)

    def stragglers(self):
        start = time.monotonic()
        try:
            if self.rank != 3:
                self.stream(0.0, np.arange(N)).sync(self.hasty)
        except RuntimeError as error:
            self.said["straggler"] = type(error).__name__
        self.said["waited"] = time.monotonic() - start
        dist.barrier()

    def deaths(self):
        if self.rank == 3:
            os._exit(9)
        try:
            self.stream(0.0, np.arange(N)).sync()
        except RuntimeError:
            (self.folder / f"ended{self.rank}").touch()
        os._exit(0)  # the group cannot be left in order any more


@contextmanager
def told_of():
    """Collect what is told of samples that come again."""
    told, handler = [], logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())
    handler.addFilter(lambda record: "what comes again" in record.getMessage())
    logging.getLogger("lopsided").addHandler(handler)
    yield told
    logging.getLogger("lopsided").removeHandler(handler)


def work(rank, folder):
    torch.set_num_threads(1)
    Process(rank, folder).run()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Run four processes once, for all the laws."""
    folder = tmp_path_factory.mktemp("processes")
    with suppress(ImportError):
        import lopsided.measure.adapters.torchmetrics  # noqa: F401  (once, not in each process)
    fork = torch.multiprocessing.get_context("fork")
    processes = [fork.Process(target=work, args=(rank, folder)) for rank in range(SIZE)]
    try:
        for process in processes:
            process.start()
        for process in processes:
            process.join(10 * PATIENCE)
    finally:
        for process in processes:
            process.kill()
    assert [process.exitcode for process in processes] == [0, 0, 0, 9]
    return folder


@pytest.fixture(scope="module")
def said(folder):
    return [json.loads((folder / f"said{rank}.json").read_text()) for rank in range(SIZE)]


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("shares", SHARES)
@pytest.mark.parametrize("size", [2, 4])
def test_processes_measure_what_one_measures(size, shares, offset, folder):
    one, all_of_them = Stream(K, D), slice(None)
    one.update(*(torch.tensor(array) for array in sample(offset)))
    second, replay = again(one.moments, offset, all_of_them), kept(offset, all_of_them)
    joint = np.load(folder / "joint0.npz")
    for key, value in named(f"{size}/{shares}/{offset:g}", one, second, replay).items():
        largest = np.abs(value).max()
        np.testing.assert_allclose(joint[key], value, rtol=1e-12, atol=1e-12 * largest, err_msg=key)


def test_every_process_holds_the_same_bits(folder):
    joints = [np.load(folder / f"joint{rank}.npz") for rank in range(SIZE)]
    for rank in range(1, SIZE):
        for key in joints[rank].files:
            np.testing.assert_array_equal(joints[rank][key], joints[0][key])


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (
            "d",
            (
                "process 0 has moments of k=4, d=5, scatter='pooled' and process 2 has moments of"
                " k=4, d=6"
            ),
        ),
        ("sets", "process 2 has 2 sets of 3 labels ("),
        ("k", "process 2 has moments of k=5, d=5"),
        ("scatter", "process 2 has moments of k=4, d=5, scatter='none'"),
        (
            "kind",
            (
                "process 0 has moments of k=4, d=5, scatter='pooled' and process 2 has means of"
                " k=4, d=5"
            ),
        ),
        ("closed", "process 2 could not measure: synchronise the first pass"),
        ("phase", "process 0 has means of k=4, d=5 and process 2 has a second pass"),
        ("problem", "process 2 could not measure: a word that is long a word"),
        ("answers", "process 2 could not measure: these are probabilities"),
    ],
)
def test_what_does_not_fit_together_is_one_error_in_every_process(what, words, said):
    assert words in said[0][what]
    assert [process[what] for process in said] == [said[0][what]] * SIZE
    assert [process["n"] for process in said] == [N] * SIZE  # and they can go on


def test_a_metric_of_processes_is_that_of_one_and_each_keeps_its_samples(said):
    pytest.importorskip("torchmetrics")
    one = Stream(K, D)
    one.update(*sample(0.0))
    for process, share in zip(said, SHARES["uneven"], strict=True):
        assert process["metric"]["nc1"] == pytest.approx(one.compute().nc1, rel=1e-12)
        assert process["metric"]["n"] == [share, N, share, share]
        assert "call unsync" in process["synced"]
        assert "nothing has been measured" in process["empty"]
        assert "class 4 has no sample" in process["missed"]


def test_a_head_that_is_spread_over_processes_is_refused_and_ends_no_forward_pass(said):
    for each in said:
        for where in ("watched", "spread", "loader"):
            assert "spread over processes" in each[where]


def test_what_one_process_cannot_measure_costs_all_of_them_that_epoch_and_no_other(said):
    for process in said:
        assert "process 2 could not measure: " in process["unmeasured"]
        assert "NaN" in process["unmeasured"]
        assert process["history"].keys() == {"2", "3"}
        assert process["history"] == said[0]["history"]


def test_samples_that_a_distributed_sampler_repeats_are_told_once_by_the_first_process(said):
    for process in said:
        assert process["repeated"] == 12
        told = [
            line
            for line in process["heard"]
            if "12 samples were measured of a data set of 11" in line
        ]
        assert len(told) == (process is said[0])


def test_samples_that_all_processes_read_count_once(said):
    for each in (process["wholes"] for process in said):
        *measured, training, held_out, prescribed = each["whole"]
        *shared, joined, _, apart = each["share"]
        assert [n for n, _ in measured] == [n for n, _ in shared] == [N] * 6
        for (_, one), (_, other) in zip(measured, shared, strict=True):
            assert one == pytest.approx(other)
        assert (training, joined, held_out) == (N, N, len(range(0, N, 3)))
        assert (prescribed, apart) == (True, False)


def test_shares_that_are_filled_up_are_told_of_whatever_deals_them_out(said):
    for process in said:
        told = process["told"]
        assert not told["even"] + told["own"] + told["own, a batch"]
        assert "given 244 samples of a data set of 240" in told["filled"][0]


def test_samples_that_some_of_the_processes_share_are_told_of_by_the_first(said):
    """As where a sampler deals out to nodes, or a model is spread over some processes."""
    heard = [[line for line in each["told"]["pairs"] if "the same" in line] for each in said]
    assert heard[1:] == [[]] * (SIZE - 1)
    (told,) = heard[0]
    assert told.startswith("processes 0 and 1 read the same 120 samples (4 of the 4 share")


def test_a_group_of_one_process_is_none(tmp_path, caplog):
    features, labels, _ = (torch.tensor(array) for array in sample(0.0))
    model = torch.nn.Linear(D, K).double()
    loaders = [(features[::2], labels[::2])], [(features[1::2], labels[1::2])]

    def found():
        return diagnose(model, loaders[0], held_out=loaders[1], show_progress=False)

    alone = str(found())
    said = caplog.text
    caplog.clear()
    store = f"file://{tmp_path}/store"
    dist.init_process_group("gloo", init_method=store, rank=0, world_size=1)
    try:
        assert str(found()) == alone
    finally:
        dist.destroy_process_group()
    assert caplog.text == said


def test_buffers_are_sent_to_all_though_some_have_no_sample_to_pass(said):
    for process in said:
        normed = process["normed"]
        for (n, spread), (_, other) in zip(normed["first"], normed["others"], strict=True):
            assert n == N
            assert spread == pytest.approx(other)
        assert process["no batch"] == "nothing has been measured: the loader gave no batch"
        assert normed["kept"]
        assert normed["trains"]


def test_processes_with_networks_of_their_own_are_refused(said):
    for process in said:
        for how in ("watched", "trained", "diagnosed"):
            assert f"one {how}" not in process
            assert f"moved {how}" not in process
            assert "of their size apart" in process[f"own {how}"]
            assert process[f"own {how}"] == said[0][f"own {how}"]
        assert "one metric" not in process
        assert ("own metric" in process) == ("metric" in process)  # where torchmetrics is there


def test_processes_that_wait_for_one_that_does_not_come_give_up(said):
    for process in said[:3]:
        assert process["straggler"]
        assert process["waited"] < PATIENCE


def test_the_end_of_a_process_ends_the_others_with_an_error(folder):
    assert [(folder / f"ended{rank}").exists() for rank in range(SIZE)] == [True, True, True, False]
