"""Packing: matrices of groups as named arrays of a file, and back."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from lopsided.arrays import Floats
from lopsided.files import UnfitError, write_atomically
from lopsided.groups import Groups
from lopsided.pairing import Pairing

Matrix = TypeVar("Matrix", bound=Pairing)

#: The fact that holds the digest of the arrays, and the one that holds that of all others.
DIGEST, FACTS = "sha256", "sha256 of the rest"


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
    """
    content = io.BytesIO()
    np.savez(content, **arrays)
    told = {**facts, DIGEST: hashlib.sha256(content.getbuffer()).hexdigest()}
    told[FACTS] = _digest(told)
    write_atomically(Path(f"{path}.npz"), content.getvalue())
    write_atomically(Path(f"{path}.json"), f"{json.dumps(told, indent=1)}\n".encode())


def read_facts(path: Path) -> dict[str, Any]:
    """Return the facts of a PATH.json.

    Raises:
        UnfitError: if they are no object, or were changed since they were written; facts of older
            versions hold no digest.
        ValueError: if it is no JSON.
    """
    facts = json.loads(path.read_text())
    if not isinstance(facts, dict):
        raise UnfitError("is damaged (it holds no facts by name)")
    stated = facts.pop(FACTS, None)
    if stated not in (None, _digest(facts)):
        raise UnfitError("was changed since it was written")
    return facts


def _digest(facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def require_pair(facts: Mapping[str, Any], arrays: Path) -> None:
    """Refuse arrays that are not those that facts were written with.

    Raises:
        UnfitError: if their digest is another; facts of older versions hold none.
    """
    with arrays.open("rb") as file:
        if facts.get(DIGEST, found := hashlib.file_digest(file, "sha256").hexdigest()) != found:
            raise UnfitError("is of another save than the .json beside it, or was changed since")


def unpacked(kind: type[Matrix], name: str, arrays: Mapping[str, Any]) -> Matrix:
    """Return a matrix from the arrays that `packed` made of it.

    Raises:
        ValueError: if an array holds Python objects, which would need pickle.
    """
    rows = Groups(arrays[f"{name}.labels"], arrays[f"{name}.lengths"])
    factors = arrays[f"{name}.left"], arrays[f"{name}.right"]
    if f"{name}.diagonal" in arrays:
        return kind(rows, rows, *factors, arrays[f"{name}.diagonal"])
    columns = Groups(arrays[f"{name}.columns.labels"], arrays[f"{name}.columns.lengths"])
    return kind(rows, columns, *factors, None)
