"""A small convolutional network with batch normalisation, for small images on few cores: 94,112
parameters at width 32, colours and ten classes.
"""

from __future__ import annotations

from torch import nn


def cnn(shape: tuple[int, int, int], width: int, depth: int) -> tuple[nn.Module, int]:
    """Return four 3x3 convolutions, halved in size after each but the last, and their 2 * width
    features.

    Args:
        shape: (channels, height, width) of an image.
        width: channels of the first convolution; the others have twice as many.
        depth: fixed by the name; ignored by every convolutional model.
    """
    layers: list[nn.Module] = []
    before = shape[0]
    for stage in range(4):
        after = width if stage == 0 else 2 * width
        if stage:
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
        layers += [
            nn.Conv2d(before, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
        ]
        before = after
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), before
