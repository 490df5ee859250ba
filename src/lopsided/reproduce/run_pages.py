"""A page a run, for claims whose runs are many: drawn once, and again only if its record is
another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

from lopsided import __version__
from lopsided.drafts import write_atomically
from lopsided.files import UnfitError, opened, printable, require_file
from lopsided.report import Links, Page, Section, Text
from lopsided.report.page import render
from lopsided.reproduce.claim import AnyClaim
from lopsided.reproduce.context import silent
from lopsided.reproduce.record import Record

#: The folder of the pages, beside the report.
FOLDER = "report"


def run_pages(
    folder: Path,
    claim: AnyClaim,
    records: Sequence[Record],
    progress: Callable[[str], None] = silent,
) -> tuple[list[Links], dict[str, str]]:
    """Write the pages of runs into FOLDER/report.

    Args:
        folder: of the records.
        claim: of all of them, which says what a page of a run shows.
        records: of at least two runs.
        progress: takes what is written next.

    Returns:
        Links to the pages, and record -> why there is none of it.
    """
    if claim.detail is None:
        return [], {}
    links, lacking = [], {}
    for i, record in enumerate(records):
        progress(f"page {i + 1} of {len(records)} of {claim.name}")
        place = folder / FOLDER / f"{record.name}.html"
        try:
            run = claim.read(record)
            heading = claim.detail.heading(run)
            mark = f"<!-- of {_content(folder, record)} -->\n"
            if not _ends_with(place, mark):
                back = Links("", [("All records of this folder", "../report.html")])
                blocks = [Text(record.verdict.sentence, "lead"), *claim.detail.blocks(run), back]
                page = Page(claim.title, [Text(heading, "facts")], [Section("run", "", blocks)])
                place.parent.mkdir(exist_ok=True)
                write_atomically(place, (render(page) + mark).encode())
        except OSError:
            raise
        # There is no end of what a record of another version can lack.
        except Exception as error:
            lacking[record.name] = printable(f"{type(error).__name__}: {error}")
            continue
        word = "holds" if record.verdict.holds else "does not hold"
        links.append((f"{heading}: {word}", f"{FOLDER}/{place.name}"))
    return [Links("Each run on a page of its own", sorted(links))], lacking


def _content(folder: Path, record: Record) -> str:
    """Return a hash of what a page is made of."""
    text = (folder / f"{record.name}.json").read_bytes()
    return sha256(__version__.encode() + b"\0" + text).hexdigest()


def _ends_with(path: Path, mark: str) -> bool:
    try:
        with opened(path, stamp := require_file(path)) as file:
            file.seek(-min(len(mark), stamp.size), 2)
            return file.read() == mark.encode()
    except (OSError, UnfitError):
        return False
