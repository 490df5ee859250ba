"""Newton's method on the faces of the spectral ball: singular values of 1 are held there.

The optimum's P has as many singular values 1 as the logits have rank; the others are inside the
ball. So write

    P = left [I 0; 0 diag(inner)] right',        dP = left X right',

where the leading block of X is skew, which turns the singular vectors, and the rest is free. Where
the face is the optimum's this is Newton's method on a smooth function: two to four steps from near,
and the rank is exact. With S the symmetric part of the leading block of left' Y right, minus the
second derivative of V / ridge along X is the entropy's, cell by cell, plus that of the turning,

    sum_ij S_i X_ij^2                              inside the leading block,
    S_i (x^2 + y^2 + 2 g_j x y) / (1 - g_j^2)      for x = X_ij, y = X_ji, i leading and j not,

g_j the inner value. Optimal are a diagonal, positive S and zeros elsewhere. A negative S_i wants
its singular value inside, where a Newton step of its own puts it; an inner value that a step would
bring to 1 joins the face.

Derived here (docs/theory/solver.md).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lopsided.arrays import Floats
from lopsided.singular import svd
from lopsided.solve.certificate import Certificate, best_bias, prove
from lopsided.solve.methods.ball import Face
from lopsided.solve.methods.dual import Dual, Trial
from lopsided.solve.methods.system import Move, System
from lopsided.solve.reduced import Point

#: Steps without halving the gap after which a face is given up.
_PATIENCE = 3
#: Skewness below which negative strengths are believed; before, turning the basis may yet mend
#: them.
_SYMMETRIC = 0.01


class Seen(NamedTuple):
    """A face as Newton's method sees it.

    Attributes:
        face: P, its leading basis turned so that S is diagonal.
        cross: (a, b) left' Y right.
        strength: (rank,) S, ascending.
    """

    face: Face
    cross: Floats
    strength: Floats

    @property
    def skewness(self) -> float:
        """How far the leading block is from symmetric, relative."""
        block = self.cross[: self.face.rank, : self.face.rank]
        size = max(float(np.linalg.norm(self.strength)), 1e-300)
        return float(np.linalg.norm(block - block.T)) / 2 / size


class Candidate(NamedTuple):
    """A primal point of a face's rank.

    Attributes:
        point: left S right', S where it is positive, with the within and the bias of the dual.
        value: its objective.
    """

    point: Point
    value: float


def turned(face: Face, cross: Floats) -> Seen:
    """Turn a face's leading basis until the symmetric part of the leading block of some logits is
    diagonal.
    """
    r = face.rank
    strength, basis = np.linalg.eigh((cross[:r, :r] + cross[:r, :r].T) / 2)
    left = np.hstack([face.left[:, :r] @ basis, face.left[:, r:]])
    right = np.hstack([face.right[:, :r] @ basis, face.right[:, r:]])
    cross = np.vstack([basis.T @ cross[:r], cross[r:]])
    cross[:, :r] = cross[:, :r] @ basis
    return Seen(face._replace(left=left, right=right), cross, strength)


def candidate(dual: Dual, now: Seen, point: Point) -> Candidate:
    """Return the point of a face's rank; within and bias are those of a given one."""
    r, values = now.face.rank, np.maximum(now.strength, 0)
    point = point._replace(across=(now.face.left[:, :r] * values) @ now.face.right[:, :r].T)
    return Candidate(point, dual.objective(point, float(values.sum())))


def climb(dual: Dual, face: Face, tolerance: float) -> tuple[Point, Certificate] | None:
    """Maximise V from a face.

    Args:
        dual: the problem.
        face: where to start, any.
        tolerance: relative gap to reach.

    Returns:
        The primal point and its certificate once that proves the tolerance; None where the start
        has a share that is not positive, or the face leads nowhere.
    """
    trial, stale, settled = dual.at(face.matrix()), 0, True
    # Near the end the proof is what has to get better, before it the value. Each has its own least
    # gap: one that began anew at every change between them would never end.
    least = {True: np.inf, False: np.inf}
    while trial is not None:
        now = turned(face, face.left.T @ trial.point.across @ face.right)
        unwanted = settled and now.strength.min(initial=0) < 0 and now.skewness < _SYMMETRIC
        freed = _freed(dual, now, trial) if unwanted else None
        if freed is not None:
            (face, trial), settled = freed, False
            continue
        found = candidate(dual, now, trial.point)
        if face.rank == face.span and not trial.blind and _close(found, trial, tolerance):
            # The logits themselves are of this rank, and their shares are those of the dual.
            found = Candidate(trial.point, found.value)
        found, certificate = _proof(dual, found, trial, tolerance)
        if certificate is None or not certificate.exhausts(tolerance):
            system = _system(dual, now, trial)
            move = _newton(system, now, trial, _digits(certificate, trial, tolerance))
            if trial.blind:
                ahead = turned(now.face, now.cross - system.image(move))
                found = candidate(dual, ahead, dual.moved(trial.point, move.cells))
                found, certificate = _proof(dual, found, trial, tolerance)
        if certificate is not None and certificate.exhausts(tolerance):
            return found.point, certificate
        dual.told((found.value - trial.value) / found.value)
        proving = certificate is not None
        gap = found.value - trial.value if certificate is None else certificate.gap
        stale += 1
        if gap < least[proving] / 2:
            least[proving], stale = gap, 0
        stepped = _line(dual, now, trial, move) if stale <= _PATIENCE else None
        if stepped is None:
            return None
        face, trial, length = stepped
        settled = length == 1
    return None


def _close(found: Candidate, trial: Trial, tolerance: float) -> bool:
    return found.value - trial.value <= tolerance / 2 * found.value


def _proof(
    dual: Dual, found: Candidate, trial: Trial, tolerance: float
) -> tuple[Candidate, Certificate | None]:
    """Return a candidate and, if its value is close to V, its certificate, which costs two
    decompositions.

    A free bias that is not quite the best for these logits is made so where the proof needs it.
    """
    if not _close(found, trial, tolerance):
        return found, None
    certificate = prove(dual.ridge, dual.reduced, found.point)
    if dual.free and not certificate.exhausts(tolerance):
        point = found.point._replace(bias=best_bias(dual.reduced, found.point))
        return Candidate(point, found.value), prove(dual.ridge, dual.reduced, point)
    return found, certificate


def _freed(dual: Dual, now: Seen, trial: Trial) -> tuple[Face, Trial] | None:
    """Put the singular values with negative strength inside, each by its own Newton step, unless V
    falls.
    """
    left, right, r, inner = now.face
    n = int(np.sum(now.strength < 0))
    bend = np.einsum(
        "pi,pm,mi->i", left[:, :n] ** 2, trial.curvature, right[:, :n] ** 2, optimize=True
    )
    depth = np.minimum(-now.strength[:n] / bend, 0.5)
    rows, columns = (
        np.concatenate([np.arange(n, r), np.arange(n), np.arange(r, x.shape[1])])
        for x in (left, right)
    )
    while depth.max() > 1e-12:
        face = Face(left[:, rows], right[:, columns], r - n, np.concatenate([1 - depth, inner]))
        found = dual.at(face.matrix())
        if found is not None and found.value >= trial.value - 1e-13 * abs(trial.value):
            return face, found
        depth /= 4
    return None


def _system(dual: Dual, now: Seen, trial: Trial) -> System:
    """Return Newton's system on a face."""
    (left, right, r, g), c = now.face, now.face.span
    strength = np.maximum(
        np.abs(now.strength), 1e-12 * np.abs(now.strength).max(initial=0) + 1e-300
    )
    slack = (1 - g) * (1 + g)
    same, swap = np.zeros(now.cross.shape), np.zeros((c, c))
    same[:r, :r] = np.add.outer(strength, strength) / 2
    same[:r, r:c] = strength[:, None] / slack
    same[r:c, :r] = same[:r, r:c].T
    same[:r, c:], same[c:, :r] = strength[:, None], strength
    # Nothing but the entropy bends here, maybe too little to stay within the ball. This does, and
    # vanishes with the slope, so that steps end as Newton's.
    same[r:, r:] = 0.1 * np.abs(now.cross[r:, r:]).max(initial=0)
    swap[:r, r:] = strength[:, None] * (g / slack)
    swap[r:, :r] = swap[:r, r:].T
    along = right.T @ dual.right
    return System(left, right, trial.curvature, dual.stiff, along, same, swap, r)


def _digits(certificate: Certificate | None, trial: Trial, tolerance: float) -> float | None:
    """Return the relative residual of a step that is to make a proof that just failed: the gap
    falls with its square. Shares that are not known are proved by the step itself, to more digits.
    """
    if certificate is None:
        return None
    if trial.blind:
        return 1e-6
    return min(0.01, 0.3 * float(np.sqrt(tolerance / max(certificate.relative_gap, tolerance))))


def _newton(system: System, now: Seen, trial: Trial, digits: float | None) -> Move:
    """Return the Newton step, to a given relative residual or that of a step far from the end."""
    slope = system.tangent(now.cross.copy())
    size = float(np.linalg.norm(slope)) / max(float(np.linalg.norm(now.strength)), 1e-300)
    return system.step(slope, trial.room, digits or max(1e-2, min(0.1, size)))


def _line(dual: Dual, now: Seen, trial: Trial, move: Move) -> tuple[Face, Trial, float] | None:
    """Shorten a step until all shares are positive and V rises."""
    rise, length = move.rise * dual.ridge, move.length
    while length > 1e-3:
        face = _moved(now.face, move.X, length)
        found = dual.at(face.matrix())
        if found is not None and found.value >= trial.value + 1e-4 * length * rise - 1e-13 * abs(
            trial.value
        ):
            return face, found, length
        length /= 2
    return None


def _moved(face: Face, X: Floats, length: float) -> Face:
    """Follow dP = left X right' on the ball's surface, by Cayley transforms; inner values that
    reach 1 stay there.
    """
    (left, right, r, g), c = face, face.span
    x, y, n, slack = length * X[:r, r:], length * X[r:, :r].T, c - r, (1 - g) * (1 + g)
    turn = -x
    turn[:, :n] = -(x[:, :n] + g * y[:, :n]) / slack
    right = right @ _rotation(-length * X[:r, :r], turn)
    if left.shape[1] > r:
        turn = -y
        turn[:, :n] = -(y[:, :n] + g * x[:, :n]) / slack
        left = left @ _rotation(np.zeros((r, r)), turn)
    if n == 0:
        return Face(left, right, r, g)
    core = length * X[r:, r:]
    core[np.arange(n), np.arange(n)] += g
    u, values, v = svd(core, whole=True)
    left, right = (
        np.hstack([left[:, :r], left[:, r:] @ u]),
        np.hstack([right[:, :r], right[:, r:] @ v.T]),
    )
    full = int(np.sum(values >= 1 - 1e-12))
    return Face(left, right, r + full, values[full:])


def _rotation(leading: Floats, beside: Floats) -> Floats:
    """Return the Cayley transform of the skew matrix [leading beside; -beside' 0]."""
    size = sum(beside.shape)
    skew, r, one = np.zeros((size, size)), len(leading), np.eye(size)
    skew[:r, :r], skew[:r, r:], skew[r:, :r] = leading, beside, -beside.T
    return np.asarray(np.linalg.solve(one - skew / 2, one + skew / 2))
