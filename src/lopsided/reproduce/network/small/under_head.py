"""A perceptron under a head of `steer`, trained on classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from lopsided.arrays import Floats, Ints
from lopsided.reproduce.network.small.fit import Fit, array, perceptron, tensors, train


def under_head(
    x: Floats,
    y: Ints,
    sizes: Sequence[int],
    head: nn.Module | None,
    fit: Fit,
    loss: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> Callable[[Floats], tuple[Floats, Floats]]:
    """Train a batch-norm perceptron under a head.

    Args:
        x: (n, inputs).
        y: (n,) classes.
        sizes: inputs, hidden units, feature dimensions.
        head: features to logits; it is trained too, as far as it learns. None for a linear one
            without bias, which is of the fit's seed as the perceptron is.
        fit: how.
        loss: of features and the numbers of their samples; None for the cross-entropy of the head's
            logits.

    Returns:
        What gives features and logits of other inputs.
    """
    torch.manual_seed(fit.seed)
    body, (inputs, labels) = perceptron(sizes, batch_norm=True), tensors(x, y)
    top = nn.Linear(sizes[-1], int(y.max()) + 1, bias=False) if head is None else head

    def plain(features: Tensor, chosen: Tensor) -> Tensor:
        return functional.cross_entropy(top(features), labels[chosen])

    train([body, top], lambda chosen: (loss or plain)(body(inputs[chosen]), chosen), len(x), fit)
    body.eval()

    def answer(others: Floats) -> tuple[Floats, Floats]:
        with torch.no_grad():
            h = body(tensors(others)[0])
            return array(h), array(top(h))

    return answer
