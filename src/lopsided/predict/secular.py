"""The eigenvalues of Q diag(a) Q, Q the projector off a positive vector: the roots of a secular equation.

Distinct entries v_1 < ... < v_p of a, with sizes s_j and weights k_j = sum of d_c^2 over the classes c with a_c = v_j, give the
eigenvalues v_j with multiplicity s_j - 1, one zero, and the root in each gap (v_j, v_j+1) of

    sum_j k_j / (v_j - x) = 0.

A root can agree with its pole in every digit, so it is kept as an offset from the nearer pole; differences of poles are exact.

Source: Golub 1973 for the equation; offsets after Gu and Eisenstat 1994.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lopsided.arrays import Floats, Ints


@dataclass(frozen=True, eq=False)
class Secular:
    """Poles v (p,) ascending, weights k (p,) positive, sizes s (p,)."""

    poles: Floats
    weights: Floats
    sizes: Ints

    @cached_property
    def roots(self) -> tuple[Ints, Floats]:
        """(p - 1,) index of the nearer pole of each root, and the root's signed offset from it."""
        v, w = self.poles, self.weights
        nearer, offsets = np.empty(len(v) - 1, np.int64), np.empty(len(v) - 1)
        for r in range(len(v) - 1):
            nearer[r], offsets[r] = _root(v, w, r)
        return nearer, offsets

    def spectrum(self) -> Floats:
        """Return all eigenvalues, descending, the zero included."""
        nearer, offsets = self.roots
        repeated = np.repeat(self.poles, self.sizes - 1)
        return np.sort(np.concatenate([repeated, self.poles[nearer] + offsets, [0.0]]))[::-1]


def _root(v: Floats, w: Floats, r: int) -> tuple[int, float]:
    gap = v[r + 1] - v[r]
    middle = float(np.sum(w / ((v - v[r]) - gap / 2)))
    pole = r if middle > 0 else r + 1
    shifted = v - v[pole]
    low, high = (0.0, gap / 2) if pole == r else (-gap / 2, 0.0)
    while True:
        x = (low + high) / 2
        if x in (low, high):
            return pole, x
        if np.sum(w / (shifted - x)) > 0:
            high = x
        else:
            low = x
