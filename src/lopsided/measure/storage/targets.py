"""Stored features whose targets are no classes: outputs of a regression, or several labels a
sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, require_squares
from lopsided.files import reading
from lopsided.measure.storage.formats import FORMATS, held_for
from lopsided.measure.storage.heads import beside, only_head
from lopsided.measure.storage.rows import CHUNK, Stored, read_all
from lopsided.measure.storage.shards import open_arrays
from lopsided.measure.storage.store import SPAN, shard_files

Kind = Literal["regression", "label sets"]


@dataclass(frozen=True)
class TargetStore:
    """Opened shards of features and targets, and the head.

    Attributes:
        kind: "regression", of arrays `targets` (n, t), or "label sets", of `labels` (n, k) of 0 and
            1.
        shards: the arrays of each file.
        weight: (t, d) or (k, d) of the head, or `None`.
    """

    kind: Kind
    shards: tuple[dict[str, Stored], ...]
    weight: Floats | None

    @property
    def d(self) -> int:
        """Feature dimensions."""
        return self.shards[0]["features"].shape[1]

    @property
    def n(self) -> int:
        """Number of samples."""
        return sum(shard["features"].shape[0] for shard in self.shards)

    def tasks(self) -> list[TargetTask]:
        """Return all rows in the order of the files, cut over the data alone."""
        return [
            TargetTask(replace(self, shards=(shard,), weight=None), start, min(start + SPAN, n))
            for shard in self.shards
            for n in (shard["features"].shape[0],)
            for start in range(0, n, SPAN)
        ]


@dataclass(frozen=True)
class TargetTask:
    """Some rows of one file.

    Attributes:
        store: the file alone, without the head.
        start: the first row.
        stop: the row behind the last.
    """

    store: TargetStore
    start: int
    stop: int

    @property
    def n(self) -> int:
        """Number of samples."""
        return self.stop - self.start

    def __str__(self) -> str:
        path = self.store.shards[0]["features"].path
        return f"rows {self.start:,} to {self.stop - 1:,} of {path}"

    def batches(self) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
        """Read features and targets, about a megabyte at once.

        Raises:
            ValueError: if a file is damaged or has changed, or a number is not finite; file and row
                are named.
        """
        (shard,) = self.store.shards
        features, targets = shard["features"], shard[_TARGETS[self.store.kind]]
        if self.start == 0:
            features.verify()
            targets.verify()
        step = max(CHUNK // features.layout.row, 1)
        for start in range(self.start, self.stop, step):
            stop = min(start + step, self.stop)
            x, y = features.take(start, stop), targets.take(start, stop)
            fine = np.isfinite(x).all(axis=1) & np.isfinite(y).all(axis=1)
            if not fine.all():
                what = "features" if self.store.kind == "label sets" else "features and targets"
                raise ValueError(
                    f"{what} must be finite, row {start + int(np.argmin(fine))} of {features.path}"
                    " has NaN or infinity"
                )
            yield x, y


#: Kind -> the array that tells it.
_TARGETS: dict[Kind, str] = {"regression": "targets", "label sets": "labels"}


def open_targets(path: str | Path, head: str | Path | None = None) -> TargetStore | None:
    """Open features with `targets` or rows of labels; None where their labels are classes.

    Args:
        path: an npz or safetensors file, or a folder of them.
        head: file with `weight`; by default the array of that name in the files, or the file
            `head.npz` or `head.safetensors` in the folder.

    Raises:
        ValueError: if files are damaged, do not fit each other or hold different heads; the file is
            named.
        OSError: if there is nothing at the path, or it may not be read.
    """
    path = Path(path)
    if not path.exists() or (not path.is_dir() and path.suffix.lower() not in _HOLDERS):
        return None  # which `open_store` answers
    files = shard_files(path) if path.is_dir() else [path]
    if any(file.suffix.lower() not in _HOLDERS for file in files):
        return None
    kinds = [_kind(file) for file in files]
    if (kind := kinds[0]) != (other := next((each for each in kinds if each != kinds[0]), kind)):
        raise ValueError(
            f"all shards must be of one kind: {files[0]} has {_WORDS[kind]} and"
            f" {files[kinds.index(other)]} has {_WORDS[other]}"
        )
    if kind is None:
        return None
    name = _TARGETS[kind]
    shards = tuple(open_arrays(file, ("features", name), ("weight",)) for file in files)
    for file, shard in zip(files, shards, strict=True):
        shape, first = shard[name].shape, shards[0][name].shape
        if shard["features"].shape[0] != shape[0]:
            raise ValueError(
                f"{file} has {shard['features'].shape[0]:,} features and {shape[0]:,} {name}"
            )
        if shape[1:] != first[1:] or shard["features"].shape[1] != shards[0]["features"].shape[1]:
            raise ValueError(
                f"all shards must have one width of features and {name}, {file} has not"
            )
    weight = _weight(path, shards, None if head is None else Path(head))
    if not any(shard["features"].shape[0] for shard in shards):
        raise ValueError(f"there are no samples in {path}")
    store = TargetStore(kind, shards, weight)
    held_for(store)
    return store


_WORDS: dict[Kind | None, str] = {
    "regression": "targets of a regression",
    "label sets": "several labels a sample",
    None: "labels of classes, or none",
}
_HOLDERS = (".npz", ".safetensors")


def _kind(file: Path) -> Kind | None:
    with reading(file):
        _, arrays = FORMATS[file.suffix.lower()](file, ("labels", "targets"))
    if "labels" in arrays and "targets" in arrays:
        raise ValueError(
            f"{file} has labels, which are measured as classes, and targets, as a regression: store"
            " only those that the network was trained on"
        )
    if "labels" not in arrays:
        return "regression" if "targets" in arrays else None
    shape = arrays["labels"].shape
    return "label sets" if len(shape) == 2 and shape[1] > 1 else None


def _weight(path: Path, shards: tuple[dict[str, Stored], ...], head: Path | None) -> Floats | None:
    own = [*(arrays for _, arrays in beside(path, head is not None)), *shards]
    holders = own if head is None else [open_arrays(head, ("weight",))]
    held = [holder["weight"] for holder in holders if "weight" in holder]
    weight, _ = only_head([(array.path, (_finite(array), None)) for array in held])
    if weight is None:
        return None
    rows = next(
        shard[name].shape[1] for shard in shards for name in _TARGETS.values() if name in shard
    )
    if weight.shape != (rows, shards[0]["features"].shape[1]):
        raise ValueError(
            f"the head's weight must have shape ({rows}, {shards[0]['features'].shape[1]}), one row"
            f" an output or a label, got {weight.shape}"
        )
    return weight


def _finite(array: Stored) -> Floats:
    """Return a weight in float64.

    Raises:
        ValueError: if an entry is not finite, or the squares leave float64; the file is named.
    """
    weight = np.asarray(read_all(array), np.float64)
    if not np.isfinite(weight).all():
        row = int(np.argmin(np.isfinite(weight).all(axis=1)))
        raise ValueError(f"in {array.path}: row {row} of the head's weight has NaN or infinity")
    try:
        require_squares(weight, "the head's weights")
    except ValueError as error:
        raise ValueError(f"in {array.path}: {error}") from error
    return weight
