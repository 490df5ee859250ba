"""Images with labels, and a data set of them: to train on, and to test on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, Ints


@dataclass(frozen=True, eq=False)
class Images:
    """Labelled images.

    Attributes:
        pixels: (n, channels, height, width) uint8.
        labels: (n,) from 0 to k - 1.

    Raises:
        ValueError: if images and labels differ in number, or there are none.
    """

    pixels: npt.NDArray[np.uint8]
    labels: Ints

    def __post_init__(self) -> None:
        if self.pixels.ndim != 4 or len(self.pixels) != len(self.labels) or not len(self.labels):
            raise ValueError(
                "images of shape (n, channels, height, width) need n labels, got"
                f" {self.pixels.shape}, {self.labels.shape}"
            )

    def take(self, indices: Ints) -> Images:
        """Return some of the images."""
        return Images(self.pixels[indices], self.labels[indices])


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set whose test images never train.

    Attributes:
        title: as a reader would call it; says when the images are not the original ones.
        train: the images to choose training samples from.
        test: held-out images.
        white: the pixel value of white.
    """

    title: str
    train: Images
    test: Images
    white: int = 255

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        channels, height, width = self.train.pixels.shape[1:]
        return channels, height, width

    @property
    def k(self) -> int:
        """Number of classes."""
        return int(self.train.labels.max()) + 1

    def digest(self) -> str:
        """Return the SHA-256 of all images and labels."""
        seen = hashlib.sha256()
        for part in (self.train, self.test):
            seen.update(repr(part.pixels.shape).encode())
            seen.update(np.ascontiguousarray(part.pixels).data)
            seen.update(np.ascontiguousarray(part.labels, "<i8").data)
        return seen.hexdigest()

    def moments(self) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of each channel over all training images, with white
        as 1; a channel of one value has deviation 1, as there is nothing to scale.
        """
        channels = self.train.pixels.shape[1]
        # A table of how often each value occurs is exact and needs no float copy of the images.
        tables = np.array(
            [np.bincount(self.train.pixels[:, c].ravel(), minlength=256) for c in range(channels)],
            np.float64,
        )
        values = np.arange(256) / self.white
        mean = tables @ values / tables.sum(axis=1)
        square = tables @ values**2 / tables.sum(axis=1)
        # Rounding would leave a channel of one value a deviation of about 1e-9, or of NaN.
        constant = (tables > 0).sum(axis=1) == 1
        return mean, np.where(constant, 1.0, np.sqrt(np.maximum(square - mean**2, 0.0)))

    def normalise(self, images: Images) -> npt.NDArray[np.float32]:
        """Return pixels as float32, of mean 0 and standard deviation 1 in each channel over the
        training images.
        """
        mean, deviation = self.moments()
        scale, offset = 1 / (self.white * deviation), mean / deviation
        return (images.pixels * scale[:, None, None] - offset[:, None, None]).astype(np.float32)
