"""The report: all records of a folder as one page, a section a claim; of many runs, a page each."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from lopsided.files import printable
from lopsided.report import Block, Fold, Items, Mark, Page, Section, Text, write
from lopsided.report.page import is_page
from lopsided.reproduce.claim import AnyClaim, as_given
from lopsided.reproduce.context import silent
from lopsided.reproduce.disk import alone
from lopsided.reproduce.record import Record
from lopsided.reproduce.run_pages import run_pages


class Found(NamedTuple):
    """What a folder holds.

    Attributes:
        records: all that can be shown, in the order of their names.
        left_out: a sentence for each file that cannot.
    """

    records: list[Record]
    left_out: list[str]


def report(
    folder: Path,
    claims: Mapping[str, AnyClaim],
    note: Callable[[str], None] = print,
    progress: Callable[[str], None] = silent,
) -> Path:
    """Write FOLDER/report.html over all records of a folder, one process at a time, and return its
    path.

    Args:
        folder: of the records.
        claims: by name.
        note: takes a sentence for each file that is left out, which the page tells too.
        progress: takes what is drawn next.

    Raises:
        ValueError: if there is no record that can be shown, or another's page in the way.
    """
    path = require_place(folder)
    if not any(folder.glob("*.json")):  # before anything is written there
        raise ValueError(
            f"no records in {folder}: run a claim first, lopsided reproduce --list names them"
        )
    with alone(folder / ".work" / "report.lock", "the report", patience=3600):
        found = read(folder)
        sections, left_out = _sections(folder, found, claims, progress)
        for sentence in left_out:
            note(f"left out of the report: {sentence}")
        if not sections:
            raise ValueError(f"no record in {folder} can be shown, of {len(left_out)} files")
        write(path, _page(sections, left_out))
    return path


def require_place(folder: Path) -> Path:
    """Return where the report of a folder goes.

    Raises:
        ValueError: if something is there that no version of lopsided wrote.
    """
    path = folder / "report.html"
    if os.path.lexists(path) and not (path.is_file() and is_page(path)):
        raise ValueError(
            f"{path} is there and is no page of lopsided: move it elsewhere, or name another folder"
            " by --out"
        )
    return path


def read(folder: Path) -> Found:
    """Return all records in a folder; what is no record, or was changed, is left out."""
    found = Found([], [])
    for path in sorted(folder.glob("*.json")):
        try:
            found.records.append(Record.load(path))
        except ValueError as error:
            found.left_out.append(str(error))
    return found


def _page(sections: Sequence[Section], left_out: Sequence[str]) -> Page:
    rest: list[Block] = [
        Text("Of these files in the folder nothing is on this page."),
        Items(left_out),
    ]
    ends = [Section("left-out", "Left out", rest)] if left_out else []
    if len(sections) == 1:
        only = sections[0]
        return Page(only.title, [], [replace(only, title=""), *ends])
    intro = Text(
        "Each claim was put to the test by a run that anybody can repeat; its numbers are in the"
        " records beside this page."
    )
    return Page("The evidence: claims and verdicts", [intro], [*sections, *ends])


def _sections(
    folder: Path,
    found: Found,
    claims: Mapping[str, AnyClaim],
    progress: Callable[[str], None],
) -> tuple[list[Section], list[str]]:
    """Return a section for each claim that has records, and a sentence for each file that is left
    out.
    """
    unknown = [record.name for record in found.records if record.claim not in claims]
    left_out = [
        *found.left_out,
        *(
            f"{name}.json is of a claim that this version of lopsided does not know"
            for name in unknown
        ),
    ]
    each = [
        _section(folder, claim, [r for r in found.records if r.claim == name], left_out, progress)
        for name, claim in claims.items()
    ]
    return [section for section in each if section is not None], left_out


def _section(
    folder: Path,
    claim: AnyClaim,
    records: Sequence[Record],
    left_out: list[str],
    progress: Callable[[str], None],
) -> Section | None:
    """Return the section of one claim, or None; records that cannot be shown are left out."""
    progress(claim.name)
    shown = _blocks(claim, records)
    if isinstance(shown, str):
        why = {record.name: _blocks(claim, [record]) for record in records}
        left_out += [
            f"{name}.json cannot be shown ({reason})"
            for name, reason in why.items()
            if isinstance(reason, str)
        ]
        records = [record for record in records if not isinstance(why[record.name], str)]
        shown = _blocks(claim, records)
    if isinstance(shown, str):
        left_out += [
            f"{record.name}.json cannot be shown beside others ({shown})" for record in records
        ]
        return None
    if not records:
        return None
    if len(records) > 1:
        links, lacking = run_pages(folder, claim, records, progress)
        shown = [*shown, *links]
        left_out += [f"{name}.json has no page ({reason})" for name, reason in lacking.items()]
    held, runs = sum(record.verdict.holds for record in records), len(records)
    if runs == 1:
        mark = (
            Mark(True, "holds", "The claim holds")
            if held
            else Mark(False, "does not hold", "The claim does not hold")
        )
        verdict: list[Block] = [Text(records[0].verdict.sentence, "lead")]
    else:
        some = f"holds in {held} of {runs} runs"
        word = f"holds in all {runs} runs" if held == runs else some
        mark = Mark(held == runs, word, f"The claim {some}")
        verdict = [] if claim.detail else [Items([_told(record, records) for record in records])]
    again = Fold("Run it again", [Items([command(r, claim) for r in records], code=True)])
    head: list[Block] = [Text(claim.source, "facts"), Text(claim.statement), mark]
    return Section(claim.name, claim.title, [*head, *verdict, *shown, again], mark)


def _blocks(claim: AnyClaim, records: Sequence[Record]) -> list[Block] | str:
    """Return what a claim shows of some records, or why it cannot."""
    try:
        runs = [claim.read(record) for record in records]
        if claim.together or len(runs) < 2:
            return claim.show(runs) if runs else []
        return [
            block
            for record, run in zip(records, runs, strict=True)
            for block in (Text(_apart(record, records), "lead"), *claim.show([run]))
        ]
    # There is no end of what a record of another version can lack, and the others are to be shown.
    except Exception as error:
        return printable(f"{type(error).__name__}: {error}")


def _told(record: Record, among: Sequence[Record]) -> str:
    word = "Holds" if record.verdict.holds else "Does not hold"
    return f"{_apart(record, among)}: {word}: {record.verdict.sentence}"


def _apart(record: Record, among: Sequence[Record]) -> str:
    """Return the settings that tell a record from the others."""
    found = {
        key: _word(value)
        for key, value in record.configuration.items()
        if any(other.configuration.get(key) != value for other in among)
    }
    return ", ".join(f"{key} = {word or 'none'}" for key, word in found.items())


def _word(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def command(record: Record, claim: AnyClaim) -> str:
    """Return the command that repeats a record: it says every setting that is not what the claim
    takes by itself, or all where what that is depends on data and records.
    """
    default = claim.configuration({})
    told = {
        key: value
        for key, value in record.configuration.items()
        if value != [] and (claim.prepare is not as_given or value != default.get(key))
    }
    words = ["lopsided", "reproduce", record.claim]
    for key, value in told.items():
        word = _word(value)
        flag = f"--{key.replace('_', '-')}"
        words += [f"{flag}={word}"] if word.startswith("-") else [flag, word]
    return shlex.join(words)
