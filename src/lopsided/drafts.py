"""Files that are written: whole or not at all, and over nothing that is read or is no file."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lopsided.files import KINDS, UnfitError, require_file

#: Bytes at the start and at the end of a file in which the mark of a save is looked for.
_LOOKED = 4096
#: Bytes of the longest name of a file.
_LONGEST = 255


def require_replaceable(path: Path) -> None:
    """Refuse to write where something else than a file is, such as a pipe that others read.

    Raises:
        ValueError: naming both.
    """
    if path.exists():
        try:
            require_file(path)
        except UnfitError as error:
            raise ValueError(f"{path} {error}") from error


def require_apart(written: Path, read: Iterable[Path | None]) -> None:
    """Refuse to write over a file that is read, by whatever name or link it is called.

    Raises:
        ValueError: naming both.
    """
    for path in read:
        if path is not None and _same(written, path):
            raise ValueError(f"{written} is the file {path} that is read; write to another one")


def _same(one: Path, other: Path) -> bool:
    if one.exists() and other.exists():
        return one.samefile(other)
    return os.path.realpath(one) == os.path.realpath(other)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name a file that is written in what the system says is wrong: a full disk names none.

    Raises:
        OSError: as it is, of that file.
    """
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        del error.filename2
        raise


def require_saved(path: Path, mark: re.Pattern[bytes]) -> None:
    """Refuse a file that is not marked as one of a save; an empty one holds nothing to lose.

    Raises:
        ValueError: naming it.
    """
    if path.is_file() and (size := path.stat().st_size):
        with path.open("rb") as file:
            looked = file.read(_LOOKED)
            file.seek(max(size - _LOOKED, 0))
            looked += file.read(_LOOKED)
        if mark.search(looked) is None:
            raise ValueError(
                f"{path} is there and no save wrote it: move it elsewhere, or save under another"
                " name"
            )


def write_atomically(path: Path, content: bytes, writer: str = "") -> None:
    """Write a file so that a reader, or the next run after a crash, sees the old content or the
    new, never a part.

    The content goes to a draft beside the file first, which is removed if that fails and renamed if
    not. Its name is always the same, so the draft that a killed process left is used up by the next
    that writes the file; of several on one machine each waits for its turn. A link stays one, and a
    file that was there keeps its mode.

    Args:
        path: of the file; its folder is made if need be.
        content: of the file.
        writer: one of those who may write this file at the same time on several machines, lest they
            share a draft.

    Raises:
        ValueError: if at the path is something else than a file, or in the place of the draft
            something that no writer left.
        OSError: if the disk is full, or the folder takes no file; names the file, whose old content
            is still there.
    """
    require_replaceable(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    place = Path(os.path.realpath(path))
    draft = place.with_name(_draft_of(place.name, f".{writer}.draft" if writer else ".draft"))
    with naming(path), _turn(draft, place):  # the user has never heard of drafts
        _write(draft, place, content)
    _sync(place.parent)


def _draft_of(name: str, ending: str) -> str:
    """Return the name of a draft, which is the same each time and no longer than systems take."""
    draft = f".{name}{ending}"
    if len(os.fsencode(draft)) > _LONGEST >= len(os.fsencode(name)):
        draft = f".{hashlib.sha256(os.fsencode(name)).hexdigest()}{ending}"
    return draft


def _require_draft(draft: Path) -> None:
    """Refuse what a stranger laid where the draft goes: through a link another file would be lost,
    and to open a pipe waits for ever.

    Raises:
        ValueError: naming it.
    """
    with suppress(FileNotFoundError):
        status = draft.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            kind = KINDS.get(stat.S_IFMT(status.st_mode), "a file that has another name too")
            raise ValueError(f"{draft} is {kind}, and in the way of what is written: remove it")


def _write(draft: Path, place: Path, content: bytes) -> None:
    try:
        with open(draft, "wb", opener=_open_itself) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if place.exists():
            shutil.copymode(place, draft)
        draft.replace(place)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _open_itself(path: str, flags: int, mode: int = 0o666) -> int:
    """Open a file and none that it leads to, should it have become a link by now."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), mode)


@contextmanager
def _turn(draft: Path, place: Path) -> Iterator[None]:
    """Wait until nobody else of this machine writes to a draft, where the system can tell."""
    _require_draft(draft)
    if sys.platform == "win32":
        yield
        return
    import fcntl

    while True:
        # What nobody else may read in its place nobody may in the draft.
        mode = 0o600 if place.exists() else 0o666
        held = _open_itself(str(draft), os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK, mode)
        try:
            with suppress(OSError):  # of disks that know no locks
                fcntl.flock(held, fcntl.LOCK_EX)
            if _is_at(held, draft):  # who had the turn before has renamed what was waited for
                yield
                return
        finally:
            os.close(held)


def _is_at(opened: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(opened), path.stat())
    except FileNotFoundError:
        return False


def _sync(folder: Path) -> None:
    """See to it that a power cut does not undo a renaming, where folders can be opened."""
    if sys.platform != "win32":
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
