"""Checkpoints: the state of a run in one safetensors file, its facts as JSON in the file's header.

One file, renamed into place when it is whole: a kill at any moment leaves the checkpoint before. The two latest are kept.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from lopsided.reproduce.record import write_atomically

_KEY = "lopsided checkpoint 1"
_KEPT = 2


class Checkpoint(NamedTuple):
    """Tensors by name, and facts as plain data."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def write(folder: Path, epoch: int, checkpoint: Checkpoint) -> None:
    """Write the checkpoint of an epoch atomically, and delete all but the latest two."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    header = {_KEY: json.dumps(checkpoint.facts), "sha256": _hash(save(tensors))}
    write_atomically(folder / f"{epoch:08d}.safetensors", save(tensors, metadata=header))
    for old in _files(folder)[_KEPT:]:
        old.unlink(missing_ok=True)


def latest(folder: Path, identity: str, note: Callable[[str], None]) -> Checkpoint | None:
    """Return the latest usable checkpoint, or None; each unusable one is noted in a sentence and the one before is tried.

    Args:
        folder: where `write` wrote.
        identity: what `facts["identity"]` must be: the run that the checkpoint belongs to.
        note: takes the sentences.
    """
    for path in _files(folder):
        try:
            return _read(path, identity)
        except ValueError as error:
            note(f"{error}; going back to the checkpoint before it")
    return None


def _read(path: Path, identity: str) -> Checkpoint:
    content = path.read_bytes()
    try:
        tensors = load(content)
        header = json.loads(content[8 : _start(content)]).get("__metadata__", {})
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{path.name} is not a whole safetensors file ({error})") from error
    if _KEY not in header:
        raise ValueError(f"{path.name} is not a checkpoint of lopsided")
    if header.get("sha256") != _hash(content):
        raise ValueError(f"{path.name} is damaged: its numbers do not fit their hash")
    facts = json.loads(header[_KEY])
    if facts.get("identity") != identity:
        raise ValueError(f"{path.name} belongs to another run")
    return Checkpoint(tensors, facts)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"), reverse=True)


def _start(content: bytes) -> int:
    """Return where the header ends and the tensors' bytes start."""
    return int(8 + struct.unpack("<Q", content[:8])[0])


def _hash(content: bytes) -> str:
    return hashlib.sha256(content[_start(content) :]).hexdigest()
