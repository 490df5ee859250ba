"""The main method: Newton's method on the faces of the dual's ball.

Labels start on the whole surface, where the optimum goes for a vanishing ridge; a warm start from
the face of the optimum that is known. What leads nowhere from there, and soft targets, start from
the central path, at each center whose gap is small. Where the first of these leads nowhere or is
long in coming, most of it where the optimum is about to vanish or adjustments differ by orders of
magnitude, Newton's method on the factors, or the face where descent on them ends, is tried before
the path goes on, or at its end where the ridge is tiny.
"""

from __future__ import annotations

import numpy as np

from lopsided.solve.certificate import Certificate
from lopsided.solve.methods.ball import Face, polar, warm
from lopsided.solve.methods.dual import Dual
from lopsided.solve.methods.faces import climb
from lopsided.solve.methods.factors import factors
from lopsided.solve.methods.finish import finished
from lopsided.solve.methods.interior import Center, central_path, nothing, rounded
from lopsided.solve.progress import Watch
from lopsided.solve.reduced import Point, Reduced

#: Relative gap from which on a center may be near enough to the optimum's face.
_NEAR = 0.05
#: Part of the mean weight of a column below which the rarest one is looked after.
_RARE = 1e-3
#: Ridge over the mean weight of a column below which descent on the factors, which rounding ends at
#: some 1e-6 there, is not tried before the path has ended: a limit is looked for along many.
_TINY = 1e-5
#: How often descent on the factors is begun anew, while that helps.
_ANEW = 4
#: Columns of the factors that are tried before all: an optimum of low rank is on them, at a part of
#: the price.
_FEWER = (16, 64, 256, 1024, 4096)


def newton(
    ridge: float, reduced: Reduced, start: Point | None, tolerance: float
) -> tuple[Point, Certificate]:
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
    with Watch(tolerance) as dual.told:
        face = _surface(dual) if start is None else warm(dual, start)
        found = None if face is None else climb(dual, face, tolerance)
        if found is None:
            found = _along_the_path(dual, tolerance)
        return _for_the_rarest(dual, found, tolerance)


def _for_the_rarest(
    dual: Dual, found: tuple[Point, Certificate], tolerance: float
) -> tuple[Point, Certificate]:
    """Go on from an optimum where a column is so rare that the tolerance, a part of the whole
    objective, leaves it open, as far as rounding lets.
    """
    each = dual.reduced.mass / (dual.reduced.sizes if dual.reduced.labels else 1.0)
    share = float(each.min() / each.mean())
    finer = max(share * tolerance, 2 * found[1].rounding)
    if share > _RARE or not found[1].exhausts(tolerance) or found[1].exhausts(finer):
        return found
    face = warm(dual, found[0])
    climbed = None if face is None else climb(dual, face, finer)
    return found if climbed is None else climbed


def _along_the_path(dual: Dual, tolerance: float) -> tuple[Point, Certificate]:
    best: Center | None = None
    other: tuple[Point, Certificate] | None = None
    early = dual.ridge > _TINY * float(dual.reduced.mass.mean())
    for center in central_path(dual):
        face = None
        if center is not None:
            dual.told(center.gap)
            face = _on_face(dual, center) if center.gap <= _NEAR else None
        found = None if face is None else climb(dual, face, tolerance)
        if found is not None:
            return found
        if early and (center is None or face is not None) and other is None:
            other = _beside_the_path(dual, center, tolerance)
            if other[1].exhausts(tolerance):
                return other
        if center is None:
            continue
        if best is None or center.gap < best.gap:
            best = center
        if center.gap <= tolerance / 2:
            break
    found = nothing(dual) if best is None else rounded(dual, best, tolerance)
    if found[1].exhausts(tolerance):
        return found
    other = other or _beside_the_path(dual, best, tolerance)
    found = other if other[1].gap < found[1].gap else found
    if found[1].exhausts(tolerance):
        return found
    return finished(dual.ridge, dual.reduced, found, tolerance)


def _beside_the_path(
    dual: Dual, center: Center | None, tolerance: float
) -> tuple[Point, Certificate]:
    """Return the optimum on the factors: from a center, or from where descent on them ends."""
    if center is not None:
        near = rounded(dual, center, tolerance)
        near = finished(dual.ridge, dual.reduced, near, tolerance)
        if near[1].exhausts(tolerance):
            return near
    return _from_factors(dual, tolerance)


def _from_factors(dual: Dual, tolerance: float) -> tuple[Point, Certificate]:
    """Return the optimum on the face where descent on the factors ends, begun anew while that
    helps; where it leads nowhere, the best of the ends themselves, whose ranks are blurred.
    """
    best: tuple[Point, Certificate] | None = None
    full = min(dual.reduced.targets.shape)
    for width in [*(few for few in _FEWER if few < full), *[full] * _ANEW]:
        start = None if best is None else best[0]
        found = factors(dual.ridge, dual.reduced, start, tolerance, width)
        face = warm(dual, found[0])
        climbed = None if face is None else climb(dual, face, tolerance)
        if climbed is not None:
            return climbed
        if best is not None and found[1].gap >= best[1].gap and width == full:
            break
        best = found
        if best[1].exhausts(tolerance):
            break
    assert best is not None
    return best


def _surface(dual: Dual) -> Face | None:
    """Return the better of the starts on the whole surface; None where neither has positive shares,
    or for soft targets.
    """
    if not dual.reduced.labels:
        return None
    tried = [
        (trial.value, face) for face in polar(dual) if (trial := dual.at(face.matrix())) is not None
    ]
    return max(tried, key=lambda pair: pair[0])[1] if tried else None


def _on_face(dual: Dual, center: Center) -> Face | None:
    """Return a center with the singular values at 1 that the path makes so, or most of them.

    None where even those leave some share not positive: the center is not near enough.
    """
    face = center.face
    for share in (1.0, 0.95, 0.85):
        rank = int(np.ceil(share * center.rank))
        near = face._replace(rank=rank, inner=face.inner[rank:])
        if dual.at(near.matrix()) is not None:
            return near
    return None
