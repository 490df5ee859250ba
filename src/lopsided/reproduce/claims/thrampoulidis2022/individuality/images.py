"""Images: how similar classes are before any network has seen them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lopsided.arrays import Floats, Ints
from lopsided.counts import Counts
from lopsided.needs import need
from lopsided.reproduce import data
from lopsided.reproduce.data import Dataset, Images

#: Ridge of the linear classifier a training sample, on pixels of variance 1.
_RIDGE = 0.2


class Similarity(NamedTuple):
    """How similar classes are: two symmetric (k, k) matrices, of which only what is off the
    diagonal says anything.

    Attributes:
        images: cosines of the class means of the images, about their unweighted mean.
        confusion: held-out samples of one class that a linear classifier takes for another, either
            way.
    """

    images: Floats
    confusion: Floats


def similarity(dataset: Dataset, most: int) -> Similarity:
    """Return how similar the classes of a data set are.

    Args:
        dataset: the images.
        most: training images of each class; as many as the rarest class has, where it has fewer.
    """
    each = min(most, int(np.bincount(dataset.train.labels).min()))
    train = dataset.train.take(data.choose(dataset.train.labels, Counts([each] * dataset.k)))
    test = dataset.test.take(data.balanced(dataset.test.labels))
    return Similarity(
        cosines(_flat(dataset, train), train.labels), _confusion(dataset, train, test)
    )


def cosines(pixels: Floats, labels: Ints) -> Floats:
    """Return the (k, k) cosines of the class means of (n, p) vectors about their mean."""
    means = np.array([pixels[labels == c].mean(axis=0) for c in range(int(labels.max()) + 1)])
    means -= means.mean(axis=0)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    return np.asarray(means @ means.T)


def _confusion(dataset: Dataset, train: Images, test: Images) -> Floats:
    linear = need("sklearn.linear_model", "'lopsided[reproduce]'").RidgeClassifier(
        _RIDGE * len(train.labels)
    )
    linear.fit(_flat(dataset, train), train.labels)
    table = np.zeros((dataset.k, dataset.k))
    np.add.at(table, (test.labels, linear.predict(_flat(dataset, test))), 1)
    return table + table.T


def _flat(dataset: Dataset, images: Images) -> Floats:
    pixels = dataset.normalise(images).astype(np.float64)
    return np.asarray(pixels.reshape(len(pixels), -1))
