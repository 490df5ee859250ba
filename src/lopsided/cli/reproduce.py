"""lopsided reproduce."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reproduce:
    """To be written."""

    json: bool = False
    """print JSON"""

    def run(self) -> None:
        """Run."""
