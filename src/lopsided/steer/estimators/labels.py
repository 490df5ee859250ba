"""The door of labels that estimators are fitted to."""

from __future__ import annotations

from typing import Any

import numpy as np

from lopsided.arrays import require_unmasked


def require_all(y: Any) -> None:
    """Refuse a list of labels of which some are missing: beside texts NumPy reads NaN as one.

    Raises:
        ValueError: naming the first.
        TypeError: if they are a masked array, whose mask would be lost.
    """
    require_unmasked(y, "labels")
    if isinstance(y, list | tuple):
        for i, label in enumerate(y):
            if label is None or (isinstance(label, float | np.floating) and np.isnan(label)):
                raise ValueError(f"labels must not be missing, got {label!r} for sample {i}")
