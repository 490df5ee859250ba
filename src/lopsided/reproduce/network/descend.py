"""The loop in which every network of the claims is trained: a batch, a slope, a step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor


def descend(
    optimiser: torch.optim.Optimizer,
    loss: Callable[[Tensor], Tensor],
    batches: Iterable[tuple[float, Tensor]],
) -> Iterator[tuple[Tensor, Tensor]]:
    """Take a step for each batch, and yield the batch and its loss after it.

    Args:
        optimiser: of the network's parameters.
        loss: mean loss of the samples of these numbers.
        batches: a rate and numbers of samples each.
    """
    for rate, chosen in batches:
        for group in optimiser.param_groups:
            group["lr"] = rate
        mean = loss(chosen)
        optimiser.zero_grad()
        torch.autograd.backward(mean)
        optimiser.step()
        yield chosen, mean.detach()
