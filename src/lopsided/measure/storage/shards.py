"""Stored features: npz, npy pairs, safetensors, Arrow, Parquet, and folders of shards of them; no
pickle is ever read.

A shard holds `features` (n, d) and `labels` (n,), and may hold the head's `weight` (k, d) and
`bias` (k,). In npy files each array
is a file of its own: beside `x.features.npy` or `features.npy` the labels are in `x.labels.npy` or
`labels.npy`. A folder is the shards in it, by name; a file `head.npz` or `head.safetensors` in it
is the head.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from lopsided.files import reading, require_file
from lopsided.measure.storage.formats import FORMATS
from lopsided.measure.storage.rows import Stored

#: Formats that are, or may hold, pickles: reading one can run any program.
PICKLES = {".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".joblib"}
#: Name of an array -> its number of axes.
AXES = {"features": 2, "labels": 1, "weight": 2, "bias": 1, "targets": 2}


@dataclass(frozen=True)
class Shard:
    """A part of stored features, opened but not read.

    Attributes:
        path: of the file.
        arrays: what it holds by name, read when it is taken.
    """

    path: Path
    arrays: dict[str, Stored]

    @property
    def n(self) -> int:
        """Number of samples."""
        return self.arrays["features"].shape[0]

    @property
    def d(self) -> int:
        """Feature dimensions."""
        return self.arrays["features"].shape[1]

    def rows(self, start: int, stop: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Return features and labels of some rows."""
        return self.arrays["features"].take(start, stop), self.arrays["labels"].take(
            start, stop
        ).reshape(-1)


def open_shard(path: Path, labels: Path | None = None) -> Shard:
    """Open a file of features.

    Args:
        path: of one of the FORMATS.
        labels: npy file of labels, for features in an npy file; by default the file named alike.

    Raises:
        ValueError: if the file is truncated, is a pickle or of unknown kind, or lacks features or
            labels, or they do not fit.
        OSError: if a file is not there, or may not be read.
    """
    if path.suffix.lower() == ".npy":
        beside = labels or _beside(path)
        if beside.suffix.lower() != ".npy":
            raise ValueError(
                f"the labels of an npy file are read from another npy file, got {beside}"
            )
        arrays = open_arrays(path, ("features",))
        arrays["labels"] = open_arrays(beside, ("labels",))["labels"]
    else:
        if labels is not None:
            raise ValueError(
                f"labels in a file of their own belong to features in a single npy file, got {path}"
            )
        arrays = open_arrays(path, ("features", "labels"), ("weight", "bias"))
    shape = arrays["labels"].shape
    if len(shape) == 2 and shape[1] != 1:
        raise ValueError(
            f"labels in {path} must have 1 axis, got shape {shape}; rows of 0 and 1, several labels"
            " a sample, are read from npz and safetensors files by `open_targets`, and of one-hot"
            " labels the argmax is stored"
        )
    n, m = arrays["features"].shape[0], shape[0]
    if n != m:
        raise ValueError(f"{path} has {n:,} features and {m:,} labels")
    return Shard(path, arrays)


def open_arrays(
    path: Path, needed: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, Stored]:
    """Open arrays of one file by name; the array of an npy file is the one that is needed.

    Raises:
        ValueError: if the file is truncated, is a pickle, or of unknown kind, an array that is
            needed is not in it, or one has another number of axes than it should.
        OSError: if the file is not there, or may not be read.
    """
    if path.suffix.lower() in PICKLES:
        raise ValueError(
            f"{path} may hold a pickle, which can run any program, and was not read; save features"
            " as npz or safetensors"
        )
    with reading(path):
        require_file(path)
    if path.suffix.lower() not in FORMATS:
        folders = ", and from folders of them" if "features" in needed else ""
        raise ValueError(
            f"{' and '.join(needed)} are read from files of {', '.join(FORMATS)}{folders}, got"
            f" {path}"
        )
    with reading(path):
        names, arrays = FORMATS[path.suffix.lower()](path, needed + optional)
    if missing := [name for name in needed if name not in arrays]:
        held = ", ".join(names[:9]) + (f" and {len(names) - 9:,} more" if len(names) > 9 else "")
        raise ValueError(
            f"{path} must hold {' and '.join(needed)} but lacks {missing[0]}; it holds"
            f" {held or 'nothing'}"
        )
    for name, array in arrays.items():
        several = name == "labels" and len(array.shape) == 2
        if len(array.shape) != AXES[name] and not several:
            axes = "1 axis" if AXES[name] == 1 else f"{AXES[name]} axes"
            raise ValueError(f"{name} in {path} must have {axes}, got shape {array.shape}")
    return arrays


def _beside(features: Path) -> Path:
    name = features.name.replace("features", "labels")
    if name == features.name:
        raise ValueError(
            f"{features} does not say where its labels are: put 'features' in its name, or give the"
            " labels' file"
        )
    return features.with_name(name)
