"""Where output goes, and what is done to it on the way."""

from __future__ import annotations

import contextlib
import errno
import importlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lopsided.bars import bars
from lopsided.drafts import require_apart, require_replaceable
from lopsided.files import printable

if TYPE_CHECKING:
    from rich.console import Console

#: Version of the JSON that verbs print: raised when a key changes its meaning or goes.
JSON = 1


def table_console() -> Console:
    """Return standard output as a console of at least 80 columns, lest a narrow terminal cut
    numbers.
    """
    from lopsided.cli.console import Tables

    console = Tables(highlight=False)
    console.width = max(console.width, 80)
    return console


@contextlib.contextmanager
def bar(words: str, rows: int) -> Iterator[Callable[[int], object]]:
    """Show a bar on a terminal's standard error while so many rows are read; it is told of them."""
    with bars() as shown:
        task = shown.add_task(words, total=rows)
        yield lambda more: shown.advance(task, more)


def print_json(kind: str, answer: Mapping[str, Any]) -> None:
    """Print an answer as JSON that says what it is; docs/reference/json.md describes every kind."""
    told = {"schema": f"lopsided.{kind}.v{JSON}", **answer}
    print(json.dumps(told, indent=1, allow_nan=False))


def print_csv(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows as CSV, their names above; what is not defined is empty. A file or a program gets
    text as it is, a terminal what it can print of it.

    Raises:
        ValueError: if a file or a program is given a text that its encoding lacks.
    """
    import csv

    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(sys.stdout, names, lineterminator="\n")
    if sys.stdout.isatty():
        rows = [
            {name: shown(cell) if isinstance(cell, str) else cell for name, cell in row.items()}
            for row in rows
        ]
    else:
        _require_encodable(cell for row in rows for cell in row.values() if isinstance(cell, str))
    writer.writeheader()
    writer.writerows(rows)


def _require_encodable(texts: Iterable[str]) -> None:
    """Refuse texts of which standard output would write escapes, see `ready_streams`."""
    encoding = sys.stdout.encoding or "utf-8"  # a stream in memory has none
    for text in texts:
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            raise ValueError(
                f"standard output is {encoding} and cannot hold {text!r}: take --json, or"
                " another encoding by PYTHONIOENCODING"
            ) from None


def require_one_form(json: bool, csv: bool) -> None:
    """Refuse two forms of one answer.

    Raises:
        ValueError: if both are asked for.
    """
    if json and csv:
        raise ValueError("--json and --csv are two forms of one answer, leave out one")


def shown(text: str) -> str:
    r"""Return text on one line in which nothing speaks to the terminal: what is not printable is
    written as its escape.

    Example:
        >>> print(shown("a\x1b[31m file\n of two lines"))
        a\x1b[31m file of two lines
    """
    return printable(" ".join(text.split()) if "\n" in text else text)


def complain(sentence: str) -> None:
    """Write a sentence to standard error, if anybody still reads that."""
    with contextlib.suppress(OSError):
        print(f"lopsided: {shown(sentence)}", file=sys.stderr, flush=True)


def ready_streams() -> None:
    """Let standard output and standard error take any text, whatever their encoding, and be there.

    Raises:
        OSError: if standard output is closed.
    """
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  for as long as the process lives
    if sys.stdout is None:
        raise OSError("standard output is closed; send it to /dev/null if it is not wanted")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def abandon_output() -> None:
    """Send what is left of standard output nowhere, lest Python complain again when it closes
    it.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with contextlib.suppress(OSError):  # where standard output is no file of the system
        os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def require_picture(path: Path | None, read: Iterable[Path | None] = ()) -> None:
    """Find out before the work, not after it, that a picture cannot be drawn or written.

    Args:
        path: of the picture, if one is wanted.
        read: files that it must not be.

    Raises:
        ValueError: if the ending is none of a picture, or as `require_writable`.
        OSError: as `require_writable`.
        ImportError: if matplotlib is not installed.
    """
    if path is None:
        return
    if path.suffix.lower() not in (".svg", ".png", ".pdf"):
        raise ValueError(f"a picture must end in .svg, .png or .pdf, got {str(path)!r}")
    importlib.import_module("matplotlib")
    require_writable(path, read)


def require_writable(path: Path | None, read: Iterable[Path | None] = ()) -> None:
    """Find out before the work, not after it, that a file cannot be written.

    Args:
        path: of the file, if one is wanted.
        read: files that it must not be.

    Raises:
        ValueError: if the path is no file, in no folder, or one of the files that are read.
        OSError: if it may not be written.
    """
    if path is None:
        return
    require_replaceable(path)
    if not path.parent.is_dir():
        raise ValueError(f"there is no folder {path.parent} to write {path.name} in")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    require_apart(path, read)
