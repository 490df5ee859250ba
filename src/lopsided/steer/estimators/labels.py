"""The door of labels that estimators are fitted to."""

from __future__ import annotations

from typing import Any

import numpy as np

from lopsided.arrays import require_unmasked


def require_all(y: Any) -> None:
    """Refuse labels of which some are missing: beside texts NumPy reads NaN as one of a list, and
    finds no order of objects.

    Raises:
        ValueError: naming the first.
        TypeError: if they are a masked array, whose mask would be lost.
    """
    require_unmasked(y, "labels")
    listed = isinstance(y, list | tuple)
    given = y if listed else np.asarray(y)
    if not listed:  # in arrays scikit-learn itself finds NaN, and that there are no labels
        given = given.ravel() if given.ndim and given.dtype.kind == "O" else ()
    for i, label in enumerate(given):
        nan = listed and isinstance(label, float | np.floating) and np.isnan(label)
        if label is None or nan or type(label).__name__ == "NAType":  # of pandas
            raise ValueError(f"labels must not be missing, got {label!r} for sample {i}")
