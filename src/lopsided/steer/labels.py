"""The door for labels of every loss and head."""

from __future__ import annotations

import torch
from torch import Tensor

from lopsided.labels import Ignore, check_whole, left_out, sentinels
from lopsided.steer.checks import check_tensor, visible


def read_labels(
    labels: Tensor, n: int, k: int, ignore: Ignore, what: str = "labels"
) -> tuple[Tensor, Tensor | None]:
    """Return the classes of n samples, and which of them count.

    Args:
        labels: (n,) or (n, 1) whole numbers of any type.
        n: samples.
        k: classes.
        ignore: labels of samples to leave out, also where one is that of a class.
        what: they are called.

    Returns:
        (n,) int64 from 0 to k-1, 0 for a sample left out; and (n,) booleans, None where all samples
        are known to count.

    Raises:
        ValueError: if the shape is wrong, or a label that is not to be left out is out of range;
            the sample is named.
        TypeError: if the labels are no tensor, or not whole numbers.
    """
    check_tensor(labels, what)
    check_whole(labels, what)
    if labels.shape == (n, 1):
        labels = labels[:, 0]
    if labels.shape != (n,):
        raise ValueError(
            f"{what} must have shape ({n},) or ({n}, 1) beside {n} samples, got"
            f" {tuple(labels.shape)} of {labels.dtype}; distributions over classes are floating"
            " point"
        )
    classes = labels.long()
    # Past the ends of its type no label can be: comparing would overflow, or in the largest type
    # wrap around.
    least, most = torch.iinfo(labels.dtype).min, torch.iinfo(torch.int64).max
    marks = tuple(mark for mark in sentinels(ignore) if least <= mark <= most)
    if visible(labels):
        if not n:
            return classes, None
        low, high = (int(end) for end in torch.aminmax(classes))
        inside = low >= 0 and high < k
        if inside and not any(low <= mark <= high for mark in marks):
            return classes, None
        if not inside:
            _refuse_strangers(labels, classes, k, left_out(classes, marks), what)
    marked = left_out(classes, marks)
    return (classes, None) if marked is None else (classes.masked_fill(marked, 0), ~marked)


def _refuse_strangers(
    labels: Tensor, classes: Tensor, k: int, marked: Tensor | None, what: str
) -> None:
    wrong = (classes < 0) | (classes >= k)
    if marked is not None:
        wrong &= ~marked
    if wrong.any():
        sample = int(wrong.nonzero()[0])
        raise ValueError(
            f"{what} must be from 0 to {k - 1}, got {labels[sample].item()} for sample {sample}"
        )
