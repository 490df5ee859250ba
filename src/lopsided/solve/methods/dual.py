"""The dual problem: entropy over the spectral ball.

By Fenchel duality (docs/theory/solver.md) the minimum of a problem is the maximum of

    V(q) = sum_j mass_j [H(q_j) + (q_j - t_j)' offset_j] - ||bias residual||^2 / (2 beta)

over distributions q whose residual, as a gradient of the loss by Y, has spectral norm of at most
the ridge. In the variable P, that gradient over minus the ridge, the constraint is ||P||_2 <= 1 and

    q = t - gain * P   cell by cell,   gain = ridge / (unit * factor * mass),

with u'P = 0 for u ~ sqrt(size) / scale, since each column of q - t sums to zero, and P v = 0 for
v ~ sqrt(samples) under a free bias. The derivative of V by P is ridge * Y, where Y are the logits
whose softmax is q: every P with q > 0 comes with a primal candidate, and their gap is
ridge * (||Y||_* - <P, Y>).

Inside a group of interchangeable classes the share of a sibling is bounded by the ridge too; the
best one within that bound is taken, which makes a collapsed group no special case.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lopsided.arrays import Floats
from lopsided.solve.reduced import Point, Reduced

#: Rounding of an entry of P, and of one minus a sum of shares.
_NOISE = 4 * np.finfo(np.float64).eps


class Trial(NamedTuple):
    """The dual at some P with q > 0.

    Attributes:
        value: V, a lower bound of the objective if ||P||_2 <= 1.
        curvature: (p, m) minus the second derivative of V by P, cell by cell, over the ridge; the
            bias not included.
        blind: whether a share is below its rounding in P, so that its logit is not known.
        room: (p, m) how far an entry of P can grow alone before a share is zero.
        point: the primal candidate.
    """

    value: float
    curvature: Floats
    blind: bool
    room: Floats
    point: Point


class Dual:
    """V and its derivatives at a ridge.

    Attributes:
        ridge: the ridge.
        reduced: the problem.
        left: (p,) unit vector u.
        right: (m,) unit vector v.
        gain: (p, m) share that an entry of P takes from its target.
        pivot: the cell of each column whose share is one minus the others: the own class, or the
            largest target.
        free: whether there is a bias without a ridge, so that P v = 0.
        told: called with each relative gap on the way.
        stiff: curvature of V along v over the ridge, from the penalty of the bias.
    """

    def __init__(self, ridge: float, reduced: Reduced) -> None:
        """Prepare the constants."""
        self.ridge, self.reduced = ridge, reduced
        self.told: Callable[[float], None] = lambda gap: None
        left, right = np.sqrt(reduced.sizes) / reduced.factor[:, 0], 1 / reduced.unit[0]
        self.left, self.right = left / np.linalg.norm(left), right / np.linalg.norm(right)
        self._samples = float(np.linalg.norm(right)) / np.sqrt(reduced.sizes[0])
        self.stiff = ridge * self._samples**2 / reduced.penalty if reduced.penalty else 0.0
        self.free = reduced.biased and not reduced.penalty
        self._slope = 1 / (reduced.unit * reduced.factor)
        self.gain = ridge * self._slope / reduced.mass
        self._noise = _NOISE * self.gain
        columns = np.arange(len(reduced.mass))
        self.pivot = (columns if reduced.labels else np.argmax(reduced.targets, axis=0)), columns
        if reduced.labels:
            self._bound = self.gain[self.pivot] / reduced.sizes
            self._handicap = np.exp(np.minimum(-reduced.offset[self.pivot], 700.0))
            self._offset, self._copies = (
                reduced.offset.copy(),
                np.repeat(reduced.sizes[:, None], len(columns), axis=1),
            )
            self._offset[self.pivot], self._copies[self.pivot] = 0, 1

    def at(self, P: Floats) -> Trial | None:
        """Return the dual at P; None where a share is not positive."""
        reduced, pivot = self.reduced, self.pivot
        q = reduced.targets - self.gain * P
        q[pivot] = np.inf
        blind = _floored(q, self._noise)
        q[pivot] = 0
        others = q.sum(axis=0)
        inside = 1 - others
        blind |= _floored(inside, np.full(len(inside), _NOISE))
        if reduced.labels:
            siblings = reduced.sizes - 1
            bound, best = self._bound * (1 - P[pivot]), inside / (siblings + self._handicap)
            blind |= _floored(bound, _NOISE * self._bound)
            free = best <= bound
            share = np.where(free, best, bound)
            q[pivot] = np.where(
                free & (siblings > 0), self._handicap * best, inside - siblings * share
            )
        else:
            q[pivot] = inside
        if not (q > 0).all():
            return None
        curvature, room = self.gain * self._slope / q, q / self.gain
        if reduced.labels:
            if not (share[siblings > 0] > 0).all():
                return None
            logs = np.log(q / self._copies)
            others += siblings * share
            logs[pivot] = np.where(others < 0.5, np.log1p(-np.minimum(others, 0.5)), logs[pivot])
            sibling = np.where(
                free, logs[pivot], np.log(np.where(free, 1.0, bound)) - reduced.offset[pivot]
            )
            value = np.sum(q * (self._offset - logs), axis=0) - siblings * share * sibling
            spread = np.where(
                free,
                1 / inside,
                (siblings / np.where(free, 1.0, share) + 1 / q[pivot]) / reduced.sizes**2,
            )
            curvature[pivot] *= q[pivot] * spread
            least = np.where(siblings > 0, np.minimum(q[pivot], share), q[pivot])
            room[pivot] = np.where(free, inside, reduced.sizes * least) / self.gain[pivot]
            apart, j = sibling - logs[pivot], reduced.multiple
            logits = logs - logs[pivot] - self._offset
            logits[pivot] = siblings * apart / reduced.sizes
            within = -reduced.root * apart[j] / reduced.own[j]
        else:
            logs = np.log(q)
            logs[pivot] = np.where(others < 0.5, np.log1p(-np.minimum(others, 0.5)), logs[pivot])
            value, logits, within = -np.sum(q * logs, axis=0), logs - logs[pivot], np.zeros(0)
        total = float(reduced.mass @ value)
        across, bias = logits * self._slope, np.zeros(len(q))
        across -= np.outer(self.left, self.left @ across)
        if reduced.penalty:
            moved = P @ self.right
            total -= self.ridge * self.stiff / 2 * float(moved @ moved)
            across -= np.outer(self.stiff * moved, self.right)
            bias = self.stiff / self._samples * moved / np.sqrt(reduced.sizes)
        elif self.free:
            bias = self.bias_of(across)
            across -= np.outer(across @ self.right, self.right)
        return Trial(total, curvature, blind, room, Point(across, within, bias))

    def bias_of(self, cells: Floats) -> Floats:
        """Return the (p,) bias that logits have in them, up to one that moves no share."""
        along = cells @ self.right
        along -= self.left * (self.left @ along)
        return np.asarray(along / np.sqrt(self.reduced.sizes) / self._samples)

    def moved(self, point: Point, cells: Floats) -> Point:
        """Return a point whose free bias has lost that of some cells."""
        return point._replace(bias=point.bias - self.bias_of(cells)) if self.free else point

    def objective(self, point: Point, nuclear: float) -> float:
        """Return the problem's objective at a point whose part across has a known nuclear norm."""
        reduced = self.reduced
        value = reduced.fit(reduced.margins(point)).value + self.ridge * (
            nuclear + float(reduced.times @ point.within)
        )
        return value + (
            reduced.penalty / 2 * float(reduced.sizes @ point.bias**2) if reduced.penalty else 0.0
        )


def _floored(shares: Floats, noise: Floats) -> bool:
    """Lift shares below their rounding to a little, in place; return whether there are any.

    Such a share is not known, but that it is small: the entropy does not see it. What its logarithm
    wants to be, `System.step` tells. Rounding adds up over the steps, so that it may have drifted
    below zero by more than one rounding.
    """
    unknown = (shares < noise) & (shares > -100 * noise)
    shares[unknown] = noise[unknown] / 16
    return bool(unknown.any())
