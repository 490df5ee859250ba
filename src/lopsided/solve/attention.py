"""Softmax attention as a support vector machine: the weights that set each chosen token apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, Ints, plain_array, real_array, require_squares
from lopsided.hull import least_beyond

Norm = Literal["frobenius", "nuclear"]

#: The nuclear norm: the relative gap that is aimed at, below which rounding tells, and the most
#: Newton steps at one point of the central path.
GAP, STEPS = 1e-6, 60


@dataclass(frozen=True, eq=False)
class AttentionMargin:
    """The hard-margin attention weights, and the proof that there are none smaller.

    Attributes:
        W: (d, d); a token x has the score x' W z beside the query z.
        value: the norm of W.
        margins: (n, T - 1) by how much the chosen token's score exceeds those of the others, in
            their order; at least 1.
        multipliers: (n, T - 1) of these constraints, at least 0; the matrix sum of multiplier times
            (x_chosen - x_t) z' has dual norm 1, so their sum is a lower bound.
        bound: that lower bound on the norm of any W with margins of 1.
    """

    W: Floats
    value: float
    margins: Floats
    multipliers: Floats
    bound: float

    @property
    def relative_gap(self) -> float:
        """By how much of the value the norm could still be smaller."""
        return (self.value - self.bound) / self.value


def attention_margin(
    tokens: npt.ArrayLike, queries: npt.ArrayLike, chosen: npt.ArrayLike, norm: Norm = "frobenius"
) -> AttentionMargin:
    """Return the least W with (x_chosen - x_t)' W z >= 1 for every other token of every sequence.

    Normalised gradient descent on -log of the chosen token's attention tends to its direction: of
    the Frobenius norm for W itself, of the nuclear norm for W = K Q'. The Frobenius norm is one
    nearest point of a hull; the nuclear norm the end of a central path, at a duality gap below a
    millionth, or where rounding ends it, of tokens that can barely be told apart: `relative_gap`
    says how near.

    Source: Tarzanagh et al. 2023 (arXiv 2308.16898); the method for the nuclear norm derived here.

    Args:
        tokens: (n, T, d) tokens of n sequences.
        queries: (n, d) what attends to them.
        chosen: (n,) position of the token to be attended to.
        norm: "frobenius" or "nuclear".

    Raises:
        ValueError: if shapes do not fit, a number is not finite, a position is out of range, no W
            can choose these tokens, or the norm is unknown.

    Example:
        >>> margin = attention_margin([[[1.0, 0.0], [0.0, 0.0]]], [[0.0, 2.0]], [0])
        >>> margin.W, margin.value
        (array([[0. , 0.5],
               [0. , 0. ]]), 0.5)
    """
    apart, z = _differences(tokens, queries, chosen)
    n, others, d = apart.shape
    x, beside = apart.reshape(-1, d), np.repeat(z, others, axis=0)
    rows = (x[:, :, None] * beside[:, None, :]).reshape(len(x), d * d)
    if (found := least_beyond(rows)) is None:
        raise ValueError(
            "no attention weights choose these tokens over all others: the hull of their"
            " differences, each times its query, contains the origin; more dimensions or fewer"
            " tokens separate them"
        )
    least, weights = found
    size = float(np.linalg.norm(least))
    if norm == "frobenius":
        W, multipliers = least.reshape(d, d), weights / size
    elif norm == "nuclear":
        W, multipliers = _least_nuclear(x, beside, size)
    else:
        raise ValueError(f"norm must be 'frobenius' or 'nuclear', got {norm!r}")
    margins = rows @ W.ravel()
    W, margins = W / margins.min(), margins / margins.min()  # to the last digit
    value = float(np.linalg.norm(W, "nuc" if norm == "nuclear" else "fro"))
    shape = (n, others)
    return AttentionMargin(
        W, value, margins.reshape(shape), multipliers.reshape(shape), float(multipliers.sum())
    )


def _least_nuclear(x: Floats, z: Floats, scale: float) -> tuple[Floats, Floats]:
    """Return W and multipliers of the least nuclear norm with x_i' W z_i >= 1.

    A central path of the dual, max sum(l) over l >= 0 with ||P|| <= 1, P = sum_i l_i x_i z_i'.
    Where s sum(l) + log det(I - P'P) + sum(log l) is largest, W = 2 P (I - P'P)^-1 / s has margins
    1 + 1 / (s l_i), and its nuclear norm exceeds sum(l) by at most (constraints + d) / s.
    """
    x = x * scale  # the value is then about 1
    lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(z, axis=1)
    multipliers, (m, d) = 0.5 / (len(x) * lengths), x.shape
    s, last = float(m + d), (m + d) / GAP
    while True:
        for _ in range(STEPS):
            step, decrement = _newton(x, z, multipliers, s)
            near = decrement < 0.03  # a self-concordant function is then safe under a whole step
            multipliers = multipliers + step * (
                1.0 if near else _stride(x, z, multipliers, step, s, decrement)
            )
            if decrement < 1e-10:
                break
        if s >= last:
            break
        s = min(4 * s, last)
    P = (x * multipliers[:, None]).T @ z
    left, values, right = np.linalg.svd(P)
    W = (left * (2 * values / (s * (1 - values**2)))) @ right * scale
    return W, multipliers * scale / values[0]


def _newton(x: Floats, z: Floats, multipliers: Floats, s: float) -> tuple[Floats, float]:
    """Return the Newton step of the multipliers, and half its decrement."""
    left, values, right = np.linalg.svd((x * multipliers[:, None]).T @ z)
    a, b, rest = x @ left, z @ right.T, 1 / (1 - values**2)
    mixed = (b * (values * rest)) @ a.T
    slope = s - 2 * mixed.diagonal() + 1 / multipliers
    curvature = 2 * ((b * rest) @ b.T) * ((a * rest) @ a.T) + 2 * mixed * mixed.T
    # In units of the multipliers, which span many orders at the end.
    scaled = curvature * multipliers * multipliers[:, None] + np.eye(len(x))
    step = multipliers * np.linalg.solve(scaled, multipliers * slope)
    return step, float(slope @ step) / 2


def _stride(
    x: Floats, z: Floats, multipliers: Floats, step: Floats, s: float, decrement: float
) -> float:
    """Return how far to go along a step so that the objective grows enough."""

    def objective(size: float) -> float:
        moved = multipliers + size * step
        values = np.linalg.svd((x * moved[:, None]).T @ z, compute_uv=False)
        if moved.min() <= 0 or values[0] >= 1:
            return -np.inf
        return float(s * size * step.sum() + np.log1p(-(values**2)).sum() + np.log(moved).sum())

    size, start = 1.0, objective(0.0)
    while size > 1e-12 and objective(size) < start + 0.2 * size * decrement:
        size /= 2
    return size


def _differences(
    tokens: npt.ArrayLike, queries: npt.ArrayLike, chosen: npt.ArrayLike
) -> tuple[Floats, Floats]:
    """Return (n, T - 1, d) the chosen token minus each other, and (n, d) the queries."""
    x, z = real_array(tokens, "tokens"), real_array(queries, "queries")
    place = plain_array(chosen, "chosen positions")
    if x.ndim != 3 or x.shape[1] < 2 or z.shape != (x.shape[0], x.shape[2]) or not len(x):
        raise ValueError(
            "tokens must be an array (n, T, d) of at least 2 tokens a sequence and queries (n, d),"
            f" got shapes {x.shape} and {z.shape}"
        )
    if not (fine := np.isfinite(x).all(axis=(1, 2)) & np.isfinite(z).all(axis=1)).all():
        raise ValueError(
            f"tokens and queries must be finite, sequence {int(np.argmin(fine))} is not"
        )
    require_squares(x, "tokens")
    require_squares(z, "queries")
    if place.shape != (len(x),) or place.dtype.kind not in "iu":
        raise ValueError(
            f"chosen must be {len(x)} whole numbers, the position of a token each, got"
            f" {place.dtype} of shape {place.shape}"
        )
    positions: Ints = place.astype(np.int64)
    if (wrong := (positions < 0) | (positions >= x.shape[1])).any():
        i = int(np.argmax(wrong))
        raise ValueError(
            f"chosen positions must be from 0 to {x.shape[1] - 1}, got {positions[i]} for"
            f" sequence {i}"
        )
    apart = x[np.arange(len(x)), positions][:, None] - x
    kept = np.arange(x.shape[1]) != positions[:, None]
    return apart[kept].reshape(len(x), x.shape[1] - 1, x.shape[2]), z
