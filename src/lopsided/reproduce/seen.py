"""Seen: what claims keep of a geometry and of a trained network, as records hold it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from lopsided.counts import Counts
from lopsided.geometry import Distances, Geometry, Source
from lopsided.gram import Gram
from lopsided.pairing import Pairing
from lopsided.shape import contrast

Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Matrices:
    """A geometry as three (k, k) matrices: all that a later reader needs to hold another law
    against it.
    """

    classifiers: Matrix
    embeddings: Matrix
    logits: Matrix

    @classmethod
    def of(cls, geometry: Geometry) -> Matrices:
        """Return the matrices of a geometry."""
        parts = geometry.classifiers, geometry.embeddings, geometry.logits
        return cls(*(tuple(map(tuple, part.matrix().tolist())) for part in parts))

    def geometry(self, counts: Counts) -> Geometry:
        """Return the geometry of these matrices."""
        parts = Gram.of_matrix(self.classifiers), Gram.of_matrix(self.embeddings)
        source = Source("network", "measured at the end of training")
        return Geometry(*parts, Pairing.of_matrix(self.logits), source, counts)


class Skew(NamedTuple):
    """How lopsided vectors are, in two numbers of their `Contrast`."""

    norm_ratio: float
    minority: float


class Skews(NamedTuple):
    """How lopsided classifiers and class means are."""

    classifiers: Skew
    embeddings: Skew

    @classmethod
    def of(cls, seen: Geometry, counts: Counts) -> Skews:
        """Return the skews of a geometry."""
        found = (contrast(g, counts.minorities) for g in (seen.classifiers, seen.embeddings))
        return cls(*(Skew(one.norm_ratio, one.minority) for one in found))


@dataclass(frozen=True)
class Laws:
    """Distances of a network to SELI, which is cross-entropy's law, to the ETF, and to the closed
    form of its own loss, if there is one.
    """

    seli: Distances
    etf: Distances
    prediction: Distances | None = None


@dataclass(frozen=True)
class OwnRidge:
    """The ridge that a run's weight decay amounts to, and the skews of the exact optimum there;
    None where a classifier is zero.
    """

    ridge: float
    skews: Skews | None


@dataclass(frozen=True)
class Seen:
    """What is seen of a trained network.

    Attributes:
        test_accuracy: (k,) share of each class that is right, held out.
        train_accuracy: of the training set.
        nc1: within-class over between-class scatter.
        distances: of its geometry.
        skews: of its geometry.
        own_ridge: where the loss has an adjustment.
    """

    test_accuracy: tuple[float, ...]
    train_accuracy: tuple[float, ...]
    nc1: float
    distances: Laws
    skews: Skews
    own_ridge: OwnRidge | None = None
