"""What is given by a file or on standard input, before anybody asks what it means."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lopsided.files import UnfitError, reading, require_file
from lopsided.memory import require_memory
from lopsided.needs import need

#: In place of a file.
STDIN = "-"
#: Endings of files of counts and of labels.
ENDINGS = (".csv", ".tsv", ".txt", ".json", ".parquet")


def is_listed(given: str) -> bool:
    """Return whether a word is standard input or a file of counts or labels, by its ending."""
    return given == STDIN or Path(given.strip()).suffix.lower() in ENDINGS


@contextmanager
def telling(given: str) -> Iterator[None]:
    """Name file or standard input in every sentence about what is in it."""
    with reading(Path("standard input" if given == STDIN else given)):
        yield


def content(given: str) -> Any:
    """Return text as it is, what JSON stands for, or of a parquet file its columns by name.

    Raises:
        UnfitError: if it is no text, or no file.
        OSError: if it cannot be read.
        ImportError: for a parquet file, if pyarrow is not installed.
    """
    from lopsided.cli.table import decoded, text_of

    if given == STDIN:
        if sys.stdin is None:
            raise UnfitError("is closed")
        binary = getattr(sys.stdin, "buffer", None)  # what stands in for it in Python has none
        text = sys.stdin.read() if binary is None else decoded(binary.read())
        return _json(text) if text.lstrip()[:1] in ("{", "[") else text
    path = Path(given.strip())
    require_file(path)
    if path.suffix.lower() == ".parquet":
        return Columns(_parquet(path))
    text = text_of(path)
    return _json(text) if path.suffix.lower() == ".json" else text


class Columns(dict[str, list[Any]]):
    """Columns of a table, by name."""


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return pairs of a name and what it stands for as a dictionary.

    Raises:
        UnfitError: if a name comes twice.
    """
    name, times = Counter(name for name, _ in pairs).most_common(1)[0] if pairs else ("", 0)
    if times > 1:
        raise UnfitError(f"has the class {name!r} {times} times")
    return dict(pairs)


def _json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=each_once)


def _parquet(path: Path) -> dict[str, list[Any]]:
    # It reads bytes and numbers, and runs nothing that a file holds.
    file = need("pyarrow.parquet", "'lopsided[arrow]'").ParquetFile(path)
    rows, names = file.metadata.num_rows, file.schema_arrow.names
    require_memory(64.0 * rows * len(names), f"{rows:,} rows of {path}")
    if len(set(names)) < len(names):
        raise UnfitError("has two columns of one name")
    # An index of pandas lies behind the columns that it stands before.
    index = (file.schema_arrow.pandas_metadata or {}).get("index_columns", ())
    names.sort(key=lambda name: name not in index)
    table = file.read()
    return {name: table.column(name).to_pylist() for name in names}
