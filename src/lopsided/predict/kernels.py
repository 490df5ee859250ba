"""Kernels of infinitely wide networks: what their features look like, at initialisation (NNGP) and
in lazy training (NTK).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from lopsided.arrays import (
    Floats,
    real_array,
    require_number,
    require_squares,
    require_whole,
)
from lopsided.memory import require_memory

Activation = Literal["relu", "erf"]
#: Variance of a weight, times the width, where nobody says another.
WEIGHTS: dict[Activation, float] = {"relu": 2.0, "erf": 1.0}
#: Rows and columns of a tile, which goes through all layers while it is in the cache.
TILE = 256

#: Kernel of a tile, and of its rows and its columns on the diagonal, of one layer -> expectation of
#: the product of two units, and of the product of their slopes.
Layer = Callable[[Floats, Floats, Floats], tuple[Floats, Floats]]


def nngp(
    inputs: npt.ArrayLike,
    hidden: int,
    activation: Activation = "relu",
    weight: float | None = None,
    bias: float = 0.0,
) -> Floats:
    """Return the kernel of the outputs of an infinitely wide network at initialisation (NNGP).

    K^0 = bias + weight X X' / d, and after each hidden layer bias + weight E[s(u) s(v)], with (u,
    v) Gaussian of covariance K. Every entry goes through all layers on its own, beside the
    diagonal.

    Source: Kothapalli and Tirer 2024 (arXiv 2406.02105) for its use here.

    Args:
        inputs: (n, d); commonly of squared length d.
        hidden: hidden layers, 0 or more.
        activation: "relu" or "erf".
        weight: variance of a weight times the width before it; 2 for ReLU and 1 for erf, unless
            said otherwise.
        bias: variance of a bias.

    Returns:
        (n, n), symmetric. `measure.features_of` makes features of it.

    Raises:
        ValueError: if inputs are no finite (n, d), `hidden` is no whole number of at least 0, a
            variance is negative or infinite, the activation is unknown, or the kernel leaves
            float64.
        MemoryError: if the kernel takes more than half of this machine's memory.

    Example:
        >>> nngp([[1.0, 0.0], [0.0, 1.0]], hidden=1).round(4)
        array([[1.    , 0.3183],
               [0.3183, 1.    ]])
    """
    return _kernel(inputs, hidden, activation, weight, bias, tangent=False)


def ntk(
    inputs: npt.ArrayLike,
    hidden: int,
    activation: Activation = "relu",
    weight: float | None = None,
    bias: float = 0.0,
) -> Floats:
    """Return the neural tangent kernel of an infinitely wide network.

    T^0 = K^0, and after each hidden layer T <- K_new + weight T E[s'(u) s'(v)], entry by entry.
    Arguments and errors are those of `nngp`.

    Source: Kothapalli and Tirer 2024 (arXiv 2406.02105) for its use here.

    Example:
        >>> ntk([[1.0, 0.0], [0.0, 1.0]], hidden=1).round(4)
        array([[2.    , 0.3183],
               [0.3183, 2.    ]])
    """
    return _kernel(inputs, hidden, activation, weight, bias, tangent=True)


def _kernel(
    inputs: npt.ArrayLike,
    hidden: int,
    activation: Activation,
    weight: float | None,
    bias: float,
    *,
    tangent: bool,
) -> Floats:
    x = _inputs(inputs)
    require_whole("hidden layers", hidden, 0)
    if activation not in get_args(Activation):
        raise ValueError(f"activation must be 'relu' or 'erf', got {activation!r}")
    omega = _variance("weight", WEIGHTS[activation] if weight is None else weight)
    beta = _variance("bias", bias)
    n, d = x.shape
    require_memory(8.0 * n * n, f"a kernel of {n:,} inputs", "take fewer of them")
    layer = _relu if activation == "relu" else _erf
    own = beta + omega * np.einsum("nd,nd->n", x, x) / d
    if activation == "relu" and hidden and not own.all():
        raise ValueError(
            f"the first layer makes zero of input {int(np.argmin(own))}, where a ReLU has no slope:"
            " leave out inputs that are zero, or give a bias"
        )
    kernel = np.empty((n, n))
    for rows, columns in _tiles(n):
        K = beta + omega * (x[rows] @ x[columns].T) / d
        if rows == columns:
            np.fill_diagonal(K, own[rows])  # at no angle, to the last digit
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            tile = _outputs(layer, K, own[rows], own[columns], (omega, beta), hidden, tangent)
        kernel[rows, columns], kernel[columns, rows] = tile, tile.T
    if not np.isfinite(kernel).all():
        raise ValueError(
            f"a kernel of {hidden} hidden layers with variances {omega:g} of a weight and"
            f" {beta:g} of a bias leaves float64; take ones nearer {WEIGHTS[activation]:g} and 0"
        )
    return kernel


def _outputs(
    layer: Layer,
    K: Floats,
    a: Floats,
    b: Floats,
    variances: tuple[float, float],
    hidden: int,
    tangent: bool,
) -> Floats:
    """Return a tile of the kernel of the outputs, from that of the inputs and its diagonal."""
    (omega, beta), T = variances, K
    for _ in range(hidden):
        product, slopes = layer(K, a, b)
        K, a, b = (beta + omega * part for part in (product, _own(layer, a), _own(layer, b)))
        T = K + omega * T * slopes if tangent else T
    return T if tangent else K


def _own(layer: Layer, variance: Floats) -> Floats:
    """Return the expected square of a unit of some variance."""
    return layer(variance, variance, variance)[0]


def _relu(K: Floats, a: Floats, b: Floats) -> tuple[Floats, Floats]:
    size = np.sqrt(a * b if K.ndim == 1 else np.outer(a, b))
    cosine = np.clip(K / size, -1, 1)  # beyond by rounding alone
    rest = (np.pi - np.arccos(cosine)) / (2 * np.pi)
    return size * (np.sqrt(1 - cosine**2) / (2 * np.pi) + rest * cosine), rest


def _erf(K: Floats, a: Floats, b: Floats) -> tuple[Floats, Floats]:
    square, total = (a * b, a + b) if K.ndim == 1 else (np.outer(a, b), np.add.outer(a, b))
    # (1 + 2 a) (1 + 2 b) - 4 K^2, without the ones that large variances would swallow
    apart = np.sqrt(1 + 2 * total + 4 * np.maximum(square - K**2, 0))
    return 2 / np.pi * np.arctan2(2 * K, apart), 4 / np.pi / apart


def _tiles(n: int) -> Iterator[tuple[slice, slice]]:
    """Yield the tiles on and above the diagonal."""
    starts = range(0, n, TILE)
    for i in starts:
        for j in starts:
            if j >= i:
                yield slice(i, i + TILE), slice(j, j + TILE)


def _inputs(inputs: npt.ArrayLike) -> Floats:
    x = real_array(inputs, "inputs")
    if x.ndim != 2 or not x.size:
        raise ValueError(f"inputs must be an array (n, d), got shape {x.shape}")
    if not (fine := np.isfinite(x).all(axis=1)).all():
        raise ValueError(f"inputs must be finite, input {int(np.argmin(fine))} is not")
    require_squares(x, "inputs")
    return x


def _variance(name: str, value: float) -> float:
    number = require_number(value, name)
    if not 0 <= number < np.inf:
        raise ValueError(f"{name} is a variance and must be at least 0 and finite, got {value!r}")
    return number
