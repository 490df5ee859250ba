"""Folders that `Dataset.save_to_disk` of Hugging Face writes: which of their files are the data."""

from __future__ import annotations

import json
from pathlib import Path

from lopsided.files import UnfitError, reading, require_file

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


def _read(path: Path) -> dict[str, list[dict[str, str]]]:
    if require_file(path).size > _MOST:
        raise UnfitError("is too large for a description of a data set")
    content: dict[str, list[dict[str, str]]] = json.loads(path.read_text())
    return content
