"""Variables: loss and linear maps of a problem in its reduced variables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lopsided.adjustment import Adjustment
from lopsided.arrays import Floats, Ints
from lopsided.groups import Groups
from lopsided.pairing import Pairing
from lopsided.problem import Problem, require_problem
from lopsided.solve.reduced import classes, contexts
from lopsided.solve.reduced.point import Fit, Point


@dataclass(frozen=True, eq=False)
class Reduced:
    """Loss and linear maps of a problem in reduced variables.

    Attributes:
        groups: interchangeable classes; for soft targets each class.
        sizes: (p,) classes in each row.
        counts: (m,) samples of each class of a column, v.
        mass: (m,) weight of a column in the loss: samples times loss weight.
        unit: (p, m) derivative of a logit by its entry of Y.
        copies: (p, m) classes in each cell, the own class not counted.
        factor: (p, m) scale of each logit in each column.
        own: (m,) scale of the own logit.
        offset: (p, m) shift of each margin.
        targets: (p, m) target mass of each cell; zero for labels.
        labels: whether columns are labels, rows and columns the same groups.
        multiple: (g,) the groups of at least two classes.
        penalty: factor of the ridge on the bias; 0 for free.
        biased: whether there is a bias.
    """

    groups: Groups
    sizes: Floats
    counts: Floats
    mass: Floats
    unit: Floats
    copies: Floats
    factor: Floats
    own: Floats
    offset: Floats
    targets: Floats
    labels: bool
    multiple: Ints
    penalty: float
    biased: bool

    @classmethod
    def of(cls, problem: Problem, groups: Groups | None = None) -> Reduced:
        """Reduce a problem by its own symmetry, or by a finer partition of the classes.

        Raises:
            ValueError: if the problem is not convex in the logits, or `groups` is for another
                number of classes.
            MemoryError: if there are too many groups for this machine.
        """
        require_problem(problem)
        _require_convex(problem)
        biased, penalty = (
            problem.bias != "none",
            0.0 if isinstance(problem.bias, str) else float(problem.bias),
        )
        soft = problem.counts is None or bool(problem.targets.smoothing)
        parts = contexts.parts(problem) if soft else classes.parts(problem, groups)
        return cls(**parts, labels=not soft, penalty=penalty, biased=biased)

    @property
    def times(self) -> Floats:
        """(g,) multiplicity k_j - 1 of the singular value |s_j|."""
        return self.sizes[self.multiple] - 1

    @property
    def root(self) -> Floats:
        """(g,) square roots of the counts of the groups of at least two classes."""
        return np.asarray(np.sqrt(self.counts[self.multiple]))

    def zero(self) -> Point:
        """Return the origin."""
        return Point(
            np.zeros(self.unit.shape), np.zeros(len(self.multiple)), np.zeros(len(self.sizes))
        )

    def margins(self, point: Point) -> Floats:
        """Return the (p, m) margins without their offset: a linear map."""
        logits, own = self._cells(point)
        return np.asarray(self.factor * logits - self.own * own) if self.labels else logits

    def exponent(self, point: Point) -> float:
        """Return the largest number that is rounded on the way to a margin with its offset."""
        logits, own = self._cells(point)
        terms = (self.factor * logits, self.own * own, self.offset)
        return float(sum(np.max(np.abs(term), initial=0) for term in terms))

    def rounding(self, point: Point, ridge: float) -> float:
        """Return below which size singular values of the matrix between rows and columns are what
        rounding left of its logits, of which a bias was taken out.
        """
        cells = self.exponent(point) + len(self.counts)
        size = 4 * cells * float(np.linalg.norm(1 / (self.unit * self.factor)))
        # A bias with a ridge is the residuals, which were rounded, over that ridge.
        drawn = float(np.sum(1 / self.unit[0] ** 2)) / self.sizes[0]
        size += ridge * drawn / self.penalty if self.penalty else 0.0
        return float(np.finfo(np.float64).eps * size)

    def _cells(self, point: Point) -> tuple[Floats, Floats]:
        """Return the (p, m) logits of the classes of each cell, own class not counted, and the (m,)
        own logits.
        """
        logits = self.unit * point.across
        if self.biased:
            logits += point.bias[:, None]
        if not self.labels:
            return logits, np.zeros(logits.shape[1])
        j, k = self.multiple, self.sizes[self.multiple]
        own = logits.diagonal().copy()
        logits[j, j] -= point.within / (k * self.root)
        own[j] += point.within * (1 - 1 / k) / self.root
        return logits, own

    def adjoint(self, residual: Floats) -> Point:
        """Return the transpose of `margins` at a (p, m) array."""
        scaled = self.factor * residual
        if not self.labels:
            return Point(self.unit * scaled, np.zeros(0), scaled.sum(axis=1) * self.biased)
        j, k, diagonal = self.multiple, self.sizes[self.multiple], np.arange(len(self.own))
        own = -self.own * residual.sum(axis=0)
        within = (own[j] * (1 - 1 / k) - scaled[j, j] / k) / self.root
        scaled[diagonal, diagonal] += own
        return Point(self.unit * scaled, within, scaled.sum(axis=1) * self.biased)

    def fit(self, margins: Floats) -> Fit:
        """Return the loss at margins given without their offset; overflow-safe, and a sum of
        positive terms.
        """
        shifted = margins + self.offset
        if self.labels:
            value, shares = classes.losses(shifted, self.copies)
            return Fit(float(self.mass @ value), shares, self.mass * shares)
        value, shares, residual = contexts.losses(shifted, self.targets)
        return Fit(float(self.mass @ value), shares, self.mass * residual)

    def curvature(self, shares: Floats, margins: Floats) -> Floats:
        """Return the second derivative of the loss by the margins, applied to a (p, m) array."""
        product = shares * margins
        return np.asarray(self.mass * (product - shares * product.sum(axis=0)))

    def bias_curvature(self, shares: Floats) -> Floats:
        """Return the (p,) diagonal of the loss's second derivative by the bias, its own cell's part
        neglected; positive.
        """
        diagonal = (shares * (1 - shares) * self.factor**2) @ self.mass
        if self.labels:
            others = np.minimum(shares.sum(axis=0), 1)
            diagonal += self.mass * others * (1 - others) * self.own**2
        return np.asarray(np.maximum(diagonal, 1e-14 * diagonal.max(initial=0)) + 1e-300)

    def entropy(self, shares: Floats, scale: float) -> tuple[float, float]:
        """Return the dual value of q = (1 - scale) t + scale * shares, and the sum of the sizes of
        its terms.

        The value is sum_j mass_j (H(q_j) + (q_j - t_j)' offset_j); where its terms cancel, the
        second number is larger.
        """
        q = (1 - scale) * self.targets + scale * shares
        per_class = np.divide(
            q, self.copies, out=np.ones_like(q), where=(self.copies > 0) & (q > 0)
        )
        shifted, own = (q - self.targets) * self.offset, np.zeros(q.shape[1])
        if self.labels:
            own = classes.own_entropy(q)
            information = -q * np.log(per_class)
        else:
            information = contexts.information(q, per_class)
        value = np.sum(information + shifted, axis=0) + own
        size = np.sum(np.abs(information) + np.abs(shifted), axis=0) + own
        return float(self.mass @ value), float(self.mass @ size)

    def point_of(self, logits: Floats, own: Floats) -> Point:
        """Return the point of logits between groups (p, m) and of each class with itself (m,)."""
        across = logits / self.unit
        within = np.zeros(len(self.multiple))
        if self.labels:
            j, diagonal = self.multiple, np.arange(len(own))
            siblings = logits[diagonal, diagonal] * (self.sizes - 1)
            across[diagonal, diagonal] = (own + siblings) * np.sqrt(self.counts)
            within = (own[j] - logits[j, j]) * self.root
        return Point(across, within, np.zeros(len(self.sizes)))

    def logits(self, point: Point) -> Pairing:
        """Return the class logits W M' of a labels problem, the bias not included."""
        j, k = self.multiple, self.sizes[self.multiple]
        base = self.unit * point.across
        own = base.diagonal().copy()
        own[j] += point.within * (1 - 1 / k) / self.root
        base[j, j] -= point.within / (k * self.root)
        return Pairing.paired(self.groups, base, np.eye(len(own)), own)


def _require_convex(problem: Problem) -> None:
    reasons = {
        "the loss must be cross-entropy": problem.adjustment is not None,
        "features must be free": problem.features == "free",
        "there must be one linear layer": problem.layers == 1,
        "label smoothing goes with plain cross-entropy": (
            not problem.targets.smoothing or problem.adjustment == Adjustment()
        ),
    }
    for reason, holds in reasons.items():
        if not holds:
            raise ValueError(
                f"the solver's problem is convex in the logits: {reason}; ask predict.geometry for"
                " a closed form"
            )
