"""Pages: sections of blocks to one self-contained HTML file, for screen, phone, paper and dark
rooms.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lopsided import __version__
from lopsided.arrays import require_noun
from lopsided.drafts import write_atomically
from lopsided.files import printable
from lopsided.needs import need
from lopsided.report.blocks import Block, Mark

_POWER = re.compile(r"(?<![\w.-])(\d+(?:\.\d+)?)e([+-]?\d{1,4})(?!\w)")
_MINUS = re.compile(r"(?<![\w)])-(?=\d|\.\d)")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        name: by which a link finds it.
        title: its heading; empty where the page's own says it all.
        blocks: what it shows.
        mark: how what it tells ended; sections with one are listed at the head of the page.
    """

    name: str
    title: str
    blocks: Sequence[Block]
    mark: Mark | None = None


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        title: its heading, and the browser's.
        intro: blocks before all sections.
        sections: in their order.
        footer: a sentence at its end.
    """

    title: str
    intro: Sequence[Block]
    sections: Sequence[Section]
    footer: str = ""


class Verbatim(str):
    """Text that names something: no digit of it is typeset."""

    __slots__ = ()


def write(path: str | Path, page: Page) -> None:
    """Write a page: a reader sees the old one or the new one, never a part.

    Raises:
        TypeError: if it is no page.
        ImportError: if jinja2 is not installed.
        OSError: if the file cannot be written.
    """
    write_atomically(Path(path), render(page).encode())


def render(page: Page) -> str:
    """Return the HTML of a page; every text in it is escaped, drawings are our own.

    Raises:
        TypeError: if it is no page.
        ImportError: if jinja2 is not installed.
    """
    require_noun(page, Page, "what is written", "report.measured and report.diagnosed make them")
    jinja2 = need("jinja2", "'lopsided[report]'")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lopsided.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_readable,
    )
    environment.filters["typeset"] = typeset
    svg = need("markupsafe", "'lopsided[report]'").Markup
    html: str = environment.get_template("page.html.j2").render(
        page=page, version=__version__, svg=svg
    )
    return html


def is_page(path: Path) -> bool:
    """Return whether a file is a page that `render` made, by its title."""
    with path.open("rb") as file:
        return " · lopsided</title>".encode() in file.read(4096)


def typeset(text: str) -> str:
    """Return text with the numbers in it as a printer sets them.

    Example:
        >>> typeset("a gap of 3e-16, cosines -0.25, R = 2e+06, from results-2e1.json")
        'a gap of 3·10⁻¹⁶, cosines −0.25, R = 2·10⁶, from results-2e1.json'
    """
    if isinstance(text, Verbatim):
        return text
    text = _POWER.sub(
        lambda m: f"{m[1]}·10{str(int(m[2])).translate(_RAISED)}" if float(m[0]) else "0", text
    )
    return _MINUS.sub("−", text)


def _readable(value: Any) -> Any:
    """Return text in which what cannot be printed or encoded is written as its escape."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return printable(value, "\n")
