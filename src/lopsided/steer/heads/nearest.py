"""The simplex ETF, and the frame, nearest to given class means, in closed form.

With Y (d, k) the class means centred over classes and ||Y|| = 1, and C = B B' the centring with B
(k, k-1) orthonormal, every simplex ETF in d >= k - 1 dimensions is sqrt(k / (k - 1)) V B' with V
(d, k-1) orthonormal columns, and

    ||Y - V B' / sqrt(k - 1)||^2 + delta / 2 ||V - V_prox||^2

is least for the polar factor V of 2 Y B / sqrt(k - 1) + delta V_prox: no optimisation over a
manifold is needed. Its derivative is
exact too: for X = V H with H = U S U', a change of X by dX changes V by

    V Y + (1 - V V') dX H^{-1},    Y = U [(U' (V' dX - dX' V) U)_ij / (s_i + s_j)] U'.

That map is its own transpose. Y, which solves H Y + Y H = V' dX - dX' V, has derivatives that are
such solutions again, so that a penalty of the gradient has a gradient too.

Markou, Ajanthan and Gould keep near a frame P of k orthonormal columns (d >= k), the polar factor
of 2 Y C / sqrt(k - 1) + delta P_prox (`nearest_frame`); what no ETF shows, its sum over classes, is
kept near too. Here V is what an ETF shows, so that the nearest one depends on ETFs alone. Without a
proximal term the two are one.

Source: the problem is that of Markou, Ajanthan and Gould 2024 (arXiv 2411.01248), solved there on
the Stiefel manifold; the closed form is derived here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from scipy.linalg import helmert
from torch import Tensor

from lopsided.arrays import require_number
from lopsided.steer.checks import check_tensor, concrete, visible
from lopsided.steer.directions import resized
from lopsided.steer.precision import exact, lifted


class _Turn(torch.autograd.Function):
    """The solution of H Y + Y H = A for a positive definite H = U S U', given as s and U'."""

    generate_vmap_rule = True

    @staticmethod
    def forward(h: Tensor, a: Tensor, s: Tensor, vh: Tensor) -> Tensor:
        return vh.T @ (vh @ a @ vh.T / (s[:, None] + s)) @ vh

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:
        h, _, s, vh = inputs
        ctx.save_for_backward(h, s, vh, output)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        h, s, vh, y = ctx.saved_tensors
        z: Tensor = _Turn.apply(h, gradient, s, vh)  # type: ignore[no-untyped-call]
        return -(z @ y.T + y.T @ z), z, None, None


class _Polar(torch.autograd.Function):
    """The orthonormal polar factor of a (d, p) matrix, d >= p, of full rank, with its exact
    derivatives.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        u, s, vh = torch.linalg.svd(x, full_matrices=False)
        return u @ vh, s, vh

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: tuple[Tensor, Tensor, Tensor]) -> None:
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(*inputs, *output)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> Tensor:
        x, v, s, vh = ctx.saved_tensors
        with exact(x.device):  # some call backward where autocast is on
            h, inside = v.T @ x, v.T @ gradient
            turn: Tensor = _Turn.apply(h, inside - inside.T, s, vh)  # type: ignore[no-untyped-call]
            outside = torch.linalg.solve(h, (gradient - v @ inside).T).T
            result: Tensor = v @ turn + outside
        return result


def nearest_etf(means: Tensor, proximal: Tensor | None = None, delta: float = 0.0) -> Tensor:
    """Return the simplex ETF nearest to class means; differentiable in the means.

    Args:
        means: (k, d) class means, d >= k - 1; only their directions from their mean count.
        proximal: (k, d) an earlier ETF to stay near; None for none.
        delta: how strongly, at least 0; at 0 it does nothing.

    Returns:
        (k, d) unit vectors w_c with w_c . w_c' = -1 / (k - 1), at least float32.

    Raises:
        ValueError: if a shape is wrong, d < k - 1, delta is negative or not finite, a number is not
            finite, or the means coincide, or span too few dimensions and nothing near says how to
            choose.
        TypeError: if means are no tensor, or delta no number.

    Example:
        >>> etf = nearest_etf(torch.tensor([[2.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]))
        >>> round(float(etf[0] @ etf[1]), 4)
        -0.5
    """
    _check(means, proximal, delta)
    k, d = means.shape
    if d < k - 1:
        raise ValueError(f"a simplex ETF of {k} classes needs d of at least {k - 1}, got d={d}")
    (y,) = lifted(means) if proximal is None else lifted(means, proximal)[:1]
    basis = torch.as_tensor(np.ascontiguousarray(helmert(k).T), dtype=y.dtype, device=y.device)
    with exact(y.device):
        y = resized(y.T @ basis, (0, 1))
        length = y.norm()
        x = 2 / math.sqrt(k - 1) * y / length.where(length > 0, 1.0)
        if proximal is not None:
            x = x + delta * (proximal.to(x.dtype).T @ basis) * math.sqrt((k - 1) / k)
        if concrete(x):
            _refuse_ties(x.detach())
        factor: Tensor = _Polar.apply(x)[0]  # type: ignore[no-untyped-call]
        return math.sqrt(k / (k - 1)) * basis @ factor.T


def nearest_frame(means: Tensor, proximal: Tensor, delta: float) -> Tensor:
    """Return the frame of Markou, Ajanthan and Gould (arXiv 2411.01248) for class means;
    differentiable in the means.

    P (d, k) with orthonormal columns that is least for ||Y - P C / sqrt(k - 1)||^2 + delta / 2 ||P
    - P_prox||^2. Its ETF is sqrt(k / (k - 1)) (P - the mean of its rows), P as it is returned.

    Args:
        means: (k, d) class means, d >= k; only their directions from their mean count.
        proximal: (k, d) an earlier frame of orthonormal rows to stay near.
        delta: how strongly, positive: without it P is not unique.

    Returns:
        (k, d) orthonormal rows, at least float32.

    Raises:
        ValueError: if a shape is wrong, d < k, delta is not positive and finite, a number is not
            finite, or means and frame together leave P open.
        TypeError: if means are no tensor, or delta no number.

    Example:
        >>> means = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1.0, -1.0, 0.0]])
        >>> frame = nearest_frame(means, torch.eye(3), delta=0.1)
        >>> etf = (3 / 2) ** 0.5 * (frame - frame.mean(dim=0))
        >>> round(float(etf[0] @ etf[1]), 4)
        -0.5
    """
    check_tensor(proximal, "an earlier frame")
    _check(means, proximal, delta)
    k, d = means.shape
    if d < k or delta == 0:
        raise ValueError(
            f"a frame of {k} orthonormal vectors needs d of at least {k} and a delta above 0, got"
            f" d={d}, delta={delta}"
        )
    y, near = lifted(means, proximal)
    with exact(y.device):
        y = resized((y - y.mean(dim=0)).T, (0, 1))
        length = y.norm()
        x = 2 / math.sqrt(k - 1) * y / length.where(length > 0, 1.0) + delta * near.T
        if concrete(x):
            _refuse_ties(x.detach())
        factor: Tensor = _Polar.apply(x)[0]  # type: ignore[no-untyped-call]
        return factor.T


def _check(means: Tensor, proximal: Tensor | None, delta: float) -> None:
    for values in (means,) if proximal is None else (means, proximal):
        check_tensor(values, "class means and what to stay near")
        if values.is_complex() or (visible(values) and not values.isfinite().all()):
            raise ValueError("class means and what to stay near must be finite real numbers")
    if not 0 <= require_number(delta, "delta") < math.inf:
        raise ValueError(f"delta must be a finite number of at least 0, got {delta}")
    if means.ndim != 2 or len(means) < 2:
        raise ValueError(
            f"class means must have shape (k, d) with k of at least 2, got {tuple(means.shape)}"
        )
    if proximal is not None and proximal.shape != means.shape:
        raise ValueError(
            f"what to stay near must have the means' shape {tuple(means.shape)}, got"
            f" {tuple(proximal.shape)}"
        )


def _refuse_ties(x: Tensor) -> None:
    if not x.isfinite().all():
        raise ValueError(f"delta is so large that its product with a frame leaves {x.dtype}")
    values = torch.linalg.svdvals(x)
    rank, whole = int((values > 100 * torch.finfo(x.dtype).eps * values[0]).sum()), x.shape[1]
    if rank < whole:
        raise ValueError(
            f"the means, and what to stay near, span {rank} dimensions and an ETF or frame {whole},"
            " so the nearest is not unique; give a proximal one that spans all"
        )
