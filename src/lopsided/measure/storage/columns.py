"""A column of Arrow as an array: numbers, or lists of equally many of them, and never a null."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lopsided.files import UnfitError


class Column(NamedTuple):
    """Rows of a column.

    Attributes:
        n: number of rows.
        shape: of a row.
        dtype: of the numbers.
        numbers: (n * row,) as they lie in memory.
    """

    n: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    numbers: npt.NDArray[Any]

    @property
    def address(self) -> int:
        """Where the numbers lie in memory."""
        return int(self.numbers.__array_interface__["data"][0])


def column_of(library: Any, array: Any, name: str, start: int) -> Column:
    """Return a column; its numbers are not copied.

    Args:
        library: pyarrow.
        array: a pyarrow array.
        name: of the column.
        start: the number of its first row in the file.

    Raises:
        UnfitError: if it holds nulls, lists of different lengths, or no numbers; the row is named.
    """
    array = array.cast(plain(library, array.type))
    kind, n = library.types, len(array)
    _require_full(array, name, start, 1)
    values, width = array, 1
    if kind.is_fixed_size_list(array.type):
        width = array.type.list_size
        # `values` is not cut as the array is; `flatten` would drop null rows, and there are none.
        values = array.flatten()
    elif kind.is_list(array.type) or kind.is_large_list(array.type):
        lengths = np.diff(array.offsets.to_numpy())
        width = int(lengths[0]) if n else 0
        if (lengths != width).any():
            row = int(np.argmax(lengths != width))
            raise UnfitError(
                f"holds {width} {name} in row {start} and {lengths[row]} in row {start + row}; all"
                " rows must be as long"
            )
        values = array.flatten()
    if not (kind.is_floating(values.type) or kind.is_integer(values.type)):
        raise UnfitError(
            f"holds {name} of type {array.type}; lists of real numbers are read, and whole numbers"
            " for labels"
        )
    _require_full(values, name, start, max(width, 1))
    lists = values is not array
    numbers = values.to_numpy(zero_copy_only=True)
    return Column(n, (width,) if lists else (), numbers.dtype, numbers)


def plain(library: Any, kind: Any) -> Any:
    """Return the type in which a column lies, of tensors of one axis the lists that they are."""
    tensors = isinstance(kind, library.FixedShapeTensorType) and len(kind.shape) == 1
    return kind.storage_type if tensors else kind


def _require_full(array: Any, name: str, start: int, width: int) -> None:
    if array.null_count:
        at = int(np.argmax(array.is_null().to_numpy(zero_copy_only=False)))
        raise UnfitError(f"holds a null in {name}, in row {start + at // width}")
