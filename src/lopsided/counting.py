"""Counting: what people keep class counts and labels in, turned into numbers and names of the
classes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, KeysView, Mapping, Sequence, Set
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.arrays import LARGEST_EXACT, Ints, plain_array, require_in_order
from lopsided.numerals import numbers_of, pairs_of

Names = tuple[str, ...] | None

#: What tables call the sum of a column.
TOTALS = ("total", "totals", "sum", "all", "overall")
#: What to do about labels in another numbering.
RENUMBER = (
    "labels that start at 1 or have gaps are renumbered first: names, labels = np.unique(labels,"
    " return_inverse=True)"
)


def counts_of(given: Any) -> tuple[Any, Names]:
    """Return what stands for one number a class, and the names of the classes where it has them.

    A dictionary keeps its order. A `Counter` or a column of a table with an index, whose order is
    that of appearance or of size, is put in the order of `labels_of`: that of its categories, else
    sorted by name. Whole numbers in place of names, as texts too (JSON knows no others), are
    classes and go to their places.

    Args:
        given: sequence, array, tensor, column of a table, `Counter`, dictionary of name to count,
            or text of numbers, or of names and numbers such as "cat=50, dog=5".

    Raises:
        ValueError: if the text holds no numbers, or names repeat or are classes with gaps.
        TypeError: if it is a table, or its names are neither text nor whole numbers.
    """
    if isinstance(given, str):
        return _named(pairs_of(given), keep=True) if "=" in given else (numbers_of(given), None)
    if hasattr(given, "columns"):
        raise TypeError(
            f"counts must be one column of a table, got a {type(given).__name__} with columns"
            f" {list(given.columns)}"
        )
    if hasattr(given, "items"):
        pairs = list(given.items())
        if places := _places(getattr(given, "index", None)):
            return _named(sorted(pairs, key=lambda pair: places[pair[0]]), keep=True)
        return _named(pairs, keep=isinstance(given, dict) and not isinstance(given, Counter))
    return given, None


def require_counts(values: npt.ArrayLike, classes: str = "class", least: int = 1) -> Ints:
    """Return counts as int64.

    Args:
        values: one number a class.
        classes: what a number is of, for the message.
        least: 0 where a class may be without samples.

    Raises:
        ValueError: if they are not at least two whole numbers from `least` to 2**53, the class is
            named; or as `require_in_order`.
    """
    require_in_order(values, "counts")
    try:
        array = plain_array(values, "counts")
    except ValueError:  # rows of different lengths
        array = np.empty(())
    if array.ndim != 1 or len(array) < 2:
        raise ValueError(f"counts must be at least 2 whole numbers, one a class, got {values!r}")
    if array.dtype.kind == "O" and all(isinstance(value, int) for value in array.tolist()):
        array = array.astype(np.float64)  # beyond 64 bits, so out of range below
    listed = values if isinstance(values, list | tuple) else ()  # in an array True would be 1
    if array.dtype.kind not in "iuf" or any(isinstance(value, bool) for value in listed):
        raise ValueError(f"counts must be whole numbers, got {values!r}")
    if array.dtype.kind == "f":
        array = _exact(array, getattr(values, "dtype", array.dtype), classes)
    wrong = ~((array >= least) & (array <= LARGEST_EXACT) & (array == np.floor(array)))
    if wrong.any():
        c = int(np.argmax(wrong))
        parts = (
            array.dtype.kind == "f"
            and bool((array > 0).all())
            and bool((array != np.floor(array)).any())
        )
        raise ValueError(
            f"each count must be a whole number from {least} to 2**53, got {array[c]} for {classes}"
            f" {c}"
            + "; shares, of which only the ratios matter, are given to Counts.from_shares"
            * parts
        )
    return array.astype(np.int64)


def _exact(array: npt.NDArray[Any], kind: Any, classes: str) -> npt.NDArray[Any]:
    """Return counts of a floating-point type in float64 at least, if it can tell them from the next
    whole number.
    """
    digits = 8 if "bfloat16" in str(kind) else np.finfo(array.dtype).nmant + 1
    if digits < 53 and (beyond := np.isfinite(array) & (array > 2.0**digits)).any():
        c = int(np.argmax(beyond))
        raise ValueError(
            f"the count {array[c]:.0f} of {classes} {c} may have been rounded: {kind} tells whole"
            f" numbers apart up to 2**{digits}; count in whole numbers"
        )
    return array.astype(np.float64) if digits < 53 else array


def labels_of(labels: Any, names: Sequence[str] | None) -> tuple[Ints, Names]:
    """Return labels as whole numbers, and the names of the classes where they are known.

    Args:
        labels: (n,) or (n, 1) whole numbers or texts: array, tensor, sequence or column of a table.
        names: of the classes in their order; by default those of a categorical column in the order
            of its categories, as its codes number them, other texts sorted; whole numbers, also
            those written as texts, have no names.

    Raises:
        ValueError: if there is no label, they are no vector, neither whole numbers nor texts, or
            not among the names, or without names some texts are numbers and not all are whole.
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
    known, numbers = np.unique(array.astype(str), return_inverse=True)
    if names is None and all(map(_is_number, known.tolist())):
        return np.array([int(name) for name in known.tolist()])[numbers], None
    if names is None:
        _require_no_numbers(known.tolist(), "labels")
    given = tuple(_places(labels) or ()) if names is None else names
    order = require_names(given) or tuple(known.tolist())
    place = {name: c for c, name in enumerate(order)}
    if unknown := [name for name in known.tolist() if name not in place]:
        raise ValueError(f"labels must be among the {len(order)} names, got {unknown[0]!r}")
    return np.array([place[name] for name in known.tolist()])[numbers], order


def _places(column: Any) -> dict[str, int] | None:
    """Return the place of each category of a column or an index of pandas whose categories are
    texts, None of anything else.
    """
    found = getattr(getattr(column, "cat", column), "categories", None)
    categories = () if found is None else tuple(found)
    if not categories or not all(isinstance(category, str) for category in categories):
        return None
    return {category: c for c, category in enumerate(categories)}


def require_names(names: Iterable[str] | None) -> Names:
    """Return names of classes, each once.

    Raises:
        TypeError: if a name is no text, or they have no order: a set, a dictionary.
        ValueError: if two are the same, or as `require_in_order`.
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
    return tuple(str(name) for name in given)


def _named(pairs: list[tuple[Any, Any]], *, keep: bool) -> tuple[list[Any], Names]:
    keys = [key for key, _ in pairs]
    if all(isinstance(key, str) and _is_number(key) for key in keys):
        pairs = [(int(key), value) for key, value in pairs]
        keys = [key for key, _ in pairs]
    if all(hasattr(key, "__index__") for key in keys):
        if sorted(keys) != list(range(len(keys))):
            raise ValueError(
                f"counts by label need the labels 0 to {len(keys) - 1}, got {sorted(keys)};"
                f" {RENUMBER}"
            )
        return [value for _, value in sorted(pairs, key=lambda pair: pair[0])], None
    if not all(isinstance(key, str) for key in keys):
        raise TypeError(f"classes must be named by texts or numbered from 0, got {keys!r}")
    _require_no_numbers([key for key in keys if not (keep and _is_number(key))], "classes")
    _require_no_total(pairs)
    names = require_names(keys if keep else sorted(keys))
    return [
        value for _, value in (pairs if keep else sorted(pairs, key=lambda pair: pair[0]))
    ], names


def _require_no_total(pairs: list[tuple[str, Any]]) -> None:
    """Refuse a last line that is no class, but the sum of the others."""
    *others, (name, total) = pairs or [("", 0)]
    if len(others) < 2 or name.strip().lower() not in TOTALS:
        return
    counts = [count for _, count in others]
    if all(isinstance(count, Real) for count in counts) and total == sum(counts):
        raise ValueError(f"{name!r} is no class but the sum of the others, {total}: leave it out")


def _is_number(name: str) -> bool:
    """Return whether a text is a whole number, as JSON and tables write labels."""
    return re.fullmatch(r"[0-9]+", name) is not None


def _require_no_numbers(names: list[str], what: str) -> None:
    """Refuse names among which are numbers: "1.0" and "10.0" sort as no labels do, "nan" is none,
    and one name among whole numbers is the title of a column.
    """
    for name in names:
        try:
            float(name)
        except ValueError:
            continue
        others = [other for other in names if other != name and not _is_number(other)]
        beside = f" beside {others[0]!r}" if others and _is_number(name) else ""
        raise ValueError(
            f"{what} as texts must be all whole numbers from 0 or all names, got {name!r}{beside}"
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
