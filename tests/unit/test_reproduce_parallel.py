"""Processes that train one network."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lopsided.cli import main
from lopsided.reproduce import CLAIMS, Place, page
from lopsided.reproduce.claims.thrampoulidis2022.deep import training
from lopsided.reproduce.data import Dataset
from lopsided.reproduce.network.parallel import Workers

OPTIONS = {"dataset": "digits", "width": 8, "epochs": 2, "largest": 20}
SHORT = ["reproduce", "demo", *(f"--{name}={value}" for name, value in OPTIONS.items())]


def _as_torchrun_starts_it(rank: int, port: int, folder: Path, *, other: bool = False) -> None:
    torch.set_num_threads(1)
    if other and rank == 1:
        Dataset.digest = lambda self: "of other images"
    meeting = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    os.environ |= meeting | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
    # What is on a page is for other tests.
    page.report = lambda folder, *_: (folder / f"page-of-{rank}.html").touch()
    sys.exit(main([*SHORT, "--out", str(folder)]))


def require_one_record(folder: Path) -> None:
    """Require one record, of a network much like that of one process."""
    (path,) = folder.glob("*.json")
    last = json.loads(path.read_text())["numbers"]["history"][-1]
    single = CLAIMS["demo"].run(OPTIONS, Place(folder / "alone").context("one"))
    # Batch norm sees half a batch in each process, so the two networks are alike and not equal.
    assert last["loss"] == pytest.approx(single.numbers["history"][-1]["loss"], rel=0.5)
    assert len(last["test_accuracy"]) == 10


def started(folder: Path, *, other: bool = False) -> list[int | None]:
    """Return how two processes of one run ended."""
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    fork = torch.multiprocessing.get_context("fork")
    processes = [
        fork.Process(
            target=_as_torchrun_starts_it, args=(rank, port, folder), kwargs={"other": other}
        )
        for rank in range(2)
    ]
    try:
        for process in processes:
            process.start()
        for process in processes:
            process.join(300)
    finally:
        for process in processes:
            process.kill()
    return [process.exitcode for process in processes]


def test_two_processes_train_one_network_and_write_one_record(tmp_path: Path) -> None:
    assert started(tmp_path) == [0, 0]
    assert [path.name for path in tmp_path.glob("*.html")] == ["page-of-0.html"]
    require_one_record(tmp_path)
    (path,) = tmp_path.glob("*.json")
    assert json.loads(path.read_text())["environment"]["processes"] == 2


def test_two_processes_with_other_images_train_none(tmp_path: Path, capfd) -> None:
    assert started(tmp_path, other=True) == [2, 2]
    assert "all processes must measure one thing" in capfd.readouterr().err
    assert not [*tmp_path.glob("*.json")]


def test_a_run_goes_on_by_as_many_as_began_it(tmp_path: Path, monkeypatch) -> None:
    seen = []

    def train(settings, network, sample, context, *_, **__):
        seen.append(context.identity)
        raise ValueError

    monkeypatch.setattr(training, "train", train)
    monkeypatch.setattr(Workers, "require_alike", lambda workers, what: None)
    for size in (1, 1, 2, 4):
        monkeypatch.setattr(training.Workers, "of", lambda device, size=size: Workers(0, size))
        with pytest.raises(ValueError):
            CLAIMS["demo"].run(OPTIONS, Place(tmp_path).context("one"))
    assert seen[0] == seen[1]
    assert len(set(seen)) == 3


@pytest.mark.parametrize("rank", ["1", "", "x"])
def test_a_process_alone_writes_whatever_its_rank_is_called(rank, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setattr(page, "report", lambda folder, *_: folder / "report.html")
    assert main([*SHORT, "--out", str(tmp_path)]) == 0
    require_one_record(tmp_path)


@pytest.mark.parametrize("said", ["abc", ""])
def test_a_number_of_processes_that_is_none_is_told(said, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("WORLD_SIZE", said)
    assert main([*SHORT, "--out", str(tmp_path)]) == 2
    assert "WORLD_SIZE is the number of processes" in capsys.readouterr().err


def torchrun(folder: Path, *words: str) -> None:
    launch = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "--no-python",
    ]
    script = [sys.executable, "-c", "import sys; from lopsided.cli import main; sys.exit(main())"]
    done = subprocess.run(
        [*launch, *script, *SHORT, *words, "--out", str(folder)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_so_do_two_that_torchrun_starts(tmp_path: Path) -> None:
    torchrun(tmp_path)
    require_one_record(tmp_path)


@pytest.mark.slow
def test_and_go_on_to_the_next_of_a_grid(tmp_path: Path) -> None:
    torchrun(tmp_path, "--grid", "seed=0,1")
    assert len([*tmp_path.glob("*.json")]) == 2
