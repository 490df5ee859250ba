"""VGG-13 with batch normalisation (Simonyan and Zisserman 2015), features after one global mean, as
in Papyan et al. 2020.
"""

from __future__ import annotations

from torch import nn


def vgg13(shape: tuple[int, int, int], width: int, depth: int) -> tuple[nn.Module, int]:
    """Return VGG-13 of the given width (64 in the paper), and its 8 * width features.

    Args:
        shape: (channels, height, width) of an image.
        width: channels of the first stage.
        depth: fixed by the name; ignored by every convolutional model.
    """
    layers: list[nn.Module] = []
    before = shape[0]
    for factor in (1, 2, 4, 8, 8):
        for _ in range(2):
            after = factor * width
            layers += [
                nn.Conv2d(before, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
            before = after
        # Rounding up lets 28x28 images pass all five poolings.
        layers.append(nn.MaxPool2d(2, ceil_mode=True))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), before
