"""Folders and tars of images, train/CLASS/IMAGE and test/CLASS/IMAGE: anybody's own data."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import math
import re
import tarfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Set
from pathlib import Path, PurePath, PurePosixPath
from tarfile import EOFHeaderError, HeaderError  # type: ignore[attr-defined]
from typing import IO, Any, Self, cast

import numpy as np
import numpy.typing as npt

from lopsided.files import UnfitError, opened, printable, reading, require_file
from lopsided.memory import require_memory
from lopsided.reproduce.data.images import Dataset, Images

_ENDINGS = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
}
_PARTS = ("train", "test")
#: Modes of pillow whose samples are wider than the bytes that pixels are, and how those that it
#: cuts to bytes are called in a file: of 16 bits in an order of bytes. All of a "BGR;16" are 16.
_WIDE, _CUT = ("I", "F"), re.compile(";16[BLN]")
#: The tag of a TIFF for the bits of its samples.
_BITS = 258

#: First bytes of a compressed file -> what reads it.
_COMPRESSED: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}
#: Members of a tar that are headers of the next one, read at once; names take some hundred bytes.
_HEADERS = {
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
}
_LONGEST_HEADER = 2**20
#: Bytes behind the end of a tar, at most.
_PADDING = 2**20

#: Contents of the images of a part by class and name.
Files = dict[str, dict[str, bytes]]


def images_of(place: Path, title: str) -> Dataset:
    """Return the data set in a folder or a tar (plain or compressed); classes are numbered in the
    order of their names.

    Raises:
        FileNotFoundError: if there are no images in train/CLASS/ or in test/CLASS/.
        ValueError: if the images differ in size or colour, cannot be decoded, are transparent or of
            several frames, two have one name, some lie in a folder below that of their class or
            are links of a tar, the folder of a class has none, or the test set lacks a class.
        MemoryError: if they take more than half of this machine's memory.
        OSError: if a file cannot be read.
        ImportError: if pillow is not installed.
    """
    found: dict[str, Files] = {part: {} for part in _PARTS}
    for path, content in _files(place):
        part, label, name = PurePosixPath(path).parts[-3:]
        if name in found[part].setdefault(label, {}):
            raise ValueError(f"{place} holds two images {part}/{label}/{name}")
        found[part][label][name] = content
    for part in found:
        if not found[part]:
            raise FileNotFoundError(
                f"no images in {place} under {part}/CLASS/; expected train/CLASS/IMAGE and"
                " test/CLASS/IMAGE"
            )
    names = sorted(found["train"])
    if sorted(found["test"]) != names:
        raise ValueError(
            f"{place}: the classes of train ({', '.join(names)}) and test"
            f" ({', '.join(sorted(found['test']))}) differ"
        )
    train, test = (_decode(found[part], names, place / part) for part in _PARTS)
    return Dataset(title, train, test)


def _files(place: Path) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of every image; a tar is read in one pass and never unpacked to
    disk.
    """
    total = 0
    seen: set[PurePath] = set()  # folders of classes
    full: set[PurePath] = set()  # those with an image

    def require_room(size: int) -> None:
        nonlocal total
        total += size
        require_memory(total, f"{place} with its images", "take fewer")

    if place.is_dir():
        seen = {path for path in place.glob("*/*") if _is_class(path.parts) and path.is_dir()}
        for path in sorted(place.glob("*/*/*")):
            below = path.is_dir() and path.parts[-3] in _PARTS
            if below and not _is_image(path.parts):
                with reading(place):
                    _refuse_nested(path.rglob("*"))
            elif _is_image(path.parts):
                with reading(path):
                    stamp = require_file(path)
                    require_room(stamp.size)
                    with opened(path, stamp) as file:
                        content = file.read()
                full.add(path.parent)
                yield path.as_posix(), content
        _require_images(place, seen, full)
        return
    with reading(place), opened(place, require_file(place)) as file, _unpacked(file) as stream:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Member) as archive:
            for member in archive:
                inside = PurePosixPath(member.name)
                if member.issym() or member.islnk():
                    _refuse_link(inside)
                folder = inside if member.isdir() else inside.parent
                if _is_class(folder.parts):
                    seen.add(folder)
                if member.isfile() and _is_image(inside.parts):
                    require_room(member.size)
                    part = archive.extractfile(member)
                    assert part is not None
                    full.add(folder)
                    yield member.name, part.read()
                elif member.isfile() and {*_PARTS} & {*inside.parts[:-3]}:
                    _refuse_nested([inside])
        # At the end of the stream its checksum is compared; there is little between it and the end
        # of a tar.
        if len(stream.read(_PADDING)) == _PADDING:
            raise UnfitError("goes on behind the end of its tar")
    _require_images(place, seen, full)


class _Member(tarfile.TarInfo):
    """A member of a tar, whose damaged header is an error and not the end, as is a too long one."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        member = super().frombuf(buf, encoding, errors)
        if member.type in _HEADERS and member.size > _LONGEST_HEADER:
            raise UnfitError(
                f"is damaged (a header of its tar says that it has {member.size:,} bytes)"
            )
        return member

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tarfile)
        except EOFHeaderError:
            raise
        except HeaderError as error:
            raise UnfitError(f"is damaged or truncated (a header of its tar: {error})") from error


def _unpacked(file: IO[bytes]) -> IO[bytes]:
    """Return the stream in a file that may be compressed."""
    start = file.read(6)
    file.seek(0)
    for mark, unpack in _COMPRESSED.items():
        if start.startswith(mark):
            return cast(IO[bytes], unpack(file))
    return file


def _is_image(parts: tuple[str, ...]) -> bool:
    return (
        len(parts) >= 3
        and parts[-3] in _PARTS
        and PurePosixPath(parts[-1]).suffix.lower() in _ENDINGS
    )


def _is_class(parts: tuple[str, ...]) -> bool:
    return len(parts) >= 2 and parts[-2] in _PARTS and not parts[-1].startswith(".")


def _require_images(place: Path, seen: Set[PurePath], full: Set[PurePath]) -> None:
    """Refuse folders of classes without images, as of files of other kinds: the class would be left
    out, and those behind it have other numbers. What is above such folders may be called alike.
    """
    if bare := seen - full - {above for folder in full for above in folder.parents}:
        part, label = min(bare).parts[-2:]
        raise ValueError(
            f"{place} has no image in {printable(f'{part}/{label}')}; files are read whose names"
            f" end in {', '.join(sorted(_ENDINGS))}"
        )


def _refuse_link(path: PurePath) -> None:
    """Refuse a link of a tar that may stand for an image, or a folder of them."""
    if {*_PARTS} & {*path.parts} and path.suffix.lower() in {*_ENDINGS, ""}:
        raise UnfitError(
            f"holds the link {printable(str(path))} and not what it leads to; make it by tar"
            " --dereference --hard-dereference"
        )


def _refuse_nested(paths: Iterable[PurePath]) -> None:
    """Refuse images below the folder of their class, which would be left out."""
    for path in paths:
        if path.suffix.lower() in _ENDINGS:
            raise UnfitError(
                f"holds the image {printable(str(path))} below the folder of its class; expected"
                " train/CLASS/IMAGE and test/CLASS/IMAGE"
            )


def _decode(classes: Files, names: list[str], place: Path) -> Images:
    many = sum(map(len, classes.values()))
    pixels: list[npt.NDArray[np.uint8]] = []
    labels = []
    for c, label in enumerate(names):
        for name, content in sorted(classes[label].items()):
            with reading(place / label / name):
                pixels.append(_pixels(content, pixels[0] if pixels else None, many))
            labels.append(c)
    return Images(np.stack(pixels), np.array(labels, np.int64))


def _pixels(
    content: bytes, first: npt.NDArray[np.uint8] | None, many: int
) -> npt.NDArray[np.uint8]:
    """Decode one of many images, (channels, height, width), all like the first; sizes are looked at
    before pixels.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise ImportError(
            "image files are read by pillow: pip install 'lopsided[reproduce]'"
        ) from error
    try:
        with (
            warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning),
            Image.open(io.BytesIO(content)) as image,
        ):
            if image.mode.startswith(_WIDE) or _is_cut(image):
                raise UnfitError(
                    f"has pixels of mode {image.mode}, wider than bytes; scale them to 8 bits first"
                )
            shape = (1 if image.mode == "L" else 3, image.height, image.width)
            if first is not None and first.shape != shape:
                raise UnfitError(
                    f"has shape {shape}, not {first.shape}; images must have one size and colour"
                    " mode"
                )
            told = f"{many:,} images of {image.width:,} by {image.height:,} pixels"
            require_memory(many * math.prod(shape), told, "scale them down")
            _require_whole(image)
            array = np.asarray(image if image.mode in ("L", "RGB") else image.convert("RGB"))
    except UnidentifiedImageError as error:
        raise UnfitError("is no image that pillow can read") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnfitError(f"is too large an image: {error}") from error
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


def _is_cut(image: Any) -> bool:
    """Return whether pillow cuts the samples of an image to bytes, as of colors of 16 bits, for
    which it has no mode.
    """
    if image.format == "TIFF":  # in planes of their own colors are even read as bytes
        return bool(max(image.tag_v2.get(_BITS, (1,))) > 8)
    raw = [args if isinstance(args, tuple) else (args,) for *_, args in image.tile]
    if image.format == "PPM":
        return any(isinstance(part, int) and part > 255 for parts in raw for part in parts)
    return any(isinstance(part, str) and _CUT.search(part) for parts in raw for part in parts)


def _require_whole(image: Any) -> None:
    """Refuse what would be lost of an image: transparency, and all frames but the first.

    The second frame of an MPO, a photo of a phone, is a smaller copy.
    """
    if image.format != "MPO" and (frames := getattr(image, "n_frames", 1)) > 1:
        raise UnfitError(f"has {frames} frames; store each as an image of its own")
    if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema()[0] < 255:
        raise UnfitError("is transparent in places; lay it on a background first")
