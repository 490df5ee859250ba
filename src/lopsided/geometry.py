"""Geometry: what theory predicts, the solver finds and a trained network shows, in one form.

Arrays in code are row-major: classifiers W are (k, d), class means M are (k, d), one row a class,
although the mathematics writes them as columns.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lopsided import needs, notebook
from lopsided.arrays import Floats, frozen, real_array, require_noun, require_number
from lopsided.centering import about_mean
from lopsided.counts import Counts, CountsLike
from lopsided.files import printable, reading
from lopsided.frobenius import ZeroMatrixError
from lopsided.gram import Gram
from lopsided.groups import Groups, numbers_of
from lopsided.numbering import require_one_order
from lopsided.packing import packed, read_arrays, read_facts, unpacked, write_pair
from lopsided.pairing import Pairing
from lopsided.plain import plain
from lopsided.realised import realised
from lopsided.singular import svd
from lopsided.source import Directions, Distances, Source
from lopsided.split import Matrices, Split, split

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Directions", "Distances", "Geometry", "Source"]

#: The matrices of a geometry.
PARTS = ("classifiers", "embeddings", "logits")


@dataclass(frozen=True, eq=False, repr=False)
class Geometry:
    """Classifiers of k classes, embeddings of m kinds of samples and their logits, up to rotation
    of the feature space.

    Mostly a kind of sample is a class: k = m, the embeddings are the class means and the logits
    have a diagonal. Contexts of a language model, sets of labels and the samples of a regression
    are kinds of samples too.

    Attributes:
        classifiers: Gram of the classifier weights w_c.
        embeddings: Gram of the embeddings mu_j.
        logits: entry [c, j] is w_c . mu_j, the logit of class c for samples of kind j.
        source: where it came from.
        counts: the class counts, where they matter; with them column j of the logits is class j.

    Raises:
        ValueError: if the parts do not fit: k classifiers, m embeddings, logits (k, m), counts of
            the m kinds.
        TypeError: if the source is none.

    Example:
        >>> from lopsided import Counts, predict
        >>> seli = predict.seli(Counts([50, 50, 5, 5]))
        >>> round(seli.distance(predict.etf(4)).classifiers, 4)
        0.3875
    """

    classifiers: Gram
    embeddings: Gram
    logits: Pairing
    source: Source
    counts: Counts | None = None

    def __post_init__(self) -> None:
        for name, noun in (("classifiers", Gram), ("embeddings", Gram), ("logits", Pairing)):
            require_noun(
                getattr(self, name), noun, name, f"{noun.__name__}.of_matrix makes one of numbers"
            )
        shape = (self.classifiers.k, self.embeddings.k)
        if (self.logits.k, self.logits.m) != shape:
            raise ValueError(
                f"logits of {shape[0]} classifiers by {shape[1]} embeddings must have shape"
                f" {shape}, got {(self.logits.k, self.logits.m)}"
            )
        if not isinstance(self.source, Source):
            raise TypeError(
                f"a geometry has a Source, got {self.source!r}; of a name make one: Source(name)"
            )
        if self.counts is not None:
            object.__setattr__(self, "counts", Counts.of(self.counts))
        if self.counts is not None and self.counts.k != shape[1]:
            raise ValueError(f"counts must be of the {shape[1]} embeddings, got {self.counts.k}")
        if self.counts is not None and shape[0] == shape[1]:  # counts are of classes
            object.__setattr__(self, "logits", self.logits.of_classes())

    def __repr__(self) -> str:
        k, m = self.logits.k, self.logits.m
        return f"Geometry({printable(self.source.name)}: {k:,} classifiers x {m:,} embeddings)"

    @classmethod
    def of_vectors(
        cls, W: npt.ArrayLike, M: npt.ArrayLike, source: Source, counts: CountsLike | None = None
    ) -> Geometry:
        """Return the geometry of explicit classifiers and class means, two (k, d) arrays of one
        shape, which are copied.

        Means of a network that are about their own mean say so in the source; else `distance` takes
        them and a law as they are, and a network on a law that is not about its mean lies away.

        Raises:
            ValueError: if the shapes differ or an entry is not finite.

        Example:
            >>> from lopsided import predict
            >>> law = predict.free_bias([50, 20, 5])
            >>> W, M = law.vectors()
            >>> for told in ("", "class means centred by classes"):
            ...     network = Geometry.of_vectors(W, M - M.mean(axis=0), Source("mine", "", told))
            ...     print(round(abs(network.distance(law).embeddings), 2))
            0.68
            0.0
        """
        w, m = frozen(real_array(W, "classifiers")), frozen(real_array(M, "class means"))
        if w.shape != m.shape:
            raise ValueError(
                f"classifiers and class means must have one shape (k, d), got {w.shape} and"
                f" {m.shape}; use Geometry.of_factors where a column is no class"
            )
        logits = Pairing.paired(Groups.each(len(w)), w, m, np.einsum("cd,cd->c", w, m))
        given = None if counts is None else Counts.of(counts)
        return cls(Gram.of_vectors(w), Gram.of_vectors(m), logits, source, given)

    @classmethod
    def of_factors(cls, W: npt.ArrayLike, H: npt.ArrayLike, source: Source) -> Geometry:
        """Return the geometry of k classifiers and m embeddings that are no classes, arrays (k, d)
        and (m, d).

        Raises:
            ValueError: if their dimensions differ or an entry is not finite.
        """
        w, h = real_array(W, "classifiers"), real_array(H, "embeddings")
        if w.ndim != 2 or h.ndim != 2 or w.shape[1] != h.shape[1]:
            raise ValueError(
                f"classifiers (k, d) and embeddings (m, d) must agree in d, got {w.shape} and"
                f" {h.shape}"
            )
        return cls(Gram.of_vectors(w), Gram.of_vectors(h), Pairing.of_factors(w, h), source)

    @property
    def k(self) -> int:
        """Number of classes."""
        return self.classifiers.k

    @property
    def m(self) -> int:
        """Number of kinds of samples; mostly that of classes."""
        return self.embeddings.k

    @property
    def paired(self) -> bool:
        """Whether the kinds of samples are the classes, so that each classifier has a mean of its
        own.
        """
        return self.logits.diagonal is not None

    def alignment(self) -> Floats:
        """Return (k,) cosines between each class's classifier and its mean; NaN where one is zero.

        Raises:
            ValueError: if the kinds of samples are not the classes.
        """
        own = self.logits.rows.expand(self.logits.own)
        with np.errstate(invalid="ignore", divide="ignore"):
            cosines = own / (self.classifiers.norms() * self.embeddings.norms())
        return np.clip(cosines, -1.0, 1.0)  # rounding can leave one just beyond

    def about_mean(self) -> Geometry:
        """Return this geometry with its class means about their unweighted mean, and the logits
        with them, as those of a network are measured; `distance` and all of `Collapse` compare so.

        Example:
            >>> from lopsided import predict
            >>> law = predict.free_bias([50, 5, 5])  # about the mean over the samples
            >>> bool(abs(law.about_mean().embeddings.matrix().sum(axis=0)).max() < 1e-12)
            True
        """
        return about_mean(self)

    def take(self, classes: npt.ArrayLike) -> Geometry:
        """Return the geometry of some of the classes, in the order given, as it is among the
        others: a law of some of the counts alone is another. The classifiers of the others are
        gone: what `split` then calls visible is what those taken span. A measurement of some of the
        classes keeps its whole head.

        Raises:
            ValueError: if the kinds of samples are not the classes, a class is named twice or, of
                counts, there are fewer than two.
            IndexError: for a class that does not exist.

        Example:
            >>> from lopsided import predict
            >>> predict.etf(5).take([0, 1, 3]).classifiers.cosine(0, 1).round(12)
            np.float64(-0.25)
        """
        index = numbers_of(classes, self.k)
        return Geometry(
            self.classifiers.take(index),
            self.embeddings.take(index),
            self.logits.take(index),
            self.source,
            None if self.counts is None else self.counts.take(index),
        )

    def distance(self, other: Geometry) -> Distances:
        """Return the distances of classifiers, embeddings and logits to those of another geometry;
        NaN where a part of one is zero.

        Class means of a network are measured about a mean; before a law is compared with a network,
        both are moved about their unweighted mean, where a law need not be itself: those of a free
        bias, of label scales or of a ridge are not. That it is a network is said by the source that
        `measure` gives; `of_vectors` tells how for one of your own.

        Raises:
            TypeError: if the other is no geometry.
            ValueError: if the numbers of classes differ, or the names of their counts are the same
                in another order.
        """
        require_noun(other, Geometry, "what a distance is to")
        require_one_order(f"the geometry {other.source.name}", self.counts, other.counts)
        one: Geometry = self
        if self.source.centered or other.source.centered:
            one, other = self.about_mean(), other.about_mean()
        return Distances(
            _distance(one.classifiers, other.classifiers),
            _distance(one.embeddings, other.embeddings),
            _distance(one.logits, other.logits),
        )

    def split(self, law: Geometry, *runs: Geometry, cutoff: float | None = None) -> Split:
        """Return why this geometry is not the law: what the head cannot see, the misfit to the law,
        and single classes.

        Class means and logits are centred over the classes; embeddings are compared as far as the
        classifiers span them.

        Args:
            law: a prediction, with counts.
            runs: more measured geometries. Where counts have no equals, runs whose classes have the
                same counts in other orders tell the law from single classes; all are sorted by
                count first.
            cutoff: singular values of the classifiers' Gram below this share of the largest count
                as zero; by default 1e-3 or, if that is less, a tenth of the root of the smallest
                count over the largest: SELI's own classifiers span that root.

        Raises:
            TypeError: if one of them is no geometry.
            ValueError: if law or geometries lack counts or are of other counts, their columns are
                no classes, or the cutoff is no such share.
            MemoryError: if the (k, k) matrices are too large.

        Example:
            >>> from lopsided import Counts, predict
            >>> seli = predict.seli(Counts.step(k=4, minority=2, ratio=10))
            >>> round(seli.split(seli).visible, 12), round(seli.split(seli).embeddings.law, 12)
            (1.0, 0.0)
        """
        for other in (law, *runs):
            if not isinstance(other, Geometry):
                raise TypeError(
                    f"a split is of geometries, got {type(other).__name__}; a cutoff is given by"
                    " its name"
                )
        if cutoff is not None and not 1e-12 <= require_number(cutoff, "cutoff") < 1:
            raise ValueError(f"cutoff must be a share from 1e-12 to below 1, got {cutoff}")
        return split([run.matrices() for run in (self, *runs)], law.matrices(), cutoff)

    def matrices(self) -> Matrices:
        """Return what a split is of.

        Raises:
            ValueError: if the counts are not known, or the kinds of samples are not the classes.
            MemoryError: if the (k, k) matrices are too large.
        """
        if self.counts is None or not self.paired:
            raise ValueError(
                f"a split needs classes and their counts, {self.source.name!r} has none"
            )
        return Matrices(
            self.classifiers.matrix(),
            self.embeddings.matrix(),
            self.logits.matrix(),
            self.counts.values,
        )

    def directions(self) -> Directions:
        """Return the directions along which logits vary: concepts of contexts, principal directions
        of a regression.

        Raises:
            MemoryError: if the (k, m) array of logits is too large.
        """
        left, values, right = svd(self.logits.matrix())
        kept = values > max(self.k, self.m) * np.finfo(np.float64).eps * values[0]
        return Directions(left[:, kept], values[kept], right[kept].T)

    def vectors(self, d: int | None = None, seed: int = 0) -> tuple[Floats, Floats]:
        """Return explicit classifiers (k, d) and embeddings (m, d) with this geometry, in an
        orientation drawn from the seed.

        Args:
            d: feature dimensions, at least the rank of the geometry; by default exactly that.
            seed: of the random rotation.

        Raises:
            ValueError: if `d` is too small; the smallest that works is named.
            MemoryError: if the (k + m, k + m) matrix of all inner products is too large.
        """
        both = realised(
            self.classifiers.matrix(), self.embeddings.matrix(), self.logits.matrix(), d, seed
        )
        return both[: self.k], both[self.k :]

    def to_dict(self) -> dict[str, Any]:
        """Return norms, alignments and provenance as plain data for JSON; None where there is no
        alignment.
        """
        return {
            "source": asdict(self.source),
            "counts": None if self.counts is None else self.counts.values.tolist(),
            "classifier_norms": self.classifiers.norms().tolist(),
            "embedding_norms": self.embeddings.norms().tolist(),
            "alignment": plain(self.alignment()) if self.paired else None,
        }

    def to_records(self) -> list[dict[str, Any]]:
        """Return a row a class: its name or number, its count where that is known, norms and
        alignment, as pandas and polars take them; None where there is no alignment.

        Raises:
            ValueError: if the kinds of samples are not the classes.

        Example:
            >>> from lopsided import predict
            >>> [f"{row['classifier_norm']:.3f}" for row in predict.seli([50, 5]).to_records()]
            ['1.619', '1.619']
        """
        own = np.broadcast_to(self.alignment(), self.k).tolist()
        norms = self.classifiers.norms().tolist(), self.embeddings.norms().tolist()
        known = [{"class": c} for c in range(self.k)]
        heads = known if self.counts is None else self.counts.to_records()
        return [
            head | {"classifier_norm": w, "embedding_norm": m, "alignment": a if a == a else None}
            for head, w, m, a in zip(heads, *norms, own, strict=True)
        ]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the frame where it has at most three dimensions, else the cosines of the
        classifiers: see `lopsided.plot.geometry`.

        Raises:
            ImportError: if matplotlib is not installed.
            ValueError: if there is nothing but zero to draw.
        """
        axes: Axes = needs.plot().geometry(self, ax)
        return axes

    def drawings(self) -> str:
        """Return norms and cosines of both parts, for a notebook."""
        counts, drawn = (self.counts if self.paired else None), ""
        for title, part in (
            ("Classifiers", self.classifiers),
            ("Class means" if self.paired else "Embeddings", self.embeddings),
        ):
            sizes = np.zeros(part.k) if counts is None else counts.values
            shown = notebook.picked(np.argsort(-sizes, kind="stable"))
            names = [str(c) for c in shown] if counts is None else counts.called(shown)
            drawn += part.drawing(title, shown, names)
        return drawn

    def _repr_html_(self) -> str:
        source = self.source
        words = [source.reference, source.assumptions and f"holds for: {source.assumptions}"]
        told = notebook.said("; ".join(filter(None, words)))
        return notebook.card(repr(self), told, self.drawings())

    def save(self, path: str | Path) -> None:
        """Write PATH.json (provenance, names of classes) and PATH.npz (arrays, no pickle).

        Raises:
            ValueError: if one of them is there and no save wrote it.
        """
        arrays: dict[str, Any] = {}
        for part in PARTS:
            arrays |= packed(part, getattr(self, part))
        if self.counts is not None:
            arrays["counts"] = self.counts.values
        names = None if self.counts is None else self.counts.names
        facts = {"source": asdict(self.source), "names": names}
        write_pair(path, arrays, facts)

    @classmethod
    def load(cls, path: str | Path) -> Geometry:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: if one of the two files is missing.
            ValueError: if one of them is damaged, was changed or holds no geometry, they are of two
                saves, or an array holds Python objects, which would need pickle; it is named.
        """
        facts, arrays = Path(f"{path}.json"), Path(f"{path}.npz")
        with reading(facts):
            told = read_facts(facts)
            source, names = Source(**told["source"]), told.get("names")
        stored = read_arrays(arrays, told)
        with reading(arrays):
            counts = Counts(stored["counts"], names) if "counts" in stored else None
            return cls(
                unpacked(Gram, "classifiers", stored),
                unpacked(Gram, "embeddings", stored),
                unpacked(Pairing, "logits", stored),
                source,
                counts,
            )


def _distance(a: Pairing, b: Pairing) -> float:
    try:
        return a.distance(b)
    except ZeroMatrixError:
        return float("nan")
