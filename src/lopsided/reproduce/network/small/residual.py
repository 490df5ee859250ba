"""Residual networks: pre-norm blocks on one stream, whose layers one head can read."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lopsided.arrays import Floats, Ints
from lopsided.reproduce.network.small.classes import Classifier
from lopsided.reproduce.network.small.fit import Fit, array, tensors, train
from lopsided.steer import AlignedExits


class Block(nn.Module):
    """x + W_2 relu(W_1 norm(x))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Return the stream behind the block."""
        return torch.add(x, self.second(self.relu(self.first(self.norm(x)))))


def residual(
    x: Floats,
    y: Ints,
    width: int,
    blocks: int,
    fit: Fit,
    exits: Sequence[float] | None = None,
) -> Classifier:
    """Train a residual perceptron; arguments are those of `on_stream`."""
    torch.manual_seed(fit.seed)
    stem = nn.Linear(x.shape[1], width)
    return on_stream(x, y, stem, [Block(width) for _ in range(blocks)], width, fit, exits)


def on_stream(
    x: Floats,
    y: Ints,
    stem: nn.Module,
    blocks: Sequence[nn.Module],
    width: int,
    fit: Fit,
    exits: Sequence[float] | None = None,
) -> Classifier:
    """Train a classifier whose last layer has no bias, behind a last norm.

    Args:
        x: (n, inputs).
        y: (n,) classes.
        stem: inputs to the stream, (n, width) or (n, tokens, width).
        blocks: stream to stream.
        width: of the stream.
        fit: how; the decay is on all parameters.
        exits: (blocks + 1,) weights of the losses of all layers; None for the last layer alone.

    Returns:
        The network; its layers are the stream before the first block and behind each, averaged over
        tokens and normed as the head's inputs are, its units those of all tokens.
    """
    k = int(y.max()) + 1
    norm, head, body = nn.LayerNorm(width), nn.Linear(width, k, bias=False), nn.ModuleList(blocks)
    loss = AlignedExits([0.0] * len(blocks) + [1.0] if exits is None else exits)
    inputs, labels = tensors(x, y)

    def stream(given: Tensor) -> list[Tensor]:
        seen = [stem(given)]
        for block in body:
            seen.append(block(seen[-1]))
        return [norm(h.mean(1) if h.ndim > 2 else h) for h in seen]

    def layers(others: Floats) -> list[Floats]:
        with torch.no_grad():
            return [array(h) for h in stream(tensors(others)[0])]

    def units(others: Floats) -> list[Floats]:
        seen = list[Floats]()
        hooks = [
            module.register_forward_hook(
                lambda _layer, _inputs, h: seen.append(array(h.flatten(1)))
            )
            for module in body.modules()
            if isinstance(module, nn.ReLU)
        ]
        layers(others)
        for hook in hooks:
            hook.remove()
        return seen

    train(
        [stem, norm, body, head],
        lambda chosen: loss(stream(inputs[chosen]), head, labels[chosen]),
        len(y),
        fit,
    )
    with torch.no_grad():
        return Classifier(layers, units, array(head.weight), array(torch.zeros(k)))
