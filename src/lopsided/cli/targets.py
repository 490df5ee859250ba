"""Targets that are no classes, from a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lopsided.files import UnfitError, reading, require_file

if TYPE_CHECKING:
    from lopsided.arrays import Floats
    from lopsided.targets import Kind, Targets


def read_targets(path: Path, kind: Kind) -> Targets:
    """Return the targets in a file, one row a sample, a context or a sample with several labels.

    Args:
        path: text of numbers (csv, tsv, txt), npy, or npz or safetensors with an array `targets`.
        kind: what the rows are: outputs of a regression, distributions over tokens, or 0 and 1 for
            the labels.

    Raises:
        ValueError: if the file holds no such table.
        OSError: if it cannot be read.
    """
    import numpy as np

    from lopsided import Targets
    from lopsided.measure import LabelSets

    rows = _table(path)
    if kind == "regression":
        return Targets.regression(rows)
    if kind == "contexts":
        sums = rows.sum(axis=1, keepdims=True)
        if not (sums > 0).all():
            raise ValueError(
                f"each context of {path} must have a token, row {int(np.argmin(sums))} sums to"
                f" {sums.min():g}"
            )
        return Targets.contexts((rows / sums).T)
    if not np.isin(rows, (0, 1)).all():
        raise ValueError(
            f"label sets must be 0 and 1, one row a sample, {path} holds other numbers"
        )
    return LabelSets.of(rows).targets()


def _table(path: Path) -> Floats:
    import numpy as np

    from lopsided.cli.table import ENDINGS, read_table
    from lopsided.measure.storage.formats import FORMATS
    from lopsided.measure.storage.rows import read_all
    from lopsided.measure.storage.shards import open_arrays

    with reading(path):
        require_file(path)
        if path.suffix.lower() in ENDINGS:
            return read_table(path)
        if path.suffix.lower() not in FORMATS:
            raise UnfitError(f"must end in {', '.join((*ENDINGS, *FORMATS))} to hold targets")
    array = read_all(open_arrays(path, ("targets",))["targets"])
    if 0 in array.shape:
        raise ValueError(
            f"targets must be a table, one row a sample, {path} has shape {array.shape}"
        )
    return np.asarray(array, np.float64)
