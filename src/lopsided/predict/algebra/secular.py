"""The eigenvalues of Q diag(a) Q, Q the projector off a positive vector: the roots of a secular
equation.

Distinct entries v_1 < ... < v_p of a, with sizes s_j and weights k_j = sum of d_c^2 over the
classes c with a_c = v_j, give the eigenvalues v_j with multiplicity s_j - 1, one zero, and the root
in each gap (v_j, v_j+1) of

    f(x) = sum_j k_j / (v_j - x) = 0.

A root can agree with its pole in every digit, so it is kept as an offset from the nearer pole;
differences of poles are exact. Roots are found a block of neighbours at a time: near poles are
summed one by one, far ones through proxies, and those farther still through one polynomial, so p
roots cost O(p log p).

Source: Golub 1973 for the equation; Bunch, Nielsen and Sorensen 1978 for the iteration; for the far
field see `lopsided.predict.algebra.farfield`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lopsided.arrays import Floats, Ints
from lopsided.predict.algebra.farfield import LEAF
from lopsided.predict.algebra.sources import Field, Sources

#: Blocks of roots that are found together: many small arrays cost more calls, large ones caches.
TOGETHER = 8


@dataclass(frozen=True, eq=False)
class Secular:
    """Poles, weights and sizes of the equation.

    Attributes:
        poles: (p,) ascending, distinct.
        weights: (p,) positive.
        sizes: (p,) classes at each pole.

    Example:
        >>> Secular(np.array([5.0, 50.0]), np.array([2.0, 2.0]), np.array([2, 2])).spectrum()
        array([50. , 27.5,  5. ,  0. ])
    """

    poles: Floats
    weights: Floats
    sizes: Ints

    @classmethod
    def of(cls, a: Floats, d: Floats, sizes: Ints) -> Secular:
        """Return the equation of Q diag(a) Q, Q the projector off d, for groups of `sizes` classes
        with entries a and d.
        """
        poles, place = np.unique(a, return_inverse=True)
        weights, classes = np.zeros_like(poles), np.zeros(len(poles), np.int64)
        np.add.at(weights, place, sizes * d**2)
        np.add.at(classes, place, sizes)
        return cls(poles, weights, classes)

    @cached_property
    def roots(self) -> tuple[Ints, Floats]:
        """(p - 1,) index of the nearer pole of each root, and the root's signed offset from it."""
        count = len(self.poles) - 1
        nearer, offsets = np.empty(count, np.int64), np.empty(count)
        far = count > 4 * LEAF
        field = Field(self.poles, self.weights, far)
        length = LEAF if far else max(count, 1)
        numbers = np.arange(-(-count // length))
        for start in range(0, len(numbers), TOGETHER):
            some = numbers[start : start + TOGETHER]
            # The last block may be short: its last gap is then solved several times over.
            blocks = np.minimum(some[:, None] * length + np.arange(length), count - 1)
            nearer[blocks], offsets[blocks] = self._solve(blocks, field.around(some))
        return nearer, offsets

    def spectrum(self) -> Floats:
        """Return all eigenvalues, descending, the zero included."""
        return self.power(1.0)

    def power(self, exponent: float, factor: float = 1.0) -> Floats:
        """Return all eigenvalues of a power of the matrix times a factor, descending; the zero
        stays zero at a negative power.
        """
        nearer, offsets = self.roots
        # Poles and roots take turns, so that nothing is to be sorted.
        values, times = (np.ones(2 * len(self.poles) - 1, kind) for kind in (np.float64, np.int64))
        values[::2], values[1::2] = self.poles, self.poles[nearer] + offsets
        times[::2] = self.sizes - 1
        descending = slice(None, None, -1 if exponent > 0 else 1)
        powers = values[descending] ** exponent * factor
        return np.repeat(np.append(powers, 0.0), np.append(times[descending], 1))

    def _solve(self, block: Ints, sources: Sources) -> tuple[Ints, Floats]:
        """Return nearer pole and offset of the roots in the gaps of (b, r) blocks of neighbours."""
        gap = self.poles[block + 1] - self.poles[block]
        # In units of the gap's own orientation the nearer pole sits at 0 and the root between 0 and
        # gap / 2.
        at_left = sources.seen_from(block, np.ones(block.shape)).value(gap / 2) >= 0
        nearer = np.where(at_left, block, block + 1)
        side = np.where(at_left, 1.0, -1.0)
        view = sources.seen_from(nearer, side)
        low, high, x = np.zeros_like(gap), gap / 2, gap / 2
        # The iteration approaches the root from one side and squares its relative error; far fewer
        # than 64 rounds are needed.
        for _ in range(64):
            f, own, other = view.evaluate(x)
            low, high = np.where(f < 0, x, low), np.where(f < 0, high, x)
            # Interpolate the poles on either side by one pole each, at 0 and at gap, and a
            # constant.
            toward, away = own * x**2, other * (gap - x) ** 2
            constant = f + own * x - other * (gap - x)
            b = constant * gap + toward + away
            root = np.sqrt(np.maximum(b**2 - 4 * constant * toward * gap, 0))
            with np.errstate(divide="ignore", invalid="ignore"):
                new = np.where(b > 0, 2 * toward * gap / (b + root), (b - root) / (2 * constant))
            last, x = x, np.clip(new, low, high)
            if np.all(np.abs(x - last) <= 1e-10 * x):
                break
        return nearer, side * x
