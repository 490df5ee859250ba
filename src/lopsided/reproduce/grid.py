"""Many runs of a claim: every combination of settings that has no record yet, in one process or
several.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, get_origin

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from lopsided.measure.storage import torchrun
from lopsided.reproduce import data
from lopsided.reproduce.claim import AnyClaim
from lopsided.reproduce.context import Place
from lopsided.reproduce.processes import Options, Show, at_once, in_turn
from lopsided.reproduce.record import Record, name_of
from lopsided.reproduce.slurm import as_jobs
from lopsided.reproduce.typed import declared_fields, from_word
from lopsided.signals import leave_on_signals

#: More runs than this are taken for a slip of the pen.
_MOST = 10_000


def combine(claim: AnyClaim, grid: str, options: Mapping[str, Any], place: Place) -> list[Options]:
    """Return the options of every combination of a grid, each of which can be run as far as that
    can be told beforehand.

    Args:
        claim: whose settings they are.
        grid: words NAME=VALUE,VALUE,...; empty for one run.
        options: that all combinations share.
        place: where data and records are, on which a claim's choice of data may depend.

    Raises:
        ValueError: for a word of another form, a name given twice, a setting the claim does not
            have, a value that it cannot have, the same run twice, or more than 10,000 runs.
        FileNotFoundError: for data that is not there.

    Example:
        >>> from pathlib import Path
        >>> from lopsided.reproduce import CLAIMS
        >>> combine(CLAIMS["demo"], "ratio=1,10 seed=0,1", {"width": 64}, Place(Path("results")))[1]
        {'width': 64, 'ratio': 1.0, 'seed': 1}
    """
    kinds = declared_fields(claim.settings)
    axes: dict[str, list[Any]] = {}
    for word in grid.split():
        name, equals, values = word.partition("=")
        if not equals or not values or name in axes or name in options:
            raise ValueError(f"a grid is NAME=VALUE,VALUE,... for different names, got {word!r}")
        claim.require(name)
        if get_origin(kinds[name]) is tuple:
            raise ValueError(f"{name} is a list and cannot be an axis of a grid")
        words = [values] if name == "counts" else values.split(",")
        axes[name] = [from_word(kinds[name], value, name) for value in words]
    if (many := math.prod(map(len, axes.values()))) > _MOST:
        raise ValueError(f"a grid is of at most {_MOST:,} runs, got {many:,}")
    chosen = [
        {**options, **dict(zip(axes, values, strict=True))}
        for values in itertools.product(*axes.values())
    ]
    prepared = [claim.prepare(each, place) for each in chosen]
    names = [name_of(claim.name, claim.configuration(each)) for each in prepared]
    if len(set(names)) < len(names):
        raise ValueError(f"two runs of the grid {grid!r} are the same: a value is given twice")
    for each in prepared:
        claim.ready(claim.settings(**each), place)
    return prepared


def run(
    claim: AnyClaim,
    combinations: Sequence[Options],
    place: Place,
    processes: int,
    console: Console,
    submitter: Any = None,
) -> list[Record]:
    """Run every combination that has no record, with a live line of progress each, and return all
    their records.

    Args:
        claim: to run.
        combinations: the settings of each run.
        place: of records and data.
        processes: that run at once.
        console: to show progress on.
        submitter: of jobs to Slurm instead; see `lopsided.reproduce.slurm`.

    Raises:
        ValueError: at the end, if some runs could not be done; the others were. At once for fewer
            than one process, or several in each of the processes of `torchrun`.
    """
    if processes < 1:
        raise ValueError(f"processes must be at least 1, got {processes}")
    if processes > 1 and torchrun.several():
        raise ValueError(
            "under torchrun all processes train one network: leave out --processes, got"
            f" {processes}"
        )
    todo, failures = _without_record(claim, combinations, place, console)
    columns = (
        TextColumn("{task.fields[name]}", markup=False),
        BarColumn(bar_width=20),  # of 80 columns the names need most
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with leave_on_signals(), Progress(*columns, console=console) as progress:
        tasks = [
            progress.add_task(
                "waiting", total=1.0, start=False, name=told_apart(claim, options, todo)
            )
            for options in todo
        ]

        def advance(run: int, fraction: float | None, text: str) -> None:
            progress.start_task(tasks[run])
            progress.update(tasks[run], completed=fraction, description=text)

        def note(run: int, text: str) -> None:
            which = f"{told_apart(claim, todo[run], todo)}: " if len(todo) > 1 else ""
            progress.console.print(f"{which}{text}", markup=False)

        show = Show(advance, note)
        if submitter is not None:
            failures += as_jobs(claim, todo, place, show, submitter)
        elif processes == 1 or len(todo) <= 1:
            failures += in_turn(claim, todo, place, show)
        else:
            failures += at_once(claim, todo, place, show, processes)
    if failures:
        many = f"{len(failures)} of {len(combinations)} runs failed; the first: "
        raise ValueError(failures[0] if len(combinations) == 1 else many + failures[0])
    return [
        record
        for options in combinations
        if (record := claim.record_of(options, place.out)) is not None
    ]


def _without_record(
    claim: AnyClaim, combinations: Sequence[Options], place: Place, console: Console
) -> tuple[list[Options], list[str]]:
    """Return what is to be run, and a sentence for each run whose place is taken by something that
    is no record of it.
    """
    todo, failures, digests = [], [], dict[str, str]()
    for options in combinations:
        name = name_of(claim.name, claim.configuration(options))
        try:
            record = claim.record_of(options, place.out)
            if record is None:
                todo.append(options)
            elif _of_other_data(record, digests):
                failures.append(
                    f"{name} has a record of other images than {options['dataset']} holds now;"
                    " move it elsewhere, or delete it to run the claim again"
                )
            else:
                console.print(
                    f"{name} has a record; delete it to run it again", style="dim", markup=False
                )
        except ValueError as error:
            failures.append(str(error))
    return todo, failures


def _of_other_data(record: Record, digests: dict[str, str]) -> bool:
    """Return whether a record is of other images than the folder or tar that it names now holds.

    A path can mean other data tomorrow, or where another folder is the current one.

    Args:
        record: of a run.
        digests: of the data sets that were read before.
    """
    name, facts = record.configuration.get("dataset"), record.environment
    seen = facts.get("data_sha256", facts.get("data"))
    if name is None or name in data.DATASETS or not isinstance(seen, str):
        return False
    if name not in digests:
        digests[name] = data.load(name, None).digest()
    return digests[name] != seen


def told_apart(claim: AnyClaim, options: Options, among: Sequence[Options]) -> str:
    """Name a run by the settings in which it differs from the others."""
    varying = [key for key in options if len({str(other.get(key)) for other in among}) > 1]
    return " ".join(f"{key}={options[key]}" for key in varying) or claim.name
