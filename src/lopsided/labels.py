"""Labels that mean "leave this out": one rule for losses and measurements, for arrays and tensors
alike.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Sequence
from typing import Any

#: One label that marks what to leave out, several, or None for none.
Ignore = int | Sequence[int] | None


def sentinels(ignore: Ignore) -> tuple[int, ...]:
    """Return the labels to leave out as a tuple of plain integers.

    Raises:
        TypeError: if one of them is not a whole number.

    Example:
        >>> sentinels([0, 255]), sentinels(-100), sentinels(None)
        ((0, 255), (-100,), ())
    """
    if ignore is None:
        return ()
    # An array or tensor of no axis is one label, though it looks like a sequence.
    several = isinstance(ignore, Iterable) and getattr(ignore, "ndim", 1) > 0
    given: tuple[Any, ...] = tuple(ignore) if several else (ignore,)  # type: ignore[arg-type]
    return tuple(map(_label, given))


def _label(label: Any) -> int:
    if isinstance(label, int) and not isinstance(label, bool):
        return label
    try:
        if "bool" not in str(getattr(label, "dtype", type(label))):
            return operator.index(label)
    except TypeError:
        pass
    raise TypeError(
        f"a label to leave out must be a whole number, or a sequence of them, got {label!r}"
    )


def check_whole(labels: Any, what: str = "labels") -> None:
    """Refuse labels that are not whole numbers; their type decides, so no value is looked at.

    Args:
        labels: array or tensor.
        what: they are called.

    Raises:
        TypeError: if they are floating point, boolean, complex or no numbers.

    Example:
        >>> import numpy as np
        >>> check_whole(np.array([0.0, 1.0]))
        Traceback (most recent call last):
        TypeError: labels must be whole numbers, got dtype float64
    """
    # NumPy writes the order of bytes, too, into the name of a type.
    kind = getattr(labels.dtype, "kind", str(labels.dtype).removeprefix("torch."))
    if not kind.startswith(("i", "u")):
        raise TypeError(f"{what} must be whole numbers, got dtype {labels.dtype}")


def left_out(labels: Any, marks: tuple[int, ...]) -> Any:
    """Return which labels are marked, as a boolean array or tensor like them; None where there are
    no marks.

    Only compares, so it may run under a compiler or a vmap.

    Args:
        labels: int64 array or tensor of any shape. Narrower types come first into int64: a uint8
            label never equals -100, and is not to be told otherwise by wrapping around.
        marks: of `sentinels`.

    Example:
        >>> import numpy as np
        >>> left_out(np.array([0, 7, 255]), (0, 255))
        array([ True, False,  True])
    """
    return functools.reduce(operator.or_, (labels == mark for mark in marks)) if marks else None
