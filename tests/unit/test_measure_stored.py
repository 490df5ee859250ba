"""Stored features: every format, processes, and files that cannot be used."""

import contextlib
import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest
import torch
import torch.distributed
import torch.multiprocessing
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

from lopsided import memory
from lopsided.measure import Moments, open_store, open_targets, stored
from lopsided.measure.metrics import nc1
from lopsided.measure.ood import stored_outside
from lopsided.measure.regression import RegressionCollapse
from lopsided.measure.storage import plan, torchrun
from lopsided.measure.storage.heads import head_in
from lopsided.measure.storage.shards import open_arrays
from lopsided.measure.storage.target_work import stored_regression, stored_sets

K, D, N = 4, 6, 500


def sample(seed=0):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(K), rng.integers(0, K, N - K)])
    features = (7 + rng.standard_normal((K, D))[labels] + 0.3 * rng.standard_normal((N, D))).astype(
        np.float32
    )
    return {
        "features": features,
        "labels": labels,
        "weight": rng.standard_normal((K, D)),
        "bias": rng.standard_normal(K),
    }


def expected():
    arrays = sample()
    moments = Moments(K, D)
    moments.update(arrays["features"], arrays["labels"])
    return nc1(moments)


def parts(arrays):
    for i, rows in enumerate(np.array_split(np.arange(N), 3)):
        yield i, {"features": arrays["features"][rows], "labels": arrays["labels"][rows]}


def write_npz(folder):
    np.savez(folder / "x.npz", **sample())
    return folder / "x.npz"


def write_compressed(folder):
    np.savez_compressed(folder / "x.npz", **sample())
    return folder / "x.npz"


def write_fortran(folder):
    arrays = sample()
    np.savez(folder / "x.npz", **arrays | {"features": np.asfortranarray(arrays["features"])})
    return folder / "x.npz"


def write_npy_pair(folder):
    arrays = sample()
    np.save(folder / "train.features.npy", arrays["features"])
    np.save(folder / "train.labels.npy", arrays["labels"])
    return folder / "train.features.npy"


def write_safetensors(folder):
    save_file(sample(), folder / "x.safetensors")
    return folder / "x.safetensors"


def write_npz_shards(folder):
    for i, part in parts(sample()):
        np.savez(folder / f"shard-{i}.npz", **part)
    np.savez(folder / "head.npz", weight=sample()["weight"], bias=sample()["bias"])
    return folder


def write_mixed_shards(folder):
    for i, part in parts(sample()):
        if i == 0:
            save_file(part, folder / "shard-0.safetensors")
        elif i == 1:
            np.savez(folder / "shard-1.npz", **part)
        else:
            np.save(folder / "features-2.npy", part["features"])
            np.save(folder / "labels-2.npy", part["labels"])
    save_file({"weight": sample()["weight"]}, folder / "head.safetensors")
    return folder


WRITERS = [
    write_npz,
    write_compressed,
    write_fortran,
    write_npy_pair,
    write_safetensors,
    write_npz_shards,
    write_mixed_shards,
]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("passes", [1, 2])
def test_every_format_gives_the_measurement_of_its_arrays(write, passes, tmp_path):
    store = open_store(write(tmp_path))
    assert (store.n, store.d, store.k) == (N, D, K)
    done = []
    assert stored(store, passes=passes, progress=done.append).nc1 == pytest.approx(
        expected(), rel=1e-9
    )
    assert sum(done) == passes * N
    assert (store.weight is None) == (write is write_npy_pair)


def test_bfloat16_features_are_read(tmp_path):
    arrays = sample()
    half = torch.tensor(arrays["features"]).bfloat16()
    save_torch(
        {"features": half, "labels": torch.tensor(arrays["labels"])}, tmp_path / "x.safetensors"
    )
    moments = Moments(K, D)
    moments.update(half.float().numpy(), arrays["labels"])
    assert stored(open_store(tmp_path / "x.safetensors")).nc1 == pytest.approx(
        nc1(moments), rel=1e-9
    )


def test_features_larger_than_memory_are_opened_and_read_in_part(tmp_path):
    width = 2**37
    with (tmp_path / "features.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f4", "fortran_order": False, "shape": (3, width)}
        )
        file.truncate(file.tell() + 3 * 4 * width)
    np.save(tmp_path / "labels.npy", [0, 1, 0])
    store = open_store(tmp_path / "features.npy")
    assert (store.n, store.d) == (3, width)
    with pytest.raises(MemoryError, match="2 classes in 137,438,953,472 dimensions"):
        stored(store)


@pytest.mark.parametrize(
    "write", [write_npz, write_compressed, write_fortran, write_npy_pair, write_safetensors]
)
def test_rows_are_those_of_the_array(write, tmp_path):
    (shard,), arrays = open_store(write(tmp_path)).shards, sample()
    for start, stop in ((0, N), (0, 1), (7, 7), (N - 3, N)):
        features, labels = shard.rows(start, stop)
        np.testing.assert_array_equal(features, arrays["features"][start:stop])
        np.testing.assert_array_equal(labels, arrays["labels"][start:stop])


def test_big_endian_numbers_are_read(tmp_path):
    arrays = sample()
    np.savez(
        tmp_path / "x.npz",
        features=arrays["features"].astype(">f8"),
        labels=arrays["labels"].astype(">i4"),
    )
    assert stored(open_store(tmp_path / "x.npz")).nc1 == pytest.approx(expected(), rel=1e-9)


def test_a_link_to_another_shard_would_count_its_samples_twice(tmp_path):
    folder = write_npz_shards(tmp_path)
    (folder / "the-latest.npz").symlink_to(folder / "shard-0.npz")
    with pytest.raises(ValueError, match=r"shard-0\.npz and .*the-latest\.npz are one file"):
        open_store(folder)


@pytest.mark.parametrize("write", [write_safetensors, write_npy_pair])
def test_a_set_in_two_formats_would_count_its_samples_twice(write, tmp_path):
    beside = write_npz(tmp_path).rename(tmp_path / f"{write(tmp_path).name.split('.')[0]}_.npz")
    assert open_store(tmp_path).n == 2 * N
    beside.rename(tmp_path / beside.name.replace("_", ""))
    with pytest.raises(ValueError, match="are one set of samples in two formats"):
        open_store(tmp_path)


def test_what_was_unpacked_goes_with_the_store(tmp_path):
    """Else a service would hold the features of a shard for ever."""
    features = np.zeros((50_000, 20)) + np.arange(50_000)[:, None] % 5
    path = tmp_path / "x.npz"
    np.savez_compressed(path, features=features, labels=np.arange(50_000) % 5)
    found = [*(stored(path) for _ in range(2))]  # the first finds what is computed once
    tracemalloc.start()
    found.append(stored(path))
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < features.nbytes / 10 < features.nbytes < peak


@pytest.mark.parametrize("name", [".shard-1.npz", ".tmp.npz", "._shard-1.npz", ".features.npy"])
def test_a_hidden_file_is_the_draft_of_a_writer_and_no_shard(name, tmp_path):
    folder = write_npz_shards(tmp_path)
    (folder / name).write_bytes((folder / "shard-1.npz").read_bytes())
    assert open_store(folder).n == N


def test_a_shard_without_samples_adds_none(tmp_path):
    folder = write_npz_shards(tmp_path)
    save_file(
        {"features": np.zeros((0, D), np.float32), "labels": np.zeros(0, np.int64)},
        folder / "a.safetensors",
    )
    np.savez_compressed(folder / "b.npz", features=np.zeros((0, D)), labels=np.zeros(0, np.int64))
    assert stored(open_store(folder)).nc1 == pytest.approx(expected(), rel=1e-9)


def test_samples_whose_label_says_so_are_left_out(tmp_path):
    arrays = sample()
    left_out = np.random.default_rng(1).random(N) < 0.3
    labels = np.where(left_out, np.where(np.arange(N) % 2, -100, 255), arrays["labels"])
    np.savez(tmp_path / "x.npz", **arrays | {"labels": labels[:, None]})
    np.savez(
        tmp_path / "y.npz",
        **{name: arrays[name][~left_out] for name in ("features", "labels")},
        weight=arrays["weight"],
        bias=arrays["bias"],
    )
    some, done = open_store(tmp_path / "x.npz", ignore=(-100, 255)), []
    alone = stored(open_store(tmp_path / "y.npz"))
    for passes in (1, 2):
        assert stored(some, passes=passes, progress=done.append).nc1 == pytest.approx(
            alone.nc1, rel=1e-9
        )
    assert sum(done) == 3 * N
    with pytest.raises(
        ValueError, match=r"all samples in .*x.npz have labels that mean to leave them out"
    ):
        open_store(tmp_path / "x.npz", ignore=(*range(K), -100, 255))


def test_a_wrong_sample_is_named_where_others_are_left_out(tmp_path):
    arrays = sample()
    arrays["features"][77, 0] = np.inf
    labels = arrays["labels"].copy()
    labels[:50] = -1
    np.savez(tmp_path / "x.npz", **arrays | {"labels": labels})
    with pytest.raises(ValueError, match="row 77 of"):
        stored(open_store(tmp_path / "x.npz", ignore=-1))


def test_other_arrays_in_a_file_are_not_looked_at(tmp_path):
    np.savez(tmp_path / "x.npz", **sample(), names=np.array([Bomb()], object))
    assert stored(open_store(tmp_path / "x.npz")).nc1 == pytest.approx(expected(), rel=1e-9)


def _under_torchrun(rank, folder, store):
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2"}
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=2
    )
    collapse = stored(open_store(folder))
    alone = json.loads((folder.parent / "alone.json").read_text())
    assert [collapse.moments.n, collapse.nc4] == alone[:2]
    assert collapse.nc1 == pytest.approx(alone[2], rel=1e-11)
    for kind, reader in (("targets", stored_regression), ("sets", stored_sets)):
        found = reader(open_targets(folder.parent / kind))
        told = json.loads((folder.parent / f"{kind}.json").read_text())
        assert figures(found) == pytest.approx(told, rel=1e-11)
    torch.distributed.destroy_process_group()


def figures(found):
    first, collapse = found
    if isinstance(collapse, RegressionCollapse):
        return [first.n, collapse.nrc1, collapse.nrc2, collapse.nrc3]
    return [first.m, collapse.moments.n, collapse.nc1]


def test_the_processes_of_torchrun_share_the_work(tmp_path):
    folder = tmp_path / "shards"
    folder.mkdir()
    alone = stored(open_store(write_npz_shards(folder)))
    (tmp_path / "alone.json").write_text(json.dumps([alone.moments.n, alone.nc4, alone.nc1]))
    arrays = sample()
    targets = 1e6 + arrays["features"] @ arrays["weight"].T
    rows = np.eye(K, dtype=int)[arrays["labels"]]
    for kind, reader, part in (
        ("targets", stored_regression, {"targets": targets}),
        ("sets", stored_sets, {"labels": rows}),
    ):
        (tmp_path / kind).mkdir()
        for i, chosen in enumerate(np.array_split(np.arange(N), 3)):
            both = {"features": arrays["features"], **part}
            np.savez(
                tmp_path / kind / f"{i}.npz",
                weight=arrays["weight"],
                **{name: array[chosen] for name, array in both.items()},
            )
        found = figures(reader(open_targets(tmp_path / kind)))
        (tmp_path / f"{kind}.json").write_text(json.dumps(found))
    torch.multiprocessing.start_processes(
        _under_torchrun, args=(folder, tmp_path / "store"), nprocs=2, start_method="fork"
    )


def _one_cannot(rank, folder, store):
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2"}
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=2
    )
    told = "" if rank == 1 else "process 1 could not measure: .*"
    readers = (
        lambda path: stored(path),
        lambda path: stored(path, passes=1),
        lambda path: stored_regression(open_targets(path.parent / "targets")),
        lambda path: stored_sets(open_targets(path.parent / "sets")),
    )
    for reader in readers:
        with pytest.raises(ValueError, match=rf"^{told}features.*must be finite, row 0 of .*1.npz"):
            reader(folder)
    store = open_store(folder)
    if rank == 1:  # as where a disk of its own is gone
        store = open_store(shutil.copytree(folder, folder.parent / "own"))
        shutil.rmtree(folder.parent / "own")
    with pytest.raises((ValueError, OSError), match=rf"{told}.*0.npz"):
        stored(store)
    torch.distributed.destroy_process_group()


def test_all_processes_of_torchrun_hear_what_one_of_them_cannot_read(tmp_path):
    """The others wait for its sums: one that catches its error would leave them waiting."""
    weight, rng = np.ones((2, 3)), np.random.default_rng(0)
    for i, start in enumerate((0.0, np.nan)):
        features, labels = rng.normal(size=(plan.ROWS, 3)), np.arange(plan.ROWS) % 2
        features[0, 0] += start
        rows = {"labels": np.eye(2, 3, dtype=int)[labels]}
        for kind, part in (
            ("classes", {"labels": labels, "weight": weight}),
            ("targets", {"targets": features[:, 1:] + 0.0, "weight": weight}),
            ("sets", rows),
        ):
            (tmp_path / kind).mkdir(exist_ok=True)
            np.savez(tmp_path / kind / f"{i}.npz", features=features, **part)
    torch.multiprocessing.start_processes(
        _one_cannot,
        args=(tmp_path / "classes", tmp_path / "store"),
        nprocs=2,
        start_method="fork",
    )


def _each_its_own(rank, folder, store):
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2"}
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=2
    )
    for name in ("x.npz", f"{rank}.npz", "x.safetensors", "x.features.npy"):
        with pytest.raises(ValueError, match=r"^all processes must measure one thing, but process"):
            stored(folder / str(rank) / name)
    for kind, reader in (("targets", stored_regression), ("sets", stored_sets)):
        with pytest.raises(ValueError, match="must measure one thing"):
            reader(open_targets(folder / str(rank) / f"{kind}.npz"))
    torch.distributed.destroy_process_group()


def test_the_processes_of_torchrun_share_no_files_of_their_own(tmp_path):
    """Each would read every other task of its own file, and the rest would be left out."""
    for rank in range(2):
        (folder := tmp_path / str(rank)).mkdir()
        arrays = sample(rank)
        for name in ("x", str(rank)):
            np.savez(folder / f"{name}.npz", **arrays)
        save_file(arrays, folder / "x.safetensors")
        np.save(folder / "x.features.npy", arrays["features"])
        np.save(folder / "x.labels.npy", arrays["labels"])
        both = {"features": arrays["features"], "weight": arrays["weight"]}
        targets = arrays["features"] @ arrays["weight"].T
        np.savez(folder / "targets.npz", **both, targets=targets)
        np.savez(folder / "sets.npz", **both, labels=np.eye(K, dtype=int)[arrays["labels"]])
    torch.multiprocessing.start_processes(
        _each_its_own, args=(tmp_path, tmp_path / "store"), nprocs=2, start_method="fork"
    )


#: Tells, when Python ends, whether there still is a group, whose threads may abort it.
ENDING = """
import atexit, sys, torch.distributed
atexit.register(lambda: print(torch.distributed.is_initialized()))
from lopsided.measure import open_store, stored
stored(open_store(sys.argv[1]))
"""


def test_a_group_that_is_made_for_the_work_is_left_before_python_ends(tmp_path):
    np.savez(tmp_path / "x.npz", **sample())
    with socket.create_server(("localhost", 0)) as free:
        meeting = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(free.getsockname()[1])}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ENDING, str(tmp_path / "x.npz")],
            env=os.environ | meeting | {"RANK": str(rank), "WORLD_SIZE": "2"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    assert [process.communicate(timeout=120)[0] for process in processes] == ["False\n"] * 2
    assert [process.returncode for process in processes] == [0, 0]


def test_a_process_that_waits_for_others_ends_when_it_is_told_to(tmp_path):
    np.savez(tmp_path / "x.npz", **sample())
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    meeting = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
    command = [sys.executable, "-m", "lopsided", "measure", str(tmp_path / "x.npz")]
    waiting = subprocess.Popen(command, env=os.environ | meeting | {"RANK": "0", "WORLD_SIZE": "2"})
    for _ in range(1200):
        with contextlib.suppress(OSError), socket.create_connection(("localhost", port)):
            break
        time.sleep(0.1)
    waiting.terminate()
    assert waiting.wait(timeout=20) in (-15, 143)


def test_who_waits_for_others_that_do_not_come_says_so(tmp_path, monkeypatch, caplog):
    """As where a training has left its environment, or its first process measures alone."""
    np.savez(tmp_path / "x.npz", **sample())
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")

    def come(backend):
        while torchrun.PATIENCE < 1 and not caplog.messages:
            time.sleep(0.01)
        raise ConnectionError("nobody came")

    monkeypatch.setattr(torch.distributed, "init_process_group", come)
    with pytest.raises(ConnectionError):
        stored(tmp_path / "x.npz")
    assert not caplog.messages  # at once
    monkeypatch.setattr(torchrun, "PATIENCE", 0.05)
    with pytest.raises(ConnectionError):
        stored(tmp_path / "x.npz")
    (said,) = caplog.messages
    assert said.startswith("waiting for the other processes: WORLD_SIZE=2")


def test_one_process_tells_whatever_its_rank_is_called(monkeypatch):
    for world, rank, tells in (
        (None, "3", True),
        ("1", "3", True),
        ("2", "0", True),
        ("2", "1", False),
    ):
        monkeypatch.setenv("RANK", rank)
        monkeypatch.setenv("WORLD_SIZE", world or "1")
        if world is None:
            monkeypatch.delenv("WORLD_SIZE")
        assert torchrun.tells() == tells
    monkeypatch.setenv("WORLD_SIZE", "two")
    with pytest.raises(ValueError, match="number of processes of torchrun, got 'two'"):
        torchrun.tells()
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "5")
    with pytest.raises(ValueError, match="below WORLD_SIZE=2, got '5'"):
        torchrun.tells()


NAMES = {
    "both parts": (["x-00000-of-00002", "x-00001-of-00002"], ""),
    "counted from 1": (["x-1-of-2", "x-2-of-2"], ""),
    "others beside": (["00000-of-00001", "y"], ""),
    "a part lacks": (["x-00000-of-00003", "x-00002-of-00003"], "holds 2 of the 3 parts"),
    "two splits": (["test-00000-of-00001", "train-00000-of-00001"], "holds the splits test, train"),
    "two splits by hand": (["features_val", "Train"], "holds the splits Train, val"),
    "an evaluation": (["train", "eval"], "holds the splits eval, train"),
    "an evaluation in full": (["evaluation_0", "training_0"], "splits evaluation, training"),
    "samples held out": (["train", "features_holdout"], "holds the splits holdout, train"),
    "another gerund": (["testing", "training"], "holds the splits testing, training"),
    "two sets": (["testset", "trainset_0"], "holds the splits testset, trainset"),
    "two in one word": (["testFeatures", "trainFeatures"], "holds the splits test, train"),
    "a split and two of them": (["train", "trainval"], "holds the splits train, trainval"),
    "a split beside parts": (["train-0-of-1", "validation"], "holds the splits train, validation"),
    "one split by hand": (["train_0", "train_1", "x-training", "traindata", "myTrain"], ""),
    "one evaluation": (["eval_0", "x-evaluation"], ""),
    "two words for one": (["held-out_test_0", "held-out_test_1"], ""),
    "words that hold a split": (
        ["trained", "latest", "oval", "contest2", "medieval", "threshold", "Strain"],
        "",
    ),
    "two exports": (["x-0-of-2", "x-1-of-2", "x-0-of-1"], "not parts of one data set"),
    "a part twice": (["x-0-of-1-3f", "x-0-of-1-a7"], "not parts of one data set"),
}


@pytest.mark.parametrize("case", NAMES)
def test_a_folder_is_whole_and_one_by_the_names_of_its_parts(case, tmp_path):
    names, words = NAMES[case]
    for name in names:
        np.savez(tmp_path / f"{name}.npz", features=np.ones((2, 2)), labels=[0, 1])
    if not words:
        assert open_store(tmp_path).n == 2 * len(names)
        return
    with pytest.raises(ValueError, match=words):
        open_store(tmp_path)


def test_classes_without_samples_are_an_error_or_left_out(tmp_path):
    arrays = sample()
    kept = arrays["labels"] != 2
    np.savez(
        tmp_path / "x.npz",
        **arrays | {"features": arrays["features"][kept], "labels": arrays["labels"][kept]},
    )
    store = open_store(tmp_path / "x.npz")
    with pytest.raises(ValueError, match="class 2 has no sample"):
        stored(store)
    one, two = (stored(store, passes=passes, classes="seen") for passes in (1, 2))
    assert one.classes.tolist() == [0, 1, 3]
    assert one.nc1 == pytest.approx(two.nc1, rel=1e-10)
    means = one.moments.means
    x = arrays["features"][kept].astype(float)
    nearest = np.linalg.norm(x[:, None] - means, axis=2).argmin(1)
    answers = (x @ arrays["weight"].T + arrays["bias"]).argmax(1)
    assert two.nc4 == pytest.approx((answers == np.array([0, 1, 3])[nearest]).mean())


def corrupt(name):
    def write(folder):
        path = {"npz": write_npz, "npy": write_npy_pair, "safetensors": write_safetensors}[name](
            folder
        )
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        return path

    return write


def changed(**changes):
    def write(folder):
        np.savez(folder / "x.npz", **sample() | changes)
        return folder / "x.npz"

    return write


def two_widths(folder):
    np.savez(folder / "a.npz", features=np.ones((3, 2)), labels=[0, 1, 0])
    np.savez(folder / "b.npz", features=np.ones((3, 5)), labels=[0, 1, 0])
    return folder


def two_heads(folder):
    for name, sign in (("a", 1), ("b", -1)):
        np.savez(
            folder / f"{name}.npz",
            features=np.ones((3, 2)),
            labels=[0, 1, 0],
            weight=sign * np.eye(2),
        )
    return folder


def head_beside(folder):
    two_heads(folder)
    (folder / "b.npz").unlink()
    np.savez(folder / "head.npz", weight=-np.eye(2))
    return folder


def head_of_a_tail(folder):
    for i, part in parts(sample()):
        np.savez(folder / ("head.npz" if not i else f"tail-{i}.npz"), **sample() | part)
    return folder


def headless(folder):
    np.savez(folder / "a.npz", features=np.ones((3, 2)), labels=[0, 1, 0])
    np.savez(folder / "b.npz", features=np.ones((3, 2)), labels=[0, 1, 0], bias=np.zeros(2))
    return folder


class Bomb:
    def __reduce__(self):
        return pytest.fail, ("a pickle was read",)


def pickled(name):
    def write(folder):
        (folder / name).write_bytes(pickle.dumps(Bomb()))
        return folder / name

    return write


def object_arrays(folder):
    np.savez(folder / "x.npz", features=np.array([[Bomb()]], dtype=object), labels=[0])
    return folder / "x.npz"


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (corrupt("npz"), "x.npz is damaged or truncated"),
        (corrupt("npy"), "features.npy is damaged or truncated"),
        (corrupt("safetensors"), "x.safetensors is damaged or truncated"),
        (pickled("x.pt"), "may hold a pickle"),
        (pickled("x.pkl"), "may hold a pickle"),
        (pickled("features.npy"), "pickled objects, which are not read"),
        (object_arrays, "pickled objects, which are not read"),
        (pickled("x.npz"), "x.npz is damaged"),
        (two_widths, "one width, got d=2 in .*a.npz and d=5 in .*b.npz"),
        (
            changed(labels=np.full(N, -1)),
            "in .*x.npz: labels must be from 0 to 3, got -1 for sample 0",
        ),
        (changed(labels=np.arange(N)), "got 4 for sample 4"),
        (changed(labels=np.zeros(3, int)), "500 features and 3 labels"),
        (changed(labels=np.zeros(N)), "labels must be whole numbers"),
        (changed(weight=np.ones((K, D + 1))), r"weight must have shape \(k, 6\)"),
        (changed(weight=np.float64(0)), "weight in .*x.npz must have 2 axes"),
        (changed(bias=np.float64(0)), "bias in .*x.npz must have 1 axis,"),
        (
            changed(bias=np.zeros(K + 1)),
            r"in .*x.npz: the head's bias must have shape \(4,\), got \(5,\)",
        ),
        (changed(weight=np.ones((K, D)) + 1j), "holds weight of type complex128"),
        (
            changed(weight=np.full((K, D), np.nan)),
            "in .*x.npz: the head's weight of class 0 has NaN",
        ),
        (changed(features=np.zeros((N, D), "M8[s]")), "holds features of type datetime64"),
        (two_heads, "a.npz and .*b.npz hold different heads; say by --head"),
        (head_beside, "head.npz and .*a.npz hold different heads; say by --head"),
        (head_of_a_tail, "head.npz holds features, and by its name it is the head of the folder"),
        (headless, "b.npz holds the bias of a head and not its weight"),
        (changed(features=np.ones(N)), "must have 2 axes"),
        (lambda folder: folder, "there are no .npz, .*, .parquet files of features"),
        (lambda folder: folder / "x.csv", "no file or folder"),
    ],
)
def test_a_store_that_cannot_be_used_is_refused_unread(write, words, tmp_path):
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        open_store(write(tmp_path))


def test_features_in_what_is_called_the_head_are_not_left_out(tmp_path):
    folder = head_of_a_tail(tmp_path)
    np.savez(tmp_path.with_suffix(".npz"), weight=sample()["weight"])
    with pytest.raises(ValueError, match="holds features"):
        open_store(folder, head=tmp_path.with_suffix(".npz"))
    (folder / "head.npz").rename(folder / "head.NPZ")  # no name of a head
    assert open_store(folder).n == N


@pytest.mark.parametrize("held", [{"fc.weight": np.ones((K, D))}, {"bias": np.ones(K)}])
def test_of_a_folder_whose_head_was_named_only_features_are_looked_for_in_another(held, tmp_path):
    folder, mine = tmp_path / "folder", tmp_path / "mine.npz"
    folder.mkdir()
    np.savez(folder / "x.npz", features=sample()["features"], labels=sample()["labels"])
    np.savez(folder / "head.npz", **held)
    np.savez(mine, weight=sample()["weight"])
    with pytest.raises(ValueError, match=r"head.npz must hold weight"):
        open_store(folder)
    store = open_store(folder, head=mine)
    np.testing.assert_array_equal(store.weight, sample()["weight"])
    others = shutil.copytree(folder, tmp_path / "others")
    assert stored_outside(store, others).n == N
    np.savez(folder / "x.npz", features=np.ones((N, D)), targets=np.ones((N, K)))
    np.testing.assert_array_equal(open_targets(folder, mine).weight, sample()["weight"])


def test_a_sample_that_is_not_finite_is_found(tmp_path):
    features = sample()["features"]
    features[321, 2] = np.nan
    store = open_store(changed(features=features)(tmp_path))
    with pytest.raises(ValueError, match=r"row 321 of .*x.npz \(class \d\) has NaN"):
        stored(store)


@pytest.mark.parametrize("write", [write_npz, write_npz_shards])
def test_labels_of_their_own_belong_to_a_single_npy_file(write, tmp_path):
    np.save(tmp_path / "others.npy", np.zeros(N, int))
    with pytest.raises(ValueError, match="belong to features in a single npy file"):
        open_store(write(tmp_path), tmp_path / "others.npy")


@pytest.mark.parametrize("write", [write_npz, write_npy_pair, write_safetensors])
def test_a_file_that_changes_while_it_is_measured_is_told_of(write, tmp_path):
    store = open_store(path := write(tmp_path))
    content = path.read_bytes()
    with pytest.raises(ValueError, match="was changed while it was read"):
        stored(store, progress=lambda rows: path.write_bytes(content[: len(content) // 2]))


@pytest.mark.parametrize("write", WRITERS)
def test_workers_read_a_file_where_disks_and_files_have_other_numbers(write, tmp_path, monkeypatch):
    """As a disk over the network has on every machine that mounts it."""
    store = open_store(write(tmp_path))
    sent, status = pickle.dumps(plan.tasks(store, N)[0]), os.fstat

    def elsewhere(file):
        found = list(status(file))
        found[1:3] = found[1] + 1, found[2] + 1
        return os.stat_result(found, {"st_mtime_ns": status(file).st_mtime_ns})

    monkeypatch.setattr("lopsided.files.os.fstat", elsewhere)
    assert sum(len(labels) for _, labels in pickle.loads(sent).batches(verify=True)) == N  # noqa: S301
    if write is not write_compressed:  # which has been unpacked
        with store.shards[0].path.open("ab") as file:
            file.write(b"more")
        with pytest.raises(ValueError, match="was changed while it was read"):
            list(pickle.loads(sent).batches(verify=True))  # noqa: S301


def test_a_head_is_judged_by_the_memory_that_it_takes_in_float64(tmp_path, monkeypatch):
    np.savez(tmp_path / "head.npz", weight=np.ones((30, 5), np.uint8))
    arrays = open_arrays(tmp_path / "head.npz", ("weight",))
    assert head_in(tmp_path, arrays, 5)[0].dtype == np.float64
    monkeypatch.setattr(memory, "available", lambda: 2 * 8 * 30 * 5 - 1)
    with pytest.raises(MemoryError, match=r"an array of shape \(30, 5\)"):
        head_in(tmp_path, arrays, 5)
