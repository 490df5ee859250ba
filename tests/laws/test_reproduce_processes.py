"""Runs in processes: none outlives its starter, none keeps the others from their end, none is done
twice at once."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from rich.console import Console
from threadpoolctl import threadpool_info, threadpool_limits

from lopsided.reproduce import CLAIMS, Context, Outcome, Place, Record, grid
from lopsided.reproduce.disk import alone
from lopsided.reproduce.processes import Show, at_once, in_turn
from lopsided.reproduce.record import name_of

NORMS = CLAIMS["norms"]
QUIET = Show(lambda *_: None, lambda *_: None)
#: A parent with one worker, busy for minutes.
PARENT = """
import sys
from pathlib import Path
from lopsided.signals import leave_on_signals
from lopsided.reproduce import CLAIMS, Place
from lopsided.reproduce.processes import Show, at_once
with leave_on_signals():
    try:
        quiet = Show(lambda *_: None, lambda *_: None)
        at_once(CLAIMS["ridge-path"], [{"points": 10000}], Place(Path(sys.argv[1])), quiet, 1)
    except KeyboardInterrupt:
        sys.exit(130)
"""
#: Runs of one grid: one is killed whenever it has begun, one once, one cannot be done, and one has
#: no trouble.
DOOMED, KILLED, WRONG, WHOLE = (
    {"points": 9999},
    {"points": 299},
    {"points": 7, "k": 5},
    {"points": 8},
)


def gone(pid: int) -> bool:
    """Whether a process is no more, or only waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def until(happened: Any, seconds: float = 60) -> None:
    """Wait until something has happened."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
def test_no_process_outlives_the_one_that_started_it_however_that_is_ended(tmp_path: Path) -> None:
    ends = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGINT: 130}
    started = {
        number: subprocess.Popen(
            [sys.executable, "-c", PARENT, str(tmp_path / number.name)],
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for number in ends
    }
    try:
        for number, status in ends.items():
            parent, folder = started[number], tmp_path / number.name
            until(lambda folder=folder: list(folder.glob(".work/*/lock")))
            children = [
                int(word)
                for word in Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
                .read_text()
                .split()
            ]
            assert children
            # Ctrl-C reaches the whole group of processes, the other signals the parent alone.
            (os.killpg if number is signal.SIGINT else os.kill)(parent.pid, number)
            _, complaints = parent.communicate(timeout=30)
            assert parent.returncode == status
            assert complaints == "", number
            until(lambda children=children: all(map(gone, children)), 10)
            assert not list(folder.rglob("*.draft"))
    finally:
        for parent in started.values():
            if parent.poll() is None:
                os.killpg(parent.pid, signal.SIGKILL)


class Came(NamedTuple):
    """What came of a grid."""

    folder: Path
    failures: list[str]
    notes: list[str]


@pytest.fixture(scope="module")
def unlucky(tmp_path_factory: pytest.TempPathFactory) -> Came:
    """A grid two of whose runs lose their processes, and another of which cannot be done."""
    folder, notes, killed = tmp_path_factory.mktemp("unlucky"), [], set()

    def kill(run: int, fraction: float | None, text: str) -> None:
        for child in multiprocessing.active_children():
            if child.name == f"run {run}" and (run == 0 or (run == 1 and child.name not in killed)):
                killed.add(child.name)
                child.kill()

    show = Show(kill, lambda run, text: notes.append(f"{run}: {text}"))
    failures = at_once(NORMS, [DOOMED, KILLED, WRONG, WHOLE], Place(folder), show, 2)
    return Came(folder, failures, notes)


def record_of(options: dict[str, Any], folder: Path) -> Record:
    """The record of a run that is done."""
    record = NORMS.record_of(options, folder)
    assert record is not None
    return record


def test_a_run_whose_process_is_killed_is_started_again_and_ends_in_the_same_record(
    unlucky: Came, tmp_path: Path
) -> None:
    sentence = (
        "the process of the run was ended (signal 9); it is started again and goes on from its"
        " checkpoint"
    )
    assert f"1: {sentence}" in unlucky.notes
    assert in_turn(NORMS, [KILLED], Place(tmp_path), QUIET) == []
    assert record_of(KILLED, unlucky.folder).digest() == record_of(KILLED, tmp_path).digest()


def test_a_run_that_always_loses_its_process_is_given_up(unlucky: Came) -> None:
    assert (
        "the process of the run was ended (signal 9), 3 times now: it is given up"
        in unlucky.failures
    )
    assert sum(note.startswith("0: ") for note in unlucky.notes) == 2
    assert NORMS.record_of(DOOMED, unlucky.folder) is None


def test_a_run_that_fails_says_why_and_the_others_go_on(unlucky: Came, tmp_path: Path) -> None:
    assert len(unlucky.failures) == 2
    assert any(failure.startswith("k must be at least 4") for failure in unlucky.failures)
    assert record_of(WHOLE, unlucky.folder).verdict.sentence
    failing = replace(NORMS, judge=lambda settings, numbers: 1 / 0)
    with pytest.raises(ValueError, match="2 of 2 runs failed; the first: division by zero"):
        grid.run(failing, [WHOLE, {"points": 9}], Place(tmp_path), 1, Console(quiet=True))
    with pytest.raises(ValueError, match="k must be at least 4"):  # before any is started
        grid.run(NORMS, [WHOLE, WRONG], Place(tmp_path), 1, Console(quiet=True))
    assert not list(tmp_path.glob("*.json"))


def test_a_run_that_another_process_is_at_is_left_to_it(tmp_path: Path) -> None:
    options, place = {"points": 5}, Place(tmp_path)
    name = name_of("norms", NORMS.configuration(options))
    with alone(place.context(name).folder / "lock", name):
        (failure,) = in_turn(NORMS, [options], place, QUIET)
    assert failure.startswith(f"another process is at {name} already")
    assert in_turn(NORMS, [options], place, QUIET) == []


def test_a_run_that_another_process_has_done_meanwhile_is_not_repeated(tmp_path: Path) -> None:
    options, place = {"points": 5}, Place(tmp_path)
    assert in_turn(NORMS, [options], place, QUIET) == []
    (record,) = tmp_path.glob("*.json")
    before = record.stat().st_mtime_ns
    assert in_turn(NORMS, [options], place, QUIET) == []
    assert record.stat().st_mtime_ns == before


def test_a_run_is_computed_with_one_thread_wherever_it_is_run(tmp_path: Path) -> None:
    """With more, sums are in another order, and a record would depend on how many cores there are,
    and on --processes."""
    seen: list[int] = []

    def compute(settings: Any, context: Context) -> Outcome:
        seen.extend(library["num_threads"] for library in threadpool_info())
        return NORMS.compute(settings, context)

    with threadpool_limits(limits=2):
        replace(NORMS, compute=compute).run({"points": 5}, Place(tmp_path).context("short"))
        after = [library["num_threads"] for library in threadpool_info()]
    assert seen
    assert set(seen) == {1}
    assert 2 in after


def test_drafts_of_a_killed_run_are_cleared_when_it_goes_on_and_nothing_is_left_at_its_end(
    tmp_path: Path,
) -> None:
    options, place = {"points": 5}, Place(tmp_path)
    folder = place.context(name_of("norms", NORMS.configuration(options))).folder
    folder.mkdir(parents=True)
    (folder / ".00000003.safetensors.draft").write_text("half")
    (tmp_path / f".{folder.name}.json.draft").write_text("half")
    NORMS.run(
        options,
        place.context(folder.name, lambda fraction, text: drafts.append([*folder.glob("*.draft")])),
    )
    assert not any(drafts)
    assert [path.name for path in tmp_path.iterdir()] == [".work", f"{folder.name}.json"]
    assert not list((tmp_path / ".work").iterdir())


drafts: list[list[Path]] = []
