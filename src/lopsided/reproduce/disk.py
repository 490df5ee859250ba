"""Disk: files that are whole or not there, files whose name proves what they hold, and folders that
one process works in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lopsided.drafts import write_atomically
from lopsided.files import UnfitError, opened, printable, require_file
from lopsided.needs import need


def clear_drafts(folder: Path) -> None:
    """Remove what writers that were killed left in a folder; nobody else may be writing there."""
    for draft in folder.glob(".*.draft"):
        draft.unlink(missing_ok=True)


def seal(folder: Path, stem: str, suffix: str, content: bytes) -> Path:
    """Write a file named STEM.HASH.SUFFIX by the SHA-256 of its content, so that no bit of it can
    change unseen.
    """
    path = folder / f"{stem}.{hashlib.sha256(content).hexdigest()}{suffix}"
    write_atomically(path, content)
    return path


def read(path: Path, most: int) -> bytes:
    """Return the content of a file, whose size is looked at before any of it is read.

    Raises:
        ValueError: if there is no file, or a larger one, or it cannot be read; names it.
    """
    try:
        stamp = require_file(path)
        if stamp.size > most:
            raise UnfitError(f"has {stamp.size:,} bytes, {most:,} at most are expected")
        with opened(path, stamp) as file:
            return file.read()
    except UnfitError as error:
        raise ValueError(f"{printable(path.name)} {error}") from error
    except OSError as error:
        raise ValueError(f"{printable(path.name)} cannot be read ({error.strerror})") from error


def unseal(path: Path, most: int) -> bytes:
    """Return what `seal` wrote.

    Args:
        path: of the file.
        most: bytes that it may have; a larger file is not read.

    Raises:
        ValueError: if the file cannot be read, is larger, or is not what its name says.
    """
    content = read(path, most)
    stated = path.stem.rpartition(".")[2]
    if len(stated) != 64:
        raise ValueError(
            f"{printable(path.name)} has no hash in its name: it is of another version of lopsided"
        )
    if hashlib.sha256(content).hexdigest() != stated:
        raise ValueError(
            f"{without_hash(path)} is damaged: its content does not fit the hash in its name"
        )
    return content


def without_hash(path: Path) -> str:
    """Return the name of a sealed file as a reader would call it."""
    return printable(path.name.replace(f".{path.stem.rpartition('.')[2]}", ""))


@contextmanager
def alone(lock: Path, what: str, patience: float = 0) -> Iterator[None]:
    """Keep other processes from doing the same until the block is left, or this process ends in
    whatever way.

    Args:
        lock: file that stands for what is done.
        what: is done, for the sentence.
        patience: seconds to wait for another process that is at it.

    Raises:
        ValueError: if another process is still at it.
    """
    filelock = need("filelock", "'lopsided[reproduce]'")
    lock.parent.mkdir(parents=True, exist_ok=True)
    held = filelock.FileLock(lock, timeout=patience)
    try:
        held.acquire()
    except filelock.Timeout:
        raise ValueError(
            f"another process is at {what} already: wait until it ends, or work in another folder"
            " by --out"
        ) from None
    try:
        yield
    finally:
        held.release()
