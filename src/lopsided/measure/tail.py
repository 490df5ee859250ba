"""Linear layers at the end of a network: whether weight decay has balanced them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, real_array, require_squares, resized
from lopsided.singular import singular_values


@dataclass(frozen=True, eq=False)
class Tail:
    """How balanced the linear layers at the end of a network are.

    Attributes:
        balance: (L - 1,) distances ||W_{l+1}' W_{l+1} - W_l W_l'||; under gradient flow with weight
            decay w on each they are multiplied by exp(-2 w t), whatever the data.
        condition_head: of the last layer, on its singular values above rounding.
        condition_product: of the product of all, on as many as the layer of least rank has.
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
            a layer or the product is zero, or the product has singular values that rounding hides.

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
    sized = [resized(w) for w in given]  # no size changes a condition number
    product = sized[0]
    for w in sized[1:]:
        product = w @ product
    if not product.any():
        raise ValueError("the product of the layers is zero, so it has no condition number")
    balance = [
        float(np.linalg.norm(after.T @ after - before @ before.T))
        for before, after in pairwise(given)
    ]
    each = [singular_values(w) for w in sized]
    ranks = [int(np.sum(v > _rounding(w, v[0]))) for w, v in zip(given, each, strict=True)]
    rank, values = min(ranks), singular_values(product)
    bound = _rounding(product, float(np.prod([v[0] for v in each])))
    if not values[rank - 1] > bound:
        raise ValueError(
            f"all layers have rank {rank} or more, but singular value {rank} of their product,"
            f" {values[rank - 1]:.1e}, is below rounding, {bound:.0e}, so its condition number is"
            " unknown; give fewer layers, or layers without the directions that they let die"
        )
    whole = float(values[0] / values[rank - 1])
    head = float(each[-1][0] / each[-1][ranks[-1] - 1])
    return Tail(np.array(balance), head, whole, float(whole ** (1 / len(given))))


def _rounding(matrix: Floats, size: float) -> float:
    """Return up to what a singular value may be rounding, `size` the largest there could be."""
    return float(max(matrix.shape) * np.finfo(float).eps * size)
