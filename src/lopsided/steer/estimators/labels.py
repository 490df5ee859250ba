"""The door of labels that estimators are fitted to."""

from __future__ import annotations

from typing import Any

from sklearn.utils.multiclass import check_classification_targets


def require_classes(y: Any) -> None:
    """Refuse labels that are no classes, or missing: beside texts NumPy reads NaN in a list as one.

    Raises:
        ValueError: naming the first.
    """
    if isinstance(y, list | tuple):
        for i, label in enumerate(y):
            if label is None or (isinstance(label, float) and label != label):
                raise ValueError(f"labels must not be missing, got {label!r} for sample {i}")
    check_classification_targets(y)
