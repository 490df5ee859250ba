"""IDX files, the format of MNIST and its relatives."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.reproduce.data.images import Dataset, Images

_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def read_idx(path: Path) -> npt.NDArray[Any]:
    """Return the array in an IDX file, gzipped or not.

    The format: two zero bytes, a type code, the number of axes, the lengths as big-endian 32-bit numbers, the data.

    Raises:
        ValueError: if the file is not IDX, or is cut short.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is not a whole gzip file; fetch it again") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES:
        raise ValueError(f"{path} is not an IDX file: it starts with {content[:4]!r}")
    kind, start = np.dtype(_TYPES[content[2]]), 4 + 4 * content[3]
    shape = tuple(np.frombuffer(content[4:start], ">i4").tolist())
    expected = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    if len(content) - start != expected:
        raise ValueError(f"{path} should hold {expected:,} bytes of data for shape {shape}, got {len(content) - start:,}")
    return np.frombuffer(content, kind, offset=start).reshape(shape)


def idx_folder(folder: Path, title: str) -> Dataset:
    """Return the data set in a folder of the four files of MNIST, each with or without .gz.

    Raises:
        FileNotFoundError: if a file is missing; names it.
        ValueError: if a file is damaged, or images and labels differ in number.
    """
    parts = []
    for prefix in ("train", "t10k"):
        pixels = read_idx(_find(folder, f"{prefix}-images-idx3-ubyte"))
        labels = read_idx(_find(folder, f"{prefix}-labels-idx1-ubyte"))
        parts.append(Images(pixels[:, None], labels.astype(np.int64)))
    return Dataset(title, parts[0], parts[1])


def _find(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return path
    raise FileNotFoundError(f"no file {name} or {name}.gz in {folder}: give the folder above it by --data-dir or LOPSIDED_DATA")
