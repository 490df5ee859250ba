"""Context: what a run of a claim is given beside its settings: where to work, where data is, how to speak to its user."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lopsided.reproduce.record import plain, write_atomically


def _silent(*_: object) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Place:
    """Where records go and where data is.

    Attributes:
        out: folder of the records; `out/.work` holds what interrupted runs need, `out/indices` the lists of chosen samples.
        data: folder of the data sets, if there is one.
    """

    out: Path
    data: Path | None = None

    def context(self, name: str, advance: Callable[[float, str], None] = _silent, note: Callable[[str], None] = _silent) -> Context:
        """Return the context of the run called `name`."""
        return Context(self.out / ".work" / name, self, advance, note)


@dataclass(frozen=True)
class Context:
    """The surroundings of a run.

    Attributes:
        folder: for checkpoints, the run's own.
        place: where data and records are.
        advance: takes the fraction done and what is being done.
        note: takes a sentence for the user.
    """

    folder: Path
    place: Place
    advance: Callable[[float, str], None] = _silent
    note: Callable[[str], None] = _silent

    def part(self, start: float, end: float) -> Context:
        """Return the context of a part of the run, from fraction `start` to `end`."""
        return replace(self, advance=lambda fraction, text: self.advance(start + (end - start) * fraction, text))

    def remember(self, name: str, compute: Callable[[], Any]) -> Any:
        """Return what `compute` returns, as plain data; after an interruption from the file that holds it."""
        path = self.folder / f"{name}.json"
        if path.is_file():
            return json.loads(path.read_text())
        value = plain(compute())
        write_atomically(path, json.dumps(value).encode())
        return value
