"""lopsided steer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Steer:
    """To be written."""

    json: bool = False
    """print JSON"""

    def run(self) -> None:
        """Run."""
