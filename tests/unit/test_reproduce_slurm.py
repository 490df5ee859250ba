"""Runs as jobs of submitit: by a stand-in of its executor, and by its own on this machine."""

import signal
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from rich.console import Console

from lopsided.reproduce import CLAIMS, Place, grid, slurm
from lopsided.reproduce.processes import Show, in_turn

NORMS = CLAIMS["norms"]
QUIET = Show(lambda *_: None, lambda *_: None)
GRID = "points=5,6 k=10"


class Submitter:
    """Does each job when it is asked for; a job that dies has an exception and no result."""

    def __init__(self, dies=()):
        self.dies, self.submitted, self.batch = dies, [], nullcontext

    def submit(self, job):
        self.submitted.append(job)
        error = RuntimeError("out of memory") if job.options["points"] in self.dies else None
        return SimpleNamespace(
            job_id="7", done=lambda: True, exception=lambda: error, result=job, cancel=lambda: None
        )


def run(place, submitter):
    combinations = grid.combine(NORMS, GRID, {}, place)
    return grid.run(NORMS, combinations, place, 1, Console(quiet=True), submitter)


def test_jobs_write_the_records_that_processes_write_and_what_died_is_left_to_do(tmp_path):
    place, alone = Place(tmp_path / "jobs"), Place(tmp_path / "alone")
    with pytest.raises(ValueError, match=r"1 of 2 runs failed; .*job 7 ended .*out of memory"):
        run(place, Submitter(dies=[6]))
    again = Submitter()
    found = run(place, again)
    assert [job.options["points"] for job in again.submitted] == [6]
    assert in_turn(NORMS, grid.combine(NORMS, GRID, {}, alone), alone, QUIET) == []
    assert [record.digest() for record in found] == [record.digest() for record in run(alone, None)]


def test_jobs_that_are_not_waited_for_any_more_are_cancelled(tmp_path, monkeypatch):
    cancelled = []

    class Slow(Submitter):
        def submit(self, job):
            return SimpleNamespace(done=lambda: False, cancel=lambda: cancelled.append(job))

    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(slurm.time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(Place(tmp_path), Slow())
    assert len(cancelled) == 2


@pytest.mark.slow
def test_a_job_that_is_preempted_is_queued_again_and_done(tmp_path):
    submitit = pytest.importorskip("submitit")
    import psutil

    executor = submitit.LocalExecutor(tmp_path / "jobs")
    executor.update_parameters(timeout_min=5, signal_delay_s=2)
    demo, place = CLAIMS["demo"], Place(tmp_path / "out")
    options = grid.combine(demo, "epochs=60 width=8 largest=20", {}, place)
    preempted = []

    class Preempting:
        batch = nullcontext

        def submit(self, job):
            submitted = executor.submit(job)
            done = submitted.done

            def look():
                if not preempted and list(place.out.glob(".work/*/lock")):
                    preempted.append(submitted)
                    # As Slurm does it: the job itself is told, not what looks after it.
                    controller = psutil.Process(submitted._process.pid)
                    controller.children()[0].send_signal(signal.SIGUSR2)
                return done()

            submitted.done = look
            return submitted

    (record,) = grid.run(demo, options, place, 1, Console(quiet=True), Preempting())
    assert record.numbers
    assert len(preempted) == 1
