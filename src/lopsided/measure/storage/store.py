"""A store of features: the shards of one measurement, their head, and the checks that they belong
together.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, Ints
from lopsided.labels import Ignore, left_out, sentinels
from lopsided.measure.checks import labels_of, rows_of, whole
from lopsided.measure.state.blocks import Batch
from lopsided.measure.storage.formats import FORMATS, held_for
from lopsided.measure.storage.heads import BESIDE, Head, find_head, same_head
from lopsided.measure.storage.huggingface import hugging_face, require_whole
from lopsided.measure.storage.rows import CHUNK, read_all
from lopsided.measure.storage.shards import Shard, open_shard

#: Told the number of rows read since the last call.
Progress = Callable[[int], object]
#: Samples of a span, the unit that processes share out.
SPAN = 65_536


class Span(NamedTuple):
    """Some rows of one shard."""

    shard: int
    start: int
    stop: int


@dataclass(frozen=True)
class Store:
    """Opened shards of equal width, and the head.

    Attributes:
        shards: in the order of their names.
        k: number of classes, the head's or the largest label plus one.
        weight: (k, d) weight of the head, or `None`.
        bias: (k,) bias of the head, or `None`.
        marks: labels of samples to leave out.
        named: whether the head is of a file that was named, whatever the shards hold.
        files: that may have been read, which nothing writes over.
    """

    shards: tuple[Shard, ...]
    k: int
    weight: Floats | None
    bias: Floats | None
    marks: tuple[int, ...] = ()
    named: bool = False
    files: tuple[Path, ...] = ()

    @property
    def d(self) -> int:
        """Feature dimensions."""
        return self.shards[0].d

    @property
    def n(self) -> int:
        """Number of samples."""
        return sum(shard.n for shard in self.shards)

    def spans(self) -> list[Span]:
        """Return all rows, cut in spans."""
        return [
            Span(i, start, min(start + SPAN, shard.n))
            for i, shard in enumerate(self.shards)
            for start in range(0, shard.n, SPAN)
        ]

    def batches(self, span: Span, *, verify: bool = True) -> Iterator[Batch]:
        """Read a span, about a megabyte at once: features and labels, checked, without samples to
        leave out.

        Args:
            span: rows to read.
            verify: whether the span with the first rows of a file answers for its checksum; labels
                were verified when the store was opened.

        Raises:
            ValueError: if the file is damaged or has changed, or a feature is not finite; file, row
                and class are named.
        """
        shard = self.shards[span.shard]
        if verify and span.start == 0:
            shard.arrays["features"].verify()
        step = max(CHUNK // shard.arrays["features"].layout.row, 1)
        for start in range(span.start, span.stop, step):
            features, labels = shard.rows(start, min(start + step, span.stop))
            kept, y = _kept(labels, self.k, self.marks)
            numbers = np.arange(start, start + len(labels))[kept]

            def place(i: int, numbers: Ints = numbers) -> str:
                return f"row {numbers[i]} of {shard.path}"

            yield rows_of(features[kept], y, self.d, "features", place), y

    def require_alike(self, held_out: Store) -> None:
        """Refuse held-out samples that cannot be of the network of these.

        Raises:
            ValueError: if their features have other dimensions, their labels more classes, or their
                files another head.
        """
        if held_out.d != self.d:
            raise ValueError(
                f"held-out features must have the {self.d} dimensions of the others, got"
                f" {held_out.d}"
            )
        if self.weight is not None and held_out.k > self.k:
            raise ValueError(
                f"held-out labels are of {held_out.k} classes, and the head has {self.k}"
            )
        self.require_same_head(held_out.shards[0].path, (held_out.weight, held_out.bias))

    def require_same_head(self, path: Path, head: Head) -> None:
        """Refuse other samples whose file holds another head: their features are of another
        network.

        Raises:
            ValueError: if it does, and which head it is was not said.
        """
        own = self.weight, self.bias
        if not (self.named or own[0] is None or head[0] is None or same_head(own, head)):
            raise ValueError(
                f"{self.shards[0].path} and {path} hold different heads, so their features are of"
                " different networks; if they are not, say by --head which one it is"
            )


def open_store(
    path: str | Path,
    labels: str | Path | None = None,
    head: str | Path | None = None,
    ignore: Ignore = None,
) -> Store:
    """Open stored features; see `lopsided.measure.storage.shards` for the forms.

    Args:
        path: a file, or a folder of shards.
        labels: npy file of labels, for features in a single npy file.
        head: npz or safetensors file with `weight` and perhaps `bias`; by default the arrays of
            these names in the first shard, or the file `head.npz` or `head.safetensors` in the
            folder.
        ignore: label, or labels, of samples to leave out.

    Raises:
        ValueError: if a file is damaged, a pickle, or lacks arrays, shards differ in width or in
            the head they hold, or a label is negative or beyond the head, or there are no samples;
            the file is named.
        OSError: if there is nothing at the path, or it may not be read.
        MemoryError: if labels or head take more than half of this machine's memory.
    """
    path, head = Path(path), None if head is None else Path(head)
    labels = None if labels is None else Path(labels)
    if not path.exists():
        raise FileNotFoundError(f"there is no file or folder {path}")
    if path.is_dir() and labels is not None:
        raise ValueError(
            "labels in a file of their own belong to features in a single npy file, got the folder"
            f" {path}"
        )
    files = shard_files(path) if path.is_dir() else [path]
    opened = [open_shard(file, labels) for file in files]
    if not any(shard.n for shard in opened):
        raise ValueError(f"there are no samples in {path}")
    # Lists of no rows have no length.
    shards = tuple(shard for shard in opened if shard.n or shard.d)
    for shard in shards:
        if shard.d != shards[0].d:
            raise ValueError(
                f"all shards must have one width, got d={shards[0].d} in {shards[0].path} and"
                f" d={shard.d} in {shard.path}"
            )
    weight, bias = find_head(path, shards, head)
    marks = sentinels(ignore)
    largest = max(
        _largest_label(shard, None if weight is None else len(weight), marks) for shard in shards
    )
    if largest < 0:
        raise ValueError(f"all samples in {path} have labels that mean to leave them out")
    k = largest + 1 if weight is None else len(weight)
    read = tuple(files_of(path, labels, head))
    store = Store(shards, k, weight, bias, marks, head is not None, read)
    held_for(store)
    return store


def shared(files: Iterable[Path], others: Iterable[Path]) -> Path | None:
    """Return a file that is among others too, links followed; the first by its name."""
    known = {path.resolve() for path in others}
    return min((path for path in files if path.resolve() in known), default=None)


def files_of(path: Path, labels: Path | None = None, head: Path | None = None) -> list[Path]:
    """Return the files that `open_store` may read, whether they are there or not.

    Args:
        path: a file, or a folder of shards.
        labels: file of the labels, if one was named.
        head: file of the head, if one was named.
    """
    if path.is_dir():
        found = [file for file in path.iterdir() if file.suffix.lower() in FORMATS]
    else:
        found = [path, path.with_name(path.name.replace("features", "labels"))]
    return found + [file for file in (labels, head) if file is not None]


def shard_files(folder: Path) -> list[Path]:
    """Return the files of features in a folder, by name, without hidden ones, which are the drafts
    of writers; of a data set that Hugging Face saved, those that it names.

    Raises:
        ValueError: if there are none, two are one file or, by their names, one set of samples, or
            the folder is that of several splits.
    """
    if named := hugging_face(folder):
        return named
    shown = [file for file in folder.iterdir() if not file.name.startswith(".")]
    files = sorted(f for f in shown if f.suffix.lower() in FORMATS and f.name not in BESIDE)
    files = [file for file in files if file.suffix.lower() != ".npy" or "features" in file.name]
    if not files:
        raise ValueError(f"there are no {', '.join(FORMATS)} files of features in {folder}")
    require_whole(folder, files)
    _require_apart(files)
    return files


def _require_apart(files: Sequence[Path]) -> None:
    """Refuse a link to another of the files, as of the latest, and one set of samples in two
    formats, by their names: samples would count twice.
    """
    known: dict[str, Path] = {}
    formats: dict[str, Path] = {}
    for file in files:
        other = known.setdefault(os.path.realpath(file), file)
        if other is not file:
            raise ValueError(
                f"{other} and {file} are one file, and samples would count twice; give a folder"
                " without the link, or the file alone"
            )
        other = formats.setdefault(file.stem.removesuffix(".features"), file)
        if other is not file:
            raise ValueError(
                f"{other} and {file} are one set of samples in two formats, by their names, and"
                " samples would count twice; give a folder of one of them, or rename one"
            )


def _largest_label(shard: Shard, k: int | None, marks: tuple[int, ...]) -> int:
    """Check the labels of a shard and return the largest, -1 if there is none."""
    labels = read_all(shard.arrays["labels"]).reshape(-1)
    try:
        return int(
            _kept(labels, np.iinfo(np.int64).max if k is None else k, marks)[1].max(initial=-1)
        )
    except (ValueError, TypeError) as error:
        raise ValueError(f"in {shard.path}: {error}") from error


def _kept(labels: npt.NDArray[Any], k: int, marks: tuple[int, ...]) -> tuple[slice | Ints, Ints]:
    out = left_out(labels := whole(labels), marks)
    if out is None or not out.any():
        return slice(None), labels_of(labels, k)
    kept = np.flatnonzero(~out)
    return kept, labels_of(np.where(out, 0, labels), k)[kept]
