"""Numbering: labels and names of classes in the forms people have them, turned into whole numbers
and their names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, KeysView, Mapping, Sequence, Set
from typing import Any

import numpy as np

from lopsided.arrays import Ints, plain_array, require_in_order

Names = tuple[str, ...] | None

#: What to do about labels in another numbering.
RENUMBER = (
    "labels that start at 1 or have gaps are renumbered first: names, labels = np.unique(labels,"
    " return_inverse=True)"
)


def labels_of(labels: Any, names: Sequence[str] | None) -> tuple[Ints, Names]:
    """Return labels as whole numbers, and the names of the classes where they are known.

    Args:
        labels: (n,) or (n, 1) whole numbers or texts: array, tensor, sequence or column of a table.
        names: of the classes in their order; by default those of a categorical column (pandas, an
            Enum of polars, a dictionary of Arrow) in the order of its categories, as its codes
            number them, other texts sorted; whole numbers, also those written as texts, have no
            names.

    Raises:
        ValueError: if there is no label, they are no vector, neither whole numbers nor texts, or
            not among the names, or without names some texts are numbers and not all are whole, or
            two of them are one number.
        TypeError: if a name is no text.
    """
    array = plain_array(labels, "labels")
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if array.ndim != 1 or array.size == 0:
        raise ValueError(
            f"labels must be a vector with at least one label, got shape {array.shape}"
        )
    if array.dtype.kind in "iu":
        return array, require_names(names)
    if isinstance(labels, list | tuple):  # numpy would make texts of numbers among texts
        array = np.array(labels, object).reshape(-1)
    if array.dtype.kind not in "OUT" or not all(isinstance(label, str) for label in array.tolist()):
        raise ValueError(f"labels must be whole numbers or texts, got dtype {array.dtype}")
    known, numbers = np.unique(np.array(array.tolist(), str), return_inverse=True)
    _require_no_line_ends(known.tolist())
    if names is None and all(map(is_number, known.tolist())):
        return np.array(whole_numbers(known.tolist()))[numbers], None
    if names is None:
        require_no_numbers(known.tolist(), "labels")
    given = tuple(places_of(labels) or ()) if names is None else names
    order = require_names(given or known.tolist()) or ()
    place = {name: c for c, name in enumerate(order)}
    if unknown := [name for name in known.tolist() if name not in place]:
        raise ValueError(f"labels must be among the {len(order)} names, got {unknown[0]!r}")
    return np.array([place[name] for name in known.tolist()])[numbers], order


def whole_numbers(labels: Sequence[str]) -> list[int]:
    """Return the whole numbers that texts stand for.

    Raises:
        ValueError: if two texts are one number, such as 01 and 1, which may be two classes.
    """
    texts: dict[int, str] = {}
    for label in dict.fromkeys(labels):
        if (other := texts.setdefault(int(label), label)) != label:
            raise ValueError(
                f"the labels {other!r} and {label!r} are one number, and may be two classes: write"
                " both alike, or names"
            )
    return [int(label) for label in labels]


def _require_no_line_ends(labels: Sequence[str]) -> None:
    """Refuse texts of which two differ by the end of a line, as the last of a file may lack it."""
    bare = {label for label in labels if label == label.rstrip("\r\n")}
    for label in labels:
        if label not in bare and label.rstrip("\r\n") in bare:
            raise ValueError(
                f"the labels {label.rstrip()!r} and {label!r} differ by the end of a line: read the"
                " lines of a file by text.splitlines()"
            )


def require_names(names: Iterable[str] | None) -> Names:
    """Return names of classes, each once.

    Raises:
        TypeError: if a name is no text, or they have no order: a set, a dictionary.
        ValueError: if two are the same, one is empty or begins with a byte-order mark, or as
            `require_in_order`.
    """
    if names is None:
        return None
    unordered = isinstance(names, str | Set | Mapping) and not isinstance(names, KeysView)
    require_in_order(names, "names")
    given = () if unordered else tuple(names)
    if unordered or not all(isinstance(name, str) for name in given):
        raise TypeError(f"names must be a sequence of texts, one a class, got {names!r}")
    if len(set(given)) < len(given):
        twice = Counter(given).most_common(1)[0][0]
        raise ValueError(f"each class needs a name of its own, {twice!r} comes twice")
    if not all(given):  # a space is one of the characters of a text
        raise ValueError(
            "the name '' is blank, as where a label is missing: leave out what it stands for, or"
            " give it a name"
        )
    if marked := [name for name in given if name.startswith("\ufeff")]:
        raise ValueError(
            f"the name {marked[0]!r} begins with the byte-order mark of a file, which nobody sees:"
            " read that with encoding='utf-8-sig'"
        )
    return tuple(str(name) for name in given)


def require_one_order(what: str, counts: Any, others: Any) -> None:
    """Refuse the same names in two orders, as counts by size and classes by label have them: number
    by number other classes would be compared.

    Args:
        what: has the others.
        counts: of the classes here, with names or without; None where they are not known.
        others: of classes of which each is compared with the one of its number.

    Raises:
        ValueError: naming the first class that stands elsewhere.
    """
    here, there = (getattr(each, "names", None) or () for each in (counts, others))
    if here == there or set(here) != set(there):
        return
    c = next(c for c, name in enumerate(here) if name != there[c])
    raise ValueError(
        f"{what} has the same classes in another order: class {c} is {there[c]!r} there and"
        f" {here[c]!r} here; its take(classes) puts them into this one"
    )


def present(labels: Ints, k: int | None) -> Ints:
    """Return how many samples each of the labels 0..k-1 has.

    Args:
        labels: (n,) whole numbers.
        k: number of classes; by default the largest label plus one.

    Raises:
        ValueError: if a label is not from 0 to k-1, or a class has no sample; sample or class is
            named.
    """
    size = int(labels.max()) + 1 if k is None else k
    if labels.min() < 0 or labels.max() >= size:
        i = int(np.argmax((labels < 0) | (labels >= size)))
        raise ValueError(
            f"labels must be from 0 to {size - 1}, got {labels[i]} for sample {i}; {RENUMBER}"
        )
    # Fewer labels than classes leave a gap no farther than their number, however large the labels
    # are.
    near = labels if size <= len(labels) else labels[labels <= len(labels)]
    found = np.bincount(near.astype(np.int64), minlength=min(size, len(labels) + 1))
    if (found == 0).any():
        c = int(np.argmin(found))
        raise ValueError(
            f"labels are the classes 0 to {size - 1} and each needs a sample, class {c} has none;"
            f" {RENUMBER}"
        )
    return found


def places_of(column: Any) -> dict[str, int] | None:
    """Return the place of each category of a column, an index, or a table of one column, whose
    categories are texts, None of anything else.
    """
    # The type is asked: as an attribute of a column pandas gives what its index calls so.
    titles: Sequence[Any] = column.columns if hasattr(type(column), "columns") else ()
    if len(titles) == 1:
        # Arrow has the columns there, others their names.
        column = titles[0] if hasattr(titles[0], "type") else column[titles[0]]
    if hasattr(getattr(column, "dtype", None), "pyarrow_dtype"):  # pandas around Arrow
        column = column.array.__arrow_array__()
    if hasattr(column, "unify_dictionaries"):  # of Arrow in chunks, each with its own dictionary
        column = next(iter(column.unify_dictionaries().chunks), None)
    if hasattr(type(column), "dictionary"):
        found = column.dictionary.to_pylist()
    else:
        found = getattr(getattr(column, "dtype", None), "categories", None)
    # The names of a Categorical of polars have no order, and no length.
    categories = tuple(found) if hasattr(found, "__len__") else ()
    if not categories or not all(isinstance(category, str) for category in categories):
        return None
    return {category: c for c, category in enumerate(categories)}


def is_number(name: str) -> bool:
    """Return whether a text is a whole number, as JSON and tables write labels."""
    return re.fullmatch(r"[0-9]+", name) is not None


def require_no_numbers(names: list[str], what: str) -> None:
    """Refuse names among which are numbers: "1.0" and "10.0" sort as no labels do, "nan" is none,
    and one name among whole numbers is the title of a column.
    """
    for name in names:
        try:
            float(name)
        except ValueError:
            continue
        others = [other for other in names if other != name and not is_number(other)]
        beside = f" beside {others[0]!r}" if others and is_number(name) else ""
        raise ValueError(
            f"{what} as texts must be all whole numbers from 0 or all names, got {name!r}{beside}"
        )
