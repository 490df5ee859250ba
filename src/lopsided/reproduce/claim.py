"""Claim: a statement of a paper that a run can support or contradict."""

from __future__ import annotations

import difflib
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from lopsided.arrays import require_noun
from lopsided.measure.network.intact import randomness_kept
from lopsided.needs import loaded, need
from lopsided.papers import PAPERS, cite
from lopsided.plain import plain
from lopsided.report.blocks import Block
from lopsided.reproduce.context import Context, Place, is_first
from lopsided.reproduce.disk import alone, clear_drafts
from lopsided.reproduce.record import Record, Verdict, environment, name_of, versions
from lopsided.reproduce.typed import declared_fields, typed

S = TypeVar("S")
N = TypeVar("N")


@dataclass(frozen=True)
class Outcome(Generic[N]):
    """What a run computed.

    Attributes:
        numbers: determined by the settings.
        facts: about this run on this machine, for the record's environment; "seconds" where a run
            was resumed.
    """

    numbers: N
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Run(Generic[S, N]):
    """A record as its claim reads it.

    Attributes:
        record: as it is on the disk.
        settings: its configuration.
        numbers: its results.
    """

    record: Record
    settings: S
    numbers: N

    @property
    def name(self) -> str:
        """Of the record."""
        return self.record.name

    @property
    def verdict(self) -> Verdict:
        """Of the record."""
        return self.record.verdict


def as_given(options: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Return the options as they are."""
    return dict(options)


def always(settings: Any, place: Place) -> None:
    """Find nothing that could stop a run."""


@dataclass(frozen=True)
class Detail(Generic[S, N]):
    """What a page of one run shows, of claims whose report shows what many have in common.

    Attributes:
        heading: of the page.
        blocks: figures and tables.
    """

    heading: Callable[[Run[S, N]], str]
    blocks: Callable[[Run[S, N]], list[Block]]


@dataclass(frozen=True)
class Claim(Generic[S, N]):
    """A statement, and how to put it to the test.

    Attributes:
        name: by which the command line knows it.
        title: a heading.
        statement: what is claimed, in full sentences.
        source: paper and theorem, section or figure.
        settings: frozen dataclass of a run's settings, which are its options on the command line;
            its defaults are the run that counts.
        numbers: frozen dataclass of a run's results, which are what its record holds.
        compute: settings and context to numbers.
        judge: settings and numbers to a verdict; reads nothing else.
        show: all runs of the claim to figures and tables.
        detail: what a page of each shows where there are several, if each has one.
        together: whether `show` draws several runs in one; where not, a report shows each by itself
            under the settings that tell it from the others.
        prepare: completes the options by what data and records there are.
        ready: raises an error for settings with which a run could not start, before any run of a
            grid does.
    """

    name: str
    title: str
    statement: str
    source: str
    settings: type[S]
    numbers: type[N]
    compute: Callable[[S, Context], Outcome[N]]
    judge: Callable[[S, N], Verdict]
    show: Callable[[Sequence[Run[S, N]]], list[Block]]
    prepare: Callable[[Mapping[str, Any], Place], dict[str, Any]] = as_given
    ready: Callable[[S, Place], None] = always
    detail: Detail[S, N] | None = None
    together: bool = False

    @property
    def paper(self) -> str | None:
        """Key of the paper that claims this; None of what is new here.

        Authors may have two papers in one year, which text cites alike: then the claim has the key
        of its own for a name.
        """
        if self.name in PAPERS:
            return self.name
        return next((key for key in PAPERS if self.source.startswith(cite(key))), None)

    def configuration(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the whole configuration, as records hold it, from the options that differ from the
        defaults.

        Raises:
            ValueError: for an option that the claim does not have, or a value that makes no sense.
        """
        configuration: dict[str, Any] = plain(self.chosen(options))
        return configuration

    def chosen(self, options: Mapping[str, Any]) -> S:
        """Return the settings that differ from the defaults by these options.

        Raises:
            ValueError: for an option that the claim does not have, or a value that makes no sense.
        """
        for name in options:
            self.require(name)
        return self.settings(**options)

    def require(self, name: str) -> None:
        """Refuse what is no setting of this claim.

        Raises:
            ValueError: naming those that are.
        """
        known = declared_fields(self.settings)
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            meant = f"did you mean {near[0]}? It" if near else "it"
            raise ValueError(
                f"the claim {self.name} has no setting {name!r}; {meant} has"
                f" {', '.join(known) or 'none'}"
            )

    def read(self, record: Record) -> Run[S, N]:
        """Return a record of this claim as its settings and numbers.

        Raises:
            ValueError: if it is of another claim, or for settings or numbers that this version of
                the claim does not have.
            TypeError: if it is none.
        """
        require_noun(record, Record, "what is read", "Record.load reads one")
        if record.claim != self.name:
            raise ValueError(f"the record is of {record.claim}, not of {self.name}")
        return Run(record, self.chosen(record.configuration), typed(self.numbers, record.numbers))

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
            settings = self.chosen(options)
            # Which is the caller's; one without torch has drawn nothing from it.
            with randomness_kept() if loaded("torch") else nullcontext():
                outcome = self.compute(settings, context.of(f"{name} {versions()}"))
            facts = {"seconds": time.monotonic() - began, "device": "cpu", **outcome.facts}
            # Judged as the record has them, so that the same verdict follows from the record.
            numbers = plain(outcome.numbers)
            verdict = self.judge(settings, typed(self.numbers, numbers))
            record = Record(self.name, configuration, numbers, verdict, environment(**facts))
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


#: A claim whose settings and numbers do not matter.
AnyClaim = Claim[Any, Any]
