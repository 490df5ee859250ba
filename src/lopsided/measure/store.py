"""A store of features: the shards of one measurement, their head, and the checks that they belong together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lopsided.arrays import Floats
from lopsided.measure.checks import labels_of
from lopsided.measure.shards import SUFFIXES, Shard, open_arrays, open_shard

#: Samples read at once.
ROWS = 4096
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
        origin: the arguments of `open_store` that open it again.
    """

    shards: tuple[Shard, ...]
    k: int
    weight: Floats | None
    bias: Floats | None
    origin: tuple[str | Path | None, ...]

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
            Span(i, start, min(start + SPAN, shard.n)) for i, shard in enumerate(self.shards) for start in range(0, shard.n, SPAN)
        ]

    def batches(self, span: Span) -> Iterator[tuple[Any, Any]]:
        """Read the features and labels of a span, a few thousand rows at once."""
        for start in range(span.start, span.stop, ROWS):
            yield self.shards[span.shard].rows(start, min(start + ROWS, span.stop))


def open_store(path: str | Path, labels: str | Path | None = None, head: str | Path | None = None) -> Store:
    """Open stored features; see `lopsided.measure.shards` for the forms.

    Args:
        path: a file, or a folder of shards.
        labels: npy file of labels, for features in a single npy file.
        head: npz or safetensors file with `weight` and perhaps `bias`; by default the arrays of these names in the first shard, or
            the file `head.npz` or `head.safetensors` in the folder.

    Raises:
        ValueError: if a file is damaged, a pickle, or lacks arrays, shards differ in width, or a label is negative or beyond the
            head, or there are no samples; the file is named.
        FileNotFoundError: if there is nothing at the path.
    """
    origin, path = path, Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no file or folder {path}")
    files = _shard_files(path) if path.is_dir() else [path]
    shards = tuple(open_shard(file, None if labels is None else Path(labels)) for file in files)
    for shard in shards:
        if shard.d != shards[0].d:
            raise ValueError(
                f"all shards must have one width, got d={shards[0].d} in {shards[0].path} and d={shard.d} in {shard.path}"
            )
    if not any(shard.n for shard in shards):
        raise ValueError(f"there are no samples in {path}")
    weight, bias = _head(path, shards[0], None if head is None else Path(head))
    largest = max(_largest_label(shard, None if weight is None else len(weight)) for shard in shards)
    return Store(shards, largest + 1 if weight is None else len(weight), weight, bias, (origin, labels, head))


def _shard_files(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.iterdir() if file.suffix in SUFFIXES and file.stem != "head")
    files = [file for file in files if file.suffix != ".npy" or "features" in file.name]
    if not files:
        raise ValueError(f"there are no npz, npy or safetensors files of features in {folder}")
    return files


def _head(path: Path, first: Shard, head: Path | None) -> tuple[Floats | None, Floats | None]:
    if head is None and path.is_dir():
        head = next((path / f"head{suffix}" for suffix in (".npz", ".safetensors") if (path / f"head{suffix}").is_file()), None)
    arrays = first.arrays if head is None else open_arrays(head)
    if "weight" not in arrays:
        if head is not None:
            raise ValueError(f"{head} must hold the head's 'weight', got {', '.join(sorted(arrays)) or 'none'}")
        return None, None
    weight = np.asarray(arrays["weight"][:], np.float64)
    if weight.ndim != 2 or weight.shape[1] != first.d:
        raise ValueError(f"the head's weight must have shape (k, {first.d}), one row a class, got {weight.shape}")
    return weight, np.asarray(arrays["bias"][:], np.float64) if "bias" in arrays else None


def _largest_label(shard: Shard, k: int | None) -> int:
    """Check the labels of a shard and return the largest."""
    labels = np.asarray(shard.arrays["labels"][:])
    try:
        return int(labels_of(labels, np.iinfo(np.int64).max if k is None else k).max(initial=-1))
    except (ValueError, TypeError) as error:
        raise ValueError(f"in {shard.path}: {error}") from error
