"""Families: which terms of the loss `design` may turn, and the curves along which they follow the
class counts.

Every term is a function of the class count n, so classes of equal count stay interchangeable. Its
logarithm (a shift itself) is

    t(n) = gamma log(n / n_max) + sum_j beta_j sin(pi j x),      x = log(n_max / n) / log(n_max /
    n_min) from 0 to 1

The exponent gamma is what the named losses turn. The bends beta leave the largest and the smallest
class alone; with m - 2 of them every function of m distinct counts is reached.

Factors are brought to a geometric mean of 1 over the classes. A common factor of all scales moves
no geometry of ridge 0, but with the largest at 1, as the named losses have it, the scales of rare
classes are so small that they are learned late (claim contest).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lopsided.adjustment import Adjustment
from lopsided.arrays import Floats
from lopsided.counts import Counts

Family = Literal["cdt", "ldt", "cdt-ldt", "vs", "weighted", "logit-adjusted"]
Term = Literal["column", "label", "weight", "shift"]

#: Family -> the terms it turns: logits by column (CDT), all logits by label (LDT), weight and
#: shift.
FAMILIES: dict[Family, tuple[Term, ...]] = {
    "cdt": ("column",),
    "ldt": ("label",),
    "cdt-ldt": ("column", "label"),
    "vs": ("column", "shift"),
    "weighted": ("weight",),
    "logit-adjusted": ("shift",),
}


@dataclass(frozen=True)
class Curves:
    """The adjustments of one family on given class counts, by a vector of coefficients.

    Attributes:
        family: its name.
        counts: of the classes.
        terms: those that are turned; others stay neutral.
        bends: sines beside each exponent.
    """

    family: Family
    counts: Counts
    terms: tuple[Term, ...]
    bends: int

    @property
    def size(self) -> int:
        """Number of coefficients: for each term its exponent, then its bends."""
        return len(self.terms) * (1 + self.bends) if self.counts.ratio > 1 else 0

    def adjustment(self, coefficients: Floats) -> Adjustment:
        """Return the member with these coefficients."""
        if self.size == 0:
            return Adjustment()
        values = {
            term: self._curve(part)
            for term, part in zip(
                self.terms, coefficients.reshape(len(self.terms), -1), strict=True
            )
        }
        label, column = values.get("label"), values.get("column")
        shift, weight = values.get("shift"), values.get("weight")
        # A label's scale beside a column's is a margin: all logits of the sample over it.
        return Adjustment(
            scale=np.exp(column)
            if column is not None
            else np.exp(label)
            if label is not None
            else None,
            margin=np.exp(-label) if label is not None and column is not None else None,
            weight=None if weight is None else np.exp(weight),
            shift=shift,
            per_sample=label is not None and column is None,
        )

    def _curve(self, part: Floats) -> Floats:
        share = np.log(self.counts.values / self.counts.distinct[-1])
        curve = part[0] * share
        for j, bend in enumerate(part[1:], start=1):
            curve += bend * np.sin(np.pi * j * share / np.log(self.counts.ratio))
        return np.asarray(curve - curve.mean())


def check_family(family: str) -> Family:
    """Return the family, if there is one of this name.

    Raises:
        ValueError: naming the families.
    """
    if not isinstance(family, str) or family not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}, got {family!r}")
    return family
