"""Deferred: one loss first, another from some step on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from lopsided.arrays import require_callable, require_whole
from lopsided.steer.checks import again, lasting


class Deferred(nn.Module):
    """A loss that turns into another after some steps: deferred re-weighting around any two losses.

    Every call in training mode is a step; in evaluation mode nothing is counted, nor where no
    gradient is asked for (`torch.no_grad`), since nobody puts a loss in evaluation mode before a
    validation; a call that a checkpoint makes again in the backward pass is that of its step. The
    number of steps is in `state_dict`, so that a run that is resumed goes on where it was.

    Under `torch.compile` each of the two has a graph of its own, with PyTorch 2.13 under
    fullgraph=True too. A graph holds one step: of a second call in it the compiler does not know
    whose turn it is, and breaks the graph, or under fullgraph=True ends in its own error.

    Source: Cao et al. 2019 (arXiv 1906.07413), section 3.3: plain first, re-weighted at the end.

    Args:
        first: loss of the first steps.
        then: loss of all others.
        after: number of the first steps.

    Raises:
        ValueError: if `after` is no whole number of at least 0.
        TypeError: if a loss cannot be called.

    Example:
        >>> from lopsided import Adjustment
        >>> from lopsided.steer import AdjustedCrossEntropy
        >>> heavy = AdjustedCrossEntropy(Adjustment(weight=[1.0, 9.0]))
        >>> loss = Deferred(AdjustedCrossEntropy(Adjustment()), heavy, after=1)
        >>> z, y = torch.zeros(1, 2), torch.tensor([1])
        >>> [round(float(loss(z, y)), 2) for step in range(2)]
        [0.69, 6.24]
    """

    steps: Tensor

    def __init__(
        self, first: Callable[..., Tensor], then: Callable[..., Tensor], *, after: int
    ) -> None:
        super().__init__()
        require_whole("after", after, 0)
        for loss in (first, then):
            require_callable(loss, "what is deferred")
        self.first, self.then, self.after = first, then, after
        #: Whether the last call was counted, which a checkpoint of the older kind, that asks for a
        #: gradient in the backward pass alone, is not.
        self._counted = False
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, *given: Any) -> Tensor:
        """Return the loss whose turn it is, of what both are called with."""
        repeats = again() and self._counted
        late = int(self.steps) - repeats >= self.after
        if not repeats:
            # A validation asks for no gradient. In place nothing may change under torch.func.
            step = self.training and torch.is_grad_enabled()
            steps = lasting(self.steps + 1) if step else None
            self._counted = steps is not None
            if steps is not None:
                self.steps = steps
        return self.then(*given) if late else self.first(*given)

    def extra_repr(self) -> str:
        """Name the step at which the second loss begins."""
        return f"after={self.after}"
