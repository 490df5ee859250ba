"""Images of MNIST and its relatives as small as the digits of scikit-learn: 8x8."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from lopsided.arrays import Floats, Ints
from lopsided.reproduce.data import load
from lopsided.reproduce.data.images import Images


class Rows(NamedTuple):
    """A data set as rows from 0 to 1.

    Attributes:
        x: (n, 64) training images.
        y: (n,) their labels.
        test_x: (m, 64) held-out images.
        test_y: (m,) their labels.
        digest: SHA-256 of the data set.
    """

    x: Floats
    y: Ints
    test_x: Floats
    test_y: Ints
    digest: str


def rows(name: str, folder: Path | None) -> Rows:
    """Return a data set of 8x8 images, or of 28x28 ones: the inner 24x24 pixels of these in means
    of 3x3.

    Raises:
        FileNotFoundError: if there is no such data; says where it was looked for.
        ValueError: if images are of another size, or a file is damaged.
    """
    dataset = load(name, folder)
    if dataset.shape not in ((1, 8, 8), (1, 28, 28)):
        raise ValueError(f"{name} must have grey images of 8x8 or 28x28, got {dataset.shape}")
    parts = (dataset.train, dataset.test)
    x, test_x = (_small(part) / dataset.white for part in parts)
    return Rows(x, parts[0].labels, test_x, parts[1].labels, dataset.digest())


def _small(images: Images) -> Floats:
    pixels = images.pixels[:, 0].astype(np.float64)
    if pixels.shape[1] == 28:
        pixels = pixels[:, 2:26, 2:26].reshape(-1, 8, 3, 8, 3).mean(axis=(2, 4))
    return pixels.reshape(len(pixels), 64)
