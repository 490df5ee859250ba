"""Laws of images: a damaged or hostile file of images ends in one sentence that names it, before
what it declares is allocated."""

import bz2
import gzip
import io
import os
import struct
import tarfile
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lopsided.reproduce import data


def idx(*shape, kind=8, content=None):
    declared = struct.pack(f">BBBB{len(shape)}I", 0, 0, kind, len(shape), *shape)
    return declared + (bytes(int(np.prod(shape))) if content is None else content)


def mnist(ending="", **changes):
    """The four files of MNIST, some of them other than they should be."""
    files = {
        "train-images-idx3-ubyte": idx(4, 3, 3),
        "train-labels-idx1-ubyte": idx(4, content=bytes([0, 1, 0, 1])),
        "t10k-images-idx3-ubyte": idx(2, 3, 3),
        "t10k-labels-idx1-ubyte": idx(2, content=bytes([0, 1])),
    }

    def make(folder):
        (folder / "mnist").mkdir()
        for name, content in files.items():
            content = changes.get(name[:5].rstrip("-") + "_" + name.split("-")[1], content)
            path = folder / "mnist" / (name + ending)
            content(path) if callable(content) else path.write_bytes(content)
        return "mnist", folder

    return make


def bomb(*shape):
    """A gzip of a few kilobytes that unpacks to megabytes, whatever it declares."""
    return gzip.compress(idx(*shape, content=bytes(2**25)))


def png(width=6, height=5, mode="RGB"):
    file = io.BytesIO()
    Image.new(mode, (width, height)).save(file, "png")
    return file.getvalue()


def declared_png(width, height, *, bits=8, kind=2, content=b""):
    """A png that declares a size, and holds nothing of it unless that is given."""
    head = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(content)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in parts
    )


def tiff(pixels, planes=1):
    """A tiff of colors of sixteen bits, which pillow reads and does not write; each color may be in
    a plane of its own.
    """
    height, width, samples = pixels.shape
    content = np.moveaxis(pixels, 2, 0) if planes > 1 else pixels
    content = content.astype("<u2").tobytes()
    fields = {256: [width], 257: [height], 258: [16] * samples, 259: [1], 262: [2]}
    strips = {277: [samples], 278: [height], 279: [len(content) // planes] * planes}
    fields |= {273: [0] * planes, **strips, 284: [1 if planes == 1 else 2]}
    behind = 8 + 2 + 12 * len(fields) + 4
    start = behind + 4 * sum(len(values) for values in fields.values() if len(values) > 1)
    fields[273] = [start + i * len(content) // planes for i in range(planes)]
    entries, long = b"", b""
    for tag, values in fields.items():
        told = struct.pack(f"<{len(values)}I", *values)
        entries += struct.pack("<HHI", tag, 4, len(values))
        entries += told if len(values) == 1 else struct.pack("<I", behind + len(long))
        long += told if len(values) > 1 else b""
    head = b"II" + struct.pack("<HIH", 42, 8, len(fields))
    return head + entries + bytes(4) + long + content


def jpeg():
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 60, 3)).astype(np.uint8)).save(
        file, "jpeg"
    )
    return file.getvalue()


def folder_of(last):
    """A folder of images, the last of which is another."""

    def make(folder):
        for part in ("train", "test"):
            for label in ("ant", "bee"):
                (folder / "own" / part / label).mkdir(parents=True)
                (folder / "own" / part / label / "0.png").write_bytes(png())
        path = folder / "own" / "train" / "bee" / "1.png"
        last(path) if callable(last) else path.write_bytes(last)
        return str(folder / "own"), None

    return make


def tar_of(edit):
    def make(folder):
        with tarfile.open(folder / "own.tar", "w") as archive:
            for part in ("train", "test"):
                for label in ("ant", "bee"):
                    member = tarfile.TarInfo(f"own/{part}/{label}/0.png")
                    member.size = len(png())
                    archive.addfile(member, io.BytesIO(png()))
        path = folder / "own.tar"
        path.write_bytes(edit(path.read_bytes()))
        return str(path), None

    return make


def flip(i):
    return lambda content: content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :]


def long_header(kind):
    header = tarfile.TarInfo("long")
    header.type, header.size = kind.encode(), 2**26
    return header.tobuf() + bytes(header.size)


def pipe_for_a_tar(folder):
    os.mkfifo(folder / "own.tar")
    return str(folder / "own.tar"), None


def cifar(content):
    def make(folder):
        (folder / "cifar-10-batches-bin").mkdir()
        for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
            path = folder / "cifar-10-batches-bin" / f"{name}.bin"
            content(path) if callable(content) else path.write_bytes(content)
        return "cifar-10", folder

    return make


def sparse(path):
    with path.open("wb") as file:
        file.truncate(3073 * 2**30)


#: What is wrong -> how it is made, and what the sentence says.
REFUSED = {
    "idx of a huge shape": (
        mnist(train_images=idx(2**32 - 1, 2**20, 2**20, content=b"")),
        "needs .* GiB",
    ),
    "idx of many axes": (
        mnist(train_images=struct.pack(">BBBB", 0, 0, 8, 255) + bytes(1020)),
        "maximum supported dimension",
    ),
    "idx with a header that is cut": (
        mnist(train_images=struct.pack(">BBBB", 0, 0, 8, 3) + bytes(5)),
        "damaged or truncated",
    ),
    "idx that is cut": (mnist(train_images=idx(4, 3, 3)[:-1]), "should hold 36 bytes .* got 35"),
    "idx with a byte more": (
        mnist(train_images=idx(4, 3, 3) + b"\0"),
        "holds more than the 36 bytes",
    ),
    "idx of nothing": (mnist(train_images=b""), "is not an IDX file"),
    "idx of floats": (
        mnist(train_images=idx(4, 3, 3, kind=13, content=bytes(144))),
        "must hold bytes along 3 axes, got >f4",
    ),
    "idx of flat images": (mnist(train_images=idx(4, 9)), "must hold bytes along 3 axes"),
    "idx of fewer labels": (mnist(train_labels=idx(3)), "need n labels"),
    "idx that is a pipe": (mnist(train_images=os.mkfifo), "is a named pipe"),
    "idx that is a folder": (mnist(train_images=Path.mkdir), "is a folder"),
    "gzip that is none": (mnist(".gz"), "damaged or truncated"),
    "gzip bomb": (mnist(".gz", train_images=bomb(4, 3, 3)), "holds more than the 36 bytes"),
    "gzip bomb that declares itself": (
        mnist(".gz", train_images=bomb(2**20, 2**10, 2**10)),
        "needs .* GiB",
    ),
    "gzip of a wrong sum": (
        mnist(".gz", train_images=gzip.compress(idx(4, 3, 3))[:-8] + bytes(8)),
        r"CRC check failed",
    ),
    "cifar of half a row": (cifar(bytes(3073 // 2)), "should be a multiple of 3073 bytes"),
    "cifar of a label beyond": (cifar(b"\x0a" + bytes(3072)), "labels must be from 0 to 9, got 10"),
    "cifar of terabytes": (cifar(sparse), "needs .* GiB"),
    "cifar that is a pipe": (cifar(os.mkfifo), "is a named pipe"),
    "image of no kind": (folder_of(b"no image"), r"bee/1\.png is no image that pillow can read"),
    "image of nothing": (folder_of(b""), r"bee/1\.png is no image"),
    "image that is cut": (folder_of(png()[:-30]), r"bee/1\.png is no image"),
    "jpeg that is cut": (folder_of(jpeg()[:900]), r"bee/1\.png (is damaged|has shape)"),
    "image of another size": (
        folder_of(png(7)),
        r"bee/1\.png has shape \(3, 5, 7\), not \(3, 5, 6\)",
    ),
    "image of 20,000 pixels a side": (
        folder_of(declared_png(20_000, 20_000)),
        r"bee/1\.png is too large an image",
    ),
    "image of 10,000 pixels a side": (
        folder_of(declared_png(10_000, 10_000)),
        r"bee/1\.png is too large an image",
    ),
    "image of 9,000 pixels a side": (
        folder_of(declared_png(9_000, 9_000)),
        r"bee/1\.png has shape",
    ),
    "image that lies about its size": (
        folder_of(declared_png(6, 5)),
        r"bee/1\.png is damaged or truncated",
    ),
    "image of sixteen bits": (
        folder_of(png(mode="I;16")),
        r"bee/1\.png has pixels of mode I;16, wider than bytes",
    ),
    **{
        f"image of sixteen bits of {color}": (
            folder_of(
                declared_png(6, 5, bits=16, kind=kind, content=bytes(5 * (1 + 6 * 2 * samples)))
            ),
            r"bee/1\.png has pixels of mode RGBA?, wider than bytes",
        )
        for color, kind, samples in (("color", 2, 3), ("color with alpha", 6, 4), ("grey", 4, 2))
    },
    **{
        f"{name} of sixteen bits of color": (
            folder_of(content),
            r"bee/1\.png has pixels of mode RGB, wider than bytes",
        )
        for name, content in {
            "tiff": tiff(np.full((5, 6, 3), 3000)),
            "tiff in planes": tiff(np.full((5, 6, 3), 3000), planes=3),
            "ppm": b"P6 6 5 65535 " + bytes(5 * 6 * 3 * 2),
            "ppm in words": b"P3 6 5 65535 " + b"3000 " * (5 * 6 * 3),
        }.items()
    },
    "pipe among images": (folder_of(os.mkfifo), r"bee/1\.png is a named pipe"),
    "folder among images": (folder_of(Path.mkdir), r"bee/1\.png is a folder"),
    "link to itself among images": (
        folder_of(lambda path: path.symlink_to(path.name)),
        "symbolic links",
    ),
    "pipe for a tar": (pipe_for_a_tar, r"own\.tar is a named pipe"),
    "tar that is cut": (
        tar_of(lambda content: content[:1100]),
        r"own\.tar is damaged or truncated",
    ),
    "tar that is cut between two members": (
        tar_of(lambda content: content[:3072]),
        r"own\.tar is damaged or truncated",
    ),
    "tar with a flipped bit in a later header": (
        tar_of(flip(2148)),
        r"own\.tar is damaged or truncated",
    ),
    "gzipped tar with a wrong sum": (
        tar_of(lambda content: gzip.compress(content)[:-8] + bytes(8)),
        "CRC check failed",
    ),
    "gzipped tar that is cut": (
        tar_of(lambda content: gzip.compress(content)[:-8]),
        r"own\.tar is damaged or truncated",
    ),
    "tar that is a bomb": (
        tar_of(lambda content: bz2.compress(content + bytes(2**26))),
        "goes on behind the end",
    ),
    **{
        f"tar whose header of type {kind} is a bomb": (
            tar_of(lambda content, kind=kind: bz2.compress(long_header(kind) + content)),
            "a header of its tar says that it has 67,108,864 bytes",
        )
        for kind in ("x", "g", "X", "L", "K")
    },
    "tar of nothing": (tar_of(lambda content: b""), r"own\.tar is damaged or truncated"),
    "tar with an image twice": (
        tar_of(lambda content: content[:1024] + content),
        r"holds two images train/ant/0\.png",
    ),
    "tar of a wrong sum": (
        tar_of(lambda content: content[:148] + b"0000000\0" + content[156:]),
        r"own\.tar is damaged or truncated",
    ),
}


def test_colors_of_sixteen_bits_together_are_read(tmp_path):
    size, colors = struct.pack("<ii", 6, 5), struct.pack("<III", 0xF800, 0x07E0, 0x001F)
    info = (
        struct.pack("<I", 40) + size + struct.pack("<HHIIIIII", 1, 16, 3, 60, 0, 0, 0, 0) + colors
    )
    content = struct.pack("<30H", *[0xFFFF] * 30)
    bmp = b"BM" + struct.pack("<IHHI", 126, 0, 0, 66) + info + content
    images = data.load(*folder_of(bmp)(tmp_path))
    assert (images.train.pixels[-1] == 255).all()


@pytest.mark.parametrize("damage", REFUSED)
def test_every_damaged_file_of_images_ends_in_one_sentence_and_little_memory(damage, tmp_path):
    make, words = REFUSED[damage]
    name, folder = make(tmp_path)
    tracemalloc.start()
    try:
        with pytest.raises((ValueError, OSError, MemoryError), match=words) as refusal:
            data.load(name, folder)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()
    assert "\n" not in str(refusal.value)
    assert " at 0x" not in str(refusal.value)  # an address
