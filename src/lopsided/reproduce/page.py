"""The report: all records of a folder as one self-contained page, for screen, phone and paper."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from lopsided import __version__
from lopsided.reproduce.claim import Claim
from lopsided.reproduce.record import Record, write_atomically

_POWER = re.compile(r"(?<![\w.-])(\d+(?:\.\d+)?)e([+-]?\d+)(?!\w)")
_MINUS = re.compile(r"(?<![\w)])-(?=\d|\.\d)")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def read(folder: Path) -> list[Record]:
    """Return all records in a folder, in the order of their names.

    Raises:
        ValueError: if a file is no record or was changed.
    """
    return [Record.load(path) for path in sorted(folder.glob("*.json"))]


def write(records: Sequence[Record], claims: Mapping[str, Claim], path: Path) -> Path:
    """Write the report of some records as a page and return its path.

    Raises:
        ValueError: if there is no record, or one belongs to no known claim.
    """
    if not records:
        raise ValueError(f"no records in {path.parent}: run a claim first, lopsided reproduce --list names them")
    sections: list[dict[str, Any]] = []
    for name, claim in claims.items():
        mine = [record for record in records if record.claim == name]
        if mine:
            sections.append(
                {
                    "claim": claim,
                    "records": mine,
                    "blocks": claim.show(mine),
                    "held": sum(record.verdict.holds for record in mine),
                    "commands": [command(record, claim) for record in mine],
                }
            )
    if unknown := {record.claim for record in records} - claims.keys():
        raise ValueError(f"no claim is called {sorted(unknown)[0]!r}; known are {', '.join(claims)}")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lopsided.reproduce", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["typeset"] = typeset
    # Figures are made by matplotlib here, with their labels escaped; everything else is escaped by the template.
    text = environment.get_template("page.html.j2").render(sections=sections, version=__version__, svg=Markup)
    write_atomically(path, text.encode())
    return path


def typeset(text: str) -> str:
    """Return text with the numbers in it as a printer sets them.

    Example:
        >>> typeset("a gap of 3e-16, cosines -0.25, R = 2e+06, from results-2e1.json")
        'a gap of 3·10⁻¹⁶, cosines −0.25, R = 2·10⁶, from results-2e1.json'
    """
    text = _POWER.sub(lambda m: f"{m[1]}·10{str(int(m[2])).translate(_RAISED)}" if float(m[0]) else "0", text)
    return _MINUS.sub("−", text)


def command(record: Record, claim: Claim) -> str:
    """Return the command that repeats a record; lists are not set on the command line."""
    default = claim.configuration({})
    scalars = {key: value for key, value in record.configuration.items() if not isinstance(value, list)}
    changed = [f"{key}={value}" for key, value in scalars.items() if value != default[key]]
    return f"lopsided reproduce {record.claim}" + (f' --grid "{" ".join(changed)}"' if changed else "")


__all__ = ["command", "read", "write"]
