"""Linear layers at the end of a network: whether weight decay has balanced them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, real_array, require_squares, singular_values

#: Singular values below this share of the largest count as zero.
NOTHING = 1e-10


@dataclass(frozen=True, eq=False)
class Tail:
    """How balanced the linear layers at the end of a network are.

    Attributes:
        balance: (L - 1,) distances ||W_{l+1}' W_{l+1} - W_l W_l'||; under gradient flow with weight
            decay w on each they are multiplied by exp(-2 w t), whatever the data.
        condition_head: of the last layer, on its nonzero singular values.
        condition_product: of the product of all.
        predicted: of the last layer if all are balanced, the L-th root of that of the product.
    """

    balance: Floats
    condition_head: float
    condition_product: float
    predicted: float


def linear_tail(weights: Sequence[npt.ArrayLike]) -> Tail:
    """Measure the linear layers at the end of a network, which have no biases.

    Source: Jacot et al. 2025 (arXiv 2410.04887) for balance; the exact decay and the condition
    number of the head derived here.

    Args:
        weights: of each layer (outputs, inputs), in the order in which a feature meets them; at
            least two.

    Raises:
        ValueError: if there are fewer, shapes do not follow on each other, a number is not finite,
            or a layer or the product is zero.

    Example:
        >>> tail = linear_tail([[[2.0, 0.0], [0.0, 1.0]], [[2.0, 0.0], [0.0, 1.0]]])
        >>> tail.balance, tail.condition_head, tail.predicted
        (array([0.]), 2.0, 2.0)
    """
    given = [real_array(w, f"the weight of layer {i}") for i, w in enumerate(weights)]
    if len(given) < 2:
        raise ValueError(f"a linear tail has at least 2 layers, got {len(given)}")
    for i, w in enumerate(given):
        if w.ndim != 2 or not np.isfinite(w).all() or not w.any():
            raise ValueError(
                f"the weight of layer {i} must be a matrix of finite numbers that are not all 0,"
                f" got shape {w.shape}"
            )
        if i and w.shape[1] != len(given[i - 1]):
            raise ValueError(
                f"layer {i} takes {w.shape[1]} inputs and layer {i - 1} makes"
                f" {len(given[i - 1])}; give weights from the first layer of the tail to the last"
            )
        require_squares(w, f"the weights of layer {i}")
    product = given[0]
    for w in given[1:]:
        product = w @ product
    if not product.any():
        raise ValueError("the product of the layers is zero, so it has no condition number")
    balance = [
        float(np.linalg.norm(after.T @ after - before @ before.T))
        for before, after in pairwise(given)
    ]
    whole = _condition(product)
    return Tail(np.array(balance), _condition(given[-1]), whole, float(whole ** (1 / len(given))))


def _condition(matrix: Floats) -> float:
    values = singular_values(matrix)
    kept = values[values > NOTHING * values[0]]
    return float(kept[0] / kept[-1])
