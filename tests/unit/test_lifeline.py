"""Worker processes end with the process that started them, however it ended."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import pytest

from lopsided.lifeline import Workers
from lopsided.signals import leave_on_signals, signals_held

#: A parent that tells the pid of its workers, which are busy for an hour.
PARENT = """
import os, sys, time
from lopsided.lifeline import Workers
from lopsided.signals import leave_on_signals
from time import sleep
if __name__ == "__main__":
    with leave_on_signals():
        try:
            with Workers(2) as pool:
                print(*{pool.submit(os.getpid).result() for _ in range(2)}, flush=True)
                tasks = [pool.submit(sleep, 3600) for _ in range(2)]
                time.sleep(0.5)
                print(*pool._processes, flush=True)
                tasks[0].result()
        except KeyboardInterrupt:
            sys.exit(130)
"""


def gone(pid: int) -> bool:
    """Whether a process is no more, or only waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)],
)
def test_no_worker_outlives_its_parent_and_none_complains(
    number: signal.Signals, status: int, tmp_path: Path
) -> None:
    (tmp_path / "parent.py").write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / "parent.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert parent.stdout is not None
    parent.stdout.readline()
    pids = [int(word) for word in parent.stdout.readline().split()]
    assert len(pids) == 2
    assert not any(map(gone, pids))
    # Ctrl-C reaches the whole group of processes, the other signals the parent alone.
    (os.killpg if number is signal.SIGINT else os.kill)(parent.pid, number)
    _, complaints = parent.communicate(timeout=20)
    assert parent.returncode == status
    if (
        number is not signal.SIGKILL
    ):  # after which Python's own tracker tells of semaphores it had to clean up
        assert complaints == ""
    until = time.monotonic() + 10
    while not all(map(gone, pids)) and time.monotonic() < until:
        time.sleep(0.05)
    assert all(map(gone, pids))


def test_workers_are_started_and_their_answers_come_back() -> None:
    with Workers(2, os.putenv, "LOPSIDED_TEST", "1") as pool:
        assert list(pool.map(abs, [-1, -2])) == [1, 2]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_handlers_of_signals_are_put_back(number: signal.Signals, status: int) -> None:
    before = signal.getsignal(number)
    with pytest.raises(SystemExit, match=str(status)), leave_on_signals():
        signal.raise_signal(number)
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_that_python_loses_is_answered_at_the_end(
    number: signal.Signals, status: int
) -> None:
    lost = suppress(SystemExit)  # as in a callback of the garbage collector
    with pytest.raises(SystemExit, match=str(status)), leave_on_signals(), lost:
        signal.raise_signal(number)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_that_comes_while_a_process_starts_is_answered_when_it_has(
    number: signal.Signals, status: int
) -> None:
    done: list[str] = []

    def start() -> None:
        with leave_on_signals(), signals_held():
            signal.raise_signal(number)
            done.append("started")

    with pytest.raises(SystemExit, match=str(status)):
        start()
    assert done == ["started"]


def test_where_the_system_holds_no_interrupts_off_processes_start_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.delattr(signal, "pthread_sigmask")
    with pytest.raises(SystemExit, match="143"), leave_on_signals(), signals_held():
        signal.raise_signal(signal.SIGTERM)


def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with leave_on_signals():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_signals_that_a_program_around_python_handles_are_left_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handled: list[int] = []
    monkeypatch.setattr(signal, "getsignal", lambda number: None)  # what Python knows of it
    monkeypatch.setattr(signal, "signal", lambda number, handler: handled.append(number))
    with leave_on_signals():
        assert not handled
    assert not handled


def test_a_daemon_is_told_that_it_may_start_none():
    refused = pytest.raises(ValueError, match="is a daemon of multiprocessing")
    with get_context("spawn").Pool(1) as pool, refused:
        pool.apply(Workers, (2,))
