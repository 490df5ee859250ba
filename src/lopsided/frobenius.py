"""Frobenius: sizes and distances of matrices that are kept as factors of groups."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from lopsided.arrays import Floats
from lopsided.groups import Groups

_TILE = 1024


class ZeroMatrixError(ValueError):
    """A scale-free figure was asked of a matrix of zeros."""


class Factors(NamedTuple):
    """A k x m matrix; attributes as those of a `Pairing`."""

    rows: Groups
    columns: Groups
    left: Floats
    right: Floats
    diagonal: Floats | None


def norm(matrix: Factors) -> float:
    """Return the Frobenius norm."""
    scaled, size = _near_one(matrix)
    return float(np.sqrt(_square_sum(scaled)) * size)


def angular_distance(a: Factors, b: Factors) -> float:
    """Return the distance of two matrices over their norms.

    Raises:
        ZeroMatrixError: if one of them is zero.
    """
    return float(np.sqrt(_square_sum(_direction(a), _direction(b))))


def _direction(matrix: Factors) -> Factors:
    """Return a matrix over its Frobenius norm."""
    scaled, _ = _near_one(matrix)
    if (size := float(np.sqrt(_square_sum(scaled)))) == 0:
        raise ZeroMatrixError("a matrix of zeros has no direction, so no distance to it is defined")
    return _scaled(scaled, 1 / size, 1.0)


def _near_one(matrix: Factors) -> tuple[Factors, float]:
    """Return a matrix over a power of two, and that power: no digit changes, and squares of the
    entries are floats.
    """
    right = _power_of_two(matrix.right) or 1.0
    diagonal = 0.0 if matrix.diagonal is None else _power_of_two(matrix.diagonal) / right
    left = max(_power_of_two(matrix.left), diagonal) or 1.0
    return _scaled(matrix, 1 / left, 1 / right), left * right


def _scaled(matrix: Factors, left: float, right: float) -> Factors:
    diagonal = None if matrix.diagonal is None else matrix.diagonal * left * right
    return matrix._replace(left=matrix.left * left, right=matrix.right * right, diagonal=diagonal)


def _with_diagonal(matrix: Factors) -> Factors:
    """Return a matrix as one of classes against themselves, on the coarsest groups that serve rows
    and columns.
    """
    if matrix.diagonal is not None:
        return matrix
    groups, rows, columns = matrix.rows.join(matrix.columns)
    left, right = matrix.left[rows], matrix.right[columns]
    return Factors(groups, groups, left, right, np.einsum("iq,iq->i", left, right))


def _power_of_two(values: Floats) -> float:
    """Return the largest power of two that the largest of the values reaches, 0 for zeros."""
    largest = float(np.abs(values).max(initial=0.0))
    return math.ldexp(0.5, math.frexp(largest)[1]) if largest else 0.0


def _square_sum(a: Factors, b: Factors | None = None) -> float:
    """Return the sum of squares of the entries of A - B (of A for no B)."""
    difference = a if b is None else _difference(a, b)
    if min(difference.rows.m, difference.columns.m) > 4 * difference.left.shape[1]:
        total, least = _square_sum_of_factors(difference)
        if total > least:
            return total
    return _square_sum_of_entries(difference)


def _square_sum_of_factors(matrix: Factors) -> tuple[float, float]:
    """Return the sum of squares of the entries, and above which value its last digits count.

    For Q_l T_l and Q_r T_r, the factors of the two sides with a row a class, |A| = |T_l T_r'|, but
    for the diagonal: no entry of A is needed. What the products cancel is lost.
    """
    rows, columns = (groups.sizes.astype(np.float64) for groups in (matrix.rows, matrix.columns))
    left, right = (
        np.asarray(np.linalg.qr(factor * np.sqrt(sizes)[:, None], mode="r"))
        for factor, sizes in ((matrix.left, rows), (matrix.right, columns))
    )
    total = float(np.square(left @ right.T).sum())
    terms = float(np.square(np.abs(left) @ np.abs(right).T).sum())
    if matrix.diagonal is not None:
        # In place of what the factors say of a class with itself.
        own = np.einsum("iq,iq->i", matrix.left, matrix.right)
        total += float(rows @ (np.square(matrix.diagonal) - np.square(own)))
        terms += float(rows @ np.square(own))
    return total, 1e-3 * terms


def _square_sum_of_entries(matrix: Factors) -> float:
    """Return the sum of squares of the entries, in tiles over the groups of rows."""
    left, right, diagonal = matrix.left, matrix.right, matrix.diagonal
    rows, columns = (groups.sizes.astype(np.float64) for groups in (matrix.rows, matrix.columns))
    total = 0.0
    for start in range(0, len(rows), _TILE):
        tile = np.arange(start, min(start + _TILE, len(rows)))
        squares = left[tile] @ right.T
        own = None if diagonal is None else squares[tile - start, tile]
        np.square(squares, out=squares)
        if own is not None and diagonal is not None:
            # Of the k^2 pairs within a group, k are a class with itself.
            k = rows[tile]
            squares[tile - start, tile] = ((k - 1) * own**2 + diagonal[tile] ** 2) / k
        total += float(rows[tile] @ squares @ columns)
    return total


def _difference(a: Factors, b: Factors) -> Factors:
    if (a.diagonal is None) != (b.diagonal is None):
        a, b = _with_diagonal(a), _with_diagonal(b)
    rows, i, j = a.rows.join(b.rows)
    if a.diagonal is None or b.diagonal is None:
        columns, u, v = a.columns.join(b.columns)
        diagonal = None
    else:
        columns, u, v, diagonal = rows, i, j, a.diagonal[i] - b.diagonal[j]
    return Factors(
        rows,
        columns,
        np.hstack([a.left[i], -b.left[j]]),
        np.hstack([a.right[u], b.right[v]]),
        diagonal,
    )
