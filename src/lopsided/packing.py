"""Packing: matrices of groups as named arrays of a file, and back."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from lopsided.arrays import Floats
from lopsided.drafts import require_saved, write_atomically
from lopsided.files import UnfitError, opened, reading, require_file
from lopsided.groups import Groups
from lopsided.memory import require_memory
from lopsided.pairing import Pairing

Matrix = TypeVar("Matrix", bound=Pairing)

#: The fact that holds the digest of the arrays, and the one that holds that of all others.
DIGEST, FACTS = "sha256", "sha256 of the rest"
#: Ending -> what tells a file of a save: the first array, or fact, of a geometry or a path; where a
#: tool has sorted the facts the digest of them, which older versions lack.
MARKS = {
    "npz": re.compile(rb"\APK.{28}(classifiers\.|steps\.npy)", re.DOTALL),
    "json": re.compile(rb'\A\s*\{\s*"(source|optimizer)"|"' + FACTS.encode() + b'"'),
}


def packed(name: str, matrix: Pairing) -> dict[str, Floats]:
    """Return the arrays of a matrix, each by the name of the matrix and its own."""
    arrays: dict[str, Any] = {
        f"{name}.left": matrix.left,
        f"{name}.right": matrix.right,
        f"{name}.labels": matrix.rows.labels,
        f"{name}.lengths": matrix.rows.lengths,
    }
    if matrix.diagonal is not None:
        return arrays | {f"{name}.diagonal": matrix.diagonal}
    return arrays | {
        f"{name}.columns.labels": matrix.columns.labels,
        f"{name}.columns.lengths": matrix.columns.lengths,
    }


def write_pair(path: str | Path, arrays: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Write PATH.npz (named arrays) and PATH.json (facts), each whole or not at all; the facts hold
    the digest of the arrays, lest one be read with those of another save, and their own.

    Raises:
        ValueError: if one of them is there and no save wrote it, as the features may be that were
            measured: nobody has spelled its whole name.
    """
    for ending, mark in MARKS.items():
        require_saved(Path(f"{path}.{ending}"), mark)
    content = io.BytesIO()
    np.savez(content, **arrays)
    told = {**facts, DIGEST: hashlib.sha256(content.getbuffer()).hexdigest()}
    told[FACTS] = _digest(told)
    write_atomically(Path(f"{path}.npz"), content.getvalue())
    write_atomically(Path(f"{path}.json"), f"{json.dumps(told, indent=1)}\n".encode())


def read_facts(path: Path) -> dict[str, Any]:
    """Return the facts of a PATH.json.

    Raises:
        UnfitError: if they are no object or in no file, or were changed since they were written;
            facts of older versions hold no digest.
        ValueError: if it is no JSON.
        MemoryError: if it takes more than half of this machine's memory.
    """
    stamp = require_file(path)
    require_memory(stamp.size, f"the text of {path}", "it is no file of a save")
    with opened(path, stamp) as file:
        facts = json.load(file)
    if not isinstance(facts, dict):
        raise UnfitError("is damaged (it holds no facts by name)")
    stated = facts.pop(FACTS, None)
    if stated not in (None, _digest(facts)):
        raise UnfitError("was changed since it was written")
    return facts


def _digest(facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def read_arrays(path: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arrays of a PATH.npz by name.

    Raises:
        ValueError: if it is damaged, no file, declares more than it holds, is not what the facts
            were written with, or an array holds Python objects, which would need pickle; facts of
            older versions do not say.
        FileNotFoundError: if it is missing.
        MemoryError: if they take more than half of this machine's memory.
    """
    with reading(path), opened(path, stamp := require_file(path)) as file:
        with zipfile.ZipFile(file) as archive:  # as it is written, nothing in it is compressed
            if (size := sum(info.file_size for info in archive.infolist())) > stamp.size:
                raise UnfitError(
                    f"is damaged (its arrays take {size:,} bytes, it has {stamp.size:,})"
                )
        require_memory(size, f"the arrays of {path}", "it is no file of a save")
        file.seek(0)
        found = hashlib.file_digest(file, "sha256").hexdigest()
        if facts.get(DIGEST, found) != found:
            raise UnfitError("is of another save than the .json beside it, or was changed since")
        file.seek(0)
        with np.load(file, allow_pickle=False) as stored:
            return dict(stored)


def unpacked(kind: type[Matrix], name: str, arrays: Mapping[str, Any]) -> Matrix:
    """Return a matrix from the arrays that `packed` made of it."""
    rows = Groups(arrays[f"{name}.labels"], arrays[f"{name}.lengths"])
    factors = arrays[f"{name}.left"], arrays[f"{name}.right"]
    if f"{name}.diagonal" in arrays:
        return kind(rows, rows, *factors, arrays[f"{name}.diagonal"])
    columns = Groups(arrays[f"{name}.columns.labels"], arrays[f"{name}.columns.lengths"])
    return kind(rows, columns, *factors, None)
