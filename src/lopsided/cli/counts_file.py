"""Class counts from a file or standard input, with the names of the classes where it has them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from lopsided.cli.given import STDIN, Columns, content, each_once, telling
from lopsided.cli.table import is_missing, lines_of, require_remarks
from lopsided.counts import Counts
from lopsided.files import UnfitError
from lopsided.numerals import numbers_of


def read_counts(given: str) -> Counts:
    """Return the class counts in a text, one line a class with its name and its count, as `cat,50`
    or `cat: 50`, or its count alone; in JSON, an object from names to counts or a list of counts;
    in a parquet file of such columns; or on standard input, where they may stand in one line too.

    Raises:
        ValueError: if it holds anything else; it is named, and the line.
        OSError: if it cannot be read.
        ImportError: for a parquet file, if pyarrow is not installed.
    """
    with telling(given):
        found = content(given)
        if isinstance(found, Columns):
            found = _columns(found)
        elif isinstance(found, str):
            in_line = given == STDIN and len(found.split("\n")) <= 2 and "," in found
            found = found.strip() if in_line else _table(found)
        try:
            return Counts.of(found)
        except (ValueError, TypeError) as error:  # the file is whole, and is told so
            raise UnfitError(f"holds no class counts: {error}") from error


def _columns(columns: Columns) -> Any:
    *names, counts = columns.values() if columns else ([],)
    if len(names) > 1:
        raise UnfitError(
            f"has the columns {', '.join(columns)}, where one of counts, or names and counts, were"
            " expected"
        )
    return each_once(list(zip(names[0], counts, strict=True))) if names else counts


def _table(text: str) -> list[int | float] | dict[str, int | float]:
    require_remarks(text, lambda line: _is_count(re.split(r"[;\t, ]", line)[-1].strip(' "')))
    lines = list(lines_of(text))
    if lines and (lines[0][1] == ("---",) or _is_title(lines[0][1][-1])):  # YAML begins with ---
        lines = lines[1:]
    if lines and all(len(cells) > 1 and cells[-2].endswith(":") for _, cells in lines):
        lines = [(number, _keyed(cells)) for number, cells in lines]
    width = len(lines[0][1]) if lines else 0
    for number, cells in lines:
        if len(cells) != width or width > 2:
            raise UnfitError(
                f"has {len(cells)} cells in line {number}, where a count, or the name of a class"
                " and its count, was expected"
            )
    counts = []
    for number, cells in lines:
        if width == 2 and not cells[0]:  # what pandas counts of missing labels
            raise UnfitError(f"has no name in line {number}")
        try:
            (count,) = numbers_of(cells[-1])
        except ValueError:
            raise UnfitError(
                f"has {cells[-1]!r} in line {number} where a count was expected"
            ) from None
        counts.append(count)
    if width == 1:
        return counts
    return each_once([(cells[0], n) for (_, cells), n in zip(lines, counts, strict=True)])


def _keyed(cells: Sequence[str]) -> list[str]:
    """Return the name of a class and its count in a line of YAML, of a list too."""
    name = " ".join(cells[:-1]).removeprefix("- ")[:-1].strip()
    return [re.sub(r"""^(["'])(.*)\1$""", r"\2", name), cells[-1]]


def _is_count(word: str) -> bool:
    try:
        numbers_of(word)
    except ValueError:
        return False
    return word != ""


def _is_title(cell: str) -> bool:
    return not is_missing(cell) and not any(sign.isdigit() for sign in cell)
