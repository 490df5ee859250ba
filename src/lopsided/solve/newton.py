"""The main method: Newton's method on the faces of the dual's ball.

Labels start on the whole surface, where the optimum goes for a vanishing ridge; a warm start from the face of the optimum that is
known. What leads nowhere from there, and soft targets, start from the central path, at each center whose gap is small.
"""

from __future__ import annotations

from lopsided.solve.ball import Face, inside, polar, warm
from lopsided.solve.certificate import Certificate
from lopsided.solve.dual import Dual
from lopsided.solve.faces import climb
from lopsided.solve.interior import Center, central_path, rounded
from lopsided.solve.reduced import Point, Reduced

#: Relative gap from which on a center may be near enough to the optimum's face.
_NEAR = 0.05


def newton(ridge: float, reduced: Reduced, start: Point | None, tolerance: float) -> tuple[Point, Certificate]:
    """Minimise until the relative duality gap is below the tolerance.

    Args:
        ridge: positive factor of the nuclear norm.
        reduced: the problem.
        start: the optimum of a nearby problem, if known.
        tolerance: relative duality gap to reach.

    Returns:
        The best point seen and its certificate.
    """
    dual = Dual(ridge, reduced)
    face = _surface(dual) if start is None else warm(dual, start)
    found = None if face is None else climb(dual, face, tolerance, near=start is not None)
    if found is not None:
        return found
    best: tuple[Point, Certificate] | None = None
    for center in central_path(dual, inside(dual)):
        near = center.gap <= _NEAR
        if near and (found := climb(dual, _on_face(dual, center), tolerance, near=True)) is not None:
            return found
        proved = rounded(dual, center, tolerance)
        if best is None or proved[1].gap < best[1].gap:
            best = proved
        if best[1].proves(tolerance):
            break
    assert best is not None
    return best


def _surface(dual: Dual) -> Face | None:
    """Return the better of the starts on the whole surface; None where neither has positive shares, or for soft targets."""
    if not dual.reduced.labels:
        return None
    tried = [(trial.value, face) for face in polar(dual) if (trial := dual.at(face.matrix())) is not None]
    return max(tried, key=lambda pair: pair[0])[1] if tried else None


def _on_face(dual: Dual, center: Center) -> Face:
    """Return a center with its strongest singular values at 1, fewer than the path has where a share would not be positive."""
    face, rank = center.face, center.rank
    while True:
        near = face._replace(rank=rank, inner=face.inner[rank:])
        if rank == 0 or dual.at(near.matrix()) is not None:
            return near
        rank = rank * 3 // 4
