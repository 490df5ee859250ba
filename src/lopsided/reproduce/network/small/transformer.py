"""Small pre-norm transformers, whose tokens are equal parts of an input."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lopsided.arrays import Floats, Ints
from lopsided.reproduce.network.small.classes import Classifier
from lopsided.reproduce.network.small.fit import Fit
from lopsided.reproduce.network.small.residual import Block, on_stream


class _Tokens(nn.Module):
    """Equal parts of an input, each by one linear layer, plus what stands for its place."""

    def __init__(self, inputs: int, tokens: int, width: int) -> None:
        super().__init__()
        self.tokens = tokens
        self.embed = nn.Linear(inputs // tokens, width)
        self.places = nn.Parameter(torch.randn(tokens, width) / width**0.5)

    def forward(self, x: Tensor) -> Tensor:
        embedded: Tensor = self.embed(x.reshape(len(x), self.tokens, -1)) + self.places
        return embedded


class _Layer(nn.Module):
    """x + attention(norm(x)), and then a block of the residual perceptron at every token."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm, self.block = nn.LayerNorm(width), Block(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(x)
        behind: Tensor = self.block(x + self.attention(h, h, h, need_weights=False)[0])
        return behind


def transformer(
    x: Floats,
    y: Ints,
    width: int,
    blocks: int,
    fit: Fit,
    *,
    tokens: int = 8,
    heads: int = 4,
) -> Classifier:
    """Train a transformer, whose head reads the mean of the tokens.

    Args:
        x: (n, inputs), a whole number of tokens.
        y: (n,) classes.
        width: of the stream, a multiple of `heads`.
        blocks: on it, attention and a perceptron each.
        fit: how.
        tokens: parts of an input, such as the rows of an image.
        heads: of the attention.

    Returns:
        The network, as of `on_stream`.
    """
    torch.manual_seed(fit.seed)
    stem = _Tokens(x.shape[1], tokens, width)
    return on_stream(x, y, stem, [_Layer(width, heads) for _ in range(blocks)], width, fit)
