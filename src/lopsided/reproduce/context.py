"""Context: what a run of a claim is given beside its settings: where to work, where data is, how to speak to its user."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lopsided.reproduce.record import plain, write_atomically


def _silent(*_: object) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Context:
    """The surroundings of a run; nothing here changes its numbers.

    Attributes:
        folder: for checkpoints, the run's own.
        data: the folder of all data sets, if there is one.
        indices: folder for lists of the chosen samples.
        advance: takes the fraction done and what is being done.
        note: takes a sentence for the user.
    """

    folder: Path
    data: Path | None = None
    indices: Path = Path("indices")
    advance: Callable[[float, str], None] = _silent
    note: Callable[[str], None] = _silent

    def part(self, start: float, end: float) -> Callable[[float, str], None]:
        """Return an `advance` for a part of the run, from fraction `start` to `end`."""
        return lambda fraction, text: self.advance(start + (end - start) * fraction, text)

    def remember(self, name: str, compute: Callable[[], Any]) -> Any:
        """Return what `compute` returns, as plain data; after an interruption from the file that holds it."""
        path = self.folder / f"{name}.json"
        if path.is_file():
            return json.loads(path.read_text())
        value = plain(compute())
        write_atomically(path, json.dumps(value).encode())
        return value
