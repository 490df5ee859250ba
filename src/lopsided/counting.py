"""Counting: what people keep class counts in, turned into one number a class and their names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.arrays import LARGEST_EXACT, Ints, plain_array, require_in_order
from lopsided.numbering import (
    RENUMBER,
    Names,
    is_number,
    places_of,
    require_names,
    require_no_numbers,
)
from lopsided.numerals import numbers_of, pairs_of

#: How tables call the sum of a column: total, grand total, sum of counts, Gesamtergebnis. All other
#: animals are a class, and so is a total loss.
TOTALS = re.compile(
    r"\W*(grand\W*|sub\W*|eind|ins)?"
    r"(sum|all|overall|summe|somme|suma|tota(l|ls|le|al)|gesamt(summe|zahl|ergebnis)?)"
    r"(\W+(sum|total|result|g[eé]n[eé]rale?|complessivo|of|all|classes|samples|counts?|n))*\W*",
    re.IGNORECASE,
)
#: Profile of counts -> its arguments, those that it needs and all.
PROFILES = {
    "step": ({"k", "minority", "ratio"}, {"k", "minority", "ratio", "rho"}),
    "exponential": ({"k", "largest", "ratio"}, {"k", "largest", "ratio"}),
    "zipf": ({"k", "largest"}, {"k", "largest", "exponent"}),
}
#: Binary digits of the types that NumPy lacks.
DIGITS = {"bfloat16": 8, "float8_e4m3": 4, "float8_e5m2": 3}


def counts_of(given: Any) -> tuple[Any, Names]:
    """Return what stands for one number a class, and the names of the classes where it has them.

    A dictionary keeps its order, and so does any other mapping. A `Counter`, a column of a table
    with an index or an array of xarray with a coordinate, whose order is that of appearance or of
    size, is put in the order of `labels_of`: that of its categories, else sorted by name. Whole
    numbers in place of names, as texts too (JSON knows no others), are classes and go to their
    places.

    Args:
        given: sequence, array, tensor, column of a table, `Counter`, dictionary of name to count,
            or text of numbers, or of names and numbers such as "cat=50, dog=5".

    Raises:
        ValueError: if the text holds no numbers, or names repeat or are classes with gaps.
        TypeError: if it is a table, or its names are neither text nor whole numbers.
    """
    if isinstance(given, str):
        return _named(pairs_of(given), keep=True) if "=" in given else (numbers_of(given), None)
    if hasattr(type(given), "columns"):  # a class of that name is an attribute of its column
        raise TypeError(
            f"counts must be one column of a table, got a {type(given).__name__} with columns"
            f" {list(given.columns)}"
        )
    if hasattr(given, "to_series") and getattr(given, "coords", None) is not None:
        given = given.to_series()  # an array of xarray, which has its classes in a coordinate
    if hasattr(given, "items"):
        pairs = list(given.items())
        if places := places_of(getattr(given, "index", None)):
            # What is missing has no place, and is refused as a name.
            pairs.sort(key=lambda pair: places.get(pair[0], len(places)))
            return _named(pairs, keep=True)
        return _named(pairs, keep=isinstance(given, Mapping) and not isinstance(given, Counter))
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
        named = "; Counts.of takes counts with their names" * hasattr(values, "items")
        raise ValueError(
            f"counts must be at least 2 whole numbers, one a class, got {values!r}{named}"
        )
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
    short = [digits for name, digits in DIGITS.items() if name in str(kind)]
    digits = short[0] if short else np.finfo(array.dtype).nmant + 1
    if digits < 53 and (beyond := np.isfinite(array) & (array >= 2.0**digits)).any():
        c = int(np.argmax(beyond))
        raise ValueError(
            f"the count {array[c]:.0f} of {classes} {c} may have been rounded: {kind} tells whole"
            f" numbers apart below 2**{digits}; count in whole numbers"
        )
    return array.astype(np.float64) if digits < 53 else array


def _named(pairs: list[tuple[Any, Any]], *, keep: bool) -> tuple[list[Any], Names]:
    keys = [key for key, _ in pairs]
    if all(isinstance(key, str) and is_number(key) for key in keys):
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
    require_no_numbers([key for key in keys if not (keep and is_number(key))], "classes")
    _require_no_profile(keys)
    _require_no_total(pairs)
    names = require_names(keys if keep else sorted(keys))
    return [
        value for _, value in (pairs if keep else sorted(pairs, key=lambda pair: pair[0]))
    ], names


def _require_no_profile(names: list[str]) -> None:
    """Refuse the arguments of a profile in the place of counts."""
    for profile, (needed, known) in PROFILES.items():
        if needed <= set(names) <= known:
            raise ValueError(
                f"{', '.join(names)} are arguments of Counts.{profile} (--{profile} on the command"
                " line), and no classes"
            )


def _require_no_total(pairs: list[tuple[str, Any]]) -> None:
    """Refuse a line that is no class, but the sum of the others: the last, or sorted by size the
    first.
    """
    if len(pairs) < 3 or not all(isinstance(count, Real) for _, count in pairs):
        return
    # Whole numbers of Python's own, lest sums of narrow ones overflow.
    counts = [count.item() if hasattr(count, "item") else count for _, count in pairs]
    for (name, _), count in zip(pairs, counts, strict=True):
        # Up to the rounding of shares.
        if TOTALS.fullmatch(name) and abs(2 * count - sum(counts)) * 10**12 <= count:
            raise ValueError(
                f"{name!r} is no class but the sum of the others, {count}: leave it out"
            )
