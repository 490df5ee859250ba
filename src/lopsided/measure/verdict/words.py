"""Lists and shares in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

#: Up to so many are named.
NAMED = 8


def listed(names: Iterable[Any], last: str = ", ") -> str:
    """Return names in a row; of many, the first and how many more there are."""
    words = [str(name) for name in names]
    if len(words) > NAMED:
        return ", ".join(words[:NAMED]) + f" and {len(words) - NAMED:,} more"
    return last.join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def classes(labels: Iterable[Any]) -> str:
    """Return "class 3", or "classes 3, 5" of several."""
    names = list(labels)
    return f"class{'es' if len(names) > 1 else ''} {listed(names)}"
