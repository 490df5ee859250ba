"""The simplex ETF nearest to given class means, in closed form, and a head that follows it.

With Y (d, k) the class means centred over classes and ||Y|| = 1, and C = B B' the centring with B (k, k-1) orthonormal, every
simplex ETF in d >= k - 1 dimensions is sqrt(k / (k - 1)) V B' with V (d, k-1) orthonormal columns, and

    ||Y - V B' / sqrt(k - 1)||^2 + delta / 2 ||V - V_prox||^2

is least for the polar factor V of 2 Y B / sqrt(k - 1) + delta V_prox: no optimisation over a manifold is needed. Its derivative is
exact too: for X = V H with H = U S U', a change of X by dX changes V by

    V U [(U' (V' dX - dX' V) U)_ij / (s_i + s_j)] U' + (1 - V V') dX H^{-1}.

Source: the problem is that of Markou, Ajanthan and Gould 2024 (arXiv 2411.01248), solved there on the Stiefel manifold; the closed
form is derived here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from scipy.linalg import helmert
from torch import Tensor, nn
from torch.nn import functional

from lopsided.steer.losses.checks import check_labels


class _Polar(torch.autograd.Function):
    """The orthonormal polar factor of a (d, p) matrix, d >= p, of full rank, with its exact derivative."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        u, s, vh = torch.linalg.svd(x, full_matrices=False)
        v: Tensor = u @ vh
        ctx.save_for_backward(v, s, vh)
        return v

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        v, s, vh = ctx.saved_tensors
        inside = v.T @ gradient
        turn = vh @ (inside - inside.T) @ vh.T / (s[:, None] + s)
        outside = (gradient - v @ inside) @ vh.T / s
        result: Tensor = (v @ vh.T @ turn + outside) @ vh
        return result


def nearest_etf(means: Tensor, proximal: Tensor | None = None, delta: float = 0.0) -> Tensor:
    """Return the simplex ETF nearest to class means; differentiable in the means.

    Args:
        means: (k, d) class means, d >= k - 1; only their directions from their mean count.
        proximal: (k, d) an earlier ETF to stay near; None for none.
        delta: how strongly.

    Returns:
        (k, d) unit vectors w_c with w_c . w_c' = -1 / (k - 1).

    Raises:
        ValueError: if d < k - 1, or the means coincide, or span too few dimensions and nothing near says how to choose.

    Example:
        >>> etf = nearest_etf(torch.tensor([[2.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]))
        >>> round(float(etf[0] @ etf[1]), 4)
        -0.5
    """
    k, d = means.shape
    if d < k - 1:
        raise ValueError(f"a simplex ETF of {k} classes needs d of at least {k - 1}, got d={d}")
    basis = _complement(k, means)
    y = means.T @ basis
    length = y.norm()
    x = 2 / math.sqrt(k - 1) * y / length.where(length > 0, 1.0)
    if proximal is not None:
        x = x + delta * (proximal.T @ basis) * math.sqrt((k - 1) / k)
    if not torch.compiler.is_compiling():
        values = torch.linalg.svdvals(x.detach())
        if values[-1] <= 100 * torch.finfo(x.dtype).eps * values[0]:
            rank = int((values > 100 * torch.finfo(x.dtype).eps * values[0]).sum())
            raise ValueError(
                f"the means span {rank} dimensions and an ETF {k - 1}, so the nearest is not unique; give a proximal one"
            )
    factor: Tensor = _Polar.apply(x)  # type: ignore[no-untyped-call]
    return math.sqrt(k / (k - 1)) * basis @ factor.T


class NearestETFHead(nn.Module):
    """Fixed lengths and angles, free orientation: logits of the simplex ETF nearest to the running class means of the features.

    In training, give the labels: the means of the classes in the batch are joined to the running ones, and the gradient flows
    through the new means into the ETF. In evaluation the last ETF serves.

    Source: Markou, Ajanthan and Gould 2024 (arXiv 2411.01248).

    Args:
        d: feature dimensions, at least k - 1.
        k: classes.
        temperature: logits are cosines / temperature.
        momentum: share of the old mean of a class in the new one, from 0 to below 1.
        delta: how strongly an ETF stays near the last one; positive, so that it is unique when means coincide.
        seed: of the first orientation.

    Raises:
        ValueError: if d < k - 1 or an argument is out of range.

    Example:
        >>> head = NearestETFHead(d=8, k=3)
        >>> head(torch.randn(6, 8), torch.tensor([0, 0, 1, 1, 2, 2])).shape
        torch.Size([6, 3])
    """

    weight: Tensor
    means: Tensor
    seen: Tensor

    def __init__(
        self, d: int, k: int, *, temperature: float = 0.1, momentum: float = 0.9, delta: float = 1e-3, seed: int = 0
    ) -> None:
        super().__init__()
        if not (0 < temperature < math.inf and 0 <= momentum < 1 and 0 < delta < math.inf):
            raise ValueError(
                f"temperature and delta must be positive and momentum from 0 to below 1, got {temperature}, {delta} and {momentum}"
            )
        self.temperature, self.momentum, self.delta = temperature, momentum, delta
        start = torch.randn(k, d, generator=torch.Generator().manual_seed(seed))
        self.register_buffer("weight", nearest_etf(start))
        self.register_buffer("means", torch.zeros(k, d))
        self.register_buffer("seen", torch.zeros(k, dtype=torch.bool))

    def forward(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return (n, k) logits.

        Args:
            features: (n, d), normalised here.
            labels: (n,) of the batch; needed in training.

        Raises:
            ValueError: if the labels are missing in training, or out of range.
            TypeError: if the labels are not integers.
        """
        h = functional.normalize(features, dim=1)
        if not self.training:
            return functional.linear(h, self.weight) / self.temperature
        if labels is None:
            raise ValueError("in training a NearestETFHead needs the labels too; call head(features, labels), or head.eval() first")
        check_labels(labels, len(h), len(self.means))
        weight = nearest_etf(self._joined(h, labels), self.weight, self.delta)
        self.weight = weight.detach()
        return functional.linear(h, weight) / self.temperature

    def _joined(self, h: Tensor, labels: Tensor) -> Tensor:
        """Join the batch's class means to the running ones; the first batch of a class is its mean."""
        which = functional.one_hot(labels.long(), len(self.means)).to(h.dtype)
        number = which.sum(0)
        batch = which.T @ h / number.clamp_min(1)[:, None]
        present = number > 0
        kept = torch.where(self.seen, self.momentum, 0.0).where(present, 1.0).to(h.dtype)[:, None]
        joined = kept * self.means + (1 - kept) * batch
        self.means, self.seen = joined.detach(), self.seen | present
        return joined


def _complement(k: int, like: Tensor) -> Tensor:
    """Return an orthonormal basis (k, k-1) of the vectors of sum zero."""
    return torch.as_tensor(np.ascontiguousarray(helmert(k).T)).to(like)
