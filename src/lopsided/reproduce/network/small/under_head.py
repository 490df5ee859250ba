"""A perceptron under a head of `steer`, trained on classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn import functional

from lopsided.arrays import Floats, Ints
from lopsided.reproduce.network.small.fit import Fit, array, perceptron, tensors, train


def under_head(
    x: Floats, y: Ints, sizes: Sequence[int], head: nn.Module, fit: Fit
) -> Callable[[Floats], tuple[Floats, Floats]]:
    """Train a batch-norm perceptron under a head by cross-entropy.

    Args:
        x: (n, inputs).
        y: (n,) classes.
        sizes: inputs, hidden units, feature dimensions.
        head: features to logits; it is trained too, as far as it learns.
        fit: how.

    Returns:
        What gives features and logits of other inputs.
    """
    torch.manual_seed(fit.seed)
    body, (inputs, labels) = perceptron(sizes, batch_norm=True), tensors(x, y)
    train(
        [body, head],
        lambda chosen: functional.cross_entropy(head(body(inputs[chosen])), labels[chosen]),
        len(x),
        fit,
    )
    body.eval()

    def answer(others: Floats) -> tuple[Floats, Floats]:
        with torch.no_grad():
            h = body(tensors(others)[0])
            return array(h), array(head(h))

    return answer
