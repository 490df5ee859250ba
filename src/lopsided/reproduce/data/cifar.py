"""CIFAR-10: the binary version, or the folder of JPEG copies."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from lopsided.files import UnfitError, opened, reading, require_file
from lopsided.memory import require_memory
from lopsided.reproduce.data.folders import images_of
from lopsided.reproduce.data.images import Dataset, Images

_ROW = 1 + 3 * 32 * 32


def read_batch(path: Path) -> Images:
    """Return the images of one file of the binary version: a label byte and 3072 pixel bytes each.

    Raises:
        ValueError: if the file's size or a label does not fit.
        MemoryError: if the file takes more than half of this machine's memory.
        OSError: if the file cannot be read.
    """
    with reading(path), opened(path, require_file(path)) as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0 or size % _ROW:
            raise UnfitError(f"should be a multiple of {_ROW} bytes, got {size:,}")
        require_memory(size, f"{path}", "fetch it again: the files of CIFAR-10 are smaller")
        rows = np.frombuffer(file.read(), np.uint8).reshape(-1, _ROW)
    labels = rows[:, 0].astype(np.int64)
    if labels.max() > 9:
        raise ValueError(
            f"{path}: labels must be from 0 to 9, got {labels.max()} for image"
            f" {int(labels.argmax())}"
        )
    return Images(rows[:, 1:].reshape(-1, 3, 32, 32), labels)


def cifar10(folder: Path) -> Dataset:
    """Return CIFAR-10 from FOLDER/cifar-10-batches-bin, else the JPEG copies in
    FOLDER/cifar-10-jpeg, titled so.

    The pickled `cifar-10-batches-py` is not read: opening a pickle can run code.

    Raises:
        FileNotFoundError: if neither is there, or a batch is missing.
        ValueError: if a file is damaged.
    """
    binary, copies = folder / "cifar-10-batches-bin", folder / "cifar-10-jpeg"
    if binary.is_dir():
        batches = [read_batch(binary / f"data_batch_{i}.bin") for i in range(1, 6)]
        train = Images(
            np.concatenate([b.pixels for b in batches]), np.concatenate([b.labels for b in batches])
        )
        return Dataset("CIFAR-10", train, read_batch(binary / "test_batch.bin"))
    for place in (copies / "cifar-10-jpeg.tar.xz", copies):
        if place.exists():
            return images_of(place, "CIFAR-10 (JPEG)")
    raise FileNotFoundError(
        f"no CIFAR-10 in {folder}: put the folder cifar-10-batches-bin of the binary version there"
    )
