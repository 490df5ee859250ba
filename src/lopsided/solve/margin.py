"""The limit of a vanishing ridge: the max-margin problem in the nuclear norm.

    min ||X N^{1/2}||_*   such that every label beats every other class by its margin (scaled
    logits, by 1),

for soft targets: equal logits inside the support of a column's targets, and 1 more than outside.
The direction of the ridge path for ridge -> 0 minimises it. The dual, max sum_j sqrt(n_j) sum_{c
not in S_j} |B[c, j]| over ||B||_2 <= 1, columns of zero sum, B <= 0 off the support, gives the
certificate. For labels the SEL matrix is optimal but for some scales of logits beside a free bias,
where the method of multipliers finds the optimum (`multipliers`); for supports its analogue is
tried first, and where its certificate fails, ADMM decides: singular values shrink, then each column
is projected on its own constraints.

Source: Thrampoulidis et al. 2022 (UF-SVM, Theorem 1), Zhao et al. 2024 (arXiv 2408.15417,
next-token limit); ADMM: Boyd et al.
    2011.
"""

from __future__ import annotations

import numpy as np

from lopsided.arrays import Floats
from lopsided.problem import Problem
from lopsided.singular import singular_values, svd
from lopsided.solve.certificate import Certificate
from lopsided.solve.methods.start import simplex
from lopsided.solve.multipliers import multiplied
from lopsided.solve.reduced import Point, Reduced

_STEPS = 50_000


def max_margin(problem: Problem, reduced: Reduced, tolerance: float) -> tuple[Point, Certificate]:
    """Solve the max-margin problem of a problem with ridge 0.

    Raises:
        ValueError: if soft targets come with a free bias, or with supports that ask for nothing.
    """
    # A bias with a ridge that stays while the other vanishes costs nothing and wins nothing in the
    # limit.
    free = problem.bias == "free"
    if reduced.labels:
        point = simplex(reduced)
        if free:
            point = _without_mean(reduced, point)
        best = point, certify_margins(reduced, point)
        climbing = multiplied(reduced, tolerance)
        while not best[1].proves(tolerance) and (found := next(climbing, None)):
            point, multipliers = found
            certificate = certify_margins(reduced, point, multipliers)
            if certificate.gap < best[1].gap:
                best = _of_margin_one(reduced, point), certificate
        return best
    if free:
        raise ValueError(
            "the max-margin limit of soft targets with a free bias is not offered; use a small"
            " ridge instead of 0"
        )
    support = reduced.targets > 0
    if support.all():
        raise ValueError(
            "every class has a positive target in every column, so the max-margin limit asks for"
            " nothing"
        )
    proxy = (support - support.mean(axis=0)) / reduced.unit
    point = reduced.zero()._replace(across=proxy)
    certificate = certify_margins(reduced, point)
    if certificate.proves(tolerance):
        return point, certificate
    return _admm(reduced, support, proxy, tolerance)


def certify_margins(
    reduced: Reduced, point: Point, multipliers: Floats | None = None
) -> Certificate:
    """Bound the max-margin value by any logits, scaled until they fulfil the margins, and by the
    dual of (p, m) multipliers of the cells of labels, by default of the logits' polar factor.
    """
    left, values, right = svd(point.across)
    nuclear = float(values.sum() + reduced.times @ np.abs(point.within))
    alive = values > 1e-10 * max(values.max(), np.abs(point.within).max(initial=0))
    polar = Point(left[:, alive] @ right[alive], reduced.times * np.sign(point.within), point.bias)
    if not reduced.labels:
        support = reduced.targets > 0
        across = _level(point.across, support)
        worst = _margin(across, support, reduced)
        primal = singular_values(across).sum() / worst if worst > 0 else np.inf
        return Certificate(float(primal), _dual_value(reduced, support, polar.across))
    worst = _least_margin(reduced, point)
    if multipliers is None:
        multipliers = np.maximum(_multipliers(reduced, polar), 0)
    across, within, bias = reduced.adjoint(-multipliers)
    norm = max(
        float(singular_values(across)[0]), float(np.max(np.abs(within) / reduced.times, initial=0))
    )
    dual = float(multipliers.sum())
    proves = norm > 0
    if reduced.biased and not reduced.penalty:
        # Under a free bias the dual must be balanced; a multiplier that is not proves nothing. What
        # rounding leaves is charged for every bias of up to twice this size.
        proves = proves and worst > 0 and bool(np.abs(bias).max() <= 1e-9 * dual)
        dual -= float(np.abs(bias) @ (1 + 2 * np.abs(point.bias) / (worst if worst > 0 else 1.0)))
    return Certificate(nuclear / worst if worst > 0 else np.inf, dual / norm if proves else 0.0)


def _least_margin(reduced: Reduced, point: Point) -> float:
    """Return by how much each label beats every other class at least."""
    return -float(np.max(np.where(reduced.copies > 0, reduced.margins(point), -np.inf)))


def _of_margin_one(reduced: Reduced, point: Point) -> Point:
    least = _least_margin(reduced, point)
    return Point(*(part / least for part in point))


def _multipliers(reduced: Reduced, polar: Point) -> Floats:
    """Invert the adjoint of the margins: the multipliers of every cell whose combination is a given
    gradient.
    """
    multipliers = -polar.across / (reduced.unit * reduced.factor)
    # On the diagonal, the own class and its siblings are apart by `within`.
    j, k = reduced.multiple, reduced.sizes[reduced.multiple]
    np.fill_diagonal(multipliers, 0)
    own = polar.across[j, j] / reduced.unit[j, j]
    multipliers[j, j] = (polar.within * reduced.root - own * (1 - 1 / k)) / reduced.own[j]
    return multipliers


def _without_mean(reduced: Reduced, point: Point) -> Point:
    """Move the sample mean of the logits to the bias, which costs nothing."""
    logits = reduced.unit * point.across
    weight = reduced.sizes * reduced.counts
    # A diagonal entry of `unit * across` is already the mean over the classes of the group.
    bias = logits @ weight / weight.sum()
    return Point((logits - bias[:, None]) / reduced.unit, point.within, bias)


def _level(across: Floats, support: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Floats:
    """Replace the entries inside each column's support by their mean."""
    mean = np.sum(across * support, axis=0) / support.sum(axis=0)
    return np.asarray(np.where(support, mean, across))


def _margin(
    across: Floats, support: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], reduced: Reduced
) -> float:
    logits = reduced.unit * across
    inside = np.max(np.where(support, logits, -np.inf), axis=0)
    outside = np.max(np.where(support, -np.inf, logits), axis=0)
    return float(np.min(inside - outside))


def _dual_value(
    reduced: Reduced, support: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], dual: Floats
) -> float:
    """Return the dual value after making a matrix feasible: signs, zero column sums, spectral norm
    1.
    """
    outside = np.where(support, 0.0, np.minimum(dual, 0))
    missing = (outside.sum(axis=0) + np.sum(dual * support, axis=0)) / support.sum(axis=0)
    feasible = np.where(support, dual - missing, outside)
    feasible[:, support.all(axis=0)] = 0
    norm = float(singular_values(feasible)[0])
    return float(-(outside.sum(axis=0) @ np.sqrt(reduced.counts)) / norm) if norm else 0.0


def _admm(
    reduced: Reduced,
    support: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    start: Floats,
    tolerance: float,
) -> tuple[Point, Certificate]:
    margin = np.sqrt(reduced.counts)
    penalty = len(start) / np.linalg.norm(start) / 10
    left, values, right = svd(start)
    alive = values > 1e-10 * values.max()
    feasible, multiplier = start, left[:, alive] @ right[alive] / penalty
    best: tuple[Point, Certificate] | None = None
    for step in range(_STEPS):
        left, values, right = svd(feasible - multiplier)
        low = (left * np.maximum(values - 1 / penalty, 0)) @ right
        relaxed = 1.6 * low - 0.6 * feasible
        feasible = _project(relaxed + multiplier, support, margin)
        multiplier = multiplier + relaxed - feasible
        if step % 20 == 19:
            worst = _margin(feasible, support, reduced)
            primal = float(singular_values(feasible).sum() / worst)
            certificate = Certificate(primal, _dual_value(reduced, support, -penalty * multiplier))
            if best is None or certificate.gap < best[1].gap:
                best = reduced.zero()._replace(across=feasible / worst), certificate
            if certificate.proves(tolerance):
                break
    assert best is not None
    return best


def _project(
    columns: Floats, support: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], margin: Floats
) -> Floats:
    """Project each column on: one value o inside its support, at most o - margin outside."""
    inside, size = np.sum(columns * support, axis=0), support.sum(axis=0)
    raised = -np.sort(-np.where(support, -np.inf, columns + margin), axis=0)
    # o = (sum inside + sum of the r largest raised) / (size + r), for the r that leaves exactly the
    # larger ones above o.
    with np.errstate(invalid="ignore"):
        sums = np.cumsum(np.where(np.isfinite(raised), raised, 0.0), axis=0)
    rank = np.arange(1, len(columns) + 1)[:, None]
    levels = np.vstack([inside / size, (inside + sums) / (size + rank)])
    count = np.sum(raised > levels[:-1], axis=0)
    level = levels[count, np.arange(columns.shape[1])]
    return np.asarray(np.where(support, level, np.minimum(columns, level - margin)))
