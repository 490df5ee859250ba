"""Every link inside the site leads to a page, and to a place on it, that exists."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.errors import ExtensionError


class Page(HTMLParser):
    """The places of a page, and where its links and pictures lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.places: set[str] = set()
        self.leads: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        """Note what one tag says."""
        known = {name: value for name, value in attributes if value}
        self.places |= {known[name] for name in ("id", "name") if name in known}
        self.leads |= {known[name] for name in ("href", "src") if name in known}


def broken(folder: Path) -> list[str]:
    """Return a sentence a link that leads nowhere."""
    pages = {path.resolve(): Page(path.read_text()) for path in folder.rglob("*.html")}
    found = []
    for path, page in pages.items():
        for lead in sorted(page.leads):
            parts = urlsplit(lead)
            if parts.scheme or parts.netloc or path.name == "explorer.html":
                continue
            goal = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            place = unquote(parts.fragment)
            absent = goal in pages and place and place not in pages[goal].places
            if not goal.exists() or absent:
                found.append(f"{path.relative_to(folder.resolve())} leads to {lead}")
    return found


def check(app, error):
    """Refuse a site with a link that leads nowhere."""
    built = error is None and app.builder.format == "html"
    if built and (found := broken(Path(app.outdir))):
        raise ExtensionError("\n".join(["links that lead nowhere:", *found]))


def setup(app):
    """Look at the site when it is whole, after those who write pages of their own."""
    app.connect("build-finished", check, priority=900)
