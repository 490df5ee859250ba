"""Classes in words."""

from __future__ import annotations

from collections.abc import Collection

from lopsided.naming import listed


def classes(called: Collection[object]) -> str:
    """Return "class 3", or "classes 3, 5" of several."""
    return f"class{'es' if len(called) > 1 else ''} {listed(called)}"
