"""The head of stored features: looked for in their files and, of a folder, beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lopsided.arrays import Floats
from lopsided.measure.checks import head_of
from lopsided.measure.storage.rows import Stored, read_all, require_room
from lopsided.measure.storage.shards import Shard, open_arrays

#: Weight (k, d) and bias (k,), `None` where there is none.
Head = tuple[Floats | None, Floats | None]
#: Files in a folder of shards that are its head.
BESIDE = ("head.npz", "head.safetensors")


def find_head(path: Path, shards: tuple[Shard, ...], named: Path | None) -> Head:
    """Return the head in the file that was named, else the one that folder and shards hold.

    Raises:
        ValueError: if they hold different ones, or one does not fit the features.
    """
    d, held = shards[0].d, beside(path, named is not None)
    if named is not None:
        return head_in(named, open_arrays(named, ("weight",), ("bias",)), d)
    found = [(file, head_in(file, arrays, d)) for file, arrays in held]
    found += [(shard.path, head_in(shard.path, shard.arrays, d)) for shard in shards]
    return only_head(found)


def beside(path: Path, named: bool) -> list[tuple[Path, dict[str, Stored]]]:
    """Return the files in a folder that are its head, and what they hold of it; where another was
    named nothing but features is looked for.

    Raises:
        ValueError: if one holds features too, as that of the classes at the head of a long tail.
    """
    files = [path / name for name in BESIDE if (path / name).exists()] if path.is_dir() else []
    needed, optional = ((), ("features",)) if named else (("weight",), ("bias", "features"))
    found = [(file, open_arrays(file, needed, optional)) for file in files]
    for file, arrays in found:
        if "features" in arrays:
            raise ValueError(
                f"{file} holds features, and by its name it is the head of the folder, whose"
                " features would be left out: give it another name"
            )
    return found


def only_head(found: Sequence[tuple[Path, Head]]) -> Head:
    """Return the head that files hold, those of them that hold one.

    Raises:
        ValueError: if they hold different ones; two of the files are named.
    """
    held = [(file, head) for file, head in found if head[0] is not None]
    for file, head in held[1:]:
        if not same_head(held[0][1], head):
            raise ValueError(
                f"{held[0][0]} and {file} hold different heads; say by --head which one it is"
            )
    return held[0][1] if held else (None, None)


def same_head(one: Head, other: Head) -> bool:
    """Return whether two heads are one."""
    return all(
        a is b or (not (a is None or b is None) and np.array_equal(a, b, equal_nan=True))
        for a, b in zip(one, other, strict=True)
    )


def head_in(path: Path, arrays: dict[str, Stored], d: int) -> Head:
    """Return the head in a file, in float64.

    Raises:
        ValueError: if it does not fit features of d dimensions; the file is named.
    """
    if "weight" not in arrays:
        if "bias" in arrays:
            raise ValueError(
                f"{path} holds the bias of a head and not its weight; both belong together"
            )
        return None, None
    k, width = max(arrays["weight"].shape[0], 2), arrays["weight"].shape[1]
    if width != d:
        raise ValueError(
            f"in {path} the head's weight must have shape (k, {d}), one row a class, got"
            f" {(k, width)}"
        )
    require_room(arrays["weight"], 8)  # in float64
    weight = read_all(arrays["weight"])
    bias = read_all(arrays["bias"]) if "bias" in arrays else None
    try:
        return head_of(weight, bias, k, d)
    except ValueError as error:
        raise ValueError(f"in {path}: {error}") from error
