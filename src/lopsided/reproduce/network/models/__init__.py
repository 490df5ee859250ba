"""Networks in plain torch: a body that makes features, and a linear head that is measured against
them.

`MODELS` names the bodies; each takes the shape of an image, a width and a depth.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from lopsided.reproduce.network.models.cnn import cnn
from lopsided.reproduce.network.models.mlp import mlp
from lopsided.reproduce.network.models.resnet import resnet18
from lopsided.reproduce.network.models.vgg import vgg13

Shape = tuple[int, int, int]

#: Name -> body for images (channels, height, width) of a given width and depth, and its number of
#: features.
MODELS: dict[str, Callable[[Shape, int, int], tuple[nn.Module, int]]] = {
    "mlp": mlp,
    "cnn": cnn,
    "resnet18": resnet18,
    "vgg13": vgg13,
}


class Network(nn.Module):
    """A classifier that shows its features.

    Attributes:
        body: images (b, channels, height, width) to features (b, d).
        head: features to logits (b, k).
    """

    def __init__(self, body: nn.Module, head: nn.Linear) -> None:
        super().__init__()
        self.body, self.head = body, head

    def forward(self, images: Tensor) -> Tensor:
        """Return the (b, k) logits."""
        logits: Tensor = self.head(self.body(images))
        return logits


def build(
    model: str, shape: Shape, k: int, width: int, depth: int, bias: bool, seed: int
) -> Network:
    """Return a network with the initialisation that the seed draws.

    Raises:
        ValueError: for an unknown model, or a width or depth below 1.
    """
    if model not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, got {model!r}")
    if width < 1 or depth < 1:
        raise ValueError(f"width and depth must be at least 1, got width={width}, depth={depth}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        body, d = MODELS[model](shape, width, depth)
        return Network(body, nn.Linear(d, k, bias=bias))
