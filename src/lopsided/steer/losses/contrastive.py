"""Supervised contrastive loss, and the batches that bind its geometry."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Sampler

from lopsided.steer.losses.checks import Reduction, check_labels, check_reduction, full_precision, reduce


class SupervisedContrastive(nn.Module):
    """Pull the features of a class together, push all others away; a sample is an anchor against the rest of its batch.

    The loss of an anchor is the mean, over the others of its class in the batch, of -log softmax of their cosines / temperature
    among all others. An anchor whose class has no other sample in the batch has loss zero and "mean" does not count it; a batch
    without any pair has loss zero.

    Source: Khosla et al. 2020 (arXiv 2004.11362), equation 2. With features of non-negative entries its optimum is an orthogonal
    frame for any class counts: Kini et al. 2023 (arXiv 2306.07960), Theorem 1.

    Args:
        temperature: positive.
        reduction: "mean" over the anchors that have a partner, "sum" or "none".

    Raises:
        ValueError: if the temperature is not positive or the reduction unknown.

    Example:
        >>> features = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
        >>> round(float(SupervisedContrastive(temperature=1.0)(features, torch.tensor([0, 0, 1]))), 4)  # log(1 + 1 / e)
        0.3133
    """

    def __init__(self, temperature: float = 0.1, *, reduction: Reduction = "mean") -> None:
        super().__init__()
        check_reduction(reduction)
        if not 0 < temperature < math.inf:
            raise ValueError(f"temperature must be a positive finite number, got {temperature}")
        self.temperature = temperature
        self.reduction: Reduction = reduction

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of (n, d) features, normalised here, and (n,) labels.

        Raises:
            ValueError: if a shape does not fit or a label is negative; the sample is named.
            TypeError: if the labels are not integers.
        """
        if features.ndim != 2:
            raise ValueError(f"features must have shape (n, d), got {tuple(features.shape)}")
        check_labels(labels, len(features), torch.iinfo(torch.int64).max)
        h = functional.normalize(full_precision(features), dim=1)
        itself = torch.eye(len(h), dtype=torch.bool, device=h.device)
        # A finite stand-in for "not among the others": cosines / temperature never come near it, and 0 * it is 0.
        similarity = (h @ h.T / self.temperature).masked_fill(itself, -torch.finfo(h.dtype).max / 4)
        partners = (labels[:, None] == labels) & ~itself
        number = partners.sum(1)
        log_share = similarity.log_softmax(1)
        losses = -log_share.masked_fill(~partners, 0.0).sum(1) / number.clamp_min(1)
        return reduce(losses, self.reduction, kept=number > 0)


class BindingBatches(Sampler[list[int]]):
    """Batches in random order, each with one fixed sample of every class at its end, so that all batches agree on one frame.

    Give it to `torch.utils.data.DataLoader(batch_sampler=...)`. The fixed samples are the first of each class; they take part in
    every batch, the others in one batch an epoch.

    Source: batch-binding of Kini et al. 2023 (arXiv 2306.07960).

    Args:
        labels: (n,) of the data set.
        batch_size: samples of a batch beside the fixed ones.
        seed: of the order; the epoch is added to it.

    Raises:
        ValueError: if the batch size is not positive, or the labels are not whole numbers or fewer than two.

    Example:
        >>> [len(batch) for batch in BindingBatches([0, 0, 0, 1, 1, 2], batch_size=2)]
        [5, 4]
    """

    def __init__(self, labels: npt.ArrayLike, batch_size: int, seed: int = 0) -> None:
        array = np.asarray(labels)
        if array.ndim != 1 or array.dtype.kind not in "iu" or len(array) < 2:
            raise ValueError(f"labels must be a vector of at least 2 whole numbers, got shape {array.shape} of {array.dtype}")
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        self._fixed = np.unique(array, return_index=True)[1]
        self._others = np.setdiff1d(np.arange(len(array)), self._fixed)
        self._batch_size, self._seed, self._epoch = batch_size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the samples, as the framework's distributed sampler does."""
        self._epoch = epoch

    def __len__(self) -> int:
        return max(1, math.ceil(len(self._others) / self._batch_size))

    def __iter__(self) -> Iterator[list[int]]:
        order = np.random.default_rng([self._seed, self._epoch]).permutation(self._others)
        for start in range(0, max(1, len(order)), self._batch_size):
            yield [*order[start : start + self._batch_size].tolist(), *self._fixed.tolist()]
