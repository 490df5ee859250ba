"""Geometry: what theory predicts, the solver finds and a trained network shows, in one form.

Arrays in code are row-major: classifiers W are (k, d), class means M are (k, d), one row a class, although the mathematics writes
them as columns.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats
from lopsided.counts import Counts
from lopsided.gram import ClassMatrix, Gram, ZeroMatrixError
from lopsided.groups import Groups

Matrix = TypeVar("Matrix", bound=ClassMatrix)


@dataclass(frozen=True)
class Source:
    """Where a geometry comes from.

    Attributes:
        name: the formula, solver or network, as a reader would call it.
        reference: theorem, equation or paper; "derived here" where the derivation is in the documentation.
        assumptions: what has to hold for the geometry to be right.
    """

    name: str
    reference: str = ""
    assumptions: str = ""


class Distances(NamedTuple):
    """Scale-free distances between two geometries, each from 0 to 2."""

    classifiers: float
    embeddings: float
    logits: float


@dataclass(frozen=True, eq=False)
class Geometry:
    """Classifiers, class-mean embeddings and class logits of k classes, up to rotation of the feature space.

    Attributes:
        classifiers: Gram of the classifier weights w_c.
        embeddings: Gram of the class means mu_c.
        logits: entry [c, c'] is w_c . mu_c', the logit of class c for samples of class c'.
        source: where it came from.
        counts: the class counts, where they matter.

    Example:
        >>> from lopsided import Counts, predict
        >>> seli = predict.seli(Counts([50, 50, 5, 5]))
        >>> round(seli.distance(predict.etf(4)).classifiers, 4)
        0.3875
    """

    classifiers: Gram
    embeddings: Gram
    logits: ClassMatrix
    source: Source
    counts: Counts | None = None

    @classmethod
    def of_vectors(cls, W: npt.ArrayLike, M: npt.ArrayLike, source: Source, counts: Counts | None = None) -> Geometry:
        """Return the geometry of explicit classifiers and class means, two (k, d) arrays of one shape.

        Raises:
            ValueError: if the shapes differ or an entry is not finite.
        """
        w, m = np.asarray(W, np.float64), np.asarray(M, np.float64)
        if w.shape != m.shape:
            raise ValueError(f"classifiers and class means must have one shape (k, d), got {w.shape} and {m.shape}")
        logits = ClassMatrix(Groups.each(len(w)), w, m, np.einsum("cd,cd->c", w, m))
        return cls(Gram.of_vectors(w), Gram.of_vectors(m), logits, source, counts)

    @property
    def k(self) -> int:
        """Number of classes."""
        return self.classifiers.k

    def alignment(self) -> Floats:
        """Return (k,) cosines between each class's classifier and its mean; NaN where one is zero."""
        own = self.logits.groups.expand(self.logits.diagonal)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(own / (self.classifiers.norms() * self.embeddings.norms()))

    def distance(self, other: Geometry) -> Distances:
        """Return the distances of classifiers, embeddings and logits to those of another geometry; NaN where a part of one is zero.

        Raises:
            ValueError: if the numbers of classes differ.
        """
        return Distances(
            _distance(self.classifiers, other.classifiers),
            _distance(self.embeddings, other.embeddings),
            _distance(self.logits, other.logits),
        )

    def vectors(self, d: int | None = None, seed: int = 0) -> tuple[Floats, Floats]:
        """Return explicit (k, d) classifiers and class means with this geometry, in an orientation drawn from the seed.

        Args:
            d: feature dimensions, at least the rank of the geometry; by default exactly that.
            seed: of the random rotation.

        Raises:
            ValueError: if `d` is too small; the smallest that works is named.
            MemoryError: if the (2k, 2k) matrix of all inner products is too large.
        """
        cross = self.logits.matrix()
        joint = np.block([[self.classifiers.matrix(), cross], [cross.T, self.embeddings.matrix()]])
        # Classifiers and means can differ in length by orders; equilibrate, so that the rank is judged alike for both.
        lengths = np.sqrt(np.maximum(np.diag(joint), 0))
        scale = np.where(lengths > 0, lengths, 1.0)
        values, basis = np.linalg.eigh(joint / np.outer(scale, scale))
        kept = values > 1e-9 * values[-1]
        rank = int(kept.sum())
        width = rank if d is None else d
        if width < rank:
            raise ValueError(f"this geometry spans {rank} dimensions, d={width} is too small")
        coordinates = (basis[:, kept] * np.sqrt(values[kept])) * scale[:, None]
        rotation, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((width, width)))
        both = coordinates @ rotation[:rank]
        return both[: self.k], both[self.k :]

    def to_dict(self) -> dict[str, Any]:
        """Return norms, alignments and provenance as plain data for JSON."""
        return {
            "source": asdict(self.source),
            "counts": None if self.counts is None else self.counts.values.tolist(),
            "classifier_norms": self.classifiers.norms().tolist(),
            "embedding_norms": self.embeddings.norms().tolist(),
            "alignment": self.alignment().tolist(),
        }

    def save(self, path: str | Path) -> None:
        """Write PATH.json (provenance) and PATH.npz (arrays, no pickle)."""
        arrays: dict[str, Any] = {}
        for part in ("classifiers", "embeddings", "logits"):
            matrix = getattr(self, part)
            arrays |= {f"{part}.{name}": getattr(matrix, name) for name in ("left", "right", "diagonal")}
            arrays |= {f"{part}.labels": matrix.groups.labels, f"{part}.lengths": matrix.groups.lengths}
        if self.counts is not None:
            arrays["counts"] = self.counts.values
        np.savez(Path(f"{path}.npz"), **arrays)
        Path(f"{path}.json").write_text(json.dumps({"source": asdict(self.source)}, indent=1) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Geometry:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: if one of the two files is missing.
            ValueError: if an array holds Python objects, which would need pickle.
        """
        source = Source(**json.loads(Path(f"{path}.json").read_text())["source"])
        with np.load(Path(f"{path}.npz"), allow_pickle=False) as stored:

            def part(kind: type[Matrix], name: str) -> Matrix:
                groups = Groups(stored[f"{name}.labels"], stored[f"{name}.lengths"])
                return kind(groups, stored[f"{name}.left"], stored[f"{name}.right"], stored[f"{name}.diagonal"])

            counts = Counts(stored["counts"]) if "counts" in stored else None
            return cls(part(Gram, "classifiers"), part(Gram, "embeddings"), part(ClassMatrix, "logits"), source, counts)


def _distance(a: ClassMatrix, b: ClassMatrix) -> float:
    try:
        return a.distance(b)
    except ZeroMatrixError:
        return float("nan")
