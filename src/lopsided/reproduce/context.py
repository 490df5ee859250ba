"""Context: what a run of a claim is given beside its settings: where to work, where data is, how to
speak to its user.
"""

from __future__ import annotations

import glob
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from lopsided.measure.storage import torchrun
from lopsided.plain import plain
from lopsided.reproduce.disk import seal, unseal, without_hash
from lopsided.reproduce.typed import typed

T = TypeVar("T")

#: Bytes that a remembered value may have.
_MOST = 2**27


def is_first() -> bool:
    """Whether this process is the one among those of `torchrun` that writes records and speaks to
    the user.
    """
    return torchrun.tells()


def silent(*_: object) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Place:
    """Where records go and where data is.

    Attributes:
        out: folder of the records; `out/.work` holds what interrupted runs need, `out/indices` the
            lists of chosen samples.
        data: folder of the data sets, if there is one.
    """

    out: Path
    data: Path | None = None

    def context(
        self,
        name: str,
        advance: Callable[[float, str], None] = silent,
        note: Callable[[str], None] = silent,
    ) -> Context:
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
        identity: of the run: its settings, the versions and the data that it is computed with. What
            is found in the folder under another is not used.
    """

    folder: Path
    place: Place
    advance: Callable[[float, str], None] = silent
    note: Callable[[str], None] = silent
    identity: str = ""

    def part(self, start: float, end: float, title: str = "") -> Context:
        """Return the context of a part of the run, from fraction `start` to `end`; a part with a
        title has a folder and an identity of its own.
        """

        def advance(fraction: float, text: str) -> None:
            told = f"{title}, {text}" if title else text
            self.advance(start + (end - start) * fraction, told)

        if not title:
            return replace(self, advance=advance)
        folder = self.folder / re.sub(r"[^\w.-]+", "-", title)
        return replace(self.of(title), folder=folder, advance=advance)

    def of(self, what: str) -> Context:
        """Return the context of the run as computed with something besides its settings, such as
        the hash of its data.
        """
        return replace(self, identity=f"{self.identity} {what}")

    @property
    def writer(self) -> str:
        """The name of this process among all that may write the same file at the same time."""
        return f"{self.folder.name}.{os.environ.get('RANK', '0')}"

    def remember(self, name: str, kind: type[T], compute: Callable[[], T]) -> T:
        """Return what `compute` returns, a value of a type that `typed` knows; after an
        interruption from the file that holds it.
        """
        for path in self.folder.glob(f"{glob.escape(name)}.{'[0-9a-f]' * 64}.json"):
            try:
                identity, value = _remembered(path, kind)
            except ValueError as error:
                self.note(f"{error}; it is computed again")
            else:
                if identity == self.identity:
                    return value
        found = plain(compute())
        if is_first():
            seal(self.folder, name, ".json", json.dumps([self.identity, found]).encode())
        return typed(kind, found, name)


def _remembered(path: Path, kind: type[T]) -> tuple[Any, T]:
    content = unseal(path, _MOST)
    try:
        identity, value = json.loads(content)
        return identity, typed(kind, value)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{without_hash(path)} is not of this version of lopsided") from error
