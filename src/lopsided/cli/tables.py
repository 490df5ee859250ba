"""Tables of members as readers see them: name, what it is, where it is from."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, NamedTuple


class Line(NamedTuple):
    """A member of a table."""

    name: str
    title: str
    source: str


def listed(table: Mapping[str, Any]) -> list[Line]:
    """Return the lines of a table: forms are told by the first sentence of their file, functions by
    their own.

    Example:
        >>> from lopsided.predict import FORMS
        >>> listed(FORMS)[0].title
        'The simplex equiangular tight frame, the geometry of balanced classes.'
    """
    return [
        Line(name, _title(member), getattr(member, "source", "")) for name, member in table.items()
    ]


def _title(member: Any) -> str:
    if isinstance(member, tuple):  # the terms that a family turns
        return f"turns {' and '.join(member)}"
    for attribute in ("title", "meaning"):
        text = getattr(member, attribute, None)
        if text is not None:  # empty under python -OO, where docstrings are none
            return str(text)
    function = getattr(member, "geometry", member)
    file = sys.modules.get(getattr(function, "__module__", ""))
    documented = file if hasattr(member, "geometry") else function
    return " ".join((documented.__doc__ or "").split("\n\n")[0].split())
