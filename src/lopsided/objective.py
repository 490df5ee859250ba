"""Objective: a problem's value at explicit factors, and its derivatives by them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from lopsided.arrays import Floats, real_array
from lopsided.loss import Loss
from lopsided.targets import Targets


class Objective(NamedTuple):
    """Value of a problem's objective and its derivatives.

    Attributes:
        value: F.
        layers: by W_L, .., W_1.
        embeddings: (m, d) by the embeddings.
        bias: (k,) by the bias.
    """

    value: float
    layers: list[Floats]
    embeddings: Floats
    bias: Floats


def objective(
    loss: Loss,
    targets: Targets,
    ridges: tuple[float, float],
    layers: Sequence[Floats],
    embeddings: Floats,
    bias: Floats,
) -> Objective:
    """Return sum_j w_j loss(W_L .. W_1 h_j + b, t_j) + the ridges' halves of the squares.

    Args:
        loss: of logits and targets.
        targets: (k, m), of w_j samples each.
        ridges: on layers and features, and on the bias.
        layers: W_L, .., W_1.
        embeddings: (m, d), the h_j.
        bias: (k,).

    Raises:
        ValueError: if shapes do not fit.
        TypeError: if factors are no real numbers.
    """
    ws = [real_array(layer, "a weight matrix") for layer in layers]
    h, b = real_array(embeddings, "embeddings"), real_array(bias, "the bias")
    _require_fit(ws, h, b, targets)
    (ridge, beta), w = ridges, targets.weights
    products = [ws[0]]
    for layer in ws[1:]:
        products.append(products[-1] @ layer)
    losses, slope = loss.value(products[-1] @ h.T + b[:, None], targets)
    slope = slope * w
    by_layers, below = list[Floats](), h.T
    for i in range(len(ws) - 1, -1, -1):
        above = slope if i == 0 else products[i - 1].T @ slope
        by_layers.insert(0, above @ below.T + ridge * ws[i])
        below = ws[i] @ below
    by_embeddings = slope.T @ products[-1] + ridge * w[:, None] * h
    squares = sum(float(np.sum(layer**2)) for layer in ws) + float(w @ np.sum(h**2, axis=1))
    value = float(w @ losses) + ridge / 2 * squares + beta / 2 * float(b @ b)
    return Objective(value, by_layers, by_embeddings, slope.sum(axis=1) + beta * b)


def _require_fit(layers: list[Floats], embeddings: Floats, bias: Floats, targets: Targets) -> None:
    """Refuse factors whose product is not of the targets' shape, or that NumPy would spread."""
    shapes = [part.shape for part in (*layers, embeddings.T)]
    chained = all(len(shape) == 2 for shape in shapes) and all(
        one[1] == other[0] for one, other in pairwise(shapes)
    )
    k, m = targets.matrix.shape
    if not chained or (shapes[0][0], shapes[-1][1]) != (k, m) or bias.shape != (k,):
        raise ValueError(
            f"factors must be weight matrices ({k}, ..), .., (.., d), embeddings ({m}, d) and a"
            f" bias ({k},), got {', '.join(map(str, shapes[:-1]))}, {embeddings.shape} and"
            f" {bias.shape}"
        )
