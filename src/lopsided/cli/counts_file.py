"""Class counts from a file, with the names of the classes where it has them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from lopsided.cli.table import lines_of, text_of
from lopsided.counting import numbers_of
from lopsided.counts import Counts
from lopsided.files import UnfitError, reading, require_file


def read_counts(path: Path) -> Counts:
    """Return the class counts in a text, one line a class with its name and its count or its count
    alone, or in JSON, an object from names to counts or a list of counts.

    Raises:
        ValueError: if the file holds anything else; it is named, and the line.
        OSError: if it cannot be read.
    """
    with reading(path):
        require_file(path)
        if path.suffix.lower() == ".json":
            return Counts.of(json.loads(text_of(path), object_pairs_hook=_each_once))
        return Counts.of(_table(path))


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    name, times = Counter(name for name, _ in pairs).most_common(1)[0] if pairs else ("", 0)
    if times > 1:
        raise UnfitError(f"has the class {name!r} {times} times")
    return dict(pairs)


def _table(path: Path) -> list[int | float] | dict[str, int | float]:
    lines = list(lines_of(text_of(path)))
    if lines and not any(sign.isdigit() for sign in lines[0][1][-1]):
        lines = lines[1:]  # the titles of the columns
    width = len(lines[0][1]) if lines else 0
    for number, cells in lines:
        if len(cells) != width or width > 2:
            raise UnfitError(
                f"has {len(cells)} cells in line {number}, where a count, or the name of a class"
                " and its count, was expected"
            )
    counts = []
    for number, cells in lines:
        try:
            (count,) = numbers_of(cells[-1])
        except ValueError:
            raise UnfitError(
                f"has {cells[-1]!r} in line {number} where a count was expected"
            ) from None
        counts.append(count)
    if width == 1:
        return counts
    return _each_once([(cells[0], n) for (_, cells), n in zip(lines, counts, strict=True)])
