"""Folders and tars of images, train/CLASS/IMAGE and test/CLASS/IMAGE: anybody's own data."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from lopsided.reproduce.data.images import Dataset, Images

_ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"}


def images_of(place: Path, title: str) -> Dataset:
    """Return the data set in a folder or a tar (plain or compressed); classes are numbered in the order of their names.

    Raises:
        FileNotFoundError: if there are no images in train/CLASS/ or in test/CLASS/.
        ValueError: if the images differ in size or colour, cannot be decoded, or the test set lacks a class.
        ImportError: if pillow is not installed.
    """
    found: dict[str, dict[str, list[tuple[str, bytes]]]] = {"train": {}, "test": {}}
    for path, content in _files(place):
        part, label, name = PurePosixPath(path).parts[-3:]
        found[part].setdefault(label, []).append((name, content))
    for part in found:
        if not found[part]:
            raise FileNotFoundError(f"no images in {place} under {part}/CLASS/; expected train/CLASS/IMAGE and test/CLASS/IMAGE")
    names = sorted(found["train"])
    if sorted(found["test"]) != names:
        raise ValueError(f"{place}: the classes of train ({', '.join(names)}) and test ({', '.join(sorted(found['test']))}) differ")
    return Dataset(title, _decode(found["train"], names), _decode(found["test"], names))


def _files(place: Path) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of every image; a tar is read in one pass and never unpacked to disk."""
    if place.is_dir():
        for path in sorted(place.glob("*/*/*")):
            if path.suffix.lower() in _ENDINGS and path.parts[-3] in ("train", "test"):
                yield path.as_posix(), path.read_bytes()
        return
    try:
        with tarfile.open(place, "r|*") as archive:
            for member in archive:
                parts = PurePosixPath(member.name).parts
                if (
                    member.isfile()
                    and len(parts) >= 3
                    and parts[-3] in ("train", "test")
                    and parts[-1].lower().endswith(tuple(_ENDINGS))
                ):
                    content = archive.extractfile(member)
                    assert content is not None
                    yield member.name, content.read()
    except (tarfile.TarError, EOFError) as error:
        raise ValueError(f"{place} is not a whole tar file: {error}") from error


def _decode(classes: dict[str, list[tuple[str, bytes]]], names: list[str]) -> Images:
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise ImportError("image files are read by pillow: pip install 'lopsided[reproduce]'") from error
    pixels, labels = [], []
    for c, label in enumerate(names):
        for name, content in sorted(classes[label]):
            try:
                with Image.open(io.BytesIO(content)) as image:
                    array = np.asarray(image if image.mode in ("L", "RGB") else image.convert("RGB"))
            except (UnidentifiedImageError, OSError) as error:
                raise ValueError(f"cannot decode the image {label}/{name}: {error}") from error
            pixels.append(array[None] if array.ndim == 2 else array.transpose(2, 0, 1))
            labels.append(c)
            if pixels[-1].shape != pixels[0].shape:
                raise ValueError(
                    f"images must have one size and colour mode; {label}/{name} has {pixels[-1].shape}, not {pixels[0].shape}"
                )
    return Images(np.stack(pixels), np.array(labels, np.int64))
