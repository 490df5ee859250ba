"""Roots of projected diagonal matrices against arithmetic of two hundred digits, for counts that
differ by orders or by one."""

import numpy as np
import pytest
from mpmath import mp

from lopsided import Counts, predict
from lopsided.predict.algebra.roots import inverse_root, root

CASES = [
    ([10**9, 10**9 + 1, 1], [1, 1, 1]),
    ([10**9, 1], [1, 1]),
    ([10**12, 7, 5, 1], [1, 1, 1, 1]),
    ([1, 710], [18918.0, 1.0]),
    ([3.0, 2e4, 9.0, 1e6], [1e5, 1.0, 30.0, 1e-2]),
    ([2**53, 2**53 - 1, 2**52], [1, 1, 1]),
    # One class outweighs all others, in the sums of one kind, of both, or a different class at
    # every node.
    ([1e3, 1e18], [1, 1e9]),
    ([1e3, 1e-18], [1, 1e-9]),
    ([1.0, 1e10, 1e20, 1e30], [1, 1e-5, 1e-10, 1e-15]),
    ([1.0, 1e12, 1e24, 1e36], [1, 1e12, 1e24, 1e30]),
    ([1e30, 3.0, 2.0, 1e-30], [1e-15, 1.0, 1.0, 1e15]),
]


def exact(a, d):
    """Return powers of A^{1/2}, with the eigenvalue zero left at zero."""
    k, d = len(a), mp.matrix([mp.mpf(x) for x in d])
    Q = mp.eye(k) - d * d.T / mp.fsum(x * x for x in d)
    values, vectors = mp.eigsy(Q * mp.diag([mp.mpf(x) for x in a]) * Q)
    zero = min(range(k), key=lambda i: abs(values[i]))

    def power(exponent):
        spread = [mp.mpf(0) if i == zero else mp.sqrt(values[i]) ** exponent for i in range(k)]
        return vectors * mp.diag(spread) * vectors.T

    return power


def floats(matrix):
    return np.array(matrix.tolist(), float)


@pytest.fixture(autouse=True)
def digits():
    with mp.workdps(200):
        yield


def relative(found, wanted):
    """Largest error of an entry over the lengths of its two vectors, and of a diagonal entry over
    itself."""
    lengths = np.sqrt(np.diag(wanted))
    return max(
        (np.abs(found - wanted) / np.outer(lengths, lengths)).max(),
        np.abs(np.diag(found) / np.diag(wanted) - 1).max(),
    )


@pytest.mark.parametrize(("a", "d"), CASES, ids=str)
def test_both_roots_have_fourteen_digits_in_every_entry(a, d):
    power = exact(a, d)
    for make, wanted in ((root, floats(power(1))), (inverse_root, floats(power(-1)))):
        factor = make(np.array(a, float), np.array(d, float), np.ones(len(a), int))
        found = factor.left @ factor.right.T
        np.fill_diagonal(found, factor.diagonal)
        assert relative(found, wanted) < 1e-14


def test_groups_are_what_their_classes_would_be_alone():
    a, d, sizes = np.array([1e9, 40.0, 2.0]), np.array([1e-3, 1.0, 5.0]), np.array([1, 3, 2])
    for make in (root, inverse_root):
        grouped, alone = (
            make(a, d, sizes),
            make(np.repeat(a, sizes), np.repeat(d, sizes), np.ones(6, int)),
        )
        whole = np.repeat(np.repeat(grouped.left @ grouped.right.T, sizes, axis=0), sizes, axis=1)
        np.fill_diagonal(whole, np.repeat(grouped.diagonal, sizes))
        wanted = alone.left @ alone.right.T
        np.fill_diagonal(wanted, alone.diagonal)
        assert relative(whole, wanted) < 1e-14


@pytest.mark.parametrize("n", [case[0] for case in CASES[:3]], ids=str)
def test_the_free_bias_has_fourteen_digits_in_every_entry(n):
    # With L = (C N^-1 C)^+ the classifiers are L^{1/2} and the class means N^-1 L^{3/2} N^-1.
    inverse = [1 / mp.mpf(x) for x in n]
    power, geometry = exact(inverse, [1] * len(n)), predict.free_bias(Counts(n))
    assert relative(geometry.classifiers.matrix(), floats(power(-1))) < 1e-14
    assert (
        relative(
            geometry.embeddings.matrix(), floats(mp.diag(inverse) * power(-3) * mp.diag(inverse))
        )
        < 1e-14
    )


def test_norms_and_spectrum_of_seven_hundred_counts_are_those_of_the_dense_matrix():
    n = np.random.default_rng(0).choice(10**6, 420, replace=False) + 1
    counts = Counts(np.concatenate([n, n[:210], n[:70]]))
    C = np.eye(counts.k) - 1 / counts.k
    values, vectors = np.linalg.eigh(C * counts.values @ C)
    seli = predict.seli(counts)
    np.testing.assert_allclose(seli.classifiers.spectrum()[:-1] ** 2, values[:0:-1], rtol=1e-8)
    np.testing.assert_allclose(
        seli.classifiers.squared_norms(), vectors[:, 1:] ** 2 @ np.sqrt(values[1:]), rtol=1e-9
    )
    np.testing.assert_allclose(
        seli.embeddings.squared_norms(), vectors[:, 1:] ** 2 @ values[1:] ** -0.5, rtol=1e-7
    )
