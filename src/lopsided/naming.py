"""Naming: what classes are called in tables, plots and sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lopsided.files import printable

#: Up to so many signs of a name are shown in a sentence, and in the tight places of a table or
#: plot.
LONG, SHORT = 40, 18


def short(name: object, most: int = LONG) -> str:
    """Return a name on one line without what speaks to a terminal; a long one loses its middle.

    Example:
        >>> short("a pied-billed grebe of the northern lakes", 18)
        'a pied-bi…rn lakes'
    """
    text = printable(str(name))
    half = most // 2
    return text if len(text) <= most else f"{text[:half]}…{text[len(text) - (most - half - 1) :]}"


def listed(names: Iterable[object], last: str = ", ", most: int = 8) -> str:
    """Return names in a row; of many, the first and how many more there are.

    Example:
        >>> listed(["cat", "dog", "eel"], " and "), listed("abcdefghij")
        ('cat, dog and eel', 'a, b, c, d, e, f, g, h and 2 more')
    """
    words = [short(name) for name in names]
    if len(words) > most:
        return ", ".join(words[:most]) + f" and {len(words) - most:,} more"
    return last.join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def tight(names: Sequence[object], most: int = SHORT) -> str:
    """Return what fits a head of a column or a tick: one name, or the first and how many more.

    Example:
        >>> tight(["cat"]), tight(["cat", "dog", "eel"])
        ('cat', 'cat +2')
    """
    return short(names[0], most) + (f" +{len(names) - 1:,}" if len(names) > 1 else "")
