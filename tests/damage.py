"""Damaged and hostile files of features, by name: each maker writes into an empty folder and
returns the path to measure.

The law of damaged files tries each maker, the campaign `benchmarks/campaigns/files.py` each maker
and thousands of mutations.
"""

from __future__ import annotations

import importlib.util
import json
import os
import pickle
import socket
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

Maker = Callable[[Path], Path]

K, D, N = 3, 5, 60


def sample() -> dict[str, np.ndarray]:
    """Return features, labels and a head."""
    rng = np.random.default_rng(0)
    labels = np.arange(N) % K
    weight = rng.standard_normal((K, D))
    return {
        "features": 3 * weight[labels] + rng.standard_normal((N, D)),
        "labels": labels,
        "weight": weight,
        "bias": np.zeros(K),
    }


def plain(folder: Path) -> Path:
    np.savez(folder / "x.npz", **sample())
    return folder / "x.npz"


def packed(folder: Path) -> Path:
    np.savez_compressed(folder / "x.npz", **sample())
    return folder / "x.npz"


def pair(folder: Path) -> Path:
    np.save(folder / "x.features.npy", sample()["features"])
    np.save(folder / "x.labels.npy", sample()["labels"])
    return folder / "x.features.npy"


def tensors(folder: Path) -> Path:
    save_file(sample(), folder / "x.safetensors")
    return folder / "x.safetensors"


def table() -> Any:
    """Return features and labels as a table of Arrow."""
    arrow, rows = importlib.import_module("pyarrow"), sample()
    numbers = arrow.array(rows["features"].ravel())
    features = arrow.FixedSizeListArray.from_arrays(numbers, D)
    return arrow.table({"features": features, "labels": arrow.array(rows["labels"])})


def arrow_file(folder: Path) -> Path:
    path, rows = folder / "x.arrow", table()
    with importlib.import_module("pyarrow").ipc.new_file(path, rows.schema) as file:
        file.write_table(rows, max_chunksize=25)
    return path


def parquet(folder: Path) -> Path:
    importlib.import_module("pyarrow.parquet").write_table(
        table(), folder / "x.parquet", row_group_size=25, write_page_checksum=True
    )
    return folder / "x.parquet"


#: Format -> how it is written undamaged.
WHOLE: dict[str, Maker] = {
    "npz": plain,
    "compressed npz": packed,
    "npy": pair,
    "safetensors": tensors,
    **({"arrow": arrow_file, "parquet": parquet} if importlib.util.find_spec("pyarrow") else {}),
}


def oracle(path: Path) -> dict[str, np.ndarray]:
    """Return what NumPy, safetensors and Arrow read, or raise what they raise."""
    if path.suffix in (".arrow", ".parquet"):
        arrow = importlib.import_module("pyarrow")
        if path.suffix == ".parquet":
            rows = importlib.import_module("pyarrow.parquet").read_table(path)
        else:
            rows = arrow.ipc.open_file(path).read_all()
        features = rows["features"].combine_chunks()
        return {
            "features": features.flatten().to_numpy().reshape(len(features), -1),
            "labels": rows["labels"].to_numpy(),
        }
    if path.suffix == ".npy":
        beside = path.with_name(path.name.replace("features", "labels"))
        return {"features": np.load(path), "labels": np.load(beside)}
    if path.suffix == ".safetensors":
        return dict(load_file(path))
    with np.load(path) as file:
        return {
            name: file[name] for name in ("features", "labels", "weight", "bias") if name in file
        }


def changed(**arrays: Any) -> Maker:
    """An npz some arrays of which are others; None leaves one out."""

    def make(folder: Path) -> Path:
        np.savez(
            folder / "x.npz",
            **{name: array for name, array in (sample() | arrays).items() if array is not None},
        )
        return folder / "x.npz"

    return make


def edited(whole: Maker, edit: Callable[[bytes], bytes]) -> Maker:
    """A file whose bytes are edited."""

    def make(folder: Path) -> Path:
        path = whole(folder)
        path.write_bytes(edit(path.read_bytes()))
        return path

    return make


def cut(fraction: float) -> Callable[[bytes], bytes]:
    return lambda content: content[: int(len(content) * fraction)]


def flipped(place: Callable[[bytes], int], bit: int = 6) -> Callable[[bytes], bytes]:
    def edit(content: bytes) -> bytes:
        i = place(content)
        return content[:i] + bytes([content[i] ^ 1 << bit]) + content[i + 1 :]

    return edit


def of_features(content: bytes) -> int:
    """Where a number of the features is."""
    return content.index(sample()["features"][7, 3].tobytes()) + 6


def members(local: int, central: int, value: int, size: int = 1) -> Callable[[bytes], bytes]:
    """Write a value into all headers of a zip file, at places of the local and the central ones."""

    def edit(content: bytes) -> bytes:
        changed = bytearray(content)
        for mark, place in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
            i = content.find(mark)
            while i >= 0:
                changed[i + place : i + place + size] = value.to_bytes(size, "little")
                i = content.find(mark, i + 4)
        return bytes(changed)

    return edit


def npy_header(
    header: str | bytes, version: bytes = b"\x01\x00", data: bytes = b"", length: int | None = None
) -> bytes:
    """An npy file of a header of one's own."""
    text = header.encode() if isinstance(header, str) else header
    size = len(text) if length is None else length
    return (
        b"\x93NUMPY"
        + version
        + (struct.pack("<H", size & 0xFFFF) if version == b"\x01\x00" else struct.pack("<I", size))
        + text
        + data
    )


def lone_npy(content: bytes) -> Maker:
    def make(folder: Path) -> Path:
        np.save(folder / "x.labels.npy", sample()["labels"])
        (folder / "x.features.npy").write_bytes(content)
        return folder / "x.features.npy"

    return make


def described(
    shape: str = f"({N}, {D})",
    descr: str = "'<f8'",
    fortran: str = "False",
    data: bytes = bytes(8 * N * D),
) -> Maker:
    """An npy file whose header says something."""
    return lone_npy(
        npy_header(
            f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n", data=data
        )
    )


def safetensors_of(header: Any, data: bytes = b"", length: int | None = None) -> Maker:
    """A safetensors file of a header of one's own."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()

    def make(folder: Path) -> Path:
        (folder / "x.safetensors").write_bytes(
            struct.pack("<Q", len(text) if length is None else length) + text + data
        )
        return folder / "x.safetensors"

    return make


def entry(kind: str, shape: Any, start: int, end: int) -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": [start, end]}


LABELS = sample()["labels"].astype("<i8").tobytes()


def typed(kind: str, width: int) -> Maker:
    """A safetensors file whose features are of a type."""
    size = N * D * width
    header = {
        "features": entry(kind, [N, D], 0, size),
        "labels": entry("I64", [N], size, size + 8 * N),
    }
    return safetensors_of(header, bytes(size) + LABELS)


def zipped(*parts: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Maker:
    """A zip of members of one's own."""

    def make(folder: Path) -> Path:
        import warnings

        with (
            warnings.catch_warnings(),
            zipfile.ZipFile(folder / "x.npz", "w", compression) as archive,
        ):
            warnings.simplefilter("ignore")  # a name given twice
            for name, content in parts:
                archive.writestr(name, content)
        return folder / "x.npz"

    return make


def npy(array: Any) -> bytes:
    import io

    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def special(name: str, make_special: Callable[[Path], Any], within: bool = False) -> Maker:
    """What is no file, by itself or as one of the shards in a folder."""

    def make(folder: Path) -> Path:
        if within:
            np.savez(folder / "a.npz", **sample())
        make_special(folder / name)
        return folder if within else folder / name

    return make


def bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as here:
        before = Path.cwd()
        os.chdir(path.parent)  # the name of a socket is short
        try:
            here.bind(path.name)
        finally:
            os.chdir(before)


def looped(path: Path) -> None:
    path.symlink_to(path.name)


def a_name(name: str) -> Maker:
    """A damaged file of a name that is hard to tell."""

    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(b"PK\x05\x06")
        return path

    return make


class Bomb:
    """What fails where it is unpickled."""

    def __reduce__(self) -> Any:
        return os._exit, (99,)


def pickled(name: str) -> Maker:
    def make(folder: Path) -> Path:
        np.save(folder / "x.labels.npy", sample()["labels"])
        (folder / name).write_bytes(pickle.dumps(Bomb()))
        return folder / name

    return make


def shards(**second: Any) -> Maker:
    def make(folder: Path) -> Path:
        np.savez(folder / "a.npz", **sample())
        np.savez(
            folder / "b.npz",
            **{name: array for name, array in (sample() | second).items() if array is not None},
        )
        return folder

    return make


def sealed(folder: Path) -> Path:
    path = plain(folder)
    path.chmod(0)
    return path


X, Y = sample()["features"], sample()["labels"]
HUGE = f"({2**40}, {2**20})"
ZEROS = bytes(2**20)

#: What cannot be measured -> how it is made.
REFUSED: dict[str, Maker] = {
    # zip
    "empty npz": edited(plain, lambda content: b""),
    "npz of nothing": zipped(),
    "half an npz": edited(plain, cut(0.5)),
    "npz without its last byte": edited(plain, cut(0.9999)),
    "npz of one flipped bit": edited(plain, flipped(of_features)),
    "compressed npz of one flipped bit": edited(packed, flipped(lambda content: 1000)),
    "compressed npz of forty changed bytes": edited(
        packed, lambda c: c[:300] + bytes(b ^ 0x5A for b in c[300:340]) + c[340:]
    ),
    "encrypted npz": edited(plain, members(6, 8, 1)),
    "npz compressed by a method of nobody": edited(packed, members(8, 10, 97)),
    "npz compressed by bzip2": zipped(
        ("features.npy", npy(X)), ("labels.npy", npy(Y)), compression=zipfile.ZIP_BZIP2
    ),
    "npz compressed by lzma": zipped(
        ("features.npy", npy(X)), ("labels.npy", npy(Y)), compression=zipfile.ZIP_LZMA
    ),
    "stored npz that says it is compressed": edited(plain, members(8, 10, 8)),
    "compressed npz that says it is stored": edited(packed, members(8, 10, 0)),
    "npz of sizes beyond the file": edited(plain, members(22, 24, 2**31, 4)),
    "npz of sizes zero": edited(plain, members(22, 24, 0, 4)),
    "npz whose sums are zero": edited(plain, members(14, 16, 0, 4)),
    "npz with a member twice": zipped(
        ("features.npy", npy(X)), ("features.npy", npy(-X)), ("labels.npy", npy(Y))
    ),
    "npz with a member twice by two names": zipped(
        ("features.npy", npy(X)), ("features", npy(-X)), ("labels.npy", npy(Y))
    ),
    "npz that declares what it does not hold": zipped(
        (
            "features.npy",
            npy_header(
                f"{{'descr': '<f8', 'fortran_order': False, 'shape': {HUGE}, }}\n", data=ZEROS
            ),
        ),
        ("labels.npy", npy(Y)),
    ),
    "npz that holds more than it declares": zipped(
        ("features.npy", npy(X) + ZEROS), ("labels.npy", npy(Y))
    ),
    "npz of a text": zipped(("features.npy", b"1 2 3"), ("labels.npy", npy(Y))),
    "npz of empty members": zipped(("features.npy", b""), ("labels.npy", b"")),
    "npz without labels": changed(labels=None),
    "npz without features": changed(features=None),
    "npz whose members lie before its start": edited(
        plain,
        lambda c: (
            c[:-6] + (int.from_bytes(c[-6:-2], "little") + 1000).to_bytes(4, "little") + c[-2:]
        ),
    ),
    "npz whose folder is a zip comment": edited(
        plain, lambda content: content[:-22] + b"PK\x05\x06" + b"\xff" * 18
    ),
    # arrays
    "complex head": changed(weight=sample()["weight"] + 1j),
    "scalar head": changed(weight=np.float64(0)),
    "scalar bias": changed(bias=np.float64(0)),
    "bias of another length": changed(bias=np.zeros(K + 1)),
    "head of another width": changed(weight=np.zeros((K, D + 1))),
    "head of one class": changed(weight=np.ones((1, D)), bias=None),
    "head of no class": changed(weight=np.ones((0, D)), bias=None),
    "bias without its weight": changed(weight=None),
    "head with NaN": changed(weight=np.full((K, D), np.nan)),
    "object features": changed(features=np.array([[Bomb()] * D] * N, object)),
    "complex features": changed(features=X + 1j),
    "text features": changed(features=X.astype(str)),
    "boolean features": changed(features=X > 0),
    "times for features": changed(features=X.astype("M8[s]")),
    "structured features": changed(features=np.zeros(N, "f8,f8")),
    "features of one axis": changed(features=X[:, 0]),
    "features of three axes": changed(features=X[:, :, None]),
    "features of no dimensions": changed(features=X[:, :0], weight=None, bias=None),
    "features with NaN": changed(features=np.where(np.arange(N)[:, None] == 7, np.nan, X)),
    "features with infinity": changed(features=np.where(np.arange(N)[:, None] == 7, np.inf, X)),
    "features beyond the squares": changed(features=X * 1e200),
    "no samples": changed(features=X[:0], labels=Y[:0]),
    "labels of halves": changed(labels=Y + 0.5),
    "labels of text": changed(labels=Y.astype(str)),
    "labels below zero": changed(labels=Y - 1),
    "labels beyond the head": changed(labels=Y + 1),
    "labels beyond int64": changed(labels=np.full(N, 2**63, np.uint64), weight=None, bias=None),
    "labels of a million millions": changed(labels=Y + 10**12, weight=None, bias=None),
    "labels near the end of int64": changed(labels=Y + 10**18, weight=None, bias=None),
    "fewer labels": changed(labels=Y[:7]),
    "two axes of labels": changed(labels=np.stack([Y, Y], axis=1)),
    # npy
    "empty npy": lone_npy(b""),
    "half an npy": edited(pair, cut(0.5)),
    "npy without its last byte": edited(pair, lambda content: content[:-1]),
    "npy with a byte more": edited(pair, lambda content: content + b"\0"),
    "npy of another magic": edited(pair, lambda content: b"\x93NUMPX" + content[6:]),
    "npy of version 9": edited(pair, lambda content: content[:6] + b"\x09\x00" + content[8:]),
    "npy of version 0": edited(pair, lambda content: content[:6] + b"\x00\x00" + content[8:]),
    "npy header of garbage": lone_npy(
        npy_header("{'descr': '<f8', 'fortran_order': \"\"\"  (((, 'shape".ljust(60))
    ),
    "npy header that is a program": lone_npy(npy_header("__import__('os')._exit(99)".ljust(60))),
    "npy header of brackets": lone_npy(npy_header("(" * 5000)),
    "npy header that is cut": lone_npy(npy_header("{'descr'", length=65000)),
    "npy header of four gigabytes": lone_npy(npy_header("{}", b"\x02\x00", length=2**32 - 1)),
    "npy header of a megabyte": lone_npy(npy_header(" " * 2**20, b"\x02\x00")),
    "npy header of NUL": lone_npy(npy_header(bytes(60))),
    "npy header not of UTF-8": lone_npy(npy_header(b"\xff" * 60, b"\x03\x00")),
    "npy header of a list": lone_npy(npy_header("[1, 2, 3]".ljust(60))),
    "npy header without shape": lone_npy(
        npy_header("{'descr': '<f8', 'fortran_order': False}".ljust(60))
    ),
    "npy of a negative shape": described(shape=f"(-{N}, {D})"),
    "npy of two negative lengths": described(shape=f"(-{N}, -{D})"),
    "npy of a shape of halves": described(shape="(1.5, 2)"),
    "npy of a huge shape": described(shape=HUGE),
    "npy of a shape beyond all": described(shape=f"({10**30}, {10**30})"),
    "npy of a true shape": described(shape="(True, True)"),
    "npy of a hundred axes": described(shape="(" + "1, " * 100 + ")"),
    "npy of no type": described(descr="None"),
    "npy of an unknown type": described(descr="'<q9'"),
    "npy of empty numbers": described(descr="'|V0'", data=b""),
    "npy of objects": described(descr="'|O'"),
    "npy of type as a program": described(descr="__import__('os')"),
    "npy of Fortran order maybe": described(fortran="'maybe'"),
    "npy that is a pickle": pickled("x.features.npy"),
    "npy without its labels": special("x.features.npy", lambda path: np.save(path, X)),
    "npy of a name without features": special("x.npy", lambda path: np.save(path, X)),
    # safetensors
    "empty safetensors": edited(tensors, lambda content: b""),
    "half a safetensors": edited(tensors, cut(0.5)),
    "safetensors without its last byte": edited(tensors, lambda content: content[:-1]),
    "safetensors with a byte more": edited(tensors, lambda content: content + b"\0"),
    "safetensors with a header of all there is": safetensors_of({}, length=2**64 - 1),
    "safetensors with a header of 90 megabytes": safetensors_of({}, length=90 * 2**20),
    "safetensors with no header": safetensors_of(b""),
    "safetensors with a header of garbage": safetensors_of(b"\xff\xfe garbage"),
    "safetensors with a header of brackets": safetensors_of(b"[" * 100_000),
    "safetensors with a list for a header": safetensors_of([1, 2, 3]),
    "safetensors of nothing": safetensors_of({}),
    "safetensors that overlap": safetensors_of(
        {"features": entry("F64", [N, 1], 0, 8 * N), "labels": entry("I64", [N], 0, 8 * N)}, LABELS
    ),
    "safetensors out of the file": safetensors_of(
        {"features": entry("F64", [N, D], 10**9, 10**9 + 8 * N * D)}, LABELS
    ),
    "safetensors of negative offsets": safetensors_of(
        {"features": entry("F64", [N, D], -8 * N * D, 0)}, LABELS
    ),
    "safetensors of a huge shape": safetensors_of(
        {"features": entry("F64", [2**40, 2**40], 0, 8)}, bytes(8)
    ),
    "safetensors of a shape of halves": safetensors_of(
        {"features": entry("F64", [1.5], 0, 12)}, bytes(12)
    ),
    "safetensors of a shape below zero": safetensors_of(
        {"features": entry("F64", [-1, -1], 0, 8)}, bytes(8)
    ),
    "safetensors of an unknown type": typed("F13", 2),
    "safetensors of eight-bit numbers": typed("F8_E4M3", 1),
    "safetensors of other eight-bit numbers": typed("F8_E5M2", 1),
    "safetensors of booleans": typed("BOOL", 1),
    "safetensors of complex numbers": typed("C64", 8),
    # what is no file
    "named pipe": special("x.npz", os.mkfifo),
    "named pipe for features": special("x.features.npy", os.mkfifo),
    "named pipe for tensors": special("x.safetensors", os.mkfifo),
    "named pipe among shards": special("b.npz", os.mkfifo, within=True),
    "socket": special("x.npz", bind),
    "socket among shards": special("b.npz", bind, within=True),
    "device": special("x.npz", lambda path: path.symlink_to("/dev/zero")),
    "folder named npz": special("x.npz", Path.mkdir),
    "folder named npz among shards": special("b.npz", Path.mkdir, within=True),
    "link to itself": special("x.npz", looped),
    "link to itself among shards": special("b.npz", looped, within=True),
    "link to nothing among shards": special(
        "b.npz", lambda path: path.symlink_to("absent"), within=True
    ),
    "named pipe for a head": special("head.npz", os.mkfifo, within=True),
    "empty folder": lambda folder: folder,
    "nothing": lambda folder: folder / "x.npz",
    "text": special("x.csv", lambda path: path.write_text("1,2,3")),
    "pickle": pickled("x.pkl"),
    "torch file": pickled("x.pt"),
    "pickle called npz": pickled("x.npz"),
    "pickle called safetensors": pickled("x.safetensors"),
    "name that speaks to the terminal": a_name("\x1b[2J\x1b]0;title\x07\r.npz"),
    "name of two lines": a_name("two\nlines.npz"),
    "name from right to left": a_name("\u202ezpn.npz"),
    "name that is not UTF-8": a_name(os.fsdecode(b"caf\xe9.npz")),
    "name of markup": a_name("[red]x[!].npz"),
    # shards
    "shards of two widths": shards(features=X[:, :2], weight=None, bias=None),
    "shards of two heads": shards(weight=-sample()["weight"]),
    "shard beyond the head": shards(labels=Y + 1),
    "shard without labels": shards(labels=None),
    **({"sealed file": sealed} if os.geteuid() else {}),  # to root nothing is sealed
}


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Change a file in one of the ways in which files change."""
    kind, i = rng.integers(6), int(rng.integers(len(content)))
    length = int(rng.integers(1, 65))
    if kind == 0:
        return content[:i] + bytes([content[i] ^ 1 << int(rng.integers(8))]) + content[i + 1 :]
    if kind == 1:
        return content[:i] + rng.bytes(length) + content[i + length :]
    if kind == 2:
        return content[:i]
    if kind == 3:
        return content[:i] + rng.bytes(length) + content[i:]
    if kind == 4:
        return content[:i] + content[i + length :]
    return (
        content[:i]
        + bytes([0, 255][int(rng.integers(2))] for _ in range(length))
        + content[i + length :]
    )
