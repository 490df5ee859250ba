"""Where tables go."""

from __future__ import annotations

from rich.console import Console


def table_console() -> Console:
    """Return standard output as a console of at least 80 columns, lest a narrow terminal cut numbers."""
    console = Console(highlight=False)
    console.width = max(console.width, 80)
    return console
