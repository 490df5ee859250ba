"""Observed: what a deep network shows at one moment of its training."""

from __future__ import annotations

from dataclasses import dataclass

from lopsided.geometry import Distances
from lopsided.shape import Contrast
from lopsided.split import Split


@dataclass(frozen=True)
class Beside:
    """Distances of a network to every law that could describe it.

    Attributes:
        prediction: where the run's own problem leads as the ridge vanishes.
        seli: SELI.
        etf: the simplex ETF.
        ufm: the optimum of the unconstrained-features model at the nearest ridge.
    """

    prediction: Distances
    seli: Distances
    etf: Distances
    ufm: Distances


@dataclass(frozen=True)
class Row:
    """What a network shows after an epoch.

    Attributes:
        epoch: counted from 1.
        loss: mean cross-entropy of the training set.
        train_accuracy: (k,) share of each class that is right.
        test_accuracy: of held-out samples.
        nc1: within-class over between-class scatter.
        distances: to the laws.
        nearest_ridge: number of the ridge of `distances.ufm` on the path.
        classifier_norms: (k,) norms.
        embedding_norms: (k,) norms of the class means.
        classifiers: how majorities differ from minorities; the first records lack it.
        embeddings: of the class means.
        split: of the distance to the prediction; the first records lack it.
    """

    epoch: int
    loss: float
    train_accuracy: tuple[float, ...]
    test_accuracy: tuple[float, ...]
    nc1: float
    distances: Beside
    nearest_ridge: int
    classifier_norms: tuple[float, ...]
    embedding_norms: tuple[float, ...]
    classifiers: Contrast | None = None
    embeddings: Contrast | None = None
    split: Split | None = None

    def __str__(self) -> str:
        return f"classifiers {self.distances.prediction.classifiers:.2f} from their prediction"
