"""Contrastive losses of two views whose optimum is alignment and least kernel energy."""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from lopsided.arrays import require_number
from lopsided.steer.checks import check_features, check_tensor
from lopsided.steer.directions import directions
from lopsided.steer.precision import exact, holds_float64, lifted

Kernel = Literal["gaussian", "log", "riesz"]


class DecoupledInfoNCE(nn.Module):
    """The mean over samples and both views of logsumexp_{j != i}(a_i . a_j / t) - a_i . b_i / t,
    unit vectors.

    Negatives are of the own view alone, so a pair's attraction has no part in its repulsion. The
    optimum is a_i = b_i at the least kernel energy: a simplex for at most d + 1 samples in d
    dimensions.

    Source: Koromilas et al. 2024 (arXiv 2405.18045).

    Args:
        temperature: t, positive.

    Raises:
        ValueError: if the temperature is not positive and finite.

    Example:
        >>> a = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
        >>> float(DecoupledInfoNCE(temperature=1.0)(a, a))
        -2.0
    """

    def __init__(self, temperature: float = 0.5) -> None:
        super().__init__()
        if not 0 < require_number(temperature, "temperature") < math.inf:
            raise ValueError(f"temperature must be a positive finite number, got {temperature}")
        self.temperature = temperature

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the loss of two views (n, d) of n samples, normalised here.

        Raises:
            ValueError: if the views are not of one shape, or there are fewer than two samples.
            TypeError: if they are not floating point.
        """
        x, y = _views(a, b)
        with exact(x.device):
            within = [(v @ v.T) / self.temperature for v in (x, y)]
        own = torch.eye(len(x), dtype=torch.bool, device=x.device)
        apart = [c.masked_fill(own, -math.inf).logsumexp(1).mean() for c in within]
        return (apart[0] + apart[1]) / 2 - (x * y).sum(1).mean() / self.temperature

    def extra_repr(self) -> str:
        """Name the temperature."""
        return f"temperature={self.temperature}"


class KernelContrastive(nn.Module):
    """-2 mean k(a_i, b_i) + gamma (mean_{i != j} k(a_i, a_j) + mean_{i != j} k(b_i, b_j)), unit
    vectors.

    Its expectation does not depend on the size of the batch. With r = ‖x - y‖ the kernel is

    * "gaussian": exp(-r^2 / width);
    * "log": -log(r^2 + width) / 2;
    * "riesz": (r^2 + width)^{-1/2}.

    The width keeps the last two finite where a pair coincides; so defined here.

    Source: Koromilas et al. 2024 (arXiv 2405.18045).

    Args:
        kernel: "gaussian", "log" or "riesz".
        width: positive.
        gamma: of the repulsion, positive.

    Raises:
        ValueError: if the kernel is unknown, or a number not positive and finite.

    Example:
        >>> a = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
        >>> round(float(KernelContrastive()(a, a)), 6)  # 2 exp(-4) - 2
        -1.963369
    """

    def __init__(self, kernel: Kernel = "gaussian", width: float = 1.0, gamma: float = 1.0) -> None:
        super().__init__()
        if kernel not in get_args(Kernel):
            raise ValueError(f"kernel must be one of {', '.join(get_args(Kernel))}, got {kernel!r}")
        given = require_number(width, "width"), require_number(gamma, "gamma")
        if not all(0 < each < math.inf for each in given):
            raise ValueError(
                f"width and gamma must be positive finite numbers, got {width} and {gamma}"
            )
        self.kernel, self.width, self.gamma = kernel, width, gamma

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the loss of two views (n, d) of n samples, normalised here.

        Raises:
            ValueError: if the views are not of one shape, or there are fewer than two samples.
            TypeError: if they are not floating point.
        """
        x, y = _views(a, b)
        kind, device = x.dtype, x.device
        if holds_float64(device):
            # Single precision holds no digit of small squares of distances, and may have them
            # below zero.
            x, y = (directions(v.double()) for v in (a, b))
        off = ~torch.eye(len(x), dtype=torch.bool, device=device)
        with exact(device):
            squares = [(2 - 2 * (v @ v.T)[off]).clamp_min(0) for v in (x, y)]
        apart = [self._kernel(each).mean() for each in squares]
        together = self._kernel((x - y).square().sum(1)).mean()
        return (self.gamma * (apart[0] + apart[1]) - 2 * together).to(kind)

    def _kernel(self, squares: Tensor) -> Tensor:
        if self.kernel == "gaussian":
            return (-squares / self.width).exp()
        if self.kernel == "log":
            return -(squares + self.width).log() / 2
        return (squares + self.width).rsqrt()

    def extra_repr(self) -> str:
        """Name kernel, width and the factor of the repulsion."""
        return f"kernel={self.kernel!r}, width={self.width}, gamma={self.gamma}"


def _views(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    for name, view in (("a", a), ("b", b)):
        check_tensor(view, name)
    if a.ndim != 2 or a.shape != b.shape or len(a) < 2:
        raise ValueError(
            "two views must be arrays (n, d) of one shape and at least 2 samples, got"
            f" {tuple(a.shape)} and {tuple(b.shape)}"
        )
    for view in (a, b):
        check_features(view, a.shape[1])
    x, y = lifted(a, b)
    return directions(x), directions(y)
