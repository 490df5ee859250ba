"""Residual perceptrons: pre-norm blocks on one stream."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from lopsided.arrays import Floats, Ints
from lopsided.reproduce.network.small.fit import Fit, array, tensors, train


class _Block(nn.Module):
    """x + W_2 relu(W_1 norm(x))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, self.second(functional.relu(self.first(self.norm(x)))))


def residual(
    x: Floats, y: Ints, width: int, blocks: int, fit: Fit
) -> tuple[list[Floats], Floats, Floats]:
    """Train a classifier whose last layer has no bias, behind a last norm.

    Args:
        x: (n, inputs).
        y: (n,) classes.
        width: of the stream.
        blocks: on it.
        fit: how; the decay is on all parameters.

    Returns:
        The stream before the first block and behind each, all normed as the head's inputs are; the
        head's weight; and its answers to each of them, (blocks + 1, n) classes.
    """
    torch.manual_seed(fit.seed)
    stem, norm = nn.Linear(x.shape[1], width), nn.LayerNorm(width)
    body = nn.ModuleList(_Block(width) for _ in range(blocks))
    head = nn.Linear(width, int(y.max()) + 1, bias=False)
    inputs, labels = tensors(x, y)

    def stream(given: Tensor) -> list[Tensor]:
        seen = [stem(given)]
        for block in body:
            seen.append(block(seen[-1]))
        return seen

    def loss(chosen: Tensor) -> Tensor:
        logits = head(norm(stream(inputs[chosen])[-1]))
        return functional.cross_entropy(logits, labels[chosen])

    train([stem, norm, body, head], loss, len(y), fit)
    with torch.no_grad():
        seen = [norm(h) for h in stream(inputs)]
        answers = torch.stack([head(h).argmax(1) for h in seen])
        return [array(h) for h in seen], array(head.weight), array(answers)
