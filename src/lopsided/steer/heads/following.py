"""A head that follows the simplex ETF nearest to the class means."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from lopsided.arrays import require_number
from lopsided.labels import Ignore, sentinels
from lopsided.steer.checks import again, check_features, lasting
from lopsided.steer.class_sums import class_sums
from lopsided.steer.directions import directions
from lopsided.steer.drawn import drawn
from lopsided.steer.heads.nearest import nearest_etf
from lopsided.steer.heads.sized import Sized, require_sizes
from lopsided.steer.labels import read_labels
from lopsided.steer.precision import KeepsPrecision, exact, full_default, lifted


class NearestETFHead(KeepsPrecision, Sized):
    """Fixed lengths and angles, free orientation: logits of the simplex ETF nearest to the running
    class means of the features.

    In training, give the labels: the means of the classes in the batch are joined to the running
    ones, and the gradient flows through the new means into the ETF. In evaluation the last ETF
    serves. Logits are at least float32, and so are ETF and means wherever the head is moved. Under
    DistributedDataParallel each process joins its own batch to the means of the first process.

    Source: Markou, Ajanthan and Gould 2024 (arXiv 2411.01248).

    Args:
        d: feature dimensions, at least k - 1.
        k: classes.
        temperature: logits are cosines / temperature; a parameter learns.
        momentum: share of the old mean of a class in the new one, from 0 to below 1.
        delta: how strongly an ETF stays near the last one; positive, so that it is unique when
            means coincide.
        seed: of the first orientation.
        ignore_index: label of samples that take no part in the means, or several of them; None for
            none.

    Raises:
        ValueError: if d < k - 1 or an argument is out of range.
        TypeError: if a label to leave out is not a whole number.

    Example:
        >>> head = NearestETFHead(d=8, k=3)
        >>> head(torch.randn(6, 8), torch.tensor([0, 0, 1, 1, 2, 2])).shape
        torch.Size([6, 3])
    """

    means: Tensor
    seen: Tensor

    def __init__(
        self,
        d: int,
        k: int,
        *,
        temperature: float | Tensor = 0.1,
        momentum: float = 0.9,
        delta: float = 1e-3,
        seed: int = 0,
        ignore_index: Ignore = -100,
    ) -> None:
        super().__init__()
        require_sizes(d, k)
        numbers = {"temperature": temperature, "momentum": momentum, "delta": delta}
        first, share, near = (require_number(value, name) for name, value in numbers.items())
        if not (0 < first < math.inf and 0 <= share < 1 and 0 < near < math.inf):
            raise ValueError(
                "temperature and delta must be positive and momentum from 0 to below 1, got"
                f" {temperature}, {delta} and {momentum}"
            )
        self.temperature = temperature if isinstance(temperature, Tensor) else first
        self.momentum, self.delta = share, near
        self.ignore_index: Ignore = sentinels(ignore_index)
        self.register_buffer("weight", nearest_etf(drawn(k, d, seed=seed)))
        self.register_buffer("means", torch.zeros(k, d, dtype=full_default()))
        self.register_buffer("seen", torch.zeros(k, dtype=torch.bool))

    def forward(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return (n, k) logits; in evaluation the features may have any number of axes before the
        last.

        Args:
            features: (n, d), normalised here.
            labels: (n,) or (n, 1) of the batch; needed in training.

        Raises:
            ValueError: if a shape is wrong, the labels are missing in training or out of range, or
                batches are vectorised in training, or run again by a checkpoint.
            TypeError: if the features are not floating point, or the labels no whole numbers.
        """
        k, d = self.weight.shape
        check_features(features, d)
        h, means, last = lifted(features, self.means, self.weight)
        h = directions(h)
        with exact(h.device):
            if not self.training:
                return functional.linear(h, last) / self.temperature
            if labels is None:
                raise ValueError(
                    "in training a NearestETFHead needs the labels too; call head(features,"
                    " labels), or head.eval() first"
                )
            if h.ndim != 2:
                raise ValueError(
                    f"in training features must have shape (n, {d}), got {tuple(h.shape)}"
                )
            if again():
                raise ValueError(
                    "in training a NearestETFHead joins each batch to its means once, and a"
                    " checkpoint runs it again in the backward pass: leave the head out of it"
                )
            joined, seen = self._joined(
                h, means, *read_labels(labels, len(h), k, self.ignore_index)
            )
            weight = nearest_etf(joined, last, self.delta)
            running = lasting(joined.detach().to(self.means))
            known = lasting(seen)
            etf = lasting(weight.detach().to(self.weight))
            if running is None or known is None or etf is None:
                raise ValueError(
                    "in training a NearestETFHead joins one batch to its means, and under"
                    " torch.vmap there are many: head.eval() first"
                )
            # Only now, so that a batch without an ETF leaves the head as it was.
            self.means, self.seen, self.weight = running, known, etf
            return functional.linear(h, weight) / self.temperature

    def _joined(
        self, h: Tensor, means: Tensor, labels: Tensor, kept: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return the running means joined with the batch's and which classes were seen; the first
        batch of a class is its mean.
        """
        total, number = class_sums(h, labels, kept, len(means))
        present, batch = number > 0, total / number.clamp_min(1)[:, None]
        share = torch.where(self.seen, self.momentum, 0.0).where(present, 1.0).to(h.dtype)[:, None]
        return share * means + (1 - share) * batch, self.seen | present
