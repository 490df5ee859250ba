"""IDX files, the format of MNIST and its relatives."""

from __future__ import annotations

import gzip
import math
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from lopsided.files import UnfitError, opened, reading, require_file
from lopsided.memory import require_memory
from lopsided.reproduce.data.images import Dataset, Images

_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def read_idx(path: Path) -> npt.NDArray[Any]:
    """Return the array in an IDX file, gzipped or not.

    The format: two zero bytes, a type code, the number of axes, the lengths as big-endian 32-bit
    numbers, the data.

    Raises:
        ValueError: if the file is not IDX, or does not hold what its header says.
        MemoryError: if the array takes more than half of this machine's memory.
        OSError: if the file cannot be read.
    """
    with reading(path), opened(path, require_file(path)) as file:
        return _read(gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file, path)


def _read(file: IO[bytes] | gzip.GzipFile, path: Path) -> npt.NDArray[Any]:
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _TYPES:
        raise UnfitError(f"is not an IDX file: it starts with {start!r}")
    kind, lengths = np.dtype(_TYPES[start[2]]), file.read(4 * start[3])
    shape = tuple(np.frombuffer(lengths, ">u4").tolist())
    expected = math.prod(shape) * kind.itemsize
    require_memory(
        expected, f"an array of shape {shape}, which {path} says it holds,", "fetch the file again"
    )
    content = file.read(expected)
    if len(content) < expected or len(lengths) < 4 * start[3]:
        raise UnfitError(
            f"should hold {expected:,} bytes of data for shape {shape}, got {len(content):,}; fetch"
            " it again"
        )
    if file.read(1):
        raise UnfitError(
            f"holds more than the {expected:,} bytes of data for shape {shape}; fetch it again"
        )
    return np.frombuffer(content, kind).reshape(shape)


def idx_folder(folder: Path, title: str) -> Dataset:
    """Return the data set in a folder of the four files of MNIST, each with or without .gz.

    Raises:
        FileNotFoundError: if a file is missing; names it.
        ValueError: if a file is damaged, or images and labels differ in number.
    """
    parts = []
    for prefix in ("train", "t10k"):
        pixels = _bytes(_find(folder, f"{prefix}-images-idx3-ubyte"), 3)
        labels = _bytes(_find(folder, f"{prefix}-labels-idx1-ubyte"), 1)
        parts.append(Images(pixels[:, None], labels.astype(np.int64)))
    return Dataset(title, parts[0], parts[1])


def _bytes(path: Path, axes: int) -> npt.NDArray[np.uint8]:
    array = read_idx(path)
    if array.ndim != axes or array.dtype != np.uint8:
        raise ValueError(
            f"{path} must hold bytes along {axes} axes, got {array.dtype} of shape {array.shape}"
        )
    return array


def _find(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.gz", folder / name):
        if path.exists():
            return path
    raise FileNotFoundError(
        f"no file {name} or {name}.gz in {folder}: give the folder above it by --data-dir or"
        " LOPSIDED_DATA"
    )
