"""Interior point: the dual along its central path, for any rank.

V / ridge + tau log det(I - PP') is maximised for falling tau. At its maximum the logits Y share the
singular vectors of P, with sigma_i = 2 tau g_i / (1 - g_i^2), so that the gap is ridge * sum_i
sigma_i (1 - g_i), about ridge * tau times the rank. Steps are primal-dual: where the barrier's
second derivative has 2 tau / (1 - g_i^2), the strength that Y has now stands for it, which holds at
the next tau too, so that one or two steps follow a fall of tau by ten.

Source: primal-dual steps, Nesterov and Todd 1997; for this dual derived here (docs/theory).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lopsided.arrays import Floats
from lopsided.singular import singular_values, svd
from lopsided.solve.certificate import Certificate, best_bias, prove
from lopsided.solve.methods.ball import Face, inside
from lopsided.solve.methods.dual import Dual, Trial
from lopsided.solve.methods.faces import candidate, turned
from lopsided.solve.methods.system import Move, System
from lopsided.solve.reduced import Point, Reduced

_STEPS = 200
#: Steps in which a path that goes on well comes to its next center.
_LONG = 12
_FALL = 0.1
#: A step that promises a rise of less than this many tau is near enough to the path.
_NEAR = 9.0
#: No singular value comes nearer to 1 than this share of where the path has it, or than half its
#: distance.
_KEPT = 0.3


class Center(NamedTuple):
    """A point near the central path.

    Attributes:
        face: P, of rank 0.
        trial: the dual there.
        strength: (min(a, b),) what the path makes of the logits' singular values.
        logits: those of the shares, or those that the last step aimed at where they are better:
            known for shares below rounding.
        gap: relative, of the logits.
    """

    face: Face
    trial: Trial
    strength: Floats
    logits: Point
    gap: float

    @property
    def rank(self) -> int:
        """How many singular values of P go to 1 rather than those of the logits to 0."""
        # Between the groups all may go to 0: their size is told by those within.
        largest = max(self.strength.max(initial=0), np.abs(self.logits.within).max(initial=0))
        return int(np.sum(self.strength > (1 - self.face.inner) * largest))


def interior(
    ridge: float, reduced: Reduced, start: Point | None, tolerance: float
) -> tuple[Point, Certificate]:
    """Minimise to the end of the central path; arguments and result as every method in `METHODS`,
    but that no start is used.
    """
    dual = Dual(ridge, reduced)
    best: Center | None = None
    for center in filter(None, central_path(dual)):
        if best is None or center.gap < best.gap:
            best = center
        if center.gap <= tolerance / 2:
            break
    return nothing(dual) if best is None else rounded(dual, best, tolerance)


def nothing(dual: Dual) -> tuple[Point, Certificate]:
    """Return the zero point, where there is no center at all."""
    point = dual.reduced.zero()
    if dual.reduced.biased:
        point = point._replace(bias=best_bias(dual.reduced, point))
    return point, prove(dual.ridge, dual.reduced, point)


def rounded(dual: Dual, center: Center, tolerance: float) -> tuple[Point, Certificate]:
    """Return the logits of a center: of the rank that the path makes out if those prove the
    tolerance, else as they are.
    """
    face = center.face._replace(rank=center.rank, inner=center.face.inner[center.rank :])
    now = turned(face, face.left.T @ center.logits.across @ face.right)
    low = candidate(dual, now, center.logits).point
    proved = prove(dual.ridge, dual.reduced, low)
    if proved.exhausts(tolerance):
        return low, proved
    point = center.logits
    if dual.free:
        point = point._replace(bias=best_bias(dual.reduced, point))
    return point, prove(dual.ridge, dual.reduced, point)


def central_path(dual: Dual) -> Iterator[Center | None]:
    """Follow the central path and yield a point near it for each tau, until rounding ends it, and
    None where one is long in coming.
    """
    face = inside(dual)
    trial = None if face is None else dual.at(face.matrix())
    if face is None or trial is None:
        return
    if face.span == 0:  # one group: the dual has no more unknowns
        yield Center(face, trial, face.inner, trial.point, 0.0)
        return
    cross = face.left.T @ trial.point.across @ face.right
    # Classes that every column asks for alike leave P a singular value of zero, which tells no tau.
    told = face.inner > 1e-12 * face.inner[0]
    own, inner = np.abs(cross.diagonal()[told]), face.inner[told]
    tau = float(np.mean(own * _slack(inner) / (2 * inner)))
    since = 0
    for _ in range(_STEPS):
        if since == _LONG:
            yield None
        since += 1
        system, slope, floor = _system(dual, face, trial, cross, tau)
        move = system.step(slope, trial.room, 0.05)
        moved = _line(dual, face, trial, move, floor, tau)
        if moved is None:
            return
        aimed = [_aimed(dual, trial, system, cross, move)] if trial.blind else []
        face, trial = moved
        cross = face.left.T @ trial.point.across @ face.right
        if move.rise < _NEAR * tau:
            points = [trial.point, *aimed]
            values = [
                dual.objective(point, float(singular_values(point.across).sum()))
                for point in points
            ]
            least = int(np.argmin(values))
            strength = 2 * tau * face.inner / _slack(face.inner)
            yield Center(
                face, trial, strength, points[least], (values[least] - trial.value) / values[least]
            )
            tau, since = tau * _FALL, 0


def _system(
    dual: Dual, face: Face, trial: Trial, cross: Floats, tau: float
) -> tuple[System, Floats, Floats]:
    """Return the primal-dual system in singular coordinates, its right side, and the slack to
    keep.
    """
    g, c, own = face.inner, face.span, cross.diagonal()
    slack, d = _slack(g), np.arange(c)
    slope = cross.copy()
    slope[d, d] -= 2 * tau * g / slack
    strength = np.maximum(2 * tau / slack, own / np.maximum(g, 0.1))
    half = strength[:, None] / slack
    same = np.empty(cross.shape)
    same[:c, :c] = (half + half.T) / 2
    same[:c, c:], same[c:, :c] = strength[:, None], strength
    swap = same[:c, :c] * np.outer(g, g)
    system = System(
        face.left, face.right, trial.curvature, dual.stiff, face.right.T @ dual.right, same, swap, 0
    )
    floor = np.minimum(0.9 * slack, 2 * _KEPT * tau / np.maximum(own, np.abs(own).mean()))
    return system, slope, floor


def _aimed(dual: Dual, trial: Trial, system: System, cross: Floats, move: Move) -> Point:
    """Return the logits that a step aims at, better known than those at its end for tiny shares."""
    across = system.left @ (cross - system.image(move)) @ system.right.T
    return dual.moved(trial.point, move.cells)._replace(across=across)


def _line(
    dual: Dual, face: Face, trial: Trial, move: Move, floor: Floats, tau: float
) -> tuple[Face, Trial] | None:
    """Shorten a step until it keeps its distance to the surface, all shares are positive, and V
    with its barrier rises.
    """
    d, length = np.arange(face.span), move.length
    value = trial.value / dual.ridge + tau * float(np.log(_slack(face.inner)).sum())
    while length > 1e-8:
        core = length * move.X
        core[d, d] += face.inner
        barrier = _log_determinant(core, floor)
        found = None if barrier is None else dual.at(face.left @ core @ face.right.T)
        if found is not None and barrier is not None:
            now = found.value / dual.ridge + tau * barrier
            if now >= value + 1e-4 * length * move.rise - 1e-13 * abs(value):
                left, inner, right = svd(core, whole=True)
                return (
                    (Face(face.left @ left, face.right @ right.T, 0, inner), found)
                    if inner[0] < 1
                    else None
                )
        length *= 0.6
    return None


def _slack(g: Floats) -> Floats:
    return (1 - g) * (1 + g)


def _log_determinant(core: Floats, floor: Floats) -> float | None:
    """Return log det(I - core core'), None if a slack falls below its floor."""
    small = core if core.shape[0] <= core.shape[1] else core.T
    slack = np.eye(len(small)) - small @ small.T
    try:
        np.linalg.cholesky(slack - np.diag(floor))
        return 2 * float(np.log(np.linalg.cholesky(slack).diagonal()).sum())
    except np.linalg.LinAlgError:
        return None
