"""The console that text goes to, in a file of its own because JSON and help need no rich."""

from __future__ import annotations

from rich.console import Console


class Tables(Console):
    """A console that leaves it to its caller what to do when nobody reads any more."""

    def on_broken_pipe(self) -> None:
        """Go on raising what this is called for."""
        raise
