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
from torch import Tensor
from torch.nn import functional

from lopsided.labels import Ignore, sentinels
from lopsided.steer.losses.checks import check_features, concrete
from lopsided.steer.losses.labels import read_labels
from lopsided.steer.precision import KeepsPrecision, exact, lifted


class _Polar(torch.autograd.Function):
    """The orthonormal polar factor of a (d, p) matrix, d >= p, of full rank, with its exact derivative."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        u, s, vh = torch.linalg.svd(x, full_matrices=False)
        return u @ vh, s, vh

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: tuple[Tensor, Tensor, Tensor]) -> None:
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(*output)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> Tensor:
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
        (k, d) unit vectors w_c with w_c . w_c' = -1 / (k - 1), at least float32.

    Raises:
        ValueError: if a shape is wrong, d < k - 1, or the means coincide, or span too few dimensions and nothing near says how to
            choose.

    Example:
        >>> etf = nearest_etf(torch.tensor([[2.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]))
        >>> round(float(etf[0] @ etf[1]), 4)
        -0.5
    """
    if means.ndim != 2 or len(means) < 2:
        raise ValueError(f"class means must have shape (k, d) with k of at least 2, got {tuple(means.shape)}")
    if proximal is not None and proximal.shape != means.shape:
        raise ValueError(f"a proximal ETF must have the means' shape {tuple(means.shape)}, got {tuple(proximal.shape)}")
    k, d = means.shape
    if d < k - 1:
        raise ValueError(f"a simplex ETF of {k} classes needs d of at least {k - 1}, got d={d}")
    (y,) = lifted(means) if proximal is None else lifted(means, proximal)[:1]
    basis = torch.as_tensor(np.ascontiguousarray(helmert(k).T), dtype=y.dtype, device=y.device)
    with exact(y.device):
        y = y.T @ basis
        length = y.norm()
        x = 2 / math.sqrt(k - 1) * y / length.where(length > 0, 1.0)
        if proximal is not None:
            x = x + delta * (proximal.to(x.dtype).T @ basis) * math.sqrt((k - 1) / k)
        if concrete(x):
            _refuse_ties(x.detach())
        factor: Tensor = _Polar.apply(x)[0]  # type: ignore[no-untyped-call]
        return math.sqrt(k / (k - 1)) * basis @ factor.T


def _refuse_ties(x: Tensor) -> None:
    values = torch.linalg.svdvals(x)
    rank, whole = int((values > 100 * torch.finfo(x.dtype).eps * values[0]).sum()), x.shape[1]
    if rank < whole:
        raise ValueError(f"the means span {rank} dimensions and an ETF {whole}, so the nearest is not unique; give a proximal one")


class NearestETFHead(KeepsPrecision):
    """Fixed lengths and angles, free orientation: logits of the simplex ETF nearest to the running class means of the features.

    In training, give the labels: the means of the classes in the batch are joined to the running ones, and the gradient flows
    through the new means into the ETF. In evaluation the last ETF serves. Logits are at least float32, and so are ETF and means
    wherever the head is moved.

    Source: Markou, Ajanthan and Gould 2024 (arXiv 2411.01248).

    Args:
        d: feature dimensions, at least k - 1.
        k: classes.
        temperature: logits are cosines / temperature.
        momentum: share of the old mean of a class in the new one, from 0 to below 1.
        delta: how strongly an ETF stays near the last one; positive, so that it is unique when means coincide.
        seed: of the first orientation.
        ignore_index: label of samples that take no part in the means, or several of them; None for none.

    Raises:
        ValueError: if d < k - 1 or an argument is out of range.
        TypeError: if a label to leave out is not a whole number.

    Example:
        >>> head = NearestETFHead(d=8, k=3)
        >>> head(torch.randn(6, 8), torch.tensor([0, 0, 1, 1, 2, 2])).shape
        torch.Size([6, 3])
    """

    weight: Tensor
    means: Tensor
    seen: Tensor

    def __init__(
        self,
        d: int,
        k: int,
        *,
        temperature: float = 0.1,
        momentum: float = 0.9,
        delta: float = 1e-3,
        seed: int = 0,
        ignore_index: Ignore = -100,
    ) -> None:
        super().__init__()
        if not (0 < temperature < math.inf and 0 <= momentum < 1 and 0 < delta < math.inf):
            raise ValueError(
                f"temperature and delta must be positive and momentum from 0 to below 1, got {temperature}, {delta} and {momentum}"
            )
        self.temperature, self.momentum, self.delta = temperature, momentum, delta
        self.ignore_index: Ignore = sentinels(ignore_index)
        start = torch.randn(k, d, generator=torch.Generator().manual_seed(seed))
        self.register_buffer("weight", nearest_etf(start))
        self.register_buffer("means", torch.zeros(k, d))
        self.register_buffer("seen", torch.zeros(k, dtype=torch.bool))

    def forward(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return (n, k) logits; in evaluation the features may have any number of axes before the last.

        Args:
            features: (n, d), normalised here.
            labels: (n,) or (n, 1) of the batch; needed in training.

        Raises:
            ValueError: if a shape is wrong, or the labels are missing in training or out of range.
            TypeError: if the features are not floating point, or the labels no whole numbers.
        """
        k, d = self.weight.shape
        check_features(features, d)
        h, means, last = lifted(features, self.means, self.weight)
        h = functional.normalize(h, dim=-1)
        with exact(h.device):
            if not self.training:
                return functional.linear(h, last) / self.temperature
            if labels is None:
                raise ValueError(
                    "in training a NearestETFHead needs the labels too; call head(features, labels), or head.eval() first"
                )
            if h.ndim != 2:
                raise ValueError(f"in training features must have shape (n, {d}), got {tuple(h.shape)}")
            joined, seen = self._joined(h, means, *read_labels(labels, len(h), k, self.ignore_index))
            weight = nearest_etf(joined, last, self.delta)
            # Only now, so that a batch without an ETF leaves the head as it was.
            self.means, self.seen, self.weight = joined.detach().to(self.means), seen, weight.detach().to(self.weight)
            return functional.linear(h, weight) / self.temperature

    def _joined(self, h: Tensor, means: Tensor, labels: Tensor, kept: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the running means joined with the batch's and which classes were seen; the first batch of a class is its mean."""
        which = h.new_zeros(len(h), len(means)).scatter(1, labels[:, None], 1.0)
        if kept is not None:
            which, h = which * kept[:, None], h.where(kept[:, None], 0.0)
        number = which.sum(0)
        present = number > 0
        batch = which.T @ h / number.clamp_min(1)[:, None]
        share = torch.where(self.seen, self.momentum, 0.0).where(present, 1.0).to(h.dtype)[:, None]
        return share * means + (1 - share) * batch, self.seen | present
