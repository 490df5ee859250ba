"""Many runs of a claim: every combination of settings that has no record yet, in one process or several."""

from __future__ import annotations

import itertools
import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from lopsided.reproduce.claim import Claim
from lopsided.reproduce.context import Place
from lopsided.reproduce.record import Record, name_of

Options = dict[str, Any]


def combine(claim: Claim, grid: str, options: Mapping[str, Any], place: Place) -> list[Options]:
    """Return the options of every combination of a grid.

    Args:
        claim: whose settings they are.
        grid: words NAME=VALUE,VALUE,...; empty for one run.
        options: that all combinations share.
        place: where data and records are, on which a claim's choice of data may depend.

    Raises:
        ValueError: for a word of another form, a name given twice, a setting the claim does not have, or a value of another type.

    Example:
        >>> from pathlib import Path
        >>> from lopsided.reproduce import CLAIMS
        >>> combine(CLAIMS["demo"], "ratio=1,10 seed=0,1", {"width": 64}, Place(Path("results")))[1]
        {'width': 64, 'ratio': 1.0, 'seed': 1}
    """
    default = claim.configuration({})
    axes: dict[str, list[Any]] = {}
    for word in grid.split():
        name, equals, values = word.partition("=")
        if not equals or not values or name in axes or name in options:
            raise ValueError(f"a grid is NAME=VALUE,VALUE,... for different names, got {word!r}")
        if name not in default:
            raise ValueError(f"the claim {claim.name} has no setting {name!r}; it has {', '.join(default)}")
        axes[name] = [_parse(value, default[name], name) for value in ([values] if name == "counts" else values.split(","))]
    chosen = [{**options, **dict(zip(axes, values, strict=True))} for values in itertools.product(*axes.values())]
    prepared = [claim.prepare(each, place) for each in chosen]
    for each in prepared:
        claim.configuration(each)
    return prepared


def _parse(word: str, default: Any, name: str) -> Any:
    if isinstance(default, list):
        raise ValueError(f"{name} is a list and cannot be an axis of a grid")
    try:
        return type(default)(word)
    except ValueError:
        raise ValueError(f"{name} must be a {type(default).__name__}, got {word!r}") from None


def run(claim: Claim, combinations: Sequence[Options], place: Place, processes: int, console: Console) -> list[Record]:
    """Run every combination that has no record, with a live line of progress each, and return all their records.

    Raises:
        ValueError: at the end, if some runs could not be done; the others were.
    """
    todo = [options for options in combinations if claim.record_of(options, place.out) is None]
    for options in combinations:
        if options not in todo:
            console.print(
                f"{name_of(claim.name, claim.configuration(options))} has a record; delete it to run it again", style="dim"
            )
    columns = (
        TextColumn("{task.fields[name]}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as progress:
        tasks = [progress.add_task("waiting", total=1.0, start=False, name=_short(claim, options, todo)) for options in todo]
        if processes <= 1 or len(todo) <= 1:
            failures = _in_turn(claim, todo, tasks, place, progress)
        else:
            failures = _at_once(claim, todo, tasks, place, processes, progress)
    if failures:
        raise ValueError(failures[0] if len(todo) == 1 else f"{len(failures)} of {len(todo)} runs failed; the first: {failures[0]}")
    records = [claim.record_of(options, place.out) for options in combinations]
    return [record for record in records if record is not None]


def _one(claim: Claim, options: Options, place: Place, advance: Callable[[float, str], None], note: Callable[[str], None]) -> None:
    name = name_of(claim.name, claim.configuration(options))
    claim.run(options, place.context(name, advance, note))
    advance(1.0, "done")


def _in_turn(claim: Claim, todo: Sequence[Options], tasks: Sequence[TaskID], place: Place, progress: Progress) -> list[str]:
    """Run one after the other and return the sentences of those that could not be done."""
    failures = []
    for options, task in zip(todo, tasks, strict=True):
        progress.start_task(task)
        try:
            _one(claim, options, place, _bar(progress, task), progress.console.print)
        except (ValueError, OSError, ImportError, MemoryError) as error:
            progress.update(task, description="failed")
            failures.append(str(error))
    return failures


def _bar(progress: Progress, task: TaskID) -> Callable[[float, str], None]:
    return lambda fraction, text: progress.update(task, completed=fraction, description=text)


def _short(claim: Claim, options: Options, among: Sequence[Options]) -> str:
    """Name a run by the settings in which it differs from the others."""
    varying = [key for key in options if len({str(other.get(key)) for other in among}) > 1]
    return " ".join(f"{key}={options[key]}" for key in varying) or claim.name


def _at_once(
    claim: Claim, todo: Sequence[Options], tasks: Sequence[TaskID], place: Place, processes: int, progress: Progress
) -> list[str]:
    """Run several at a time, each in a process of its own, and return the sentences of those that could not be done."""
    # A fresh interpreter for each: forked ones would share torch's threads. The limit of threads must stand before numpy loads.
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(processes, mp_context=context) as pool:
        messages = manager.Queue()
        futures = {
            pool.submit(_worker, claim.name, options, place, messages, task): task
            for options, task in zip(todo, tasks, strict=True)
        }
        for future in futures:
            future.add_done_callback(lambda done: messages.put(None))
        left, failures = len(futures), []
        while left:
            message = messages.get()
            if message is None:
                left -= 1
            else:
                task, fraction, text = message
                if fraction is None:
                    progress.console.print(text)
                else:
                    progress.start_task(task)
                    progress.update(task, completed=fraction, description=text)
        for future, task in futures.items():
            if (error := future.exception()) is not None:
                progress.update(task, description="failed")
                failures.append(str(error))
    return failures


def _worker(name: str, options: Options, place: Place, messages: Any, task: int) -> None:
    from lopsided.reproduce import CLAIMS

    _one(
        CLAIMS[name],
        options,
        place,
        lambda fraction, text: messages.put((task, fraction, text)),
        lambda text: messages.put((task, None, text)),
    )
