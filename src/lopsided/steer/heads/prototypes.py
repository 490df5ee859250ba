"""Fixed prototypes: which class takes which, and frames on the way from one to another."""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from lopsided.arrays import require_number
from lopsided.steer.checks import check_tensor, concrete
from lopsided.steer.directions import directions, lengths
from lopsided.steer.precision import exact, full_precision, lifted


def flow(start: Tensor, end: Tensor, t: float) -> Tensor:
    """Return the prototypes at a time on the way from one frame to another, as unit vectors.

    At time t the prototype of a class is the direction of (1 - t) start + t end, on the great
    circle through the two where they are unit vectors. A head follows with
    `head.weight.copy_(flow(start, end, t))`.

    Args:
        start: (k, d) prototypes at time 0.
        end: (k, d) prototypes at time 1.
        t: time, from 0 to 1.

    Returns:
        (k, d) unit vectors, at least float32; differentiable in both frames.

    Raises:
        ValueError: if the shapes differ, the time is out of range, or a class has no direction at
            that time, because its prototypes are opposite or zero.
        TypeError: if a frame is no tensor.

    Example:
        >>> flow(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), 0.5)
        tensor([[0.7071, 0.7071]])
    """
    _check(start, end, "an end of a flow")
    if len(start) != len(end):
        raise ValueError(
            f"the two ends of a flow must be of as many classes, got {len(start)} and {len(end)}"
        )
    if not 0 <= require_number(t, "t") <= 1:
        raise ValueError(f"t must be from 0 to 1, got {t}")
    first, last = lifted(start, end)
    between = (1 - t) * first + t * last
    if concrete(between):
        least = 16 * torch.finfo(between.dtype).eps * torch.maximum(lengths(first), lengths(last))
        lost = ~(lengths(between) > least)
        if lost.any():
            raise ValueError(
                f"at t = {t} the prototype of class {int(lost.nonzero()[0])} has no direction: its"
                " two ends are opposite there, or zero"
            )
    return directions(between)


def assign(means: Tensor, frame: Tensor) -> Tensor:
    """Return which vector of a frame each class takes: no two the same, and the sum of the cosines
    between class means and vectors as large as possible.

    For frames of more vectors than there are classes yet; `frame[assign(means, frame)]` are then
    the prototypes of the classes, for `FixedHead.of_vectors`.

    Args:
        means: (k, d) class means, of which only the directions count.
        frame: (K, d) vectors, K at least k.

    Returns:
        (k,) whole numbers from 0 to K - 1, where the means are.

    Raises:
        ValueError: if there are fewer vectors than classes, the dimensions differ, or a mean or a
            vector is zero or not finite.
        TypeError: if one is no tensor.

    Example:
        >>> assign(torch.tensor([[0.0, 2.0], [3.0, 1.0]]), torch.eye(2)).tolist()
        [1, 0]
    """
    _check(means, frame, "class means")
    if len(frame) < len(means):
        raise ValueError(
            f"{len(means)} classes need as many vectors to choose from, the frame has {len(frame)}"
        )
    for rows, what in ((means, "mean"), (frame, "vector")):
        size = lengths(full_precision(rows.detach()))
        wrong = ~(size.isfinite() & (size > 0))
        if wrong.any():
            raise ValueError(
                f"{what} {int(wrong.nonzero()[0])} has no direction: it is zero or not finite"
            )
    units = [directions(rows) for rows in lifted(means.detach(), frame.detach())]
    with exact(means.device):
        cosines = units[0] @ units[1].T
    _, chosen = linear_sum_assignment(cosines.cpu().numpy(), maximize=True)
    return torch.as_tensor(chosen, dtype=torch.int64, device=means.device)


def _check(rows: Tensor, others: Tensor, what: str) -> None:
    for values in (rows, others):
        check_tensor(values, f"{what} or the frame")
        if values.ndim != 2 or not values.is_floating_point():
            raise ValueError(
                f"{what} and the frame must be floating point of shape (k, d), got"
                f" {tuple(values.shape)} of {values.dtype}"
            )
    if rows.shape[1] != others.shape[1]:
        raise ValueError(
            f"{what} and the frame must have the same dimensions, got {rows.shape[1]} and"
            f" {others.shape[1]}"
        )
