"""The report: all records of a folder as one self-contained page, for screen, phone and paper."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup

from lopsided import __version__
from lopsided.files import printable, write_atomically
from lopsided.report.blocks import Block
from lopsided.reproduce.claim import Claim
from lopsided.reproduce.disk import alone
from lopsided.reproduce.record import Record

_POWER = re.compile(r"(?<![\w.-])(\d+(?:\.\d+)?)e([+-]?\d{1,4})(?!\w)")
_MINUS = re.compile(r"(?<![\w)])-(?=\d|\.\d)")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Found(NamedTuple):
    """What a folder holds.

    Attributes:
        records: all that can be shown, in the order of their names.
        left_out: a sentence for each file that cannot.
    """

    records: list[Record]
    left_out: list[str]


def report(folder: Path, claims: Mapping[str, Claim], note: Callable[[str], None] = print) -> Path:
    """Write FOLDER/report.html over all records of a folder, one process at a time, and return its
    path.

    Args:
        folder: of the records.
        claims: by name.
        note: takes a sentence for each file that is left out, which the page tells too.

    Raises:
        ValueError: if there is no record that can be shown.
    """
    path = folder / "report.html"
    if not any(folder.glob("*.json")):  # before anything is written there
        raise ValueError(
            f"no records in {folder}: run a claim first, lopsided reproduce --list names them"
        )
    with alone(folder / ".work" / "report.lock", "the report", patience=3600):
        found = read(folder)
        sections, left_out = _sections(found, claims)
        for sentence in left_out:
            note(f"left out of the report: {sentence}")
        if not sections:
            raise ValueError(f"no record in {folder} can be shown, of {len(left_out)} files")
        write_atomically(path, _render(sections, left_out).encode())
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


def _render(sections: Sequence[dict[str, Any]], left_out: Sequence[str]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lopsided.reproduce", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["typeset"] = typeset
    # Figures are made by matplotlib here, with their labels escaped; everything else is escaped by
    # the template.
    page = environment.get_template("page.html.j2")
    return page.render(sections=sections, left_out=left_out, version=__version__, svg=Markup)


def _sections(found: Found, claims: Mapping[str, Claim]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return what the template needs of each claim that has records, and a sentence for each file
    that is left out.
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
        _section(claim, [r for r in found.records if r.claim == name], left_out)
        for name, claim in claims.items()
    ]
    return [section for section in each if section is not None], left_out


def _section(claim: Claim, records: Sequence[Record], left_out: list[str]) -> dict[str, Any] | None:
    """Return what the template needs of one claim, or None; records that cannot be shown are left
    out.
    """
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
    return {
        "claim": claim,
        "records": records,
        "blocks": shown,
        "held": sum(record.verdict.holds for record in records),
        "commands": [command(record, claim) for record in records],
    }


def _blocks(claim: Claim, records: Sequence[Record]) -> list[Block] | str:
    """Return what a claim shows of some records, or why it cannot."""
    try:
        for record in records:
            claim.configuration(record.configuration)
        return claim.show(records) if records else []
    # There is no end of what a record of another version can lack, and the others are to be shown.
    except Exception as error:
        return printable(f"{type(error).__name__}: {error}")


def typeset(text: str) -> str:
    """Return text with the numbers in it as a printer sets them.

    Example:
        >>> typeset("a gap of 3e-16, cosines -0.25, R = 2e+06, from results-2e1.json")
        'a gap of 3·10⁻¹⁶, cosines −0.25, R = 2·10⁶, from results-2e1.json'
    """
    text = _POWER.sub(
        lambda m: f"{m[1]}·10{str(int(m[2])).translate(_RAISED)}" if float(m[0]) else "0", text
    )
    return _MINUS.sub("−", text)


def command(record: Record, claim: Claim) -> str:
    """Return the command that repeats a record; lists are not set on the command line."""
    default = claim.configuration({})
    scalars = {
        key: value for key, value in record.configuration.items() if not isinstance(value, list)
    }
    changed = [f"{key}={value}" for key, value in scalars.items() if value != default[key]]
    return f"lopsided reproduce {record.claim}" + (
        f" --grid {_quoted(' '.join(changed))}" if changed else ""
    )


def _quoted(words: str) -> str:
    """Return words as one word of a shell, in which nothing that a record holds is run."""
    return shlex.quote(words) if set(words) & set('"$`\\!') else f'"{words}"'
