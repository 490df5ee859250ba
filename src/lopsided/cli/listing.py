"""What there is to steer with, as lopsided steer --list prints it."""

from __future__ import annotations

from lopsided.cli.output import print_json, table_console
from lopsided.cli.tables import listed


def print_tables(as_json: bool) -> None:
    """Print the targets, families, losses, heads and rules there are, or their JSON."""
    from rich.table import Table

    from lopsided import steer

    tables = {
        kind: listed(getattr(steer, kind.upper()))
        for kind in ("targets", "families", "losses", "heads", "rules")
    }
    if as_json:
        print_json("members", {kind: [line._asdict() for line in tables[kind]] for kind in tables})
        return
    console = table_console()
    for kind, lines in tables.items():
        table = Table(box=None, header_style="bold")
        sourced = any(line.source for line in lines)
        for header in (kind, "what it is", *["source"] * sourced):
            table.add_column(header, no_wrap=header == kind)
        for line in lines:
            table.add_row(*line[: 2 + sourced])
        console.print(table, "")
