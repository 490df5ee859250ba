"""Folders that Hugging Face writes: which files are the data, and whether all of them are there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from lopsided.files import UnfitError, reading, require_file

#: A part of a split, as data sets from the hub are named, and as many others name theirs:
#: train-00000-of-00004.parquet.
_PART = re.compile(r"(.*?)[-_.]?(\d{1,9})-of-(\d{1,9})(?!\d)")
#: Splits of a data set, as files are named by hand: train.npz, features_val.npy, test-2.parquet,
#: trainset.npz, testFeatures.npy. A word begins and ends where a letter does not go on with it.
_SPLIT = re.compile(
    r"(?:(?<![a-zA-Z])|(?<=[a-z])(?=[A-Z]))"
    r"(?i:((trainval)|(train)(ing)?|(val)(id|idate|idation)?|(eval)(uation)?|(dev)|(test)(ing)?"
    r"|(held|hold)[-_. ]?out|(ood))(set|data)?)"
    r"(?:(?![a-zA-Z])|(?<=[a-z])(?=[A-Z]))"
)
#: Bytes that a description of a data set may have.
_MOST = 2**24


def hugging_face(folder: Path) -> list[Path]:
    """Return the files that a saved data set names, in its order; none if the folder is no such.

    Others beside them, which computations left, are none of its data.

    Raises:
        ValueError: if the folder holds several splits, or its description is damaged or names files
            elsewhere.
    """
    if (several := folder / "dataset_dict.json").exists():
        with reading(several):
            splits = ", ".join(str(name) for name in _read(several)["splits"])
        raise ValueError(
            f"{folder} holds the splits {splits} of a data set; give the folder of one of them"
        )
    described = folder / "state.json"
    if not described.exists():
        return []
    with reading(described):
        names = [str(file["filename"]) for file in _read(described)["_data_files"]]
        if any(Path(name).name != name for name in names):
            raise UnfitError(f"names files elsewhere: {', '.join(names)}")
    return [folder / name for name in names]


def require_whole(folder: Path, files: Sequence[Path]) -> None:
    """Refuse files whose names say that they are parts of several data sets, or that one lacks.

    Raises:
        ValueError: naming the splits, the files that do not belong together, or how many there are.
    """
    found = [(file, part) for file in files if (part := _PART.match(file.name))]
    parts = {part[1] for _, part in found}
    named = {words: said for file in files for words, said in _split_of(file)}
    if len(splits := sorted(parts if len(parts) > 1 else named.values())) > 1:
        raise ValueError(
            f"{folder} holds the splits {', '.join(splits)} of a data set, by the names of its"
            " files; give a folder of one of them"
        )
    held = dict[int, Path]()
    for file, part in found:
        number, first = int(part[2]), found[0]
        if number in held or int(part[3]) != int(first[1][3]):
            other = held.get(number, first[0])
            raise ValueError(
                f"{other.name} and {file.name} in {folder} are not parts of one data set, by their"
                " names, and samples would count twice; give a folder of one of them"
            )
        held[number] = file
    if found and len(held) != int(found[0][1][3]):
        raise ValueError(
            f"{folder} holds {len(held):,} of the {int(found[0][1][3]):,} parts that"
            f" {found[0][0].name} is one of; copy the others, or rename those that are to be"
            " measured without them"
        )


def _split_of(file: Path) -> Iterator[tuple[frozenset[str], str]]:
    """Yield the words of splits in a name, if it has some, and what they are written as."""
    if words := list(_SPLIT.finditer(file.stem)):
        beginnings = frozenset(next(filter(None, word.groups()[1:])).lower() for word in words)
        yield beginnings, "+".join(word[0] for word in words)


def _read(path: Path) -> dict[str, list[dict[str, str]]]:
    if require_file(path).size > _MOST:
        raise UnfitError("is too large for a description of a data set")
    content: dict[str, list[dict[str, str]]] = json.loads(path.read_bytes())
    return content
