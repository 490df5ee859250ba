"""The console that text goes to, in a file of its own because JSON and help need no rich."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

#: Wider than any cell.
WIDE = 100_000


class Tables(Console):
    """A console that leaves it to its caller what to do when nobody reads any more, is as wide as a
    table needs, and prints a class or a path as it is called: a word between colons is no picture,
    one in brackets no style, but where `print` is told markup=True.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(emoji=False, markup=False, **options)

    def on_broken_pipe(self) -> None:
        """Go on raising what this is called for."""
        raise

    def print(self, *objects: Any, **options: Any) -> None:
        """Print objects; no number of a table, and no word above it, is cut."""
        width = self.width
        needed = [self._needed(each) for each in objects if isinstance(each, Table)]
        self.width = max(width, *needed) if needed else width
        try:
            super().print(*objects, **options)
        finally:
            self.width = width

    def _needed(self, table: Table) -> int:
        """Return the width at which what may wrap is cut between words alone, and the rest not at
        all.
        """
        _, right, _, left = table.padding
        total, wide = 1, self.options.update(width=WIDE)
        for column in table.columns:
            cells = (Measurement.get(self, wide, cell) for cell in (column.header, *column.cells))
            total += left + right + 1
            if column.no_wrap:
                total += max(cell.maximum for cell in cells)
            else:
                column.overflow = "fold"
                total += max(cell.minimum for cell in cells)
        return total
