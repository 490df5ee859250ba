"""Known: what scores remember of the samples that a network was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, frozen, require_noun, require_whole
from lopsided.measure.checks import head_of, rows_of
from lopsided.measure.state.moments import Moments
from lopsided.measure.state.scatter import Pooled

#: Energies of classifiers' directions, as parts of the largest, below which the head sees nothing.
_UNSEEN = 1e-3


@dataclass(frozen=True, eq=False)
class Known:
    """The training samples and the head of a network, as scores of new samples read them.

    Attributes:
        weight: (k, d) of the head.
        bias: (k,) of the head; zero where there is none.
        means: (k, d) class means.
        mean: (d,) mean of all samples.
        directions: (d, r) leading principal directions of the features about their mean, of those
            in which they vary.
        visible: (d, r) an orthonormal basis of what the head sees: the span of the classifiers
            about their mean.
    """

    weight: Floats
    bias: Floats
    means: Floats
    mean: Floats
    directions: Floats
    visible: Floats

    @classmethod
    def of(
        cls,
        moments: Moments,
        weight: npt.ArrayLike,
        bias: npt.ArrayLike | None = None,
        components: int | None = None,
    ) -> Self:
        """Return what moments of the training samples and the head say.

        Args:
            moments: of every class, with their pooled scatter.
            weight: (k, d) of the head.
            bias: (k,) of the head.
            components: principal directions at most; by default k - 1, which hold all of collapsed
                features.

        Raises:
            ValueError: if a class has no sample, moments keep no whole scatter, or the head does
                not fit.
            TypeError: if the moments are none.

        Example:
            >>> moments = Moments(k=2, d=2)
            >>> moments.update([[1.0, 0.0], [3.0, 0.0], [0.0, 4.0], [0.0, 4.2]], [0, 0, 1, 1])
            >>> Known.of(moments, [[1.0, 0.0], [0.0, 1.0]]).mean
            array([1.  , 2.05])
        """
        require_noun(moments, Moments, "what is known", "Moments.update makes them of features")
        moments.require_every_class()
        w, b = head_of(weight, bias, moments.k, moments.d)
        if not isinstance(moments.scatter, Pooled):
            raise ValueError(
                "principal directions are of the whole scatter: measure in one pass, with"
                " Moments(k, d, scatter='pooled')"
            )
        most = min(moments.k - 1, moments.d)
        require_whole("components", most if components is None else components, 1)
        mean = moments.counts @ moments.means / moments.n
        between = np.sqrt(moments.counts)[:, None] * (moments.means - mean)
        values, vectors = np.linalg.eigh(moments.scatter.matrix() + between.T @ between)
        # Among directions without variance, as of dead units, none is before another.
        varies = int(np.sum(values > values[-1] * len(values) * np.finfo(np.float64).eps))
        r = min(most if components is None else components, varies)
        _, energies, rows = np.linalg.svd(w - w.mean(axis=0), full_matrices=False)
        seen = energies**2 > _UNSEEN * energies[0] ** 2
        zero = np.zeros(moments.k)
        # Copies: a head that is trained on and moments that take in more change no score.
        return cls(
            frozen(w),
            frozen(zero if b is None else b),
            frozen(moments.means),
            frozen(mean),
            frozen(vectors[:, ::-1][:, :r]),
            frozen(rows[seen].T),
        )

    def features(self, rows: npt.ArrayLike) -> Floats:
        """Return features (n, d) in float64, checked.

        Raises:
            ValueError: if the shape is another or a number is not finite; the sample is named.
            TypeError: if the array does not hold numbers.
        """
        several = len(np.shape(rows)) == 2
        y = np.full(np.shape(rows)[0] if several else 0, -1)
        d = len(self.mean)
        if not several or np.shape(rows)[1] != d:
            raise ValueError(f"features must have shape (n, {d}), got {np.shape(rows)}")
        return np.asarray(rows_of(rows, y, d, "features", "sample {}".format), np.float64)

    def logits(self, features: Floats) -> Floats:
        """Return the head's answers (n, k).

        Raises:
            ValueError: if they leave float64; the sample is named.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            logits = features @ self.weight.T + self.bias
        if not (fine := np.isfinite(logits).all(axis=1)).all():
            raise ValueError(f"the logits of sample {int(np.argmin(fine))} leave float64")
        return np.asarray(logits)
