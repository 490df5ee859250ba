"""Square roots of a projected diagonal matrix, without its eigenvectors.

The cross-entropy geometries all need A^{1/2} and A^{+1/2} (pseudo-inverse root) for A = Q diag(a) Q, where a > 0 and Q is the
projector off a positive vector d; SELI is a = class counts, d = ones. Both roots are mixtures of resolvents,
A^{+1/2} = sum_q w_q (A + t_q)^+ on the complement of d, and the resolvent of A is a diagonal plus rank one:

    (A + t)^+ [i, j] = delta_ij / (a_i + t) - d_i d_j / ((a_i + t) (a_j + t) S(t)),    S(t) = sum_l d_l^2 / (a_l + t).

With the nodes of Zolotarev's best rational approximation of the root on [min a, max a] (the eigenvalues of A interlace a, so they
lie there) about log(max a / min a) nodes give all digits. Cost: O(m) for m groups of equal (a, d), times those 20 to 60 nodes.

Every off-diagonal entry of A^{+1/2} is a sum of negative terms. This proves, for all counts, scales and margins, the sign condition
under which the cross-entropy geometries are optimal, and it means that no digits cancel.

Source: nodes from Hale, Higham and Trefethen 2008, "Computing A^alpha, log(A), and related matrix functions by contour integrals",
section 4; the structured use is derived here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ellipk, ellipkm1

from lopsided.arrays import Floats, Ints


class Factor(NamedTuple):
    """A symmetric matrix on groups as `Pairing` stores it: left . right off the diagonal, and the diagonal."""

    left: Floats
    right: Floats
    diagonal: Floats


def zolotarev(low: float, high: float) -> tuple[Floats, Floats]:
    """Return nodes t and weights w with x^{-1/2} = sum_q w_q / (x + t_q) to machine precision for low <= x <= high.

    Args:
        low: positive lower end.
        high: upper end.
    """
    # Nodes for a wider interval serve a narrow one, and keep the nome below small.
    m1 = min(low / high, 0.5)
    quarter = ellipkm1(m1)
    count = int(np.ceil(37 * (np.log(1 / m1) + 6) / (2 * np.pi**2))) // 2 * 2 + 2
    u = (np.arange(count // 2) + 0.5) / count
    # Jacobi's sc(u K) as a quotient of theta functions with imaginary argument: terms fall like m1^(n^2), so five are plenty.
    nome = np.exp(-np.pi * quarter / ellipk(m1))
    n = np.arange(5)[:, None]
    growth = -np.log(nome) * u
    sine = np.sum((-1.0) ** n * nome ** (n * (n + 1.0)) * np.sinh((2 * n + 1) * growth / 2), axis=0)
    cosine = np.sum((-1.0) ** n[1:] * nome ** (n[1:] ** 2.0) * np.cosh(2 * n[1:] * growth / 2), axis=0)
    theta3 = 1 + 2 * np.sum(nome ** (n[1:] ** 2.0))
    theta2 = 2 * np.sum(nome ** (n * (n + 1.0)))
    square = (theta3 / theta2 * 2 * sine / (1 + 2 * cosine)) ** 2
    # The upper half of the nodes mirrors the lower: sc(K - u) = 1 / (sqrt(m1) sc(u)).
    square = np.concatenate([square, 1 / (m1 * square[::-1])])
    weights = 2 * quarter * np.sqrt(low) / (np.pi * count) * np.sqrt((1 + m1 * square) * (1 + square))
    return low * square, weights


def inverse_root(a: Floats, d: Floats, sizes: Ints) -> Factor:
    """Return A^{+1/2} for A = Q diag(a) Q.

    Args:
        a: (m,) positive diagonal entry of each group.
        d: (m,) positive entry of the vector that Q projects off.
        sizes: (m,) classes in each group.

    Returns:
        The matrix; relative error about 1e-15 in every entry.
    """
    t, w = zolotarev(a.min(), a.max())
    resolvent = 1 / (a[:, None] + t)
    terms = (sizes * d**2)[:, None] * resolvent
    overlap = terms.sum(axis=0)
    factor = d[:, None] * resolvent
    # The diagonal needs 1 - d_i^2 / ((a_i + t) S), which cancels where class i dominates S: sum the other classes instead.
    return Factor(-factor * (w / overlap), factor, (resolvent * others(terms, sizes)) @ (w / overlap))


def root(a: Floats, d: Floats, sizes: Ints) -> Factor:
    """Return A^{1/2} for A = Q diag(a) Q; arguments and result as in `inverse_root`.

    A^{1/2} = sum_q w_q (Q - t_q (A + t_q)^+) has, off the diagonal, d_i d_j c_q (b_i b_j - mean b) with b = t / (a + t) and
    c = w / (t S(t)). For large t this cancels and the equal a_i a_j - a_i - a_j + mean a with a := 1 - b does not.
    """
    t, w = zolotarev(a.min(), a.max())
    large = t > np.sqrt(a.min() * a.max())
    share = np.where(large, a[:, None], t) / (a[:, None] + t)
    total = sizes * d**2
    resolvent = 1 / (a[:, None] + t)
    c = w / (t * (total @ resolvent))
    mean = total @ share / total.sum()
    linear = -(share * (c * large)).sum(axis=1)
    constant = float(np.sum(c * np.where(large, mean, -mean)))
    left = np.column_stack([share * c, linear + constant, np.ones_like(a)]) * d[:, None]
    right = np.column_stack([share, np.ones_like(a), linear]) * d[:, None]
    # The diagonal as a sum of positive terms: with p = d^2 / ||d||^2 and primes for sums over the other classes,
    # w_q / mean b ((sum' p) a_i (sum' p b) + p_i b_i (sum' p a)).
    p = (total / total.sum())[:, None]
    above, below = a[:, None] * resolvent, t * resolvent
    terms = others(p, sizes) * above * others(p * below, sizes) + p / sizes[:, None] * below * others(p * above, sizes)
    return Factor(left, right, terms @ (c * total.sum()))


def others(terms: Floats, sizes: Ints) -> Floats:
    """Return, for a class of each group, the sum over all other classes, without subtracting.

    Args:
        terms: (m, q) sums over the classes of each group.
        sizes: (m,) classes in each group.
    """
    return sums_before(terms) + sums_before(terms[::-1])[::-1] + terms * ((sizes - 1) / sizes)[:, None]


def sums_before(terms: Floats) -> Floats:
    """Return, for each row, the sum of the rows above it."""
    sums = np.zeros_like(terms)
    np.cumsum(terms[:-1], axis=0, out=sums[1:])
    return sums
