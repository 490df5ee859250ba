"""ResNet-18 for small images: a 3x3 stem of stride 1 and no max-pooling (He et al. 2016; stem as in
Papyan et al. 2020).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(after)
        self.second = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)
        straight = stride == 1 and before == after
        self.shortcut = (
            nn.Identity()
            if straight
            else nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of both paths, rectified."""
        y = functional.relu(self.norm1(self.first(x)))
        return functional.relu(self.norm2(self.second(y)) + self.shortcut(x))


def resnet18(shape: tuple[int, int, int], width: int, depth: int) -> tuple[nn.Module, int]:
    """Return ResNet-18 of the given width (64 in the paper), and its 8 * width features.

    Args:
        shape: (channels, height, width) of an image.
        width: channels of the first stage; each of the four stages doubles them.
        depth: fixed by the name; ignored by every convolutional model.
    """
    layers: list[nn.Module] = [
        nn.Conv2d(shape[0], width, 3, 1, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    ]
    before = width
    for stage in range(4):
        after = width * 2**stage
        layers += [Block(before, after, 1 if stage == 0 else 2), Block(after, after, 1)]
        before = after
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), before
