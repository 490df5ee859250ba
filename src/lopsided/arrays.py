"""Array types and the checks that every noun makes at its door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from lopsided.needs import loaded

Scalar = TypeVar("Scalar", bound=np.generic)
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: The largest integer up to which every integer is a float64.
LARGEST_EXACT = 2**53
#: Beyond this number and its inverse, sums of fourth powers leave float64.
LARGEST = 1e70


def require_finite(values: npt.ArrayLike, name: str, *, positive: bool = False) -> Floats:
    """Return `values` as a float64 vector, all finite (and positive if asked).

    Args:
        values: one number a class, or a single number.
        name: what the numbers are, for the message.
        positive: refuse zero and negative numbers too.

    Returns:
        A float64 array of at most one axis.

    Raises:
        ValueError: if a number is not finite, or not positive when asked; the class is named; or
            as `require_in_order`.
        TypeError: if `values` does not hold real numbers.
    """
    require_in_order(values, name)
    array = real_array(values, name)
    if array.ndim > 1:
        raise ValueError(f"{name} must be one number a class, got an array of shape {array.shape}")
    wrong = ~np.isfinite(array) | ((array <= 0) & positive)
    if wrong.any():
        kind = "positive finite numbers" if positive else "finite numbers"
        where = f" for class {int(np.argmax(wrong))}" if array.ndim else ""
        raise ValueError(f"{name} must be {kind}, got {array[wrong].flat[0]}{where}")
    return array


def require_in_order(values: Any, what: str) -> None:
    """Refuse a column of a table, or an array of xarray, whose index is not 0, 1, 2, ...: sorted by
    size or by name it would give a class the number of another.

    Raises:
        ValueError: naming its index.
    """
    index = getattr(values, "index", None)  # of a list or tuple a method
    if isinstance(along := getattr(values, "indexes", None), Mapping):
        index = next(iter(along.values()), None)
    if index is None or callable(index) or getattr(values, "ndim", 1) != 1:
        return
    places = list(index)
    if places != list(range(len(places))):
        raise ValueError(
            f"{what} came with the index {_told(places)}: one a class, they are in the order of the"
            f" labels 0 to {len(places) - 1}; put them in that order and give them without an index"
        )


def plain_array(values: Any, what: str) -> npt.NDArray[Any]:
    """Return values as an array, without what NumPy would lose on the way or cannot read.

    A tensor may live on a device, require a gradient, or be of a type that NumPy lacks.

    Raises:
        TypeError: if they are bytes, which NumPy takes for small numbers, or as `require_unmasked`
            and `require_dense`.
        ValueError: if they are rows of different lengths.
    """
    require_unmasked(values, what)
    if isinstance(values, bytes | bytearray):
        raise TypeError(f"{what} must be numbers, got {type(values).__name__}")
    require_dense(values, what)
    if hasattr(values, "is_meta"):  # a tensor; files can be detached too
        if values.is_meta:
            raise TypeError(f"{what} must be numbers, got a tensor without any (on device meta)")
        values = values.detach().cpu().resolve_conj().resolve_neg()
        try:
            return np.asarray(values)
        except TypeError:
            values = values.float()
    try:
        array = np.asarray(values)
        # A frame with nullable columns comes as objects, each of its columns as numbers.
        if array.dtype.kind == "O" and array.ndim == 2 and hasattr(values, "items"):
            with suppress(TypeError):  # dates and numbers have no type in common
                array = np.stack([np.asarray(column) for _, column in values.items()], axis=1)
        return array
    except ValueError as error:
        raise ValueError(
            f"{what} must be one number each, or rows of one length, got {_told(values)}"
        ) from error


def require_unmasked(values: Any, what: str) -> None:
    """Refuse a masked array, whose mask every conversion drops without a word.

    Raises:
        TypeError: saying so.
    """
    masked = loaded("numpy.ma")  # not imported for it: who has one has imported it
    if masked is not None and isinstance(values, masked.MaskedArray):
        raise TypeError(
            f"{what} must not be a masked array, whose mask would be lost; leave out the masked"
            " entries first"
        )


def require_dense(values: Any, what: str) -> None:
    """Refuse sparse arrays of SciPy, which NumPy takes for one object, and tensors that are sparse
    or nested.

    Raises:
        TypeError: naming what makes them dense.
    """
    sparse = loaded("scipy.sparse")  # not imported for it: who has one has imported it
    if sparse is not None and sparse.issparse(values):
        kind, dense = type(values).__name__, "toarray()"
    elif hasattr(values, "is_meta") and values.is_nested:
        kind, dense = "nested tensor", "parts in one, torch.cat(tensor.unbind())"
    elif hasattr(values, "is_meta") and str(values.layout) != "torch.strided":
        kind, dense = f"tensor of layout {values.layout}", "to_dense()"
    else:
        return
    raise TypeError(f"{what} must be dense numbers, got a {kind}; give its {dense}")


def real_array(values: Any, what: str) -> Floats:
    """Return real numbers of any type as float64.

    Raises:
        TypeError: if they are complex, whose imaginary parts would be lost, texts or no numbers; or
            as `plain_array`.
    """
    try:
        array = plain_array(values, what)
    except ValueError as error:
        raise TypeError(f"{what} must be real numbers, got {_told(values)}") from error
    # NumPy makes NaN of None.
    nothing = array.dtype.kind == "O" and any(value is None for value in array.flat)
    if array.dtype.kind in "biufO" and not nothing:
        try:
            return np.asarray(array, np.float64)
        except (TypeError, ValueError, OverflowError):
            pass
    kind = "" if array.dtype.kind == "O" else f" of dtype {array.dtype}"
    raise TypeError(f"{what} must be real numbers, got {_told(values)}{kind}")


def require_number(value: Any, name: str) -> float:
    """Return one real number as a float; it may be infinite or NaN.

    Raises:
        TypeError: if it is none, or several.
    """
    if type(value) is float:  # as most are; torch.compile follows no array
        return value
    if isinstance(value, bool | np.bool_ | str) or (array := real_array(value, name)).ndim:
        raise TypeError(f"{name} must be one number, got {_told(value)}")
    return float(array)


def require_flag(value: Any, name: str) -> None:
    """Refuse what is neither True nor False: any word, "no" too, would be taken for True.

    Raises:
        TypeError: naming what it is.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}")


def require_callable(value: Any, name: str) -> None:
    """Refuse what cannot be called, or is a class of what can.

    Raises:
        TypeError: naming what it is.
    """
    if not callable(value) or isinstance(value, type):
        raise TypeError(f"{name} must be a function of logits and labels, got {value!r}")


def require_noun(value: Any, noun: type, what: str, instead: str = "") -> None:
    """Refuse another noun than the one that is asked for.

    Args:
        value: what came.
        noun: its class, as it should be.
        what: the role it has, for the message.
        instead: where there is one to be had.

    Raises:
        TypeError: naming both.
    """
    if not isinstance(value, noun):
        hint = f"; {instead}" if instead else ""
        article = "an" if noun.__name__[0] in "AEIOU" else "a"
        raise TypeError(
            f"{what} must be {article} {noun.__name__}, got {type(value).__name__}{hint}"
        )


def require_whole(name: str, value: Any, least: int) -> int:
    """Return a whole number of at least `least` as Python has it: products of a narrow type of
    NumPy leave its range, and what counts with `numpy.uint64` is floating point.

    Raises:
        ValueError: if it is none, naming it.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return int(value)


def _told(values: Any) -> str:
    """Return values in a few words."""
    words = " ".join(repr(values).split())
    return words if len(words) <= 60 else f"{words[:57]}..."


def require_squares(array: Floats, what: str) -> None:
    """Refuse numbers so large, or all so small, that float64 cannot hold squares of their inner
    products.

    Raises:
        ValueError: naming the largest number.
    """
    largest = float(np.abs(array).max(initial=0.0))
    if largest and not 1 / LARGEST < largest < LARGEST:
        raise ValueError(
            f"{what} reach {largest:.0e}; beyond {1 / LARGEST:g} and {LARGEST:g} squares of their"
            " inner products leave float64. Multiply them all by one constant first, which changes"
            " no direction and no ratio"
        )


def kind_of(given: Any) -> str:
    """Return the name of the type of an array's or a tensor's numbers, "" where it has none.

    Example:
        >>> kind_of(np.zeros(2)), kind_of([0.0])
        ('float64', '')
    """
    return str(getattr(given, "dtype", "")).removeprefix("torch.")


def resized(array: Floats, axis: int | None = None) -> Floats:
    """Return an array over a power of two, so that its largest entry (along an axis) is in [1/2,
    1): what no size changes is computed of it without leaving float64, and to the same digits.

    Zeros and what is not finite stay as they are.

    Example:
        >>> resized(np.array([[3e200, 4e200]]), axis=1) / resized(np.array([3e200, 4e200]))
        array([[1., 1.]])
    """
    largest = np.abs(array).max(axis=axis, keepdims=True, initial=0.0)
    _, exponents = np.frexp(np.where(np.isfinite(largest), largest, 1.0))
    return np.asarray(np.ldexp(array, -exponents))


def unit_rows(values: Any, what: str) -> Floats:
    """Return (k, d) unit vectors, one a class, freed of the rounding of their lengths.

    Raises:
        ValueError: if the array has another shape, or a row is no unit vector; the class is named.
        TypeError: as `real_array`.
    """
    rows = real_array(values, what)
    if rows.ndim != 2 or len(rows) < 2:
        raise ValueError(
            f"{what} must be an array (k, d), one unit vector a class, got shape {rows.shape}"
        )
    with np.errstate(over="ignore"):
        lengths = np.linalg.norm(rows, axis=1)
    if (wrong := ~(np.abs(lengths - 1) <= 1e-4)).any():
        c = int(np.argmax(wrong))
        raise ValueError(
            f"{what} must be unit vectors, that of class {c} has length {lengths[c]:.6g}; divide"
            " each by its length"
        )
    return np.asarray(rows / lengths[:, None])


def frozen(values: npt.ArrayLike | Sequence[float]) -> Floats:
    """Return a read-only float64 copy."""
    return locked(np.array(values, dtype=np.float64))


def locked(array: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """Return a read-only view: what a noun holds is written to by nobody whom it is handed to."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view
