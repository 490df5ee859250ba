"""The door of every measurement: what a batch must look like, and the sentence when it does not.

A check raises before any state has changed, so a refused batch loses nothing: the caller may drop
it and go on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from lopsided.arrays import LARGEST, Floats, Ints, plain_array, real_array, require_squares
from lopsided.labels import left_out

#: What a result without samples would be of.
NOTHING = "nothing has been measured yet: a batch of features and labels comes before the result"
#: Thousands of numbers below this have a sum in float64.
NEARLY = 1e300


def sentence_of(error: Exception) -> str:
    """Return what an error says, with its kind where it is none of ours."""
    return str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"


def samples_of(
    features: Any,
    labels: npt.ArrayLike,
    logits: Any,
    shape: tuple[int, int],
    marks: tuple[int, ...] = (),
) -> tuple[Any, Ints, Any]:
    """Return a batch of any layout as one row a sample, without the positions that are marked.

    Args:
        features: (*batch, d) array or tensor; the batch is (b,), or (b, t) for sequences.
        labels: of the batch's shape; one more axis of length one is understood, or all in one
            vector.
        logits: (*batch, k) array or tensor, or `None`.
        shape: k and d.
        marks: labels that say to leave a position out, of `lopsided.labels.sentinels`.

    Returns:
        Features (n, d), classes (n,) from 0 to k-1 in memory of their own, and logits (n, k) or
        `None`.

    Raises:
        ValueError: if the labels are not one for each row of features, or out of range.
        TypeError: if the labels are not whole numbers.
    """
    y, (k, d) = plain_array(labels, "labels"), shape
    if y.dtype.kind == "f" and y.ndim > 1 and y.shape[-1] == k:
        raise ValueError(
            f"labels must be one class a sample, got shares of the {k} classes in shape {y.shape},"
            " as mixup and one-hot encoding make them; features of mixed inputs belong to no"
            " class: measure inputs that are not mixed (measure.diagnose), and of one-hot labels"
            " give the argmax"
        )
    for part, width, what in ((features, d, "features"), (logits, k, "logits")):
        if part is None:
            continue
        if part.ndim < 2 or part.shape[-1] != width:
            raise ValueError(f"{what} must have shape (b, {width}), got {tuple(part.shape)}")
        batch = tuple(part.shape[:-1])
        if y.shape not in (batch, (*batch, 1), (math.prod(batch),)):
            if y.shape == (*batch, k) and np.isin(y, (0, 1)).all() and y.sum(axis=-1).max() > 1:
                raise ValueError(
                    f"labels must be one class a sample, got rows of 0 and 1 over the {k} classes:"
                    " of several labels a sample measure the sets: measure.watch(model, sets=sets)"
                    " or measure.Stream(sets.m, d, sets=sets) with sets ="
                    " measure.LabelSets.of(labels), or in a file by `lopsided measure`"
                )
            raise ValueError(
                f"{what} and labels must have one row a sample, got {math.prod(batch):,} rows and"
                f" {y.size:,} labels (shapes {tuple(part.shape)} and {y.shape})"
            )
    y = np.array(whole(y)).reshape(-1)  # a loader may fill the same memory again
    out = left_out(y, marks)
    y = labels_of(y if out is None else np.where(out, 0, y), k)
    kept = slice(None) if out is None or not out.any() else np.flatnonzero(~out)
    x, z = (
        None if part is None else part.reshape(-1, part.shape[-1])[kept]
        for part in (features, logits)
    )
    return x, y[kept], z


def whole(labels: npt.ArrayLike) -> Ints:
    """Return labels as int64, whatever integer type they come in.

    Raises:
        TypeError: if they are not whole numbers.
        ValueError: if one does not fit int64.
    """
    array = plain_array(labels, "labels")
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"labels must be whole numbers, got dtype {array.dtype}")
    if array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"labels must be classes, got {array.max()}")
    return array.astype(np.int64, copy=False)


def labels_of(labels: npt.ArrayLike, k: int) -> Ints:
    """Return the labels (n,) as int64, each from 0 to k-1; a column (n, 1) is taken for the vector.

    Raises:
        ValueError: if the labels are no vector, or one is negative or too large; the sample is
            named.
        TypeError: if they are not whole numbers.
    """
    array = whole(labels)
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if array.ndim != 1:
        raise ValueError(f"labels must be a vector, one class a sample, got shape {array.shape}")
    if array.size and (array.min() < 0 or array.max() >= k):
        i = int(np.argmax((array < 0) | (array >= k)))
        raise ValueError(
            f"labels must be from 0 to {k - 1}, got {array[i]} for sample {i} of the batch; a label"
            " that marks what to leave out is named by `ignore` (where there is none, leave out its"
            " rows), and labels that start at 1 or have gaps are renumbered first: names, labels ="
            " np.unique(labels, return_inverse=True)"
        )
    return array


def rows_of(
    rows: npt.ArrayLike,
    labels: Ints,
    width: int,
    what: str,
    place: Callable[[int], str] = "sample {} of the batch".format,
    *,
    finite: bool = True,
) -> npt.NDArray[Any]:
    """Return a (b, width) array of finite numbers, one row a label.

    Args:
        rows: features or logits, in any float or integer type.
        labels: (b,) checked labels, to name the class of a wrong sample; -1 where it has none.
        width: number of columns there must be.
        what: "features" or "logits".
        place: says where a row is.
        finite: whether to look for numbers that are not finite.

    Raises:
        ValueError: if the shape is another, or a number is NaN or infinite; sample and class are
            named.
        TypeError: if the array does not hold real numbers.
    """
    array = plain_array(rows, what)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{what} must be real numbers, got dtype {array.dtype}")
    if array.ndim != 2 or array.shape[1] != width:
        raise ValueError(f"{what} must have shape (b, {width}), got {array.shape}")
    if len(array) != len(labels):
        raise ValueError(
            f"{what} and labels must have one row a sample, got {len(array)} rows and {len(labels)}"
            " labels"
        )
    # A sum is finite only of finite numbers, and quicker than a look at each; one that overflows,
    # or nearly does, as sums of differences then do, only costs the second look.
    if finite and array.dtype.kind == "f" and not abs(float(_sum(array))) < NEARLY:
        fine = np.isfinite(array)
        if array.dtype.itemsize >= 8:  # such a sum overflows the state too
            fine &= np.abs(array) < LARGEST
        if not fine.all():
            i = int(np.argmin(fine.all(axis=1)))
            problem = (
                "NaN or infinity"
                if not np.isfinite(array[i]).all()
                else f"numbers beyond {LARGEST:g}"
            )
            of = f" (class {labels[i]})" if labels[i] >= 0 else ""
            raise ValueError(f"{what} must be finite, {place(i)}{of} has {problem}")
    return array


def _sum(array: npt.NDArray[Any]) -> Any:
    with np.errstate(over="ignore", invalid="ignore"):
        return array.sum()


def head_of(
    weight: npt.ArrayLike, bias: npt.ArrayLike | None, k: int, d: int
) -> tuple[Floats, Floats | None]:
    """Return the classifiers (k, d) and the bias (k,) of a head in float64.

    A head of one logit for two classes, weight (1, d), is that of the logits -z / 2 and z / 2,
    whose softmax is its sigmoid.

    Raises:
        ValueError: if a shape is another, an entry is not finite (the class is named), or the
            squares leave float64.
    """
    w = real_array(weight, "the head's weight")
    b = None if bias is None else real_array(bias, "the head's bias")
    if w.shape == (1, d) and k == 2:
        w = np.concatenate([-w / 2, w / 2])
        if b is not None and b.shape == (1,):
            b = np.multiply([-0.5, 0.5], b)
    if w.shape != (k, d):
        raise ValueError(
            f"the head's weight must have shape ({k}, {d}), one row a class, got {w.shape}"
        )
    if b is not None and b.shape != (k,):
        raise ValueError(f"the head's bias must have shape ({k},), got {b.shape}")
    for array, what in ((w, "weight"), (b, "bias")):
        if array is not None and not np.isfinite(array).all():
            c = int(np.argmin(np.isfinite(array.reshape(k, -1)).all(axis=1)))
            raise ValueError(f"the head's {what} of class {c} has NaN or infinity")
    require_squares(w, "the head's weights")
    return w, b


def all_of(
    features: npt.ArrayLike, labels: npt.ArrayLike, what: str = "features"
) -> tuple[Floats, Ints, int]:
    """Return features (n, d) that are all here in float64, their classes (n,), and how many classes
    there are.

    Raises:
        ValueError: if shapes do not fit, a number is not finite, or a class below the largest label
            has no sample.
        TypeError: if labels are not whole numbers.
    """
    y = whole(labels)
    y = labels_of(y, int(y.max(initial=0)) + 1)
    given = plain_array(features, what)
    if given.ndim != 2 or not given.size:
        raise ValueError(f"{what} must be an array (n, d), got shape {given.shape}")
    x = rows_of(given, y, given.shape[1], what, "sample {}".format).astype(np.float64, copy=False)
    counts = np.bincount(y)
    if not counts.all():
        raise ValueError(
            f"every class from 0 to {len(counts) - 1} must have samples, class"
            f" {int(np.argmin(counts))} has none; renumber labels with gaps"
        )
    return x, y, len(counts)
