"""Solution: the optimum, why the solver stopped, and the proof."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lopsided import notebook
from lopsided.arrays import Floats, locked
from lopsided.geometry import Geometry, Source
from lopsided.gram import Gram
from lopsided.memory import require_memory
from lopsided.pairing import Pairing
from lopsided.problem import Problem
from lopsided.singular import svd
from lopsided.solve.certificate import Certificate
from lopsided.solve.reduced import Point, Reduced

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Status(Enum):
    """Why a solver stopped; the value is the sentence shown to the user."""

    OPTIMAL = "optimal: the duality gap is below the tolerance"
    ZERO = "optimal and zero: at this ridge no logits pay; it must be below that of `largest_ridge`"
    INEXACT = (
        "not to the tolerance: rounding or a limit of steps or of size stopped it; read the"
        " certificate, raise the tolerance or the ridge"
    )
    LOCAL = (
        "local: the problem is not convex at this width; read the certificate for the distance to"
        " the bound, or add starts or width"
    )


@dataclass(frozen=True, eq=False, repr=False)
class Solution:
    """A point of a problem with its certificate.

    Attributes:
        problem: what was solved.
        objective: value of the problem's objective, ridge included.
        certificate: bounds that enclose the optimum.
        status: why the solver stopped.
        method: the name of the method.
        reduced: the problem in its reduced variables.
        point: the optimum in them.
    """

    problem: Problem
    objective: float
    certificate: Certificate
    status: Status
    method: str
    reduced: Reduced
    point: Point

    @property
    def message(self) -> str:
        """The status as a sentence with the gap."""
        return f"{self.status.value} (relative gap {self.certificate.relative_gap:.1e})"

    def __repr__(self) -> str:
        k, m = self.logits.k, self.logits.m
        return (
            f"Solution({k:,} classes x {m:,}, ridge {self.problem.ridge:g},"
            f" objective {self.objective:.6g}, {self.message})"
        )

    @cached_property
    def logits(self) -> Pairing:
        """W M', the bias not included: k classes by m kinds of samples."""
        if self.reduced.labels:
            return self.reduced.logits(self.point)
        return Pairing.of_matrix(self.reduced.unit * self.point.across)

    @property
    def bias(self) -> Floats | None:
        """(k,) bias; one without a ridge is shifted to mean zero, along one over the scales of the
        columns, which moves no softmax. None without a bias.
        """
        if not self.reduced.biased:
            return None
        expand = self.reduced.groups.expand
        bias, along = expand(self.point.bias), expand(1 / self.reduced.factor[:, 0])
        return (
            bias if self.reduced.penalty else np.asarray(bias - bias.mean() / along.mean() * along)
        )

    @cached_property
    def geometry(self) -> Geometry:
        """The optimum as a geometry, structured by groups."""
        gap = f"relative gap {self.certificate.relative_gap:.1e}"
        source = Source(
            "UFM optimum", f"solved by {self.method}, {gap}", _assumptions(self.problem)
        )
        if not self.reduced.labels:
            if self.problem.counts is None:
                return Geometry.of_factors(self.W, self.M, source)
            return Geometry.of_vectors(self.W, self.M, source, self.problem.counts)
        left, values, right = self._factors
        k, v, within = self.reduced.sizes, self.reduced.counts, self._within
        logits = self.reduced.logits(self.point)
        classifiers = _gram(
            self.reduced, left * values / np.sqrt(k)[:, None], left / np.sqrt(k)[:, None], within
        )
        embeddings = _gram(
            self.reduced,
            right * values / np.sqrt(k * v)[:, None],
            right / np.sqrt(k * v)[:, None],
            within / v,
        )
        return Geometry(classifiers, embeddings, logits, source, self.problem.counts)

    def to_records(self) -> list[dict[str, Any]]:
        """Return a row a class, the records of its geometry and its bias where there is one.

        Raises:
            ValueError: if the kinds of samples are not the classes.
        """
        rows = self.geometry.to_records()
        if self.bias is None:
            return rows
        return [row | {"bias": b} for row, b in zip(rows, self.bias.tolist(), strict=True)]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the optimum: see `Geometry.plot`.

        Raises:
            ImportError: if matplotlib is not installed.
            ValueError: if the optimum is zero.
        """
        return self.geometry.plot(ax)

    def _repr_html_(self) -> str:
        told = notebook.said(f"ridge {self.problem.ridge:g}, objective {self.objective:.6g}")
        return notebook.card(f"Solution: {self.message}", told, self.geometry.drawings())

    @property
    def _within(self) -> Floats:
        within = np.zeros(len(self.reduced.sizes))
        within[self.reduced.multiple] = np.abs(self.point.within)
        return within

    @property
    def rank(self) -> int:
        """Dimensions that the classifiers span."""
        alive = (
            self._within[self.reduced.multiple] > 0 if self.reduced.labels else np.zeros(0, bool)
        )
        return len(self._factors[1]) + int(self.reduced.times @ alive)

    @cached_property
    def _factors(self) -> tuple[Floats, Floats, Floats]:
        """Singular vectors (as columns) and values of the reduced logits, of numerical rank."""
        left, values, right = svd(self.point.across)
        largest = max(values.max(), self._within.max(initial=0))
        some = values > max(1e-13 * largest, self.reduced.rounding(self.point, self.problem.ridge))
        return left[:, some], values[some], right[some].T

    @cached_property
    def W(self) -> Floats:
        """(k, d) classifiers, d the rank of the optimum or the problem's width.

        Raises:
            MemoryError: if the array would take more than half of this machine's memory.
        """
        return locked(self._vectors(1))

    @cached_property
    def M(self) -> Floats:
        """(m, d) embeddings of the kinds of samples, such as class means or contexts.

        Raises:
            MemoryError: if the array would take more than half of this machine's memory.
        """
        return locked(self._vectors(-1))

    def _vectors(self, side: int) -> Floats:
        left, values, right = self._factors
        reduced, group = self.reduced, self.reduced.groups
        # Within a group the classes span a simplex of k_j - 1 dimensions: an orthonormal basis of
        # the vectors of zero sum.
        alive = [j for j in reduced.multiple if self._within[j] > 0] if reduced.labels else []
        width = max(self.rank, self.problem.width or 0)
        rows = group.k if side == 1 or reduced.labels else len(reduced.counts)
        require_memory(
            8.0 * rows * width, f"explicit vectors of {rows:,} classes in {width:,} dimensions"
        )
        scale = (
            np.sqrt(reduced.sizes)
            if side == 1
            else np.sqrt(reduced.counts * (reduced.sizes if reduced.labels else 1.0))
        )
        basis = left if side == 1 else right
        compact = basis * np.sqrt(values) / scale[:, None]
        vectors = np.zeros((rows, width))
        vectors[:, : len(values)] = group.expand(compact) if reduced.labels else compact
        label, column = group.expand(np.arange(len(reduced.sizes))), len(values)
        signs = dict(zip(reduced.multiple, np.sign(self.point.within), strict=True))
        for j in alive:
            members, size = np.flatnonzero(label == j), int(reduced.sizes[j])
            length = np.sqrt(self._within[j]) * (
                1.0 if side == 1 else signs[j] / np.sqrt(reduced.counts[j])
            )
            vectors[members, column : column + size - 1] = length * _zero_sum(size)
            column += size - 1
        return vectors


def _zero_sum(size: int) -> Floats:
    """Return a (size, size - 1) orthonormal basis of the vectors of zero sum (Helmert's)."""
    i = np.arange(1, size)
    basis = np.triu(np.ones((size, size - 1)))
    basis[i, i - 1] = -i
    return np.asarray(basis / np.sqrt(i * (i + 1.0)))


def _gram(reduced: Reduced, left: Floats, right: Floats, within: Floats) -> Gram:
    """Return the Gram of a low-rank part and a simplex of squared size `within` inside each
    group.
    """
    k = reduced.sizes
    inside = np.flatnonzero(within)
    pick = np.zeros((len(k), len(inside)))
    pick[inside, np.arange(len(inside))] = 1
    diagonal = np.einsum("iq,iq->i", left, right) + within * (1 - 1 / k)
    return Gram.paired(
        reduced.groups,
        np.hstack([left, pick * -(within / k)[:, None]]),
        np.hstack([right, pick]),
        diagonal,
    )


def _assumptions(problem: Problem) -> str:
    bias = {"none": "no bias", "free": "free bias"}.get(
        str(problem.bias), f"bias with ridge {problem.bias}"
    )
    width = "d >= k - 1" if problem.width is None else f"d = {problem.width}"
    return f"unconstrained features, ridge {problem.ridge:g} (sum loss), {width}, {bias}"
