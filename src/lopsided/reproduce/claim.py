"""Claim: a statement of a paper that a run can support or contradict."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lopsided.needs import need
from lopsided.plain import plain
from lopsided.report.blocks import Block
from lopsided.reproduce.context import Context, Place, is_first
from lopsided.reproduce.disk import alone, clear_drafts
from lopsided.reproduce.record import Record, Verdict, environment, name_of, versions


@dataclass(frozen=True)
class Outcome:
    """What a run computed.

    Attributes:
        numbers: determined by the settings.
        facts: about this run on this machine, for the record's environment; "seconds" where a run
            was resumed.
    """

    numbers: dict[str, Any]
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Claim:
    """A statement, and how to put it to the test.

    Attributes:
        name: by which the command line knows it.
        title: a heading.
        statement: what is claimed, in full sentences.
        source: paper and theorem, section or figure.
        settings: frozen dataclass of a run's settings; its defaults are the run that counts.
        compute: settings and context to numbers.
        judge: configuration and numbers of a record to a verdict; reads nothing else.
        show: all records of the claim to figures and tables.
        prepare: completes the options by what data and records there are.
        ready: raises an error for settings with which a run could not start, before any run of a
            grid does.
    """

    name: str
    title: str
    statement: str
    source: str
    settings: Callable[..., Any]
    compute: Callable[[Any, Context], Outcome]
    judge: Callable[[dict[str, Any], dict[str, Any]], Verdict]
    show: Callable[[Sequence[Record]], list[Block]]
    prepare: Callable[[Mapping[str, Any], Place], dict[str, Any]] = lambda options, _: dict(options)
    ready: Callable[[Any, Place], None] = lambda settings, _: None

    def configuration(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the whole configuration, as records hold it, from the options that differ from the
        defaults.

        Raises:
            ValueError: for an option that the claim does not have, or a value that makes no sense.
        """
        known = asdict(self.settings())
        for name in options:
            if name not in known:
                raise ValueError(
                    f"the claim {self.name} has no option {name}; it has"
                    f" {', '.join(known) or 'none'}"
                )
        chosen: dict[str, Any] = plain(asdict(self.settings(**options)))
        # One number, one name: a ratio of 10 is a ratio of 10.0.
        return {
            name: float(value) if isinstance(known[name], float) else value
            for name, value in chosen.items()
        }

    def run(self, options: Mapping[str, Any], context: Context) -> Record:
        """Compute, judge, and save the record; the context's folder is where an interrupted run
        goes on.

        Raises:
            ValueError: for options that the claim does not have or cannot use, or if another
                process is at this run.
        """
        configuration = self.configuration(options)
        name = name_of(self.name, configuration)
        # More threads add up in another order, and then two runs of one configuration are not equal
        # to the bit.
        one_thread = need("threadpoolctl", "'lopsided[reproduce]'").threadpool_limits(limits=1)
        with one_thread, alone(context.folder / "lock", name) if is_first() else nullcontext():
            if is_first():
                clear_drafts(context.folder)
            began = time.monotonic()
            outcome = self.compute(self.settings(**options), context.of(f"{name} {versions()}"))
            facts = {"seconds": time.monotonic() - began, "device": "cpu", **outcome.facts}
            numbers = plain(outcome.numbers)
            record = Record(
                self.name,
                configuration,
                numbers,
                self.judge(configuration, numbers),
                environment(**facts),
            )
            if is_first():
                record.save(context.place.out)
                # What an interrupted run needs is needed no more; a record deleted later means to
                # run again from the start.
                shutil.rmtree(context.folder, ignore_errors=True)
        return record

    def record_of(self, options: Mapping[str, Any], out: Path) -> Record | None:
        """Return the record of these options if there is one in `out`.

        Raises:
            ValueError: if something of that name is there, but not a whole record.
        """
        path = out / f"{name_of(self.name, self.configuration(options))}.json"
        return Record.load(path) if os.path.lexists(path) else None
