"""The 8x8 digits that come with scikit-learn: real handwriting, no download."""

from __future__ import annotations

import numpy as np

from lopsided.arrays import Floats, Ints
from lopsided.reproduce.data.images import Dataset, Images

#: Images of each class that are held out; every class has at least 174.
HELD_OUT = 70


def digits() -> Dataset:
    """Return the 1,797 digits of Alpaydin and Kaynak (UCI, 1998); the last 70 of each class are the
    test set.

    Raises:
        ImportError: if scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            "the digits come with scikit-learn: pip install 'lopsided[reproduce]'"
        ) from error
    bunch = load_digits()
    images = Images(bunch.images[:, None].astype(np.uint8), bunch.target.astype(np.int64))
    last = np.concatenate([np.flatnonzero(images.labels == c)[-HELD_OUT:] for c in range(10)])
    rest = np.setdiff1d(np.arange(len(images.labels)), last)
    return Dataset(
        "digits (8×8, scikit-learn)", images.take(rest), images.take(np.sort(last)), white=16
    )


def all_digits() -> tuple[Floats, Ints]:
    """Return all 1,797 digits as rows (n, 64) from 0 to 1, and their labels (n,).

    Raises:
        ImportError: if scikit-learn is not installed.
    """
    dataset = digits()
    images = [dataset.train, dataset.test]
    rows = np.concatenate([part.pixels.reshape(len(part.labels), -1) for part in images])
    return rows / dataset.white, np.concatenate([part.labels for part in images])
