"""lopsided explore."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lopsided.cli.classes import Classes
from lopsided.cli.output import require_writable, shown


@dataclass(frozen=True)
class Explore:
    """Write a page to play with: class counts, losses and the geometries they lead to.

    It is one file that opens without a server or a network. Without counts it begins with 50, 50,
    5, 5; it draws up to 100 classes.
    """

    classes: Classes
    out: Path = Path("explorer.html")
    """the page"""
    force: bool = False
    """write over a file at --out that is no page of this command"""

    def run(self) -> None:
        """Write the page and say where it is."""
        from lopsided.drafts import write_atomically
        from lopsided.report import explorer

        require_writable(self.out, [self.classes.file])
        if self.out.suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"a page must end in .html, got {str(self.out)!r}")
        if self.out.exists() and not self.force and not explorer.is_page(self.out):
            raise ValueError(
                f"{self.out} is there and is no page of lopsided explore: name another file by"
                " --out, or give --force to write over it"
            )
        counts = self.classes.resolve() if self.classes.given else explorer.FIRST
        write_atomically(self.out, explorer.page(counts).encode())
        print(f"{shown(str(self.out))} is written; open it in a browser")
