"""Runs as jobs of Slurm, by submitit: one job a run, which is queued again when it is preempted or
its time is over, and goes on from its checkpoint.

Jobs outlive the process that asked for them; which runs have a record decides what is left to do.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lopsided.needs import need
from lopsided.reproduce.claim import AnyClaim
from lopsided.reproduce.context import Place
from lopsided.reproduce.processes import Options, Show, Told, do

#: Hours of a job, after which it is queued again, and how often at most.
HOURS, QUEUED = 4, 100
#: Seconds between two looks at the jobs.
_PAUSE = 2.0


@dataclass(frozen=True)
class Job:
    """A run, as submitit wants it: called to be done, and asked for a job that goes on."""

    claim: AnyClaim
    options: Options
    place: Place

    def __call__(self) -> Told:
        """Do the run."""
        return do(self.claim, self.options, self.place, lambda told: None)

    def checkpoint(self) -> Any:
        """Return what is queued in the place of a job that has to leave."""
        return need("submitit", "submitit").helpers.DelayedSubmission(self)


def executor(claim: AnyClaim, place: Place, partition: str) -> Any:
    """Return what submits jobs to a partition.

    Raises:
        ImportError: if submitit is not installed.
        ValueError: if there is no Slurm here.
    """
    library, folder = need("submitit", "submitit"), place.out / ".work" / "slurm"
    try:
        made = library.AutoExecutor(folder, cluster="slurm", slurm_max_num_timeout=QUEUED)
    except RuntimeError as error:
        raise ValueError(f"jobs are submitted where Slurm's srun is: {error}") from error
    made.update_parameters(
        name=f"lopsided-{claim.name}",
        timeout_min=60 * HOURS,
        cpus_per_task=1,
        slurm_partition=partition,
        slurm_setup=["export OMP_NUM_THREADS=1"],
    )
    return made


def as_jobs(
    claim: AnyClaim, todo: Sequence[Options], place: Place, show: Show, submitter: Any
) -> list[str]:
    """Submit a job a run, wait for them, and return a sentence for each that could not be done.

    Args:
        claim: to run.
        todo: settings of each run.
        place: of records and data, which the jobs see by the same paths.
        show: how runs speak to the user.
        submitter: an executor of submitit.
    """
    data = None if place.data is None else place.data.absolute()
    there = Place(place.out.absolute(), data)
    with submitter.batch():
        jobs = [submitter.submit(Job(claim, options, there)) for options in todo]
    waiting, failures = dict(enumerate(jobs)), []
    try:
        while waiting:
            for run in [run for run, job in waiting.items() if job.done()]:
                end = _end(waiting.pop(run))
                show.pass_on(run, end)
                if end.kind == "failed":
                    failures.append(end.text)
            if waiting:
                time.sleep(_PAUSE)
    except BaseException:
        for job in waiting.values():
            job.cancel()
        raise
    return failures


def _end(job: Any) -> Told:
    error = job.exception()
    if error is not None:
        return Told("failed", f"job {job.job_id} ended without a word: {error}")
    told: Told = job.result()
    return told
