"""Stored features: npz, npy pairs, safetensors, and folders of shards of them, memory-mapped and never unpickled.

A shard holds `features` (n, d) and `labels` (n,), and may hold the head's `weight` (k, d) and `bias` (k,). In npy files each array
is a file of its own: beside `x.features.npy` or `features.npy` the labels are in `x.labels.npy` or `labels.npy`. A folder is the
shards in it, by name; a file `head.npz` or `head.safetensors` in it is the head.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.measure.needs import need

#: Formats that are, or may hold, pickles: reading one can run any program.
PICKLES = {".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".joblib"}
SUFFIXES = (".npz", ".npy", ".safetensors")


@dataclass(frozen=True)
class Shard:
    """A part of stored features, opened but not read.

    Attributes:
        path: of the file.
        arrays: what it holds by name; slices of them are read when taken.
    """

    path: Path
    arrays: dict[str, Any]

    @property
    def n(self) -> int:
        """Number of samples."""
        return int(self.arrays["features"].shape[0])

    @property
    def d(self) -> int:
        """Feature dimensions."""
        return int(self.arrays["features"].shape[1])

    def rows(self, start: int, stop: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Return features and labels of some rows."""
        return np.asarray(self.arrays["features"][start:stop]), np.asarray(self.arrays["labels"][start:stop])


def open_shard(path: Path, labels: Path | None = None) -> Shard:
    """Open a file of features.

    Args:
        path: npz, npy or safetensors file.
        labels: npy file of labels, for features in an npy file; by default the file named alike.

    Raises:
        ValueError: if the file is truncated, is a pickle or of unknown kind, or lacks features or labels, or they do not fit.
        FileNotFoundError: if there is no such file.
    """
    arrays = open_arrays(path)
    if path.suffix == ".npy":
        beside = labels or _beside(path)
        if beside.suffix != ".npy":
            raise ValueError(f"the labels of an npy file are read from another npy file, got {beside}")
        arrays["labels"] = open_arrays(beside)["features"]
    for name, axes in (("features", 2), ("labels", 1)):
        if name not in arrays:
            raise ValueError(f"{path} must hold arrays 'features' and 'labels', got {', '.join(sorted(arrays)) or 'none'}")
        if len(arrays[name].shape) != axes:
            raise ValueError(f"{name} in {path} must have {axes} axes, got shape {tuple(arrays[name].shape)}")
    n, m = arrays["features"].shape[0], arrays["labels"].shape[0]
    if n != m:
        raise ValueError(f"{path} has {n:,} features and {m:,} labels")
    return Shard(path, arrays)


def open_arrays(path: Path) -> dict[str, Any]:
    """Open the arrays of one file by name; the array of an npy file is called features.

    Raises:
        ValueError: if the file is truncated, is a pickle, or of unknown kind.
        FileNotFoundError: if there is no such file.
    """
    if path.suffix in PICKLES:
        raise ValueError(
            f"{path} may hold a pickle, which can run any program, and was not read; save features as npz or safetensors"
        )
    if path.suffix not in SUFFIXES:
        raise ValueError(f"features are read from {', '.join(SUFFIXES)} files and folders of them, got {path}")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        if path.suffix == ".npz":
            return dict(_npz(path))
        if path.suffix == ".npy":
            return {"features": np.load(path, mmap_mode="r", allow_pickle=False)}
        return _safetensors(path)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        what = "holds pickled objects, which are not read" if "allow_pickle" in str(error) else f"is damaged or truncated ({error})"
        raise ValueError(f"{path} {what}") from error


def _npz(path: Path) -> Iterator[tuple[str, Any]]:
    """Map the arrays of an npz file as `np.savez` writes it; compressed ones are read whole."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            name = info.filename.removesuffix(".npy")
            with archive.open(info) as member:
                if info.compress_type != zipfile.ZIP_STORED:
                    yield name, np.lib.format.read_array(member, allow_pickle=False)
                    continue
                version = np.lib.format.read_magic(member)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, fortran, dtype = read(member)
                if dtype.hasobject:
                    raise ValueError("allow_pickle")
                header = member.tell()
            with path.open("rb") as file:
                # The local header repeats the name and may carry other extra fields than the directory's.
                file.seek(info.header_offset + 26)
                lengths = np.frombuffer(file.read(4), "<u2").sum(dtype=int)
            start = info.header_offset + 30 + int(lengths) + header
            if 0 in shape:
                yield name, np.empty(shape, dtype)
            else:
                yield name, np.memmap(path, dtype, "r", start, shape, "F" if fortran else "C")


def _safetensors(path: Path) -> dict[str, Any]:
    safetensors = need("safetensors", "'lopsided[torch]'")
    try:
        with safetensors.safe_open(path, framework="np") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  not a mapping
            narrow = any(part.get_dtype() == "BF16" for part in slices.values())
        if narrow:
            with safetensors.safe_open(path, framework="pt") as file:
                slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise ValueError(str(error)) from error
    return {name: _Slice(part) for name, part in slices.items()}


class _Slice:
    """A safetensors slice with the two habits of arrays that shards rely on: `shape`, and rows taken by slicing."""

    def __init__(self, part: Any) -> None:
        self.part, self.shape = part, tuple(part.get_shape())

    def __getitem__(self, rows: slice) -> npt.NDArray[Any]:
        taken = self.part[rows]
        return taken if isinstance(taken, np.ndarray) else np.asarray(taken.float() if taken.is_floating_point() else taken)


def _beside(features: Path) -> Path:
    name = features.name.replace("features", "labels")
    if name == features.name:
        raise ValueError(f"{features} does not say where its labels are: put 'features' in its name, or give the labels' file")
    return features.with_name(name)
