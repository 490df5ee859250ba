"""Samples of several labels: the sets seen are kinds of samples, and each is measured as a class
is.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, Ints, plain_array, real_array, require_noun
from lopsided.geometry import Geometry, Source
from lopsided.gram import Gram
from lopsided.targets import Targets


class TagWise(NamedTuple):
    """How far embeddings of label sets are from sums of those of their labels.

    Attributes:
        angle: mean angle, in radians, between the embedding of a set and the sum of those of its
            labels.
        apart: the same against the sums of other sets of as many labels, without a common one.
        scale: mean length of the embedding over that of the sum.
    """

    angle: float
    apart: float
    scale: float


@dataclass(frozen=True, eq=False)
class LabelSets:
    """The label sets that occur in some samples, and how often.

    Attributes:
        rows: (m, k) booleans, one set a row: those of fewer labels first, equally many in the order
            of their labels, as the columns of `predict.label_sets` are.
        counts: (m,) samples of each.

    Example:
        >>> seen = LabelSets.of([[1, 0, 0], [1, 0, 1], [1, 0, 0], [0, 1, 0]])
        >>> seen.sets, seen.counts
        ([(0,), (1,), (0, 2)], array([2, 1, 1]))
    """

    rows: npt.NDArray[np.bool_]
    counts: Ints

    @classmethod
    def of(cls, labels: npt.ArrayLike) -> LabelSets:
        """Return the sets in (n, k) rows of 0 and 1.

        Raises:
            ValueError: if there are no such rows, or a sample has no label or all of them; it is
                named.
        """
        rows = _rows(labels)
        if not len(rows):
            raise ValueError("label sets are those of samples, and there are none")
        number = rows.sum(axis=1)
        if (wrong := (number == 0) | (number == rows.shape[1])).any():
            i = int(np.argmax(wrong))
            raise ValueError(
                f"each sample must have 1 to {rows.shape[1] - 1} of the {rows.shape[1]} labels,"
                f" sample {i} has {'none' if not number[i] else 'all'}"
            )
        found, counts = np.unique(rows, axis=0, return_counts=True)
        order = np.argsort(-found.sum(axis=1), kind="stable")[::-1]  # which are sorted, 0 first
        return cls(found[order], counts[order].astype(np.int64))

    @property
    def m(self) -> int:
        """Number of sets."""
        return len(self.rows)

    @property
    def k(self) -> int:
        """Number of labels."""
        return int(self.rows.shape[1])

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that other sets, or the same in another order, do not have."""
        return hashlib.sha256(np.ascontiguousarray(self.rows).tobytes()).hexdigest()[:16]

    @property
    def sets(self) -> list[tuple[int, ...]]:
        """The labels of each set."""
        return [tuple(np.flatnonzero(row).tolist()) for row in self.rows]

    def numbers(self, labels: npt.ArrayLike) -> Ints:
        """Return (n,) the number of each sample's set, as labels for a measurement.

        Raises:
            ValueError: if a set is not among these; the sample is named.
        """
        known = {row.tobytes(): j for j, row in enumerate(self.rows)}
        rows = _rows(labels)
        numbers = np.array([known.get(row.tobytes(), -1) for row in rows], np.int64)
        if (numbers < 0).any():
            i = int(np.argmin(numbers))
            raise ValueError(
                f"sample {i} has labels {np.flatnonzero(rows[i]).tolist()}, a set that was not seen"
            )
        return numbers

    def targets(self) -> Targets:
        """Return what predict and solve need: the sets with their counts."""
        return Targets.label_sets(self.sets, self.k, self.counts)

    def geometry(self, weight: npt.ArrayLike, means: npt.ArrayLike) -> Geometry:
        """Return the measured geometry of k classifiers by m embeddings of sets.

        Embeddings are about the mean of the single-label means, where there are any, else of all.

        Args:
            weight: (k, d) of the head.
            means: (m, d) mean feature of each set.
        """
        return Geometry.of_factors(weight, self._centred(means), Source("network"))

    def about_mean(self, law: Geometry) -> Geometry:
        """Return a prediction for these sets with its embeddings about the same mean as in
        `geometry`, before it is compared with a measured one.

        Where sets have unequal counts those of an optimum are not about it themselves.

        Raises:
            ValueError: if it is of other numbers of labels or sets.

        Example:
            >>> from lopsided import Problem, foresee
            >>> seen = LabelSets.of([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]])
            >>> law = seen.about_mean(foresee(Problem(seen.targets(), ridge=0.1)))
            >>> bool(abs(law.embeddings.matrix()[:3].sum(axis=0)).max() < 1e-9)
            True
        """
        require_noun(law, Geometry, "the prediction")
        if (law.k, law.m) != (self.k, self.m):
            raise ValueError(
                f"the prediction is of {law.k} labels and {law.m} sets, the measurement of {self.k}"
                f" and {self.m}"
            )
        W, M = law.vectors()
        return Geometry.of_factors(W, self._centred(M), law.source)

    def embeddings(self, means: npt.ArrayLike) -> Gram:
        """Return the measured embeddings of the sets, about the same mean as in `geometry`.

        Args:
            means: (m, d) mean feature of each set.
        """
        return Gram.of_vectors(self._centred(means))

    def tag_wise(self, means: npt.ArrayLike) -> TagWise:
        """Return how far the embeddings of sets of several labels are from sums.

        Only sets all of whose labels occur alone are compared; embeddings are about the mean of
        those of single labels, so that the set of all labels that occur alone has a sum of zero and
        takes no part.

        Source: Li et al. 2024 (arXiv 2310.15903) for the angle; the scale derived here.

        Args:
            means: (m, d) mean feature of each set.

        Raises:
            ValueError: if there is no such set of several labels, or an embedding or a sum is zero.

        Example:
            >>> seen = LabelSets.of([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]])
            >>> M = np.array([[1, 0], [-0.5, 0.75**0.5], [-0.5, -(0.75**0.5)]])
            >>> [round(x, 6) for x in seen.tag_wise([*M, -0.9 * M[2]])[::2]]
            [0.0, 0.9]
        """
        H, sets = self._centred(means), self.sets
        alone = {labels[0]: H[j] for j, labels in enumerate(sets) if len(labels) == 1}
        several = [
            j for j, s in enumerate(sets) if 1 < len(s) < len(alone) and all(c in alone for c in s)
        ]
        if not several:
            raise ValueError(
                "tag-wise angles need a set of several labels, each of which occurs alone too, and"
                " a label more that does"
            )
        sums = np.stack([np.sum([alone[c] for c in sets[j]], axis=0) for j in several])
        found = H[several]
        lengths = np.linalg.norm(found, axis=1), np.linalg.norm(sums, axis=1)
        rounding = 1e-12 * float(np.abs(real_array(means, "means")).max())
        if not (np.minimum(*lengths) > rounding).all():
            raise ValueError("an embedding of a set, or the sum of those of its labels, is zero")
        angles = np.arccos(np.clip(found @ sums.T / np.outer(*lengths), -1, 1))
        rows = self.rows[several].astype(np.int64)
        apart = (rows @ rows.T == 0) & (rows.sum(axis=1)[:, None] == rows.sum(axis=1))
        return TagWise(
            float(angles.diagonal().mean()),
            float(angles[apart].mean()) if apart.any() else float("nan"),
            float((lengths[0] / lengths[1]).mean()),
        )

    def _centred(self, means: npt.ArrayLike) -> Floats:
        M = real_array(means, "means")
        if M.ndim != 2 or len(M) != self.m:
            raise ValueError(f"means must be ({self.m}, d), one a set, got shape {M.shape}")
        alone = self.rows.sum(axis=1) == 1
        return np.asarray(M - M[alone if alone.any() else slice(None)].mean(axis=0))


def _rows(labels: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    array = plain_array(labels, "label sets")
    if array.ndim != 2 or array.shape[1] < 2:
        raise ValueError(
            "label sets must be an array (n, k), one row a sample and one column a label, got shape"
            f" {array.shape}"
        )
    if array.dtype.kind not in "biuf" or not np.isin(array, (0, 1)).all():
        raise ValueError("label sets must be booleans, or numbers 0 and 1")
    return np.ascontiguousarray(array.astype(bool))
