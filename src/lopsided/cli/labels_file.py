"""Labels to count from a file or standard input, numbers or names, one a sample."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lopsided.cli.given import ENDINGS, Columns, content, is_listed, telling
from lopsided.cli.table import SEPARATORS, is_missing, lines_of, require_remarks
from lopsided.files import UnfitError
from lopsided.numbering import whole_numbers
from lopsided.numerals import count_up

if TYPE_CHECKING:
    import numpy.typing as npt

#: What a column of labels may be called; in a first line that is none of these stands a label, or
#: it is refused.
TITLES = ("class", "classes", "label", "labels", "target", "targets", "y")

#: What a column may be called that counts the samples of each class, as pandas, polars and R write
#: it, and `--csv`.
COUNTED = ("count", "counts", "freq", "frequency", "n", "samples")

#: What a column may be called that parts the samples into those of training and others, and how
#: the name of the first begins.
PARTS, TRAINING = ("split", "subset", "partition", "set", "phase", "fold", "stage"), "train"

#: What dates, paths, amounts, sentences and most numbers of samples have, and titles seldom.
_PARTED = re.compile(r"[\d.\s]")

#: What R, pandas and spreadsheets write where a label is missing; "none" is a class of some data.
MISSING = ("NA", "<NA>", "N/A", "#N/A", "NaT")


def read_labels(given: str) -> npt.NDArray[Any]:
    """Return labels: of a text, one line each, `label` or the like above them or not, with spaces
    in them or beside columns; of JSON, a list; of a parquet file, its only column or the one called
    so; or an array of npy, npz and safetensors.

    Raises:
        ValueError: if it holds anything else; it is named, and the line.
        OSError: if it cannot be read.
        ImportError: for a parquet file, if pyarrow is not installed.
    """
    import numpy as np

    from lopsided.measure.storage.formats import FORMATS

    if not is_listed(given):
        if Path(given).is_file() and Path(given).suffix.lower() not in FORMATS:
            raise ValueError(
                f"labels are read from files of {', '.join((*ENDINGS, *FORMATS))}, got {given}"
            )
        from lopsided.measure.storage.rows import read_all
        from lopsided.measure.storage.shards import open_arrays

        labels = read_all(open_arrays(Path(given), ("labels",))["labels"])
        if labels.ndim == 2 and labels.shape[1] != 1:
            raise ValueError(
                f"{given} holds labels of shape {labels.shape}, where one a sample was expected"
            )
        return labels
    with telling(given):
        found = content(given)
        if isinstance(found, Columns):
            columns, titles = found, list(found)
            found = found[_place(titles)] if len(found) > 1 else next(iter(found.values()), [])
            _require_samples(found, titles)
            _require_one_part(columns)
        elif isinstance(found, str):
            found = _lines(found)
        if not isinstance(found, list) or not found:
            raise UnfitError("holds no labels; one a sample was expected")
        kinds = {type(label) for label in found}
        if kinds not in ({int}, {str}):
            raise UnfitError("holds labels that are neither all whole numbers nor all names")
        return np.array(found)


def _place(titles: Sequence[str]) -> str:
    """Return the title of the column of labels."""
    called = [title for title in titles if title.lower() in TITLES]
    if len(called) != 1:
        raise UnfitError(
            f"has {len(titles)} columns, of which one must be called {', '.join(TITLES[:-1])} or"
            f" {TITLES[-1]}; there are {', '.join(titles)}"
        )
    return called[0]


def _require_samples(labels: Sequence[object], titles: Sequence[str]) -> None:
    """Refuse the classes of a table of counts, which would be labels of one sample each."""
    counted = [title for title in titles if title.lower() in COUNTED]
    if counted and len(set(labels)) == len(labels):
        raise UnfitError(
            f"has each class once, beside {counted[0]!r}: it counts them, so give a file of classes"
            " and counts, two columns, by --counts"
        )


def _require_one_part(columns: Mapping[str, Sequence[object]]) -> None:
    """Refuse labels of training samples among others: both would be counted."""
    for title, column in columns.items():
        parts = sorted({str(part) for part in column}) if title.lower() in PARTS else []
        if len({part.lower().startswith(TRAINING) for part in parts}) > 1:  # some are, others not
            raise UnfitError(
                f"has samples of {', '.join(parts)} by its column {title!r}, and all would be"
                " counted: give those of training alone"
            )


def _lines(text: str) -> list[int] | list[str]:
    lines = list(lines_of(text))
    rows = [cells for _, cells in lines]
    untitled = len(rows) > 2 and all(len(row) > len(rows[0]) for row in rows[1:])
    if untitled and count_up([row[0] for row in rows[1:]]):  # as R and pandas write them
        raise UnfitError(
            f"has more cells in each line than titles in line {lines[0][0]}, and the first numbers"
            " the lines: leave these numbers out, or write titles for all cells"
        )
    if " " in text and not _are_columns(rows):
        lines = list(lines_of(text, [sign for sign in SEPARATORS if sign != " "]))
    width = len(lines[0][1]) if lines else 1
    for number, cells in lines:
        if len(cells) != width:
            raise UnfitError(
                f"has {len(cells)} cells in line {number} where {width} were expected, as in line"
                f" {lines[0][0]}"
            )
    titles = lines[0][1] if lines else []
    place = titles.index(_place(titles)) if width > 1 else 0
    expected = lines[0][0] if lines else 0  # a blank line between labels is a sample without one
    if width > 1 or (titles and titles[0].lower() in TITLES):
        _require_titles_once(lines, place)
        lines, expected = lines[1:], expected + 1
    for number, cells in lines:
        if number > expected or not cells[place]:
            raise UnfitError(f"has no label in line {expected}")
        if cells[place] in MISSING:
            raise UnfitError(
                f"has {cells[place]!r} in line {number}, as where a label is missing: leave its"
                " sample out, or call the class otherwise"
            )
        if cells[place].startswith("# "):
            raise UnfitError(
                f"has {cells[place]!r} in line {number}, which may be a remark: remarks stand above"
                " all labels"
            )
        expected += 1
    labels = [cells[place] for _, cells in lines]
    if width > 1:
        _require_samples(labels, titles)
        columns = zip(*(cells for _, cells in lines), strict=True)
        _require_one_part(dict(zip(titles, columns, strict=False)))
    once = lines and lines[0][1] is titles and labels.count(labels[0]) == 1
    whole = bool(labels) and all(re.fullmatch(r"[+-]?[0-9]{1,18}", label) for label in labels)
    # With 0, in the first line, pandas titles a column that has no name.
    numbered = whole and labels[0] == "0" and lines[0][0] == 1
    if once and (numbered or all(map(_is_name, labels))):
        raise UnfitError(
            f"has {labels[0]!r} in line {lines[0][0]} and nowhere else, which may be a class or a"
            " title: write 'label' in place of a title, or above the first of the labels"
        )
    if whole:
        try:
            return whole_numbers(labels)
        except ValueError as error:  # the file is whole, and is told so
            raise UnfitError(f"holds no labels: {error}") from error
    if width == 1:
        remarks = ("#", *(f"#{title}" for title in TITLES))
        require_remarks(text, lambda line: line.lower() not in remarks or line in labels)
    return labels


def _require_titles_once(lines: Sequence[tuple[int, Sequence[str]]], place: int) -> None:
    """Refuse a title that is a label too: y of y and n, where none was written, or the title of a
    second file that was put below the first. Beside another title it is one.
    """
    (first, titles), *rest = lines
    again = next((number for number, cells in rest if cells[place] == titles[place]), None)
    if again is None or any(
        map(_is_above, titles, zip(*(cells for _, cells in rest), strict=True))
    ):
        return
    raise UnfitError(
        f"has {titles[place]!r} in line {first} and again in line {again}, which may be a title or"
        " a class: write 'label' in place of a title, or above labels that have none, and leave out"
        " the title of a second file"
    )


def _is_above(title: str, cells: Sequence[str]) -> bool:
    """Return whether a cell is the title of those below it, as far as they are known: these are
    numbers, or have digits, points or spaces, as dates, paths and sentences, and it is no such.
    """
    known = [cell for cell in cells if not is_missing(cell)]
    numbers = _is_name(title) and not any(map(_is_name, known))
    parted = not _PARTED.search(title) and all(map(_PARTED.search, known))
    return bool(known) and (numbers or parted)


def _are_columns(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether spaces part columns, one of them of numbers, and not the words of a label, as
    where a title stands alone or again below.
    """
    places = range(min(map(len, rows), default=0))
    if len(places) < 2 or any(
        rows[0][i].lower() in TITLES and any(row[i] == rows[0][i] for row in rows[1:])
        for i in places
    ):
        return False
    return any(not any(_is_name(row[i]) for row in rows[1:]) for i in places)


def _is_name(label: str) -> bool:
    try:
        float(label)
    except ValueError:
        return True
    return False
