"""Source: where a geometry comes from; with it the answers that geometries give as tuples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from lopsided.arrays import Floats

#: What is assumed where class means are about a mean by measurement, not by a law: what they are
#: centred by -> the words.
CENTERED = {
    "classes": "class means centred by classes",
    "samples": "class means centred by samples",
}


@dataclass(frozen=True)
class Source:
    """Where a geometry comes from.

    Attributes:
        name: the formula, solver or network, as a reader would call it.
        reference: theorem, equation or paper; "derived here" where the derivation is in the
            documentation.
        assumptions: what has to hold for the geometry to be right; "class means centred by classes"
            where they were measured about their mean.
    """

    name: str
    reference: str = ""
    assumptions: str = ""

    @property
    def centered(self) -> bool:
        """Whether class means are about a mean because they were measured so."""
        return self.assumptions in CENTERED.values()


class Distances(NamedTuple):
    """Scale-free distances between two geometries, each from 0 to 2."""

    classifiers: float
    embeddings: float
    logits: float


class Directions(NamedTuple):
    """Singular value decomposition of logits, left * values @ right.T: concepts, principal
    directions.

    Attributes:
        left: (k, r) orthonormal columns, a direction over the classes each.
        values: (r,) positive singular values, descending; r is the numerical rank.
        right: (m, r) orthonormal columns, a direction over the kinds of samples each.
    """

    left: Floats
    values: Floats
    right: Floats
