"""Stored features whose targets are no classes: outputs of a regression, or several labels a
sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats
from lopsided.files import reading
from lopsided.measure.collapse import Collapse
from lopsided.measure.label_sets import LabelSets
from lopsided.measure.regression import RegressionCollapse, collapse_of
from lopsided.measure.state.means import Means
from lopsided.measure.state.regression import RegressionMoments
from lopsided.measure.state.second import SecondPass
from lopsided.measure.storage.formats import FORMATS
from lopsided.measure.storage.rows import CHUNK, Stored, read_all
from lopsided.measure.storage.shards import open_arrays
from lopsided.measure.storage.store import shard_files

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

    def batches(self) -> Iterator[tuple[Path, int, npt.NDArray[Any], npt.NDArray[Any]]]:
        """Read about a megabyte at once: file, first row, features and targets."""
        for shard in self.shards:
            features, targets = shard["features"], shard[_TARGETS[self.kind]]
            step = max(CHUNK // features.layout.row, 1)
            for start in range(0, features.shape[0], step):
                stop = min(start + step, features.shape[0])
                yield features.path, start, features.take(start, stop), targets.take(start, stop)


#: Kind -> the array that tells it.
_TARGETS: dict[Kind, str] = {"regression": "targets", "label sets": "labels"}


def open_targets(path: str | Path, head: str | Path | None = None) -> TargetStore | None:
    """Open features with `targets` or rows of labels; None where their labels are classes.

    Args:
        path: an npz or safetensors file, or a folder of them.
        head: file with `weight`; by default the array of that name in the first file, or the file
            `head.npz` or `head.safetensors` in the folder.

    Raises:
        ValueError: if files are damaged or do not fit each other; the file is named.
        OSError: if there is nothing at the path, or it may not be read.
    """
    path = Path(path)
    if not path.exists() or (not path.is_dir() and path.suffix.lower() not in _HOLDERS):
        return None  # which `open_store` answers
    files = shard_files(path) if path.is_dir() else [path]
    if any(file.suffix.lower() not in _HOLDERS for file in files):
        return None
    if (kind := _kind(files[0])) is None:
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
    return TargetStore(kind, shards, weight)


def stored_regression(store: TargetStore) -> tuple[RegressionMoments, RegressionCollapse]:
    """Measure a stored regression in one pass.

    Raises:
        ValueError: if there is no weight, a number is not finite (file and row are named), or the
            regression cannot be measured: see `regression_collapse`.
    """
    if store.weight is None:
        raise ValueError(
            "a regression is measured with its last layer: give the weight (t, d), beside the"
            " features or by --head"
        )
    moments = RegressionMoments(store.d, store.shards[0]["targets"].shape[1])
    for path, start, features, targets in store.batches():
        fine = np.isfinite(features).all(axis=1) & np.isfinite(targets).all(axis=1)
        if not fine.all():
            raise ValueError(
                f"features and targets must be finite, row {start + int(np.argmin(fine))} of {path}"
                " has NaN or infinity"
            )
        moments.update(features, targets)
    return moments, collapse_of(moments, store.weight)


def stored_sets(store: TargetStore) -> tuple[LabelSets, Collapse]:
    """Measure stored samples of several labels, each set seen as a class, in two passes.

    Returns:
        The sets, and the measurement of their embeddings; it has no head, for the head's rows are
        labels and not sets.

    Raises:
        ValueError: if a number is not finite, a sample has no label or all, or fewer than two sets
            occur.
    """
    seen = LabelSets.of(np.concatenate([read_all(shard["labels"]) for shard in store.shards]))

    def batches() -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[np.int64]]]:
        for path, start, features, rows in store.batches():
            if not (fine := np.isfinite(features).all(axis=1)).all():
                raise ValueError(
                    f"features must be finite, row {start + int(np.argmin(fine))} of {path} has NaN"
                    " or infinity"
                )
            yield features, seen.numbers(rows)

    first = Means(seen.m, store.d)
    first.fold(batches())
    second = SecondPass(first, None, None)
    second.fold(batches())
    return seen, Collapse.of(second.moments())


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
    beside = [path / f"head{ending}" for ending in _HOLDERS] if path.is_dir() else []
    head = head or next((file for file in beside if file.exists()), None)
    holder = shards[0] if head is None else open_arrays(head, ("weight",))
    if "weight" not in holder:
        return None
    weight = np.asarray(read_all(holder["weight"]), np.float64)
    rows = next(
        shard[name].shape[1] for shard in shards for name in _TARGETS.values() if name in shard
    )
    if weight.shape != (rows, shards[0]["features"].shape[1]):
        raise ValueError(
            f"the head's weight must have shape ({rows}, {shards[0]['features'].shape[1]}), one row"
            f" an output or a label, got {weight.shape}"
        )
    return weight
