"""Tables of numbers in text files, as spreadsheets and programs write them."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from lopsided.files import UnfitError
from lopsided.memory import require_memory
from lopsided.numerals import count_up

if TYPE_CHECKING:
    from lopsided.arrays import Floats

#: Endings of text files.
ENDINGS = (".csv", ".tsv", ".txt")
#: What a text begins with, and how it is encoded then; others are UTF-8.
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
#: Separators, the first that occurs in a text is its; a comma beside one of the others is a decimal
#: comma, which is refused.
SEPARATORS = (";", "\t", ",", " ")
#: Words where a number is missing, as R, pandas, databases and people write it.
MISSING = (
    *("na", "<na>", "n/a", "#n/a", "n.a.", "nan", "nat", "none", "null", "nil", "\\n"),
    *("missing", "unknown", "inf", "+inf", "-inf", "infinity"),
)
#: Signs that stand above numbers.
NUMBERS = ("#", "%", "\u2116")


def is_missing(cell: str) -> bool:
    """Return whether a cell says that a number is missing, in a first line too, where it is no
    title: a word for it, signs alone, or an error of a spreadsheet.

    Example:
        >>> [is_missing(cell) for cell in ("NA", "(null)", ".", "#REF!", "samples", "#")]
        [True, True, True, True, False, False]
    """
    word = cell.lower().strip("()")
    signs = word not in NUMBERS and not re.search(r"[^\W_]", cell)
    return word in MISSING or signs or re.fullmatch(r"#[\w/]+[!?]", cell) is not None


def read_table(path: Path) -> Floats:
    """Return the numbers in a text, one row a line.

    Lines at the top that begin with # are left out, and so is one line of names. What stands
    between numbers is a semicolon, a tab, a comma or spaces, the same in all lines.

    Raises:
        UnfitError: if a line holds anything else than as many numbers as the others, or as there
            are names, or the first line may number the columns, the first cells the rows.
        OSError: if the file cannot be read.
    """
    import numpy as np

    lines = list(lines_of(text_of(path)))
    if lines and _are_names(lines[0][1]):
        if "" in lines[0][1]:
            raise UnfitError(
                f"has a column without a name in line {lines[0][0]}; if it numbers the rows, write"
                " the table without it"
            )
        (number, names), lines = lines[0], lines[1:]
        if lines and len(names) != len(lines[0][1]):  # R and pandas have none for row numbers
            raise UnfitError(
                f"has {len(names)} name{'s' * (len(names) != 1)} in line {number} and"
                f" {len(lines[0][1])} cells in line {lines[0][0]}; if the first numbers the rows,"
                " write the table without it"
            )
    elif lines:
        _require_row(lines)
        _require_column(lines)
    if not lines:
        raise UnfitError("holds no numbers; a table has one row a sample")
    width = len(lines[0][1])
    for number, cells in lines:
        if len(cells) != width:
            raise UnfitError(
                f"has {len(cells)} cell{'s' * (len(cells) != 1)} in line {number} where {width}"
                f" were expected, as in line {lines[0][0]}"
            )
        if wrong := [cell for cell in cells if not _is_number(cell)]:
            raise UnfitError(
                f"has {wrong[0]!r} in line {number} where a number was expected, with a point"
                " before its decimals"
            )
    return np.array([[float(cell) for cell in cells] for _, cells in lines])


def text_of(path: Path) -> str:
    """Return what a text file holds, whatever it says its encoding is.

    Raises:
        UnfitError: if it is no text.
        OSError: if it cannot be read.
        MemoryError: if it takes more than half of this machine's memory.
    """
    require_memory(path.stat().st_size, f"the text of {path}", "give fewer lines")
    return decoded(path.read_bytes())


def decoded(content: bytes) -> str:
    """Return the text that bytes stand for.

    Raises:
        UnfitError: if they are no text.
    """
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UnfitError(f"is no {encoding} text in line {line}; save it as UTF-8") from None
    if "\0" in text:
        raise UnfitError("is no text, or UTF-16 that does not say so; save it as UTF-8")
    return text


def lines_of(
    text: str, separators: Sequence[str] = SEPARATORS
) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield the number and the cells of every line that is not blank, but for remarks at the
    top.
    """
    numbered = _numbered(text)
    del numbered[: len(_remarks(numbered))]
    used = "".join(line for _, line in numbered)
    separator = next((sign for sign in separators if sign in used), ",")
    reader = csv.reader((f"{line}\n" for _, line in numbered), delimiter=separator)
    for number, line in numbered:
        if separator == " ":
            yield number, _words(line)
            continue
        try:
            cells = next(reader)
        except csv.Error as error:
            raise UnfitError(f"cannot be read in line {number}: {error}") from None
        if '"' in line and any("\n" in cell for cell in cells):
            raise UnfitError(
                f"has a quote in line {number} that is not closed there; write a cell in one line,"
                " and a quote that begins it twice within quotes"
            )
        # A million tuples of texts are nothing to Python's collector of garbage, lists are.
        yield number, tuple([cell.strip() for cell in cells])


def _words(line: str) -> tuple[str, ...]:
    """Return the cells between spaces, of which some may be in quotes, as R writes names."""
    if '"' not in line:
        return tuple(line.split())
    found = re.finditer(r'"((?:[^"]|"")*)"(?!\S)|\S+', line)
    words = (word[0] if word[1] is None else word[1].replace('""', '"') for word in found)
    return tuple(words)


def require_remarks(text: str, is_class: Callable[[str], bool]) -> None:
    """Refuse lines at the top that are left out as remarks and may be of classes, whose names can
    begin with #, too: without a space behind it.

    Args:
        text: of counts or labels.
        is_class: tells whether a line that begins so may be a class.

    Raises:
        UnfitError: naming the line.
    """
    for number, line in _remarks(_numbered(text)):
        if re.match(r"#([^ #]|$)", line.strip()) and is_class(line.strip()):
            raise UnfitError(
                f"has {line.strip()!r} in line {number}, which may be a remark or a class: write a"
                " space behind the # of a remark, or a title above the classes"
            )


def _numbered(text: str) -> list[tuple[int, str]]:
    # Unicode has other ends of lines, which are signs within a name here as for the csv module.
    lines = re.split(r"\r\n?|\n", text)
    return [(i, line) for i, line in enumerate(lines, 1) if line.strip()]


def _remarks(numbered: list[tuple[int, str]]) -> list[tuple[int, str]]:
    return list(takewhile(lambda each: each[1].lstrip().startswith("#"), numbered))


def _require_row(lines: Sequence[tuple[int, Sequence[str]]]) -> None:
    """Refuse a first line 0, 1, 2, ..., with which pandas numbers columns that have no names, but
    in a table of 0 and 1, where such a line of one or two cells is a row like others.
    """
    number, cells = lines[0]
    if count_up(cells, [0]) and any(cell not in ("0", "1") for _, row in lines for cell in row):
        last = f" to {len(cells) - 1}" * (len(cells) > 1)
        raise UnfitError(
            f"has 0{last} in line {number}, which may number the columns or be a row: write names"
            " in its place, or above it"
        )


def _require_column(lines: Sequence[tuple[int, Sequence[str]]]) -> None:
    """Refuse first cells that count the rows, as where their numbers were written and no names."""
    if len(lines) < 3 or len(lines[0][1]) == 1 or not count_up([cells[0] for _, cells in lines]):
        return
    raise UnfitError(
        f"has {lines[0][1][0]} to {lines[-1][1][0]} in its first cells, which may number the rows"
        " or be numbers like others: write the table without them, or names above it"
    )


def _are_names(cells: Sequence[str]) -> bool:
    """Return whether a line names columns: no cell is, or may be meant for, a number, and not all
    are missing. Na is sodium.
    """
    return any(cell == "Na" or not is_missing(cell) for cell in cells) and all(
        not cell or (re.match(r"[^\W\d]", cell) and not _is_number(cell)) for cell in cells
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return re.search(r"[^\x00-\x7f]|_", cell) is None
