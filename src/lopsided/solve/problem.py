"""Problem: what is to be minimised.

The unconstrained-features model (UFM) lets the features h_i of n samples move freely. In the *sum* normalisation used throughout,

    F(W, H) = sum_i loss(W h_i + b, y_i) + ridge/2 (||W||^2 + ||H||^2) [+ beta/2 ||b||^2]

Its minimum over feature dimensions d >= k - 1 is convex in the logits: samples of a class share one column, and with N = diag(n_c)

    min over X (k x k) of sum_c n_c loss_c(X[:, c]) + ridge ||X N^{1/2}||_*        (nuclear norm: sum of the singular values)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from lopsided.adjustment import Adjustment
from lopsided.arrays import Floats, frozen
from lopsided.counts import Counts

Bias = Literal["none", "free"] | float


@dataclass(frozen=True, eq=False)
class Problem:
    """An unconstrained-features model with imbalanced classes.

    Attributes:
        counts: the class counts; None for soft targets.
        adjustment: weights, scales, shifts and margins of the cross-entropy; None is plain cross-entropy.
        ridge: factor of the ridge on classifiers and embeddings, in the sum normalisation; 0 asks for the hard-margin limit.
        bias: "none", "free", or the factor of a ridge on the bias.
        width: feature dimensions d; None is as many as the optimum wants.
        targets: (k, m) soft targets, one column a context, each summing to 1; None for labels.
        weights: (m,) how many samples share each column of `targets`.

    Raises:
        ValueError: if the ridge, the bias or the width is out of range, or neither or both of counts and targets are given.
        TypeError: if the counts are no `Counts`.

    Example:
        >>> Problem(Counts([50, 50, 5, 5]), ridge=1e-3).k
        4
    """

    counts: Counts | None = None
    adjustment: Adjustment | None = None
    ridge: float = field(kw_only=True)
    bias: Bias = "none"
    width: int | None = None
    targets: Floats | None = None
    weights: Floats | None = None

    def __post_init__(self) -> None:
        if (self.counts is None) == (self.targets is None):
            raise ValueError("a problem needs class counts or soft targets (Problem.of_targets), one of the two")

        if self.counts is not None and not isinstance(self.counts, Counts):
            raise TypeError(f"counts must be Counts, got {self.counts!r}; wrap them: Counts(...)")
        if not 0 <= self.ridge < np.inf:
            raise ValueError(f"ridge must be a finite number of at least 0, got {self.ridge}")
        if isinstance(self.bias, str):
            if self.bias not in ("none", "free"):
                raise ValueError(f'bias must be "none", "free" or the factor of its ridge, got {self.bias!r}')
        elif not 0 < self.bias < np.inf:
            raise ValueError(f'the ridge on the bias must be a positive finite number ("free" for no ridge), got {self.bias}')
        if self.width is not None and (self.width != int(self.width) or self.width < 1):
            raise ValueError(f"width must be a whole number of at least 1, got {self.width}")
        if self.counts is not None and self.adjustment is not None:
            self.adjustment.resolve(self.counts)

    @classmethod
    def from_weight_decay(
        cls,
        counts: Counts,
        lambda_w: float,
        lambda_h: float,
        adjustment: Adjustment | None = None,
        bias: Bias = "none",
        width: int | None = None,
    ) -> Problem:
        """Return the problem of a *mean* loss with weight decay on classifiers and on features.

        (1/n) sum_i loss_i + lambda_w/2 ||W||^2 + lambda_h/2 ||H||^2, times n, has the ridges n lambda_w and n lambda_h. Scaling W
        by (lambda_h / lambda_w)^{1/4} and H by its inverse leaves the logits and makes both equal ridge = n sqrt(lambda_w
        lambda_h). So with 1,000 samples and weight decay 5e-4 on both, the ridge is 1000 * 5e-4 = 0.5. A ridge on the bias is in
        the sum
        normalisation: n times the decay of a mean loss.

        Raises:
            ValueError: if a decay is not positive and finite.

        Example:
            >>> Problem.from_weight_decay(Counts([500, 500]), 5e-4, 5e-4).ridge
            0.5
        """
        for name, decay in (("lambda_w", lambda_w), ("lambda_h", lambda_h)):
            if not 0 < decay < np.inf:
                raise ValueError(f"{name} must be a positive finite number, got {decay}")
        return cls(counts, adjustment, ridge=counts.n * float(np.sqrt(lambda_w) * np.sqrt(lambda_h)), bias=bias, width=width)

    @classmethod
    def of_targets(
        cls,
        targets: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
        *,
        ridge: float,
        bias: Bias = "none",
        width: int | None = None,
    ) -> Problem:
        """Return the problem of soft labels: next-token contexts, label smoothing, several labels a sample.

        Args:
            targets: (k, m), each column a distribution over k classes, up to 1e-9; divided by its sum.
            weights: (m,) positive number of samples of each column; by default 1.
            ridge: as in `Problem`.
            bias: as in `Problem`.
            width: as in `Problem`.

        Raises:
            ValueError: if a column is no distribution or a weight is not positive; the column is named.

        Example:
            >>> Problem.of_targets([[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]], [3, 2, 1], ridge=0.1).k
            2
        """
        t = np.asarray(targets, np.float64)
        if t.ndim != 2 or len(t) < 2 or t.shape[1] < 1:
            raise ValueError(f"targets must be an array (k, m) of at least 2 classes and 1 column, got shape {t.shape}")
        wrong = ~(np.abs(t.sum(axis=0) - 1) <= 1e-9) | ~(t >= 0).all(axis=0)
        if wrong.any():
            j = int(np.argmax(wrong))
            raise ValueError(f"each column of targets must be non-negative and sum to 1, column {j} sums to {t[:, j].sum():.12g}")
        w = np.ones(t.shape[1]) if weights is None else np.asarray(weights, np.float64)
        if w.shape != (t.shape[1],) or not ((w > 0) & np.isfinite(w)).all():
            raise ValueError(f"weights must be {t.shape[1]} positive finite numbers, one a column of targets, got {weights!r}")
        return cls(ridge=ridge, bias=bias, width=width, targets=frozen(t / t.sum(axis=0)), weights=frozen(w))

    @property
    def k(self) -> int:
        """Number of classes."""
        if self.counts is not None:
            return self.counts.k
        assert self.targets is not None
        return len(self.targets)

    def at(self, ridge: float) -> Problem:
        """Return this problem at another ridge."""
        return replace(self, ridge=ridge)
