"""The point of a convex hull that is nearest to the origin, and the least vector beyond given
margins.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lopsided.arrays import Floats, real_array

#: A nearest point shorter than this share of the longest vector is the origin itself.
ORIGIN = 1e-9
#: The least goal of `least_beyond` beside the largest: what longer vectors gain is above rounding.
GOAL = 1e-9


class Nearest(NamedTuple):
    """A point of a hull, and how it is mixed.

    Attributes:
        point: (d,) the mixture, zeros where the hull contains the origin.
        weights: (m,) of the vectors, non-negative, sum 1. They prove the point: it is the nearest
            if and only if every vector v has v . point >= |point|^2.
    """

    point: Floats
    weights: Floats


def nearest(vectors: npt.ArrayLike) -> Nearest:
    """Return the point of least norm in the convex hull of the rows of an (m, d) array.

    Non-negative least squares on [V'; 1'] a = (0; 1), then a / sum(a), is exact: for a = s b with b
    on the simplex the best value over s is q / (1 + q), q = |V'b|^2, which grows with q.

    Source: derived here; the active-set method is that of Lawson and Hanson.

    Raises:
        ValueError: if there is no vector, or a number is not finite.

    Example:
        >>> point, weights = nearest([[2.0, 0.0], [0.0, 1.0]])
        >>> point.round(12), weights.round(12)
        (array([0.4, 0.8]), array([0.2, 0.8]))
    """
    rows = real_array(vectors, "vectors")
    if rows.ndim != 2 or 0 in rows.shape:
        raise ValueError(f"a hull needs an array (m, d) of vectors, got shape {rows.shape}")
    if not (fine := np.isfinite(rows).all(axis=1)).all():
        raise ValueError(f"vectors must be finite, row {int(np.argmin(fine))} is not")
    unit = float(np.abs(rows).max())
    if not unit:
        return Nearest(np.zeros(rows.shape[1]), np.full(len(rows), 1 / len(rows)))
    rows = rows / unit  # whose squares float64 holds
    size = float(np.sqrt(np.max(np.sum(rows**2, axis=1))))
    found = _mixed(rows / size, np.ones(len(rows)))
    weights = found / found.sum()
    point = weights @ rows
    inside = float(np.linalg.norm(point)) <= ORIGIN * size
    return Nearest(np.zeros_like(point) if inside else point * unit, weights)


def least_beyond(vectors: Floats) -> tuple[Floats, Floats] | None:
    """Return the w of least norm with v . w >= 1 for every row v of an (m, d) array, and the
    multipliers of which w is the sum of multiplier times v; None where float64 finds none.

    It is the nearest point of the hull over its squared norm, but where lengths differ much that
    point is among the shortest vectors, and blind to the others. So it is found of unit vectors u =
    v / |v| with goals g = 1 / |v|: where |U'a|^2 + (1 - g . a)^2 is least over a >= 0, w = U'a / (1
    - g . a) has u . w >= g.

    Example:
        >>> w, multipliers = least_beyond(np.array([[2.0, 0.0], [0.0, 1.0]]))
        >>> w.round(12), multipliers.round(12)
        (array([0.5, 1. ]), array([0.25, 1.  ]))
    """
    lengths = np.linalg.norm(vectors, axis=1)
    if not lengths.all() or not nearest(units := vectors / lengths[:, None]).point.any():
        return None
    shortest = float(lengths.min())
    goals = np.maximum(shortest / lengths, GOAL)
    found = _mixed(units, goals)
    w = found @ units
    w, found = (part * (goals @ found / (w @ w)) for part in (w, found))  # 1 - g . a, unrounded
    if (units @ w).min() <= 0:
        return None
    return w / shortest, found / lengths / shortest


def _mixed(rows: Floats, goals: Floats) -> Floats:
    """Return the a >= 0 with the least |V'a|^2 + (1 - goals . a)^2, of vectors of about length
    1.
    """
    from scipy.optimize import nnls  # slow to import

    columns = rows.T
    if rows.shape[0] < rows.shape[1]:  # the same inner products in fewer dimensions
        columns = np.asarray(np.linalg.qr(columns, mode="r"))
    found, _ = nnls(np.vstack([columns, goals]), np.append(np.zeros(len(columns)), 1.0))
    return np.asarray(found)


def one_vs_rest(vectors: npt.ArrayLike) -> Floats:
    """Return (k,) the distance of each row to the convex hull of the others.

    For unit classifiers it is the largest margin that a unit feature of that class can have.

    Source: Jiang et al. 2023 (arXiv 2310.05351).

    Raises:
        ValueError: if there are fewer than two rows, or a number is not finite.

    Example:
        >>> one_vs_rest([[1.0, 0.0], [-1.0, 0.0]])
        array([2., 2.])
    """
    rows = real_array(vectors, "vectors")
    if rows.ndim != 2 or len(rows) < 2:
        raise ValueError(f"distances need at least 2 vectors, (k, d), got shape {rows.shape}")
    if not (fine := np.isfinite(rows).all(axis=1)).all():
        raise ValueError(f"vectors must be finite, row {int(np.argmin(fine))} is not")
    unit = float(np.abs(rows).max(initial=0.0)) or 1.0
    rows = rows / unit  # whose squares float64 holds
    apart = [np.delete(rows, c, axis=0) - rows[c] for c in range(len(rows))]
    return unit * np.array([float(np.linalg.norm(nearest(part).point)) for part in apart])
