"""Checkpoints: the state of a run in one safetensors file, its facts as JSON in the file's header.

Each file is named by its epoch and the hash of all that it holds, facts and tensors alike, and is
renamed into place when it is
whole: a kill at any moment leaves the checkpoint before, and no changed bit is ever taken. The two
latest are kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from lopsided.reproduce.disk import seal, unseal, without_hash

_KEY = "lopsided checkpoint 2"
_KEPT = 2
#: Bytes that a checkpoint may have if nothing better is known of it.
_MOST = 2**33


class Checkpoint(NamedTuple):
    """Tensors by name, and facts as plain data."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def accept(checkpoint: Checkpoint) -> None:
    """Ask nothing of a checkpoint."""


def write(folder: Path, epoch: int, checkpoint: Checkpoint) -> None:
    """Write the checkpoint of an epoch atomically, and delete all but the latest two.

    Raises:
        OSError: if the disk is full; the checkpoints before are still there.
    """
    tensors = {
        name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()
    }
    written = seal(
        folder,
        f"{epoch:08d}",
        ".safetensors",
        save(tensors, metadata={_KEY: json.dumps(checkpoint.facts)}),
    )
    others = [path for path in _files(folder) if path != written]
    # A run never comes to an epoch of which it has a checkpoint: those of this epoch and of later
    # ones were refused.
    refused = [path for path in others if path.name[:8] >= written.name[:8]]
    for path in [*refused, *others[len(refused) + _KEPT - 1 :]]:
        path.unlink(missing_ok=True)


def latest(
    folder: Path,
    identity: str,
    note: Callable[[str], None],
    fits: Callable[[Checkpoint], None] = accept,
    most: int = _MOST,
) -> Checkpoint | None:
    """Return the latest usable checkpoint, or None; each unusable one is noted in a sentence and
    the one before is tried.

    Args:
        folder: where `write` wrote.
        identity: what `facts["identity"]` must be: the run that the checkpoint belongs to.
        note: takes the sentences.
        fits: raises ValueError for a checkpoint that the run cannot go on from.
        most: bytes that a checkpoint may have; a larger file is not read.
    """
    files = _files(folder)
    for path in files:
        try:
            found = _read(path, identity, most)
            fits(found)
        except ValueError as error:
            before = (
                "starting from the beginning"
                if path == files[-1]
                else "going back to the checkpoint before it"
            )
            note(f"{error}; {before}")
        else:
            return found
    return None


def _read(path: Path, identity: str, most: int) -> Checkpoint:
    content = unseal(path, most)
    try:
        tensors = load(content)
        length = int.from_bytes(content[:8], "little")
        facts = json.loads(json.loads(content[8 : 8 + length])["__metadata__"][_KEY])
        owner = facts["identity"]
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(
            f"{without_hash(path)} is not a checkpoint of this version of lopsided"
            f" ({type(error).__name__})"
        ) from error
    if owner != identity:
        raise ValueError(
            f"{without_hash(path)} belongs to another run, or to other data or versions"
        )
    return Checkpoint(tensors, facts)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"), reverse=True)
