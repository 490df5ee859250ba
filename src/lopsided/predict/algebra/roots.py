"""Square roots of a projected diagonal matrix, without its eigenvectors.

The cross-entropy geometries all need A^{1/2} and A^{+1/2} (pseudo-inverse root) for A = Q diag(a)
Q, where a > 0 and Q is the projector off a positive vector d; SELI is a = class counts, d = ones.
Both roots are mixtures of resolvents, A^{+1/2} = sum_q w_q (A + t_q)^+ on the complement of d, and
the resolvent of A is a diagonal plus rank one:

    (A + t)^+ [i, j] = delta_ij / (a_i + t) - d_i d_j / ((a_i + t) (a_j + t) S(t)),    S(t) = sum_l
    d_l^2 / (a_l + t).

With the nodes of Zolotarev's best rational approximation of the root on [min a, max a] (the
eigenvalues of A interlace a, so they lie there) about log(max a / min a) nodes give all digits.
Cost: O(m) for m groups of equal (a, d), times those 20 to 60 nodes.

Every off-diagonal entry of A^{+1/2} is a sum of negative terms. This proves, for all counts, scales
and margins, the sign condition under which the cross-entropy geometries are optimal, and it means
that no digits cancel.

Source: nodes from Hale, Higham and Trefethen 2008, "Computing A^alpha, log(A), and related matrix
functions by contour integrals", section 4; the structured use is derived here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from lopsided.arrays import Floats, Ints


class Factor(NamedTuple):
    """A symmetric matrix on groups as `Pairing` stores it: left . right off the diagonal, and the
    diagonal.
    """

    left: Floats
    right: Floats
    diagonal: Floats


def _quarter_period(m1: float) -> float:
    """Return the complete elliptic integral K of parameter 1 - m1, an arithmetic-geometric mean.

    SciPy has it too; importing `scipy.special` takes longer than all the rest of a prediction.
    """
    a, b = 1.0, float(np.sqrt(m1))
    while a - b > 1e-15 * a:
        a, b = (a + b) / 2, float(np.sqrt(a * b))
    return float(np.pi / (a + b))


@lru_cache(maxsize=16)  # both roots of a matrix ask
@np.errstate(under="ignore")
def zolotarev(low: float, high: float) -> tuple[Floats, Floats]:
    """Return nodes t and weights w with x^{-1/2} = sum_q w_q / (x + t_q) to machine precision for
    low <= x <= high.

    Args:
        low: positive lower end.
        high: upper end.
    """
    # Nodes for a wider interval serve a narrow one, and keep the nome below small.
    m1 = min(low / high, 0.5)
    quarter = _quarter_period(m1)
    count = int(np.ceil(37 * (np.log(1 / m1) + 6) / (2 * np.pi**2))) // 2 * 2 + 2
    u = (np.arange(count // 2) + 0.5) / count
    # Jacobi's sc(u K) as a quotient of theta functions with imaginary argument: terms fall like
    # m1^(n^2), so five are plenty.
    nome = np.exp(-np.pi * quarter / _quarter_period(1 - m1))
    n = np.arange(5)[:, None]
    growth = -np.log(nome) * u
    sine = np.sum((-1.0) ** n * nome ** (n * (n + 1.0)) * np.sinh((2 * n + 1) * growth / 2), axis=0)
    cosine = np.sum(
        (-1.0) ** n[1:] * nome ** (n[1:] ** 2.0) * np.cosh(2 * n[1:] * growth / 2), axis=0
    )
    theta3 = 1 + 2 * np.sum(nome ** (n[1:] ** 2.0))
    theta2 = 2 * np.sum(nome ** (n * (n + 1.0)))
    square = (theta3 / theta2 * 2 * sine / (1 + 2 * cosine)) ** 2
    # The upper half of the nodes mirrors the lower: sc(K - u) = 1 / (sqrt(m1) sc(u)).
    square = np.concatenate([square, 1 / (m1 * square[::-1])])
    weights = (
        2 * quarter * np.sqrt(low) / (np.pi * count) * np.sqrt((1 + m1 * square) * (1 + square))
    )
    nodes = low * square
    nodes.flags.writeable = weights.flags.writeable = False
    return nodes, weights


def inverse_root(a: Floats, d: Floats, sizes: Ints) -> Factor:
    """Return A^{+1/2} for A = Q diag(a) Q.

    Args:
        a: (m,) positive diagonal entry of each group.
        d: (m,) positive entry of the vector that Q projects off.
        sizes: (m,) classes in each group.

    Returns:
        The matrix; relative error about 1e-15 in every entry.
    """
    t, w = zolotarev(float(a.min()), float(a.max()))
    resolvent = 1 / (a[:, None] + t)
    terms = (sizes * d**2)[:, None] * resolvent
    overlap = terms.sum(axis=0)
    factor = d[:, None] * resolvent
    # The diagonal needs 1 - d_i^2 / ((a_i + t) S), which cancels where class i dominates S: sum the
    # other classes instead.
    return Factor(
        -factor * (w / overlap), factor, (resolvent * others(terms, sizes)) @ (w / overlap)
    )


def root(a: Floats, d: Floats, sizes: Ints) -> Factor:
    """Return A^{1/2} for A = Q diag(a) Q; arguments as in `inverse_root`.

    A^{1/2} = sum_q w_q (Q - t_q (A + t_q)^+). With p = d^2 / ||d||^2 for the share of a class,
    alpha = a / (a + t) and beta = t / (a + t), a node's entry of two classes is w_q / (p . beta)
    sqrt(p_i p_j) times beta_i beta_j - p . beta, or equally alpha_i alpha_j - alpha_i - alpha_j + p
    . alpha. Where the mean that is subtracted is at most a half and no class has more than half of
    p . alpha or p . beta, no digit is lost; a class that has is a row and a column of its own, of
    terms that cannot cancel.

    Returns:
        The matrix; error about 1e-15 of sqrt(A_ii A_jj) in every entry, of the entry itself on the
        diagonal.
    """
    t, w = zolotarev(float(a.min()), float(a.max()))
    p = (sizes * d**2)[:, None]
    d, p = d / np.sqrt(p.sum()), p / p.sum()
    resolvent = 1 / (a[:, None] + t)
    above, below = a[:, None] * resolvent, t * resolvent
    over, under = p * above, p * below
    mean_above, mean_below = over.sum(axis=0), under.sum(axis=0)
    c = w / mean_below
    # The diagonal as a sum of positive terms, with primes for sums over the other classes:
    # w_q / mean beta ((sum' p) alpha_i (sum' p beta) + p_i beta_i (sum' p alpha)).
    squares = others(p, sizes) * above * others(under, sizes) + under / sizes[:, None] * others(
        over, sizes
    )

    large = mean_above < mean_below
    share = np.where(large, above, below)
    linear = -(share @ (c * large))
    constant = float(c @ np.where(large, mean_above, -mean_below))
    plain = np.ones_like(a)
    alone = _dominant(sizes, (over, mean_above), (under, mean_below))
    rows, units = np.zeros((len(alone), len(a))), np.zeros((len(a), len(alone)))
    for place, g in enumerate(alone):
        rows[place] = _row(g, p, sizes, above, below) @ c
        rows[place, alone[: place + 1]] = 0  # every pair of them once, and the diagonal elsewhere
        units[g, place] = 1
    share[alone] = linear[alone] = plain[alone] = 0
    right = np.column_stack([share, plain, linear, rows.T, units]) * d[:, None]
    left = (
        np.column_stack([share * c, linear + constant * plain, plain, units, rows.T]) * d[:, None]
    )
    return Factor(left, right, squares @ c)


def _dominant(sizes: Ints, *parts: tuple[Floats, Floats]) -> list[int]:
    """Return the groups of one class that have more than half of a total at some node, for (m, q)
    terms and (q,) totals.
    """
    found: set[int] = set()
    if 1 in sizes:
        for terms, total in parts:
            nodes = np.flatnonzero(terms.max(axis=0) > total / 2)
            found.update(np.argmax(terms[:, nodes], axis=0).tolist())
    return sorted(g for g in found if sizes[g] == 1)


def _row(g: int, p: Floats, sizes: Ints, above: Floats, below: Floats) -> Floats:
    """Return (m, q) parts of the entries of A^{1/2} between the one class of group g and a class of
    every group, g itself apart.

    beta_i beta_j - p . beta, multiplied out with p_i + p_j + (all other shares) = 1 and alpha +
    beta = 1. The terms have both signs, but each is at most sqrt(A_ii A_jj) (docs/theory),
    so that what cancels was never large.
    """
    rest = p.copy()
    rest[g] = 0
    over, under = others(rest * above, sizes), others(rest * below, sizes)
    gained = below[g] * below * over
    lost = p[g] * below[g] * above + p / sizes[:, None] * below * above[g]
    lost += (above[g] * below + below[g] * above + above[g] * above) * under
    return np.asarray(gained - lost)


def others(terms: Floats, sizes: Ints) -> Floats:
    """Return, for a class of each group, the sum over all other classes, without subtracting.

    Args:
        terms: (m, q) sums over the classes of each group.
        sizes: (m,) classes in each group.
    """
    return (
        sums_before(terms) + sums_before(terms[::-1])[::-1] + terms * ((sizes - 1) / sizes)[:, None]
    )


def sums_before(terms: Floats) -> Floats:
    """Return, for each row, the sum of the rows above it."""
    sums = np.zeros_like(terms)
    np.cumsum(terms[:-1], axis=0, out=sums[1:])
    return sums
