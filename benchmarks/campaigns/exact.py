"""Predictions by their definitions, in as many digits as are asked for: an oracle that shares no
line with the library.

Classifiers and class means come from the eigenvectors of the k x k matrix X N X' of the class
logits X: with its square roots the singular values of the label matrix X N^{1/2} = U S V', WW' = U
S U' and MM' = X' U S^-1 U' X. Everything is an mpmath number or matrix; `mp.dps` is the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from mpmath import mp

Row = Sequence[Any]


class Exact(NamedTuple):
    """Grams of classifiers and class means, and the class logits, as mpmath matrices."""

    classifiers: Any
    embeddings: Any
    logits: Any


def vector(values: Row) -> list[Any]:
    """Return whole numbers, floats and fractions without rounding."""
    return [
        mp.mpf(v.numerator) / v.denominator if isinstance(v, Fraction) else mp.mpf(v)
        for v in values
    ]


def factorised(logits: Any, counts: Row) -> Exact:
    """Return the balanced factors of class logits of rank k - 1, on `counts` samples a class."""
    n, k = vector(counts), logits.rows
    values, basis = mp.eigsy(logits * mp.diag(n) * logits.T)
    null = min(range(k), key=lambda i: abs(values[i]))

    def power(exponent: int) -> Any:
        return (
            basis
            * mp.diag(
                [mp.mpf(0) if i == null else mp.sqrt(values[i]) ** exponent for i in range(k)]
            )
            * basis.T
        )

    return Exact(power(1), logits.T * power(-1) * logits, logits)


def cross_entropy(counts: Row, columns: Row, samples: Row) -> Exact:
    """Return the limit of cross-entropy whose logit c is multiplied by columns[c], and all of a
    sample of label y by samples[y].
    """
    d = [1 / c for c in vector(columns)]
    x = [own / s for own, s in zip(d, vector(samples), strict=True)]
    square, k = mp.fsum(v * v for v in d), len(d)
    projector = mp.matrix(k, k)
    for i in range(k):
        for j in range(k):
            projector[i, j] = (i == j) - d[i] * d[j] / square
    return factorised(projector * mp.diag(x), counts)


def free_bias(counts: Row, margin: Any = 1) -> Exact:
    """Return the limit of cross-entropy with a bias that has no ridge."""
    n, k = vector(counts), len(counts)
    logits = mp.matrix(k, k)
    for i in range(k):
        for j in range(k):
            logits[i, j] = mp.mpf(margin) * ((i == j) - n[i] / mp.fsum(n))
    return factorised(logits, counts)


def above(difference: Any) -> bool:
    """Return whether a difference of numbers near one is positive, and not a rounding of the zero
    at a threshold itself.
    """
    return bool(difference > mp.mpf(10) ** (10 - mp.dps))


def simplex(k: int, factor: Any = 1) -> Any:
    """Return factor (I - 11'/k)."""
    return mp.mpf(factor) * (mp.eye(k) - mp.ones(k, k) / k)


def balanced(count: int, k: int, ridge: float, smoothing: float) -> Exact:
    """Return the optimum of k classes of `count` samples at a ridge, targets smoothed."""
    root = mp.sqrt(count)
    sigma = (mp.mpf(smoothing) + mp.mpf(ridge) / root) / k
    alpha = mp.log(1 / sigma - k + 1) if above(1 - sigma * k) else mp.mpf(0)
    return Exact(simplex(k, alpha * root), simplex(k, alpha / root), simplex(k, alpha))


def nonnegative(counts: Row, ridge: float) -> Exact:
    """Return the orthogonal frame of features of at least 0, from explicit vectors."""
    n, k = vector(counts), len(counts)
    lengths = []
    for v in n:
        margin = mp.mpf(1)
        if ridge:
            excess = (k - 1) * (mp.sqrt(v * k / (k - 1)) / mp.mpf(ridge) - 1)
            margin = mp.log(excess) if above(excess - 1) else mp.mpf(0)
        lengths.append(mp.sqrt(mp.sqrt(mp.mpf(k - 1) / (k * v)) * margin))
    means = mp.diag(lengths)
    pull = mp.diag([mp.sqrt(v) for v in n]) * means
    heads = (k * pull - mp.ones(k, k) * pull) / mp.sqrt(mp.mpf(k) * (k - 1))
    return Exact(heads * heads.T, means * means.T, heads * means.T)


def squared(counts: Row, ridge: float, layers: int) -> Exact:
    """Return the orthogonal optimum of the squared loss, with the root y = x^M of its equation for
    each class.
    """
    r, lengths = mp.mpf(ridge), []
    for n in vector(counts):
        # M y^(1 - 1/M) / (y + 1)^2 falls from y = M - 1 on and has to be b / n; a class for which
        # it starts below that is zero.
        goal = mp.log(layers * r ** (1 + mp.mpf(1) / layers) / n / layers)

        def over(y: Any, goal: Any = goal) -> Any:
            return (
                (1 - mp.mpf(1) / layers) * mp.log(y) - 2 * mp.log(1 + y) - goal
                if layers > 1
                else -2 * mp.log(1 + y) - goal
            )

        low = mp.mpf(layers - 1)
        if not above(over(low)):
            lengths.append(mp.mpf(0))
            continue
        high = 2 * low + 1
        while over(high) > 0:
            high *= high + 1
        lengths.append(
            r
            * mp.findroot(
                over,
                (low, high),
                solver="anderson",
                maxsteps=1000,
                tol=mp.mpf(10) ** (-2 * mp.dps + 10),
            )
        )
    shrunk = [s / (s + r) for s in lengths]
    means = [s * s / own if own else own for s, own in zip(shrunk, lengths, strict=True)]
    return Exact(mp.diag(lengths), mp.diag(means), mp.diag(shrunk))


def supports(matrix: Sequence[Row]) -> tuple[Exact, Any]:
    """Return the proxy of a 0/1 support matrix (token by context), and its dual UV', by the
    eigenvectors of S S'.
    """
    given = mp.matrix(matrix)
    k = given.rows
    centred = given - mp.ones(k, k) * given / k
    values, basis = mp.eigsy(centred * centred.T)
    kept = [i for i in range(k) if values[i] > mp.mpf(10) ** (-mp.dps // 2)]

    def power(exponent: float) -> Any:
        return (
            basis
            * mp.diag([mp.mpf(values[i]) ** exponent if i in kept else 0 for i in range(k)])
            * basis.T
        )

    dual = power(-0.5) * centred
    return Exact(power(0.5), centred.T * dual, centred), dual


def label_sets(
    k: int, sizes: dict[int, int], ridge: float, start: Sequence[float]
) -> tuple[list[Any], Any]:
    """Return the scales b_s of label sets of each size, from a guess, and tau."""

    def tau(b: Row) -> Any:
        return mp.sqrt(
            mp.fsum(
                n * mp.binomial(k - 2, s - 1) * v**2
                for (s, n), v in zip(sizes.items(), b, strict=True)
            )
        )

    def slope(*b: Any) -> list[Any]:
        length, found = tau(b), []
        for s, v in zip(sizes, b, strict=True):
            rest = (k - s) * mp.exp(-v)
            pull = mp.mpf(ridge) * (k - 1) * mp.binomial(k - 2, s - 1) * v / length
            found.append(pull - s * mp.binomial(k, s) * rest / (s + rest))
        return found

    found = mp.findroot(slope, [mp.mpf(v) for v in start], tol=mp.mpf(10) ** (-mp.dps), maxsteps=50)
    scales = list(found) if hasattr(found, "__iter__") else [found]
    return scales, tau(scales)


def alignment(exact: Exact) -> list[Any]:
    """Return the cosines between each class's classifier and its mean."""
    w, m, x = exact
    return [x[i, i] / mp.sqrt(w[i, i] * m[i, i]) for i in range(x.rows)]


def cosines(gram: Any) -> Any:
    """Return the matrix of the cosines of a Gram."""
    k = gram.rows
    found = mp.matrix(k, k)
    for i in range(k):
        for j in range(k):
            found[i, j] = gram[i, j] / mp.sqrt(gram[i, i] * gram[j, j])
    return found


def spectrum(gram: Any) -> list[Any]:
    """Return the eigenvalues of a Gram, descending."""
    k = gram.rows
    if all(gram[i, j] == 0 for i in range(k) for j in range(i)):
        return sorted((gram[i, i] for i in range(k)), reverse=True)
    return sorted(mp.eigsy(gram, eigvals_only=True), reverse=True)


def distance(a: Any, b: Any) -> Any:
    """Return ||A/||A|| - B/||B||||, Frobenius norms."""

    def norm(matrix: Any) -> Any:
        return mp.sqrt(mp.fsum(v * v for v in matrix))

    return norm(a / norm(a) - b / norm(b))
