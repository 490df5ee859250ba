"""Files that are read: what is asked of a path before, and the sentence when something is wrong."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

#: What a path may be instead of a file; to open some of these waits for ever.
KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def printable(text: str, kept: str = "") -> str:
    r"""Return text in which nothing speaks to the terminal, breaks a page, turns the direction of
    writing or is not seen: what is not printable is written as its escape, but for signs kept.

    Example:
        >>> print(printable("a\x1b[31m file"))
        a\x1b[31m file
    """
    return "".join(
        c if c.isprintable() or c in kept else c.encode("unicode_escape").decode() for c in text
    )


class UnfitError(ValueError):
    """A sentence about a file that lacks the file's name at its start."""


class Stamp(NamedTuple):
    """What tells a file from another, and from itself after a change."""

    device: int
    inode: int
    size: int
    modified: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """Return the stamp of a file by its status."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)

    def elsewhere(self) -> Stamp:
        """Return what of it is the same on every machine that reaches the file: disks, and on some
        of them files, have other numbers there.
        """
        return self._replace(device=0, inode=0)


def require_file(path: Path) -> Stamp:
    """Return the stamp of a file, before anybody opens what may be none.

    Raises:
        UnfitError: if the path is a folder, named pipe, socket or device.
        OSError: if there is nothing at the path, or it may not be looked at.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise UnfitError(
            f"is {KINDS.get(stat.S_IFMT(status.st_mode), 'something else')}, not a file"
        )
    return Stamp.of(status)


@contextmanager
def opened(path: Path, stamp: Stamp) -> Iterator[BufferedReader]:
    """Open a file for reading that had a stamp.

    Raises:
        UnfitError: if it has another by now.
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        found = Stamp.of(os.fstat(file.fileno()))
        if stamp not in (found, found.elsewhere()):
            raise UnfitError("was changed while it was read; try again when nothing writes to it")
        yield file


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever a damaged or hostile file makes its readers raise into one sentence that names
    the file.

    Raises:
        ValueError: with that sentence.
        OSError: as it is, if it names a file.
        MemoryError, ImportError: as they are.
    """
    try:
        yield
    except UnfitError as error:
        raise ValueError(f"{path} {error}") from error
    except (MemoryError, ImportError):
        raise
    except Exception as error:  # the errors of zip, zlib, npy and the like have no common ancestor
        if (
            isinstance(error, OSError) and error.filename is not None
        ):  # of the system; readers that seek astray name no file
            raise
        raise ValueError(
            f"{path} is damaged or truncated ({str(error) or type(error).__name__})"
        ) from error
