"""The formats of stored arrays: npz, npy, safetensors, and Arrow and Parquet by a module of their
own. Headers are checked against the file, and no number is read.
"""

from __future__ import annotations

import json
import weakref
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from lopsided.files import UnfitError, opened, require_file
from lopsided.measure.storage.arrow import arrow, decoded, parquet
from lopsided.measure.storage.rows import Layout, Packed, Rows, Stored, Sum, unpacked
from lopsided.needs import need

#: Names of all arrays in a file, and those that were wanted.
Contents = tuple[list[str], dict[str, Stored]]

#: Longest header of a safetensors file; one of a whole network takes some hundred kilobytes.
_HEADER = 2**24
#: What a file of a prescribed head says of the features it is for, where they are not as they come.
DIRECTIONS = "divided by their lengths"
#: Type of a safetensors file -> type that NumPy reads.
_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "<i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "<u1",
}


def npz(path: Path, wanted: Sequence[str]) -> Contents:
    """Open a zip of npy files, as `np.savez` and `np.savez_compressed` write it."""
    stamp = require_file(path)
    with opened(path, stamp) as file, zipfile.ZipFile(file) as archive:
        names = [info.filename.removesuffix(".npy") for info in archive.infolist()]
        found: dict[str, Stored] = {}
        for name, info in zip(names, archive.infolist(), strict=True):
            if name not in wanted:
                continue
            if names.count(name) > 1:
                raise UnfitError(f"holds {name} twice")
            if info.flag_bits & 1:
                raise UnfitError("is encrypted; store features without a password")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise UnfitError(
                    f"is compressed by method {info.compress_type} of zip; write it with np.savez"
                    " or np.savez_compressed"
                )
            with archive.open(info) as member:
                layout, offset = _npy_header(member, name, info.file_size)
            if info.compress_type == zipfile.ZIP_DEFLATED:
                found[name] = Packed(path, stamp, layout, offset, info.filename)
                continue
            # The local header repeats the name and may carry other extra fields than the
            # directory's.
            file.seek(info.header_offset + 26)
            start = info.header_offset + 30 + sum(np.frombuffer(file.read(4), "<u2").tolist())
            if start + info.file_size > stamp.size or info.compress_size != info.file_size:
                raise UnfitError(f"is damaged or truncated ({name} reaches beyond its end)")
            found[name] = Rows(path, stamp, layout, start + offset, Sum(start, info.CRC))
    return names, found


def npy(path: Path, wanted: Sequence[str]) -> Contents:
    """Open an npy file; its array has the first of the names."""
    name = wanted[0]
    stamp = require_file(path)
    with opened(path, stamp) as file:
        layout, offset = _npy_header(file, name, stamp.size)
    return [name], {name: Rows(path, stamp, layout, offset)}


def _npy_header(file: IO[bytes], name: str, size: int) -> tuple[Layout, int]:
    """Return the layout that an npy header tells of an array, and where its bytes start, in a file
    of a size.
    """
    try:
        version = np.lib.format.read_magic(file)
    except ValueError as error:
        raise UnfitError(
            f"holds no npy data as {name}; it may hold pickled objects, which are not read"
        ) from error
    if version > (3, 0):
        raise UnfitError(
            f"holds {name} in version {version[0]}.{version[1]} of the npy format; there are 1.0,"
            " 2.0 and 3.0"
        )
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    try:
        shape, fortran, dtype = read(file)
    except Exception as error:  # some of which name objects by their addresses
        raise UnfitError(
            f"is damaged or truncated (the npy header of {name} cannot be read)"
        ) from error
    if dtype.hasobject:
        raise UnfitError("holds pickled objects, which are not read")
    layout = Layout(
        shape, np.dtype("u1") if _rows_of_labels(name, shape, dtype) else dtype, fortran
    )
    _require_numbers(layout, name, str(dtype), size - file.tell())
    return layout, file.tell()


def safetensors(path: Path, wanted: Sequence[str]) -> Contents:
    """Open a safetensors file."""
    library = need("safetensors", "'lopsided[torch]'")
    stamp = require_file(path)
    with opened(path, stamp) as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(_HEADER, stamp.size - 8):
            raise UnfitError(
                f"is damaged or truncated (a header of {length:,} bytes in a file of"
                f" {stamp.size:,})"
            )
        with library.safe_open(path, framework="np"):  # which looks whether the header makes sense
            header: dict[str, dict[str, Any]] = json.loads(file.read(length))
    told = (header.pop("__metadata__", None) or {}).get("lopsided", "")
    if "weight" in wanted and DIRECTIONS in told:
        raise UnfitError(
            f"holds a head for features {DIRECTIONS}, and stored features are measured as they"
            " are: store them so divided, and weight and bias in a file without this note"
        )
    found: dict[str, Stored] = {}
    for name in header.keys() & set(wanted):
        kind, shape, (start, end) = (
            header[name]["dtype"],
            header[name]["shape"],
            header[name]["data_offsets"],
        )
        several = kind == "BOOL" and _rows_of_labels(name, tuple(shape), np.dtype(bool))
        if kind not in _TYPES and not several:
            raise UnfitError(
                f"holds {name} of type {kind}; store it as F32, F16 or BF16, labels as I64"
            )
        layout = Layout(tuple(shape), np.dtype(_TYPES.get(kind, "u1")), bfloat16=kind == "BF16")
        _require_numbers(layout, name, kind, end - start)
        found[name] = Rows(path, stamp, layout, 8 + length + start)
    return list(header), found


def _rows_of_labels(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    """Return whether an array is of several labels a sample in booleans, whose bytes are 0 and 1;
    one boolean a sample is no class.
    """
    return dtype.kind == "b" and name == "labels" and len(shape) == 2 and shape[1] > 1


def _require_numbers(layout: Layout, name: str, kind: str, size: int) -> None:
    """Refuse what holds no real numbers, or not as many bytes as its shape says."""
    if layout.dtype.kind not in "iuf":
        raise UnfitError(
            f"holds {name} of type {kind}; real numbers are read, and whole numbers for labels"
        )
    if min(layout.shape, default=0) < 0 or layout.nbytes != size:
        told = (
            f"{name} of shape {layout.shape} and type {kind} take {layout.nbytes:,} bytes, there"
            f" are {size:,}"
        )
        raise UnfitError(f"is damaged or truncated ({told})")


#: Ending -> what opens such a file.
FORMATS: dict[str, Callable[[Path, Sequence[str]], Contents]] = {
    ".npz": npz,
    ".npy": npy,
    ".safetensors": safetensors,
    ".arrow": arrow,
    ".parquet": parquet,
}


def held_for(store: object) -> None:
    """Let go of what was unpacked or decoded of files when the store of them is gone: of a shard
    that is all its features. Who reads another store meanwhile unpacks it again.
    """
    weakref.finalize(store, _let_go).atexit = False


def _let_go() -> None:
    unpacked.cache_clear()
    decoded.cache_clear()
