"""Pick-all-label learning, balanced: embeddings of label sets are scaled sums of those of their
labels.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from math import comb

import numpy as np

from lopsided.arrays import Floats, Ints, require_noun, require_whole
from lopsided.geometry import Geometry, Source
from lopsided.memory import require_memory
from lopsided.papers import cite
from lopsided.predict.algebra.ridge import require_ridge
from lopsided.predict.form import Form, first, positive, roomy, unadjusted, without_bias
from lopsided.problem import Problem
from lopsided.targets import Targets

#: Newton steps at most: b grows with the logarithm of one over the ridge, which is 1e-100 or more.
FARTHEST = 1000


def label_sets(k: int, sizes: Mapping[int, float], ridge: float) -> Geometry:
    """Return the optimum where every set of s labels has `sizes[s]` samples.

    The logits of a set S of s labels are b_s (1_S - s / k); with tau^2 = sum_s n_s C(k - 2, s - 1)
    b_s^2 the classifiers have WW' = tau (I - 11'/k), and an embedding is (b_s / b_1) times the sum
    of those of its labels.

    Source: Li et al. 2024 (arXiv 2310.15903); the scales b_s derived here.

    Args:
        k: number of classes.
        sizes: samples of each set, by the number of its labels, 1 to k - 1.
        ridge: of the unconstrained-features model, summed loss; positive.

    Returns:
        The geometry; its columns are the sets of fewer labels first, equally many in the order of
        their labels, as those of `measure.LabelSets` are.

    Raises:
        TypeError: if the sizes are no mapping.
        ValueError: if k or a size is out of range, or the ridge is not from 1e-100 to 1e100.
        MemoryError: if there are too many sets.

    Example:
        >>> label_sets(3, {1: 5}, ridge=0.1).classifiers.cosine(0, 1).round(12).item()
        -0.5
    """
    require_whole("classes k", k, 2)
    require_noun(sizes, Mapping, "sizes", "samples of each set, by the number of its labels")
    for s in sizes:
        require_whole("the number of labels of a set", s, 1)
    number = sum(comb(k, s) for s in sizes)
    require_memory(float(8 * number**2), f"the geometry of {number:,} label sets")
    sets = [set(labels) for s in sorted(sizes) for labels in itertools.combinations(range(k), s)]
    return geometry(
        Problem(Targets.label_sets(sets, k, [sizes[len(labels)] for labels in sets]), ridge=ridge)
    )


def geometry(problem: Problem) -> Geometry:
    """Return the optimum of balanced label sets."""
    require_ridge(problem.ridge, or_zero=False)
    t, s, k = problem.targets.matrix, problem.targets.strength.astype(int), problem.k
    sizes, place = np.unique(s, return_inverse=True)
    n = problem.targets.weights[[int(np.argmax(s == size)) for size in sizes]]
    pairs = n * [comb(k - 2, int(size) - 1) for size in sizes]
    fit = n * sizes * [comb(k, int(size)) for size in sizes]

    b = _scales(sizes, k, pairs, fit, problem.ridge)
    tau = float(np.sqrt(pairs @ b**2))
    frame = np.eye(k) - 1 / k
    W, H = np.sqrt(tau) * frame, (t.T @ frame) * b[place, None] / np.sqrt(tau or 1.0)
    return Geometry.of_factors(
        W, H, Source("pick-all-label", FORM.source, "balanced label sets, d >= k - 1, no bias")
    )


def _scales(sizes: Ints, k: int, pairs: Floats, fit: Floats, ridge: float) -> Floats:
    """Return the b that minimise sum_s fit_s log(s + (k - s) exp(-b_s)) + ridge (k - 1) tau, tau =
    sqrt(sum_s pairs_s b_s^2).

    All are zero where the slope of tau outweighs that of the fit at the origin, else all are
    positive.
    """
    from scipy.optimize import minimize  # slow to import

    cost = ridge * (k - 1)
    if cost >= np.linalg.norm(fit * (k - sizes) / k / np.sqrt(pairs)):
        return np.zeros(len(sizes))

    def slopes(b: Floats) -> tuple[Floats, Floats, float]:
        rest, tau = (k - sizes) * np.exp(-b), np.sqrt(pairs @ b**2)
        return rest / (sizes + rest), pairs * b / tau, float(tau)

    def objective(b: Floats) -> tuple[float, Floats]:
        share, direction, tau = slopes(b)
        return float(fit @ np.log(sizes / (1 - share)) + cost * tau), cost * direction - fit * share

    least = [(1e-12, None)] * len(sizes)
    b = minimize(
        objective,
        np.ones(len(sizes)),
        jac=True,
        method="L-BFGS-B",
        bounds=least,
        options={"gtol": 1e-12},
    ).x
    # Newton, for the digits that differences of the objective do not show; where the ridge is tiny,
    # b is far and each step goes 1 of the way.
    size = np.inf
    for _ in range(FARTHEST):
        share, direction, tau = slopes(b)
        curvature = np.diag(fit * share * (1 - share) + cost * pairs / tau) - cost / tau * np.outer(
            direction, direction
        )
        step = np.linalg.solve(curvature, cost * direction - fit * share)
        b, before, size = b - step, size, float(np.abs(step).max() / b.max())
        if size <= 1e-15 or max(size, before) < 1e-9:
            break
    return np.asarray(b)


def _speaks(problem: Problem) -> str:
    if problem.targets.kind != "label sets":
        return "the targets must be label sets"
    t, s, w = problem.targets.matrix, problem.targets.strength, problem.targets.weights
    balanced = all(
        np.ptp(w[of_size]) == 0
        and of_size.sum() == np.unique(t[:, of_size], axis=1).shape[1] == comb(problem.k, int(size))
        for size, of_size in ((size, s == size) for size in np.unique(s))
    )
    return first(
        unadjusted(problem),
        ("all sets of one size must be there once, with as many samples", balanced),
        positive(problem),
        (
            "features must be free under one layer",
            problem.features == "free" and problem.layers == 1,
        ),
        without_bias(problem),
        roomy(problem),
    )


def _examples() -> tuple[Problem, ...]:
    def of(k: int, sizes: dict[int, float], ridge: float) -> Problem:
        sets = [set(labels) for s in sizes for labels in itertools.combinations(range(k), s)]
        return Problem(
            Targets.label_sets(sets, k, [sizes[len(labels)] for labels in sets]), ridge=ridge
        )

    return of(4, {1: 10.0, 2: 3.0}, 0.3), of(4, {1: 5.0, 3: 2.0}, 0.8), of(3, {1: 5.0}, 0.1)


FORM = Form("label-sets", geometry, _speaks, _examples, cite("li2024"), "label sets")
